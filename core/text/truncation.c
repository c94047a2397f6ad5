/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What `truncation`, `max_length`, `stride` and `padding` of a call mean, as PreTrainedTokenizerFast has it: of the blocks
 * inside tokenizer.json only the sides and the padding token count, max_length alone truncates, a max_length below the number of special tokens does not.
 */
#include "text/tokenizer-private.h"

typedef enum { NONE, LONGEST_FIRST, ONLY_FIRST, ONLY_SECOND } Strategy;

static gboolean
bad (GError **error, const char *key, const char *expected)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "parameters: %s: expected %s", key, expected);
  return FALSE;
}

static gboolean
read_strategy (JsonNode *node, Strategy *out, GError **error)
{
  static const char *const names[] = { "do_not_truncate", "longest_first", "only_first", "only_second" };
  const char *text = node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
  if (node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_BOOLEAN)
    return *out = json_node_get_boolean (node) ? LONGEST_FIRST : NONE, TRUE;
  for (guint i = 0; text && i < G_N_ELEMENTS (names); i++)
    if (!strcmp (text, names[i]))
      return *out = i, TRUE;
  return bad (error, "truncation", "true, false, longest_first, only_first, only_second or do_not_truncate");
}

/* 0 no padding, 1 to the longest, 2 to max_length */
static gboolean
read_padding (JsonNode *node, gint *out, GError **error)
{
  *out = 0;
  if (node == NULL)
    return TRUE;
  if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_BOOLEAN)
    return *out = json_node_get_boolean (node), TRUE;
  const char *text = JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : "";
  static const char *const names[] = { "do_not_pad", "longest", "max_length" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (!strcmp (text, names[i]))
      return *out = i, TRUE;
  return bad (error, "padding", "true, false, longest, max_length or do_not_pad");
}

static gboolean
read_side (JsonObject *parameters, const char *key, gboolean *left, GError **error)
{
  JsonNode *node = gtf_json_find (parameters, key);
  const char *text = node ? gtf_param_get_string (node, "parameters", key, error) : "";
  if (text == NULL)
    return FALSE;
  if (*text && strcmp (text, "left") && strcmp (text, "right"))
    return bad (error, key, "left or right");
  if (*text)
    *left = *text == 'l';
  return TRUE;
}

static gboolean
too_short (GError **error)
{
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "parameters: max_length: Truncation error: Sequence to truncate too short to respect the provided max_length");
  return FALSE;
}

static gboolean
truncate_one (GtfSegment *segment, gsize length, gsize stride, gboolean left, GError **error)
{
  if (gtf_segment_truncate (segment, length, stride, left))
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "parameters: stride: %" G_GSIZE_FORMAT " is not below the %" G_GSIZE_FORMAT " tokens that max_length leaves", stride, length);
  return FALSE;
}

static gboolean
truncate_all (GPtrArray *segments, Strategy strategy, gsize length, gsize stride, gboolean left, GError **error)
{
  GtfSegment *a = g_ptr_array_index (segments, 0), *b = segments->len > 1 ? g_ptr_array_index (segments, 1) : NULL;
  gsize n_a = a->rows->len, n_b = b ? b->rows->len : 0, total = n_a + n_b;
  if (length == 0)
    return truncate_one (a, 0, stride, left, error) && (b == NULL || truncate_one (b, 0, stride, left, error));
  if (total <= length)
    return TRUE;
  if (strategy == LONGEST_FIRST && b == NULL)
    return truncate_one (a, length, stride, left, error);
  if (strategy == LONGEST_FIRST)
    {
      gsize n1 = MIN (n_a, n_b);
      gsize n2 = n1 > length ? n1 : MAX (n1, length - n1);
      if (n1 + n2 > length)
        {
          n1 = length / 2;
          n2 = n1 + length % 2;
        }
      return truncate_one (a, n_a > n_b ? n2 : n1, stride, left, error) && truncate_one (b, n_a > n_b ? n1 : n2, stride, left, error);
    }
  GtfSegment *target = strategy == ONLY_FIRST ? a : b;
  if (target == NULL)
    return bad (error, "truncation", "a pair of texts for only_second");
  if (target->rows->len <= total - length)
    return too_short (error);
  return truncate_one (target, target->rows->len - (total - length), stride, left, error);
}

gboolean
gtf_tokenizer_fit (GtfTokenizer *self, GPtrArray *segments, JsonObject *parameters, gboolean add_special, gint64 *pad_to, gboolean *pad_left, GError **error)
{
  JsonNode *max = gtf_json_find (parameters, "max_length"), *trunc = gtf_json_find (parameters, "truncation"), *step = gtf_json_find (parameters, "stride");
  JsonNode *multiple = gtf_json_find (parameters, "pad_to_multiple_of"), *pad = gtf_json_find (parameters, "padding");
  gint64 length = -1, stride = 0, of = 0;
  gint padding;
  Strategy strategy = NONE;
  gboolean left = self->truncate_left;
  if ((max && !gtf_param_get_int (max, "parameters", "max_length", 0, G_MAXINT32, &length, error)) ||
      (step && !gtf_param_get_int (step, "parameters", "stride", 0, G_MAXINT32, &stride, error)) ||
      (multiple && !gtf_param_get_int (multiple, "parameters", "pad_to_multiple_of", 1, 1 << 20, &of, error)) ||
      !read_padding (pad, &padding, error) || (trunc && !read_strategy (trunc, &strategy, error)) ||
      !read_side (parameters, "padding_side", pad_left, error) || !read_side (parameters, "truncation_side", &left, error))
    return FALSE;
  gboolean named = pad && JSON_NODE_HOLDS_VALUE (pad) && json_node_get_value_type (pad) == G_TYPE_STRING;      /* "do_not_pad" is not false */
  if (max && trunc == NULL && padding == 0 && !named)
    strategy = LONGEST_FIRST;
  if (max == NULL && self->max_length)
    length = self->max_length;
  if (length < 0 && padding == 2)
    padding = 0;
  if (length < 0)
    strategy = NONE;
  if (padding && gtf_tokenizer_get_special_id (self, "pad_token") < 0)
    return bad (error, "padding", "a tokenizer with a padding token (tokenizer_config.json: pad_token)");
  if (strategy != NONE && padding && of && length % of)
    return bad (error, "max_length", "a multiple of pad_to_multiple_of");
  *pad_to = padding == 2 ? MAX (length, 1) : padding ? -1 : 0;
  gsize added = add_special ? gtf_post_processor_added (self->post_processor, segments->len > 1) : 0;
  if (strategy == NONE || (gsize) length < added)
    return TRUE;
  return truncate_all (segments, strategy, length - added, stride, left, error);
}
