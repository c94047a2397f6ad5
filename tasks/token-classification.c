/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task token-classification (ner): transformers' pipeline of that name. Tokens are labelled here and made entities in text/ner.c;
 * a text longer than the model takes is cut, or, with `stride`, read in overlapping windows.
 */
#include "text/ner-private.h"

#include <string.h>

typedef struct
{
  TextModel *model;
  TextLabels *labels;
  gint32 unknown;               /* id of the unknown token, -1: none */
  gboolean marks_subwords;
} Tagger;

typedef struct
{
  NerStrategy strategy;
  gboolean split, windows;
  gint64 stride;
  const char *delimiter;
  GPtrArray *ignored;           /* NULL: "O" */
  gboolean ignores_all;         /* null stands among ignore_labels, and every answer lacks one of the two keys */
  JsonArray *offsets;           /* (nullable): offset_mapping */
} Options;

/* A text that is asked about, and its tokens: several rows where it is read in windows. */
typedef struct
{
  char *joined;                 /* of words */
  const char *text;
  guint32 *word_starts;         /* where each word begins in the text, in characters */
  TextChars chars;
  gsize first_row, n_rows;
  GArray **found;               /* NerEntity of each row */
} Document;

typedef struct
{
  Tagger *self;
  Options *options;
  TextTokens *tokens;
  Document *documents;
  guint *document_of_row;
} Pass;

static void
tagger_free (Tagger *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->labels, text_labels_free);
  g_clear_pointer (&self->model, text_model_free);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Tagger, tagger_free)

static gboolean
ner_open (GtfTask *task, GError **error)
{
  static const char *const heads[] = { "token-classification", NULL };
  g_autoptr (Tagger) self = g_new0 (Tagger, 1);

  self->model = text_model_new (task, "token-classification", heads, "a token classification head (...ForTokenClassification)", error);
  self->labels = self->model ? text_labels_new (self->model, error) : NULL;
  if (self->labels == NULL)
    return FALSE;
  self->unknown = gtf_tokenizer_get_special_id (task->tokenizer, "unk_token");
  self->marks_subwords = gtf_tokenizer_marks_subwords (task->tokenizer);
  task->state = g_steal_pointer (&self);
  return TRUE;
}

static void
ner_close (GtfTask *task)
{
  g_clear_pointer ((Tagger **) &task->state, tagger_free);
}

/* ---- parameters ---------------------------------------------------------------------------------------------------------------- */

static gboolean
read_strategy (JsonNode *node, NerStrategy *strategy, GError **error)
{
  static const char *const names[] = { "none", "simple", "first", "average", "max" };
  const char *text = text_node_string (node);
  g_autofree char *lower = text ? g_ascii_strdown (text, -1) : NULL, *found = NULL;

  *strategy = NER_NONE;
  if (node == NULL)
    return TRUE;
  for (guint i = 0; lower && i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (lower, names[i]))
      {
        *strategy = (NerStrategy) i;
        return TRUE;
      }
  found = gtf_json_describe (node);
  return text_fail (error, "parameters: \"aggregation_strategy\": expected \"none\", \"simple\", \"first\", \"average\" or \"max\", found %s", found);
}

static gboolean
read_ignored (Options *self, JsonNode *node, GError **error)
{
  JsonArray *list;

  if (node == NULL)
    return TRUE;
  if (!JSON_NODE_HOLDS_ARRAY (node))
    {
      g_autofree char *found = gtf_json_describe (node);

      return text_fail (error, "parameters: \"ignore_labels\": expected a list of labels, found %s", found);
    }
  list = json_node_get_array (node);
  self->ignored = g_ptr_array_new ();
  for (guint i = 0; i < json_array_get_length (list); i++)
    if (JSON_NODE_HOLDS_NULL (json_array_get_element (list, i)))
      self->ignores_all = TRUE;
    else if (text_node_string (json_array_get_element (list, i)))
      g_ptr_array_add (self->ignored, (gpointer) text_node_string (json_array_get_element (list, i)));
  return TRUE;
}

static gboolean
read_stride (Options *self, const Tagger *tagger, JsonObject *parameters, GError **error)
{
  JsonNode *stride = gtf_json_find (parameters, "stride");
  gint64 longest = gtf_tokenizer_get_max_length (tagger->model->tokenizer);

  if (stride == NULL)
    return TRUE;
  if (!gtf_param_get_int (stride, "parameters", "stride", 0, G_MAXINT32, &self->stride, error))
    return FALSE;
  if (longest > 0 && self->stride >= longest)
    return text_fail (error, "parameters: \"stride\": expected less than the tokenizer's model_max_length (%" G_GINT64_FORMAT "), found %" G_GINT64_FORMAT, longest, self->stride);
  if (self->strategy == NER_NONE && gtf_json_find (parameters, "aggregation_strategy"))
    return text_fail (error, "parameters: \"stride\" reads a text in windows, which needs an aggregation_strategy other than \"none\"");
  self->windows = TRUE;
  return TRUE;
}

