/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What normalizers and pre-tokenizers share: finding them in their table, sequences, patterns, cutting at matches.
 */
#include "text/passes.h"

#include "text/byte-level.h"

const char *
gtf_pass_string (JsonObject *config, const char *key, const char *where, GError **error)
{
  JsonNode *node = gtf_json_find (config, key);
  if (node)
    return gtf_param_get_string (node, where, key, error);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: %s is missing", where, key);
  return NULL;
}

GtfPass *
gtf_pass_new (const GtfPassClass *table, JsonNode *node, const char *where, GError **error)
{
  if (node == NULL || JSON_NODE_HOLDS_NULL (node))
    return NULL;
  JsonObject *config = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  const char *type = config ? gtf_pass_string (config, "type", where, error) : NULL;
  if (type == NULL)
    {
      if (config == NULL)
        g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: expected an object with a “type”", where);
      return NULL;
    }
  for (; table->type; table++)
    if (!strcmp (table->type, type))
      {
        g_autoptr (GtfPass) self = g_malloc0 (table->size);
        g_autofree char *inner = g_strdup_printf ("%s: %s", where, type);
        self->klass = table;
        if (!gtf_pass_check (config, inner, error) || (table->init && !table->init (self, config, inner, error)))
          return NULL;
        return g_steal_pointer (&self);
      }
  g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: type: “%s” is not known", where, type);
  return NULL;
}

gboolean
gtf_pass_apply (GtfPass *self, GtfPieces *pieces, GError **error)
{
  return self == NULL || self->klass->apply (self, pieces, error);
}

void
gtf_pass_free (GtfPass *self)
{
  if (self == NULL)
    return;
  if (self->klass->clear)
    self->klass->clear (self);
  g_free (self);
}

gboolean
gtf_pass_sequence_apply (GtfPass *self, GtfPieces *pieces, GError **error)
{
  GPtrArray *passes = ((GtfPassSequence *) self)->passes;
  for (guint i = 0; i < passes->len; i++)
    if (!gtf_pass_apply (g_ptr_array_index (passes, i), pieces, error))
      return FALSE;
  return TRUE;
}

void
gtf_pass_sequence_clear (GtfPass *self)
{
  g_clear_pointer (&((GtfPassSequence *) self)->passes, g_ptr_array_unref);
}

gboolean
gtf_pass_sequence_init (GtfPass *pass, JsonObject *config, const char *key, const char *where,
                        GtfPass *(*make) (JsonNode *, const char *, GError **), GError **error)
{
  GtfPassSequence *self = (GtfPassSequence *) pass;
  JsonNode *list = gtf_json_find (config, key);
  self->passes = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_pass_free);
  if (list == NULL || !JSON_NODE_HOLDS_ARRAY (list))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: %s: expected an array", where, key);
      return FALSE;
    }
  JsonArray *array = json_node_get_array (list);
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      g_autofree char *inner = g_strdup_printf ("%s: %s[%u]", where, key, i);
      g_autoptr (GError) local = NULL;
      GtfPass *child = make (json_array_get_element (array, i), inner, &local);
      if (local)
        return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
      if (child)
        g_ptr_array_add (self->passes, child);
    }
  return TRUE;
}

gboolean
gtf_pass_byte_level (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error)
{
  const char *in = pieces->buffer->text;
  const GtfSpan *spans = pieces->buffer->span;
  gsize n = 0;
  char *text;
  GtfSpan *span;
  if (!gtf_pieces_room (pieces, 2 * (piece->end - piece->begin), &text, &span))
    return TRUE;
  for (gsize at = piece->begin; at < piece->end; at++)
    {
      guint8 b = in[at];
      if (b > 0x20 && b < 0x7F)
        text[n] = b;
      else
        {
          gunichar c = gtf_byte_to_char (b);
          text[n] = 0xC0 | c >> 6;
          span[n++] = spans[at];
          text[n] = 0x80 | (c & 0x3F);
        }
      span[n++] = spans[at];
    }
  gtf_pieces_wrote (pieces, n);
  return TRUE;
}

