/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task fill-mask: transformers' pipeline of that name. Only the rows of the masks go through the head over the vocabulary.
 */
#include "text/text-private.h"

#include <string.h>

typedef struct
{
  TextModel *model;
  gint32 mask, pad;             /* ids; pad -1: none */
} Filler;

typedef struct
{
  Filler *self;
  TextTokens tokens;
  gint64 top_k;
  GArray *targets;              /* gint32, each once; NULL: the whole vocabulary */
  JsonNode **answers;
} Pass;

static void
filler_free (Filler *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->model, text_model_free);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Filler, filler_free)

static gboolean
mask_open (GtfTask *task, GError **error)
{
  static const char *const heads[] = { "fill-mask", NULL };
  g_autoptr (Filler) self = g_new0 (Filler, 1);

  self->model = text_model_new (task, "fill-mask", heads, "a masked language model's head (...ForMaskedLM)", error);
  if (self->model == NULL)
    return FALSE;
  self->mask = gtf_tokenizer_get_special_id (task->tokenizer, "mask_token");
  self->pad = gtf_tokenizer_get_special_id (task->tokenizer, "pad_token");
  if (self->mask < 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: fill-mask: tokenizer_config.json: the tokenizer has no mask_token", gtf_model_get_directory (task->model));
      return FALSE;
    }
  task->state = g_steal_pointer (&self);
  return TRUE;
}

static void
mask_close (GtfTask *task)
{
  g_clear_pointer ((Filler **) &task->state, filler_free);
}

/* ---- the request --------------------------------------------------------------------------------------------------------------- */

static gboolean
add_target (GArray *targets, Filler *self, const char *target, GError **error)
{
  gint32 id = gtf_tokenizer_token_to_id (self->model->tokenizer, target);

  if (id < 0)
    {
      g_autoptr (GtfEncoding) tokens = gtf_tokenizer_encode (self->model->tokenizer, target, NULL, "{\"add_special_tokens\": false, \"max_length\": 1, \"truncation\": true}", error);

      if (tokens == NULL)
        return FALSE;
      if (tokens->n_ids == 0)
        return TRUE;
      id = tokens->ids[0];
    }
  for (guint i = 0; i < targets->len; i++)
    if (g_array_index (targets, gint32, i) == id)
      return TRUE;
  g_array_append_val (targets, id);
  return TRUE;
}

static int
by_id (gconstpointer a, gconstpointer b)
{
  return *(const gint32 *) a - *(const gint32 *) b;
}

static gboolean
read_targets (Pass *pass, JsonObject *parameters, GError **error)
{
  GError *local = NULL;
  g_autoptr (GPtrArray) texts = text_strings_member (parameters, "targets", &local);

  if (local)
    {
      g_propagate_error (error, local);
      return FALSE;
    }
  if (texts == NULL)
    return TRUE;
  pass->targets = g_array_new (FALSE, FALSE, sizeof (gint32));
  for (guint i = 0; i < texts->len; i++)
    if (!add_target (pass->targets, pass->self, texts->pdata[i], error))
      return FALSE;
  if (pass->targets->len == 0)
    return text_fail (error, "parameters: \"targets\": at least one target must be given that the tokenizer makes tokens of");
  g_array_sort (pass->targets, by_id);
  pass->top_k = MIN (pass->top_k, (gint64) pass->targets->len);
  return TRUE;
}

static gboolean
add_text (Pass *pass, const char *text, const char *kwargs, GError **error)
{
  g_autoptr (GArray) masks = g_array_new (FALSE, FALSE, sizeof (guint32));
  TextRow *row;

  if (!text_tokens_add_text (&pass->tokens, pass->self->model, text, NULL, kwargs, error))
    return FALSE;
  row = &g_array_index (pass->tokens.rows, TextRow, pass->tokens.rows->len - 1);
  for (guint32 i = 0; i < row->n; i++)
    if (row->ids[i] == pass->self->mask)
      g_array_append_val (masks, i);
  if (masks->len == 0)
    return text_fail (error, "inputs: no mask token (%s) was found in \"%.80s\"%s", gtf_tokenizer_id_to_token (pass->self->model->tokenizer, pass->self->mask), text,
                      strlen (text) > 80 ? "..." : "");
  row->n_positions = masks->len;
  row->positions = (guint32 *) g_array_free (g_steal_pointer (&masks), FALSE);
  return TRUE;
}

/* ---- the answer ---------------------------------------------------------------------------------------------------------------- */