static gboolean
read_offsets (Options *self, JsonNode *node, guint n_inputs, GError **error)
{
  JsonArray *list = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  if (node == NULL || (list && json_array_get_length (list) == 0))
    return TRUE;
  if (list == NULL || json_array_get_length (list) != n_inputs || !JSON_NODE_HOLDS_ARRAY (json_array_get_element (list, 0)))
    return text_fail (error, "parameters: \"offset_mapping\": expected a list with a list of [begin, end] for each of the %u inputs", n_inputs);
  self->offsets = json_array_get_array_element (list, 0);
  return TRUE;
}

static gboolean
options_read (Options *self, const Tagger *tagger, JsonObject *parameters, guint n_inputs, GError **error)
{
  JsonNode *split = gtf_json_find (parameters, "is_split_into_words"), *delimiter = gtf_json_find (parameters, "delimiter");

  self->delimiter = " ";
  if (delimiter && (self->delimiter = gtf_param_get_string (delimiter, "parameters", "delimiter", error)) == NULL)
    return FALSE;
  return (split == NULL || gtf_param_get_bool (split, "parameters", "is_split_into_words", &self->split, error))
         && read_strategy (gtf_json_find (parameters, "aggregation_strategy"), &self->strategy, error)
         && read_ignored (self, gtf_json_find (parameters, "ignore_labels"), error) && read_stride (self, tagger, parameters, error)
         && read_offsets (self, gtf_json_find (parameters, "offset_mapping"), n_inputs, error);
}

/* ---- documents ----------------------------------------------------------------------------------------------------------------- */

static void
document_clear (Document *self)
{
  for (gsize i = 0; self->found && i < self->n_rows; i++)
    g_clear_pointer (&self->found[i], g_array_unref);
  g_free (self->found);
  g_free (self->joined);
  g_free (self->word_starts);
  text_chars_clear (&self->chars);
}

static char *
tokenizer_kwargs (const Options *options)
{
  if (options->windows)
    return g_strdup_printf ("{\"truncation\": true, \"return_overflowing_tokens\": true, \"stride\": %" G_GINT64_FORMAT "}", options->stride);
  return g_strdup ("{\"truncation\": true}");
}

/* A text of words: it is their join, and a word's offsets are moved to where it begins. */
static GtfEncoding *
encode_words (Document *self, const Options *options, Tagger *tagger, JsonNode *node, const char *kwargs, GError **error)
{
  gboolean is_list;
  g_autoptr (GPtrArray) words = NULL;
  g_autoptr (GString) joined = g_string_new (NULL);
  gsize at = 0, delimiter = (gsize) g_utf8_strlen (options->delimiter, -1);

  if (!JSON_NODE_HOLDS_ARRAY (node))
    {
      text_fail (error, "inputs: with is_split_into_words each text must be a list of words");
      return NULL;
    }
  words = json_array_get_length (json_node_get_array (node)) ? text_inputs_read (node, "inputs: words", &is_list, error) : g_ptr_array_new ();
  if (words == NULL)
    return NULL;
  self->word_starts = g_new (guint32, words->len + 1);
  for (guint i = 0; i < words->len; i++)
    {
      const char *word = words->pdata[i];

      self->word_starts[i] = (guint32) at;
      g_string_append_printf (joined, "%s%s", i ? options->delimiter : "", word);
      at += (gsize) g_utf8_strlen (word, -1) + delimiter;
    }
  self->joined = g_string_free (g_steal_pointer (&joined), FALSE);
  self->text = self->joined;
  return gtf_tokenizer_encode_words (tagger->model->tokenizer, (const char *const *) words->pdata, words->len, kwargs, error);
}