gboolean
gtf_pass_check (JsonObject *config, const char *where, GError **error)
{
  static const char *const flags[] =
  {
    "add_prefix_space", "clean_text", "cleanup", "handle_chinese_chars", "individual_digits", "invert", "lowercase", "lstrip", "normalized", "rstrip",
    "single_word", "special", "split", "strip_accents", "strip_left", "strip_right", "trim_offsets", "use_regex"
  };
  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      JsonNode *node = gtf_json_find (config, flags[i]);
      if (node == NULL || JSON_NODE_HOLDS_NULL (node) || (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_BOOLEAN))
        continue;
      g_autofree char *found = gtf_json_describe (node);
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: %s: expected true or false, found %s", where, flags[i], found);
      return FALSE;
    }
  return TRUE;
}

gboolean
gtf_pass_flag (JsonObject *config, const char *key, gboolean fallback)
{
  JsonNode *node = gtf_json_find (config, key);
  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_BOOLEAN ? json_node_get_boolean (node) : fallback;
}

char *
gtf_pass_text (JsonObject *config, const char *key, const char *fallback, const char *where, GError **error)
{
  JsonNode *node = gtf_json_find (config, key);
  if (node == NULL && fallback)
    return g_strdup (fallback);
  if (node == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: %s is missing", where, key);
      return NULL;
    }
  return g_strdup (gtf_param_get_string (node, where, key, error));
}

GtfRegex *
gtf_pass_pattern (JsonObject *config, const char *where, GError **error)
{
  JsonNode *node = gtf_json_find (config, "pattern");
  if (node && JSON_NODE_HOLDS_OBJECT (node))
    {
      JsonObject *pattern = json_node_get_object (node);
      JsonNode *text = gtf_json_find (pattern, "String"), *regex = gtf_json_find (pattern, "Regex");
      const char *s = text || regex ? gtf_param_get_string (text ? text : regex, where, "pattern", error) : NULL;
      if (s)
        return text ? gtf_regex_literal (s) : gtf_regex_new (s, where, error);
      if (text || regex)
        return NULL;
    }
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: pattern: expected {\"String\": ..} or {\"Regex\": ..}", where);
  return NULL;
}

GtfSplit
gtf_split_parse (const char *name)
{
  static const char *const names[] = { "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous" };
  for (guint i = 0; name && i < G_N_ELEMENTS (names); i++)
    if (!strcmp (name, names[i]))
      return i;
  return GTF_SPLIT_BAD;
}

/* One stretch, a match or what is between two; runs are collected in @open until it is known that they end. */
typedef struct { gsize begin, end; gboolean match, set; } Stretch;

static gboolean
joins (const Stretch *open, gboolean match, GtfSplit behaviour)
{
  if (!open->set)
    return FALSE;
  switch (behaviour)
    {
    case GTF_SPLIT_CONTIGUOUS:           return open->match == match;
    case GTF_SPLIT_MERGED_WITH_PREVIOUS: return match && !open->match;
    case GTF_SPLIT_MERGED_WITH_NEXT:     return !match && open->match;
    default:                             return FALSE;
    }
}

static void
stretch (GtfPieces *pieces, const GtfPiece *piece, Stretch *open, gsize begin, gsize end, gboolean match, GtfSplit behaviour)
{
  if (joins (open, match, behaviour))
    open->end = end;
  else
    {
      if (open->set && !(behaviour == GTF_SPLIT_REMOVED && open->match))
        gtf_pieces_add (pieces, piece->begin + open->begin, piece->begin + open->end);
      *open = (Stretch) { begin, end, match, TRUE };
      return;
    }
  open->match = match;
}

void
gtf_split_matches (GtfPieces *pieces, const GtfPiece *piece, const GArray *matches, GtfSplit behaviour, gboolean invert)
{
  Stretch open = { 0 };
  gsize done = 0;
  for (guint i = 0; i < matches->len; i++)
    {
      const GtfSpan *m = &g_array_index (matches, GtfSpan, i);
      if (m->begin > done)
        stretch (pieces, piece, &open, done, m->begin, invert, behaviour);
      stretch (pieces, piece, &open, m->begin, m->end, !invert, behaviour);
      done = m->end;
    }
  if (piece->end - piece->begin > done)
    stretch (pieces, piece, &open, done, piece->end - piece->begin, invert, behaviour);
  if (open.set && !(behaviour == GTF_SPLIT_REMOVED && open.match))
    gtf_pieces_add (pieces, piece->begin + open.begin, piece->begin + open.end);
}