static JsonNode *
proposition (const Pass *pass, const TextRow *row, gsize at, gint32 id, double score, gboolean single, GError **error)
{
  GtfTokenizer *tokenizer = pass->self->model->tokenizer;
  g_autofree gint32 *ids = g_new (gint32, row->n);
  g_autofree char *token = gtf_tokenizer_decode (tokenizer, &id, 1, FALSE, error), *sequence = NULL;
  JsonObject *object;
  JsonNode *node;
  gsize n = 0;

  for (gsize i = 0; i < row->n; i++)
    {
      ids[n] = i == at ? id : row->ids[i];
      n += ids[n] != pass->self->pad;
    }
  /* With several masks the others must stay to be seen. */
  sequence = token ? gtf_tokenizer_decode (tokenizer, ids, n, single, error) : NULL;
  if (sequence == NULL)
    return NULL;
  object = json_object_new ();
  json_object_set_double_member (object, "score", score);
  json_object_set_int_member (object, "token", id);
  json_object_set_string_member (object, "token_str", token);
  json_object_set_string_member (object, "sequence", sequence);
  node = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (node, object);
  return node;
}

/* The best of a few out of a large vocabulary, best first: candidates kept in order, most are refused by one comparison. */
static gsize
best (const float *scores, gsize n, gsize top_k, guint *ids)
{
  gsize kept = 0;

  for (gsize i = 0; i < n; i++)
    {
      gsize at;

      if (kept == top_k && (top_k == 0 || !(scores[i] > scores[ids[kept - 1]])))
        continue;
      for (at = kept < top_k ? kept++ : kept - 1; at > 0 && scores[i] > scores[ids[at - 1]]; at--)
        ids[at] = ids[at - 1];
      ids[at] = (guint) i;
    }
  return kept;
}

static JsonNode *
fill_one (const Pass *pass, const TextRow *row, gsize which, const float *logits, gsize vocab, GError **error)
{
  g_autofree float *scores = g_memdup2 (logits, vocab * sizeof (float));
  g_autofree float *of_targets = NULL;
  g_autofree guint *chosen = NULL;
  gsize n = pass->targets ? pass->targets->len : vocab, top_k = (gsize) pass->top_k;
  g_autoptr (JsonArray) list = json_array_new ();

  if (top_k > n)
    {
      text_fail (error, "parameters: \"top_k\": expected at most %zu, the size of the vocabulary, found %zu", n, top_k);
      return NULL;
    }
  text_softmax (scores, vocab);
  if (pass->targets)
    {
      of_targets = g_new (float, n);
      for (gsize i = 0; i < n; i++)
        {
          gint32 id = g_array_index (pass->targets, gint32, i);

          if (id < 0 || (gsize) id >= vocab)
            {
              text_fail (error, "parameters: \"targets\": token %d is outside the model's vocabulary of %zu", id, vocab);
              return NULL;
            }
          of_targets[i] = scores[id];
        }
    }
  /* All of a vocabulary is better sorted. */
  chosen = top_k > 256 ? text_order (of_targets ? of_targets : scores, n) : g_new (guint, top_k + 1);
  if (top_k <= 256)
    best (of_targets ? of_targets : scores, n, top_k, chosen);
  for (gsize i = 0; i < top_k; i++)
    {
      gint32 id = pass->targets ? g_array_index (pass->targets, gint32, chosen[i]) : (gint32) chosen[i];
      JsonNode *node = proposition (pass, row, row->positions[which], id, (of_targets ? of_targets : scores)[chosen[i]], row->n_positions == 1, error);

      if (node == NULL)
        return NULL;
      json_array_add_element (list, node);
    }
  return json_node_init_array (json_node_alloc (), list);
}

static gboolean
take_logits (gsize index, const TextSlice *slices, gpointer data, GError **error)
{
  Pass *pass = data;
  const TextRow *row = &g_array_index (pass->tokens.rows, TextRow, index);
  g_autoptr (JsonArray) list = json_array_new ();

  for (gsize i = 0; i < row->n_positions; i++)
    {
      JsonNode *node = fill_one (pass, row, i, text_slice_row (slices, i), slices->cols, error);

      if (node == NULL)
        return FALSE;
      json_array_add_element (list, node);
    }
  pass->answers[index] = row->n_positions == 1 ? json_array_dup_element (list, 0) : json_node_init_array (json_node_alloc (), list);
  return TRUE;
}