static gboolean
document_read (Document *self, const Options *options, Tagger *tagger, JsonNode *node, const char *kwargs, TextTokens *tokens, GError **error)
{
  GtfEncoding *encoding;

  self->first_row = tokens->rows->len;
  if (options->split)
    encoding = encode_words (self, options, tagger, node, kwargs, error);
  else
    {
      self->text = text_node_string (node);
      if (self->text == NULL)
        {
          g_autofree char *found = gtf_json_describe (node);

          return text_fail (error, "inputs: expected a text, found %s%s", found, JSON_NODE_HOLDS_ARRAY (node) ? " (is_split_into_words takes words)" : "");
        }
      encoding = gtf_tokenizer_encode (tagger->model->tokenizer, self->text, NULL, kwargs, error);
    }
  if (encoding == NULL || !text_tokens_add (tokens, encoding, options->windows, FALSE, error))
    return FALSE;
  self->n_rows = tokens->rows->len - self->first_row;
  self->found = g_new0 (GArray *, self->n_rows);
  return text_chars_init (&self->chars, self->text, error);
}

/* ---- tokens to entities -------------------------------------------------------------------------------------------------------- */

static char *
join (const char *const *words, gsize n, gpointer data, GError **error)
{
  return gtf_tokenizer_tokens_to_string (data, words, n, error);
}

static gboolean
read_span (JsonArray *offsets, gsize i, guint32 *begin, guint32 *end, GError **error)
{
  JsonNode *node = i < json_array_get_length (offsets) ? json_array_get_element (offsets, (guint) i) : NULL;
  JsonArray *pair = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  gint64 b, e;

  if (pair == NULL || json_array_get_length (pair) != 2)
    return text_fail (error, "parameters: \"offset_mapping\": expected [begin, end] for token %zu", i);
  if (!gtf_param_get_int (json_array_get_element (pair, 0), "parameters", "offset_mapping", 0, G_MAXINT32, &b, error)
      || !gtf_param_get_int (json_array_get_element (pair, 1), "parameters", "offset_mapping", 0, G_MAXINT32, &e, error))
    return FALSE;
  *begin = (guint32) b;
  *end = (guint32) e;
  return TRUE;
}

/* Whether a token goes on with the word before it. Without a mark for that, it does where no space stands just before it. */
static gboolean
is_subword (const Tagger *tagger, const Document *document, const char *word, const char *piece, guint32 begin)
{
  g_autofree char *around = NULL;

  if (tagger->marks_subwords)
    return g_utf8_strlen (word, -1) != g_utf8_strlen (piece, -1);
  if (begin == 0)
    return FALSE;
  around = text_chars_slice (&document->chars, begin - 1, begin + 1);
  return strchr (around, ' ') == NULL;
}

static gboolean
make_token (const Pass *pass, const Document *document, const GtfEncoding *e, gsize i, NerToken *token, GError **error)
{
  const Tagger *tagger = pass->self;
  const char *spelled = gtf_tokenizer_id_to_token (tagger->model->tokenizer, e->ids[i]);
  g_autofree char *piece = NULL;

  token->begin = e->begin[i];
  token->end = e->end[i];
  if (pass->options->offsets && !read_span (pass->options->offsets, i, &token->begin, &token->end, error))
    return FALSE;
  if (document->word_starts && e->word_ids[i] >= 0)
    {
      token->begin += document->word_starts[e->word_ids[i]];
      token->end += document->word_starts[e->word_ids[i]];
    }
  piece = text_chars_slice (&document->chars, token->begin, token->end);
  token->index = (guint32) i;
  token->is_subword = is_subword (tagger, document, spelled ? spelled : "", piece, token->begin);
  if (e->ids[i] == tagger->unknown)
    {
      token->word = g_steal_pointer (&piece);
      token->is_subword = FALSE;
    }
  else
    token->word = g_strdup (spelled ? spelled : "");
  return TRUE;
}

static gboolean
take_logits (gsize row, const TextSlice *slices, gpointer data, GError **error)
{
  Pass *pass = data;
  Document *document = &pass->documents[pass->document_of_row[row]];
  const GtfEncoding *e = text_tokens_encoding (pass->tokens, row);
  gsize n_labels = slices->cols;
  g_autofree float *scores = g_try_new (float, e->n_ids * n_labels + 1);
  g_autoptr (GArray) tokens = g_array_new (FALSE, TRUE, sizeof (NerToken));
  Ner ner = { pass->options->strategy, pass->self->labels, n_labels, join, pass->self->model->tokenizer };
  GArray *entities = g_array_new (FALSE, TRUE, sizeof (NerEntity));

  g_array_set_clear_func (tokens, ner_token_clear);
  g_array_set_clear_func (entities, ner_entity_clear);
  document->found[row - document->first_row] = entities;
  if (scores == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "inputs: no memory for the scores of %zu tokens", e->n_ids);
      return FALSE;
    }
  if (!text_labels_check (pass->self->labels, n_labels, error))
    return FALSE;
  for (gsize i = 0; i < e->n_ids; i++)
    {
      NerToken token = { .scores = scores + i * n_labels };

      if (e->special_tokens_mask[i])
        continue;
      memcpy (scores + i * n_labels, text_slice_row (slices, i), n_labels * sizeof (float));
      text_softmax (scores + i * n_labels, n_labels);
      if (!make_token (pass, document, e, i, &token, error))
        return FALSE;
      g_array_append_val (tokens, token);
    }
  return ner_aggregate (&ner, (const NerToken *) tokens->data, tokens->len, entities, error);
}

/* ---- the answer ---------------------------------------------------------------------------------------------------------------- */

static gboolean
is_ignored (const Options *options, const char *label)
{
  if (options->ignored == NULL)
    return strcmp (label, "O") == 0;
  for (guint i = 0; i < options->ignored->len; i++)
    if (strcmp (options->ignored->pdata[i], label) == 0)
      return TRUE;
  return options->ignores_all;
}

/* Strings go from @from to @all. */
static void
gather (const Options *options, GArray *from, GArray *all)
{
  for (guint i = 0; i < from->len; i++)
    {
      NerEntity *entity = &g_array_index (from, NerEntity, i);

      if (is_ignored (options, entity->label))
        continue;
      g_array_append_val (all, *entity);
      memset (entity, 0, sizeof *entity);
    }
}

static JsonNode *
answer (const Options *options, Document *document)
{
  g_autoptr (GArray) all = g_array_new (FALSE, TRUE, sizeof (NerEntity));
  JsonArray *list = json_array_new ();
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);

  g_array_set_clear_func (all, ner_entity_clear);
  for (gsize i = 0; i < document->n_rows; i++)
    gather (options, document->found[i], all);
  if (document->n_rows > 1)
    ner_resolve_overlaps (all);
  for (guint i = 0; i < all->len; i++)
    {
      const NerEntity *entity = &g_array_index (all, NerEntity, i);
      JsonObject *object = json_object_new ();

      json_object_set_string_member (object, options->strategy == NER_NONE ? "entity" : "entity_group", entity->label);
      json_object_set_double_member (object, "score", entity->score);
      if (options->strategy == NER_NONE)
        json_object_set_int_member (object, "index", entity->index);
      json_object_set_string_member (object, "word", entity->word);
      json_object_set_int_member (object, "start", entity->begin);
      json_object_set_int_member (object, "end", entity->end);
      json_array_add_object_element (list, object);
    }
  json_node_take_array (node, list);
  return node;
}

static gboolean
tag (Pass *pass, JsonArray *inputs, JsonNode *single, guint n, GCancellable *cancellable, GError **error)
{
  static const TextOutput outputs[] = { { "logits", TEXT_PER_TOKEN }, { NULL } };
  g_autofree char *kwargs = tokenizer_kwargs (pass->options);

  for (guint i = 0; i < n; i++)
    if (!document_read (&pass->documents[i], pass->options, pass->self, single ? single : json_array_get_element (inputs, i), kwargs, pass->tokens, error))
      return FALSE;
  pass->document_of_row = g_new (guint, pass->tokens->rows->len + 1);
  for (guint i = 0; i < n; i++)
    for (gsize r = 0; r < pass->documents[i].n_rows; r++)
      pass->document_of_row[pass->documents[i].first_row + r] = i;
  return text_run (pass->self->model, (TextRow *) pass->tokens->rows->data, pass->tokens->rows->len, outputs, take_logits, pass, cancellable, error);
}

/* A list of words, where words are taken, is one text that answers as a list of one. */
static gboolean
is_one_split_text (const Options *options, JsonArray *inputs)
{
  if (!options->split || inputs == NULL)
    return FALSE;
  for (guint i = 0; i < json_array_get_length (inputs); i++)
    if (!JSON_NODE_HOLDS_ARRAY (json_array_get_element (inputs, i)))
      return TRUE;
  return FALSE;
}