static gboolean
fill (Pass *pass, const GtfRequest *request, GPtrArray *texts, GError **error)
{
  static const TextOutput outputs[] = { { "logits", TEXT_PER_POSITION }, { NULL } };
  JsonNode *top_k = gtf_json_find (request->parameters, "top_k");
  g_autoptr (JsonObject) none = json_object_new ();
  g_autofree char *kwargs = NULL;
  JsonObject *more;

  if ((top_k && !gtf_param_get_int (top_k, "parameters", "top_k", 0, G_MAXINT32, &pass->top_k, error)) || !read_targets (pass, request->parameters, error)
      || !text_object_member (request->parameters, "tokenizer_kwargs", &more, error))
    return FALSE;
  kwargs = text_tokenizer_kwargs (none, more, NULL, error);
  for (guint i = 0; i < texts->len && kwargs; i++)
    if (!add_text (pass, texts->pdata[i], kwargs, error))
      return FALSE;
  return kwargs && text_run (pass->self->model, (TextRow *) pass->tokens.rows->data, pass->tokens.rows->len, outputs, take_logits, pass, request->cancellable, error);
}

static JsonNode *
mask_run (GtfTask *task, const GtfRequest *request, GError **error)
{
  Pass pass = { .self = task->state, .top_k = 5 };
  gboolean is_list, ok;
  g_autoptr (GPtrArray) texts = text_inputs_read (request->inputs, "inputs", &is_list, error);
  g_autoptr (JsonArray) list = json_array_new ();

  if (texts == NULL)
    return NULL;
  text_tokens_init (&pass.tokens);
  pass.answers = g_new0 (JsonNode *, texts->len);
  ok = fill (&pass, request, texts, error);
  for (guint i = 0; i < texts->len; i++)
    if (pass.answers[i])
      json_array_add_element (list, pass.answers[i]);
  g_free (pass.answers);
  g_clear_pointer (&pass.targets, g_array_unref);
  text_tokens_clear (&pass.tokens);
  if (!ok)
    return NULL;
  /* A list of one text is unwrapped. */
  return texts->len > 1 ? json_node_init_array (json_node_alloc (), list) : json_array_dup_element (list, 0);
}

/* ---- for people ---------------------------------------------------------------------------------------------------------------- */

static gboolean
is_proposition (JsonNode *node)
{
  return JSON_NODE_HOLDS_OBJECT (node) && json_object_has_member (json_node_get_object (node), "sequence");
}

static void
render_node (GString *out, GtfView view, JsonNode *node)
{
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  guint n = list ? json_array_get_length (list) : 0, width = 0;

  if (n == 0)
    return;
  if (!is_proposition (json_array_get_element (list, 0)))
    {
      for (guint i = 0; i < n; i++)
        {
          if (i && view != GTF_VIEW_HTML)
            g_string_append_c (out, '\n');
          render_node (out, view, json_array_get_element (list, i));
        }
      return;
    }
  for (guint i = 0; i < n; i++)
    width = MAX (width, text_view_width (json_object_get_string_member (json_array_get_object_element (list, i), "sequence")));
  text_view_begin (out, view);
  for (guint i = 0; i < n; i++)
    {
      JsonObject *one = json_array_get_object_element (list, i);

      text_view_bar (out, view, json_object_get_string_member (one, "sequence"), width, json_object_get_double_member (one, "score"));
    }
  text_view_end (out, view);
}

static char *
render (JsonNode *inputs, JsonNode *result, GtfView view)
{
  g_autoptr (GString) out = g_string_new (NULL);

  render_node (out, view, result);
  return text_view_finish (g_steal_pointer (&out), view);
}

/* ---- what the module is ------------------------------------------------------------------------------------------------------ */

static const GtfTaskParameter parameters[] = {
  { "top_k", "int", "5", "how many propositions for each mask; at most as many as there are targets", 0, 0 },
  { "targets", "string or list", "null", "words to choose from, instead of the whole vocabulary; of a word that is no token its first token counts", 0, 0 },
  { "tokenizer_kwargs", "object", "{}", "arguments of the tokenizer: truncation, max_length ...", 0, 0 },
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "fill-mask" },
  .media = "text",
  .parameters = parameters,
  .flags = GTF_TASK_INPUTS_BATCH,
  .open = mask_open,
  .close = mask_close,
  .run = mask_run,
  .render = render,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_fill_mask (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_fill_mask (void)
{
  return &plugin;
}