static JsonNode *
ner_run (GtfTask *task, const GtfRequest *request, GError **error)
{
  JsonArray *inputs = JSON_NODE_HOLDS_ARRAY (request->inputs) ? json_node_get_array (request->inputs) : NULL, *list;
  guint n = inputs ? json_array_get_length (inputs) : 1;
  Options options = { 0 };
  g_auto (TextTokens) tokens;
  Pass pass = { .self = task->state, .options = &options, .tokens = &tokens };
  JsonNode *result = NULL;
  gboolean single;

  text_tokens_init (&tokens);
  if (n == 0)
    text_fail (error, "inputs: expected a text or a list of texts, found an empty list");
  if (n == 0 || !options_read (&options, pass.self, request->parameters, n, error))
    {
      g_clear_pointer (&options.ignored, g_ptr_array_unref);
      return NULL;
    }
  single = inputs == NULL || is_one_split_text (&options, inputs);
  n = single ? 1 : n;
  pass.documents = g_new0 (Document, n);
  if (tag (&pass, inputs, single ? request->inputs : NULL, n, request->cancellable, error))
    {
      list = json_array_new ();
      for (guint i = 0; i < n; i++)
        json_array_add_element (list, answer (&options, &pass.documents[i]));
      result = inputs ? json_node_init_array (json_node_alloc (), list) : json_array_dup_element (list, 0);
      json_array_unref (list);
    }
  for (guint i = 0; i < n; i++)
    document_clear (&pass.documents[i]);
  g_free (pass.documents);
  g_free (pass.document_of_row);
  g_clear_pointer (&options.ignored, g_ptr_array_unref);
  return result;
}

/* ---- for people ---------------------------------------------------------------------------------------------------------------- */

static void
render_one (GString *out, GtfView view, const char *text, JsonArray *entities)
{
  guint n = entities ? json_array_get_length (entities) : 0;
  g_autofree TextSpan *spans = g_new0 (TextSpan, n + 1);
  guint n_spans = 0;

  for (guint i = 0; i < n; i++)
    {
      JsonObject *entity = json_array_get_object_element (entities, i);
      const char *label = json_object_get_string_member_with_default (entity, "entity_group", json_object_get_string_member_with_default (entity, "entity", ""));
      gsize begin = (gsize) json_object_get_int_member (entity, "start"), end = (gsize) json_object_get_int_member (entity, "end");
      const char *last_tag, *tag;

      /* Tokens of one entity, side by side, are one mark. */
      if (n_spans && !ner_begins (label, &tag) && begin <= spans[n_spans - 1].end + 1
          && (ner_begins (spans[n_spans - 1].label, &last_tag), json_object_has_member (entity, "entity")) && strcmp (tag, last_tag) == 0)
        spans[n_spans - 1].end = MAX (end, spans[n_spans - 1].end);
      else
        spans[n_spans++] = (TextSpan) { begin, end, label, json_object_get_double_member (entity, "score") };
    }
  for (guint i = 0; i < n_spans; i++)
    ner_begins (spans[i].label, &spans[i].label);
  text_view_spans (out, view, text, spans, n_spans);
}

static char *
render (JsonNode *inputs, JsonNode *result, GtfView view)
{
  g_autoptr (GString) out = g_string_new (NULL);
  JsonArray *texts = JSON_NODE_HOLDS_ARRAY (inputs) ? json_node_get_array (inputs) : NULL, *list = json_node_get_array (result);

  if (texts == NULL && text_node_string (inputs))
    render_one (out, view, text_node_string (inputs), list);
  for (guint i = 0; texts && i < json_array_get_length (texts) && i < json_array_get_length (list); i++)
    {
      const char *text = text_node_string (json_array_get_element (texts, i));

      /* Of words there is no text to mark in. */
      if (text == NULL || !JSON_NODE_HOLDS_ARRAY (json_array_get_element (list, i)))
        return NULL;
      render_one (out, view, text, json_array_get_array_element (list, i));
    }
  return text_view_finish (g_steal_pointer (&out), view);
}

/* ---- what the module is ------------------------------------------------------------------------------------------------------ */

static const GtfTaskParameter parameters[] = {
  { "aggregation_strategy", "string", "\"none\"", "none: a label for each token; simple: neighbours of one label are an entity; first, average, max: the same over words", 0, 0 },
  { "ignore_labels", "list of strings", "[\"O\"]", "labels that are left out", 0, 0 },
  { "stride", "int (tokens)", "null", "read a long text in windows that overlap so much, instead of cutting it; needs an aggregation_strategy", 0, 0 },
  { "is_split_into_words", "bool", "false", "inputs are lists of words", 0, 0 },
  { "delimiter", "string", "\" \"", "what stood between the words; start and end count it", 0, 0 },
  { "offset_mapping", "list of lists of [begin, end]", "null", "where each token stands, instead of what the tokenizer says", 0, 0 },
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const char *const aliases[] = { "ner", NULL };

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "token-classification" },
  .aliases = aliases,
  .media = "text",
  .parameters = parameters,
  .flags = GTF_TASK_INPUTS_BATCH,
  .open = ner_open,
  .close = ner_close,
  .run = ner_run,
  .render = render,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_token_classification (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_token_classification (void)
{
  return &plugin;
}
