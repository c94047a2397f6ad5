/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task question-answering: the pipeline of transformers 4.57 (5 dropped it). The answer is a piece of the context; a context
 * longer than max_seq_len is read in windows that overlap by doc_stride, so its length costs time but no more memory a pass.
 */
#include "text/spans-private.h"

#include <string.h>
#include "base/json-print.h"

typedef struct
{
  TextModel *model;
  gint32 cls;                   /* -1: the tokenizer has none */
  gint64 longest;               /* model_max_length, 0: no bound */
  gboolean question_first;
} Reader;

typedef struct
{
  gint64 top_k, doc_stride, max_answer_len, max_seq_len, max_question_len;
  gboolean impossible, align;
} Options;

typedef struct
{
  const char *question, *context;
  TextChars chars;
  gsize first_row, n_rows;
  GArray **spans;               /* QaSpan of each window */
  float *none;                  /* score of "no answer" of each window */
} Example;

typedef struct
{
  Reader *self;
  const Options *options;
  TextTokens tokens;
  GArray *examples;             /* Example */
  guint *example_of_row;
} Pass;

static void
reader_free (Reader *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->model, text_model_free);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Reader, reader_free)

static gboolean
qa_open (GtfTask *task, GError **error)
{
  static const char *const heads[] = { "question-answering", NULL };
  g_autoptr (Reader) self = g_new0 (Reader, 1);

  self->model = text_model_new (task, "question-answering", heads, "a question answering head (...ForQuestionAnswering)", error);
  if (self->model == NULL)
    return FALSE;
  self->model->token_types = gtf_tokenizer_hands_token_types (task->tokenizer, TRUE);      /* the pipeline is of 4.57 */
  self->cls = gtf_tokenizer_get_special_id (task->tokenizer, "cls_token");
  self->longest = gtf_tokenizer_get_max_length (task->tokenizer);
  self->question_first = !gtf_tokenizer_pads_left (task->tokenizer);
  task->state = g_steal_pointer (&self);
  return TRUE;
}

static void
qa_close (GtfTask *task)
{
  g_clear_pointer ((Reader **) &task->state, reader_free);
}

/* ---- the request --------------------------------------------------------------------------------------------------------------- */

static gboolean
options_read (Options *self, const Reader *reader, JsonObject *parameters, GError **error)
{
  static const GtfParam table[] = {
    GTF_PARAM_INT_FIELD (Options, top_k, "topk", 1, 1 << 20),
    GTF_PARAM_INT_FIELD (Options, top_k, "top_k", 1, 1 << 20),
    GTF_PARAM_INT_FIELD (Options, doc_stride, "doc_stride", 0, G_MAXINT32),
    GTF_PARAM_INT_FIELD (Options, max_answer_len, "max_answer_len", 1, G_MAXINT32),
    GTF_PARAM_INT_FIELD (Options, max_seq_len, "max_seq_len", 1, G_MAXINT32),
    GTF_PARAM_INT_FIELD (Options, max_question_len, "max_question_len", 0, G_MAXINT32),
    GTF_PARAM_BOOL_FIELD (Options, impossible, "handle_impossible_answer"),
    GTF_PARAM_BOOL_FIELD (Options, align, "align_to_words"),
    GTF_PARAMS_END
  };

  *self = (Options) { .top_k = 1, .doc_stride = -1, .max_answer_len = 15, .max_seq_len = 384, .align = TRUE };
  if (reader->longest > 0)
    self->max_seq_len = MIN (self->max_seq_len, reader->longest);
  if (!gtf_params_read (table, parameters, "parameters", GTF_PARAMS_DEFAULT, self, error))
    return FALSE;
  if (self->doc_stride < 0)
    self->doc_stride = MIN (self->max_seq_len / 2, 128);
  if (self->doc_stride > self->max_seq_len)
    return text_fail (error, "parameters: \"doc_stride\" (%" G_GINT64_FORMAT ") is larger than \"max_seq_len\" (%" G_GINT64_FORMAT ")", self->doc_stride, self->max_seq_len);
  return TRUE;
}

static gboolean
read_text (JsonNode *node, const char *where, const char *name, const char **text, GError **error)
{
  g_autofree char *found = NULL;

  *text = text_node_string (node);
  if (*text)
    return **text || text_fail (error, "%s: \"%s\" is empty", where, name);
  if (node == NULL)
    return text_fail (error, "%s: \"%s\" is missing; expected {\"question\": ..., \"context\": ...}", where, name);
  found = gtf_json_describe (node);
  return text_fail (error, "%s: \"%s\": expected a text, found %s", where, name, found);
}

static gboolean
add_example (GArray *examples, const char *where, JsonNode *question, JsonNode *context, GError **error)
{
  Example example = { NULL };

  if (!read_text (question, where, "question", &example.question, error) || !read_text (context, where, "context", &example.context, error))
    return FALSE;
  g_array_append_val (examples, example);
  return TRUE;
}

/* One question or several, about one context or one each. */
static gboolean
add_pair (GArray *examples, const char *where, JsonNode *question, JsonNode *context, GError **error)
{
  JsonArray *questions = question && JSON_NODE_HOLDS_ARRAY (question) ? json_node_get_array (question) : NULL;
  JsonArray *contexts = context && JSON_NODE_HOLDS_ARRAY (context) ? json_node_get_array (context) : NULL;

  if (questions == NULL)
    return add_example (examples, where, question, context, error);
  if (contexts && json_array_get_length (contexts) != json_array_get_length (questions))
    return text_fail (error, "%s: %u questions, but %u contexts", where, json_array_get_length (questions), json_array_get_length (contexts));
  for (guint i = 0; i < json_array_get_length (questions); i++)
    if (!add_example (examples, where, json_array_get_element (questions, i), contexts ? json_array_get_element (contexts, i) : context, error))
      return FALSE;
  return TRUE;
}

static gboolean
add_object (GArray *examples, const char *where, JsonNode *node, GError **error)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  g_autoptr (GList) names = NULL;
  g_autofree char *found = NULL;

  if (object == NULL)
    {
      found = gtf_json_describe (node);
      return text_fail (error, "%s: expected {\"question\": ..., \"context\": ...}, found %s", where, found);
    }
  names = json_object_get_members (object);
  for (GList *l = names; l; l = l->next)
    if (strcmp (l->data, "question") != 0 && strcmp (l->data, "context") != 0)
      return text_fail (error, "%s: \"%s\": expected only \"question\" and \"context\"", where, (const char *) l->data);
  return add_pair (examples, where, json_object_get_member (object, "question"), json_object_get_member (object, "context"), error);
}

/* Inputs, or question and context among the parameters; a text beside one of them is the other. */
static gboolean
read_examples (GArray *examples, JsonNode *inputs, JsonObject *parameters, GError **error)
{
  JsonNode *question = gtf_json_find (parameters, "question"), *context = gtf_json_find (parameters, "context");

  if (JSON_NODE_HOLDS_NULL (inputs) || (text_node_string (inputs) && (question || context)))
    {
      if (context == NULL && !JSON_NODE_HOLDS_NULL (inputs))
        context = inputs;
      else if (question == NULL && !JSON_NODE_HOLDS_NULL (inputs))
        question = inputs;
      return add_pair (examples, "parameters", question, context, error);
    }
  if (!JSON_NODE_HOLDS_ARRAY (inputs))
    return add_object (examples, "inputs", inputs, error);
  for (guint i = 0; i < json_array_get_length (json_node_get_array (inputs)); i++)
    {
      g_autofree char *where = g_strdup_printf ("inputs[%u]", i);

      if (!add_object (examples, where, json_array_get_element (json_node_get_array (inputs), i), error))
        return FALSE;
    }
  return TRUE;
}

/* ---- the windows --------------------------------------------------------------------------------------------------------------- */

static void
example_clear (gpointer data)
{
  Example *self = data;

  for (gsize i = 0; self->spans && i < self->n_rows; i++)
    g_clear_pointer (&self->spans[i], g_array_unref);
  g_free (self->spans);
  g_free (self->none);
  text_chars_clear (&self->chars);
}

/* Tokens of padding before a window. */
static gsize
count_padding (const GtfEncoding *e)
{
  gsize n = 0;

  while (n < e->n_ids && e->attention_mask[n] == 0)
    n++;
  return n;
}

static gboolean
tokenize (Pass *pass, Example *example, const char *kwargs, GError **error)
{
  gboolean first = pass->self->question_first;
  GtfEncoding *encoding = gtf_tokenizer_encode (pass->self->model->tokenizer, first ? example->question : example->context, first ? example->context : example->question,
                                                kwargs, error);

  example->first_row = pass->tokens.rows->len;
  if (!text_tokens_add (&pass->tokens, encoding, TRUE, FALSE, error))
    return FALSE;
  example->n_rows = pass->tokens.rows->len - example->first_row;
  example->spans = g_new0 (GArray *, example->n_rows);
  example->none = g_new0 (float, example->n_rows);
  return text_chars_init (&example->chars, example->context, error);
}

/* Tokens that an answer may begin or end with: those of the context, and [CLS], which says that there is none. */
static guint8 *
wanted_tokens (const Reader *self, const GtfEncoding *e)
{
  guint8 *wanted = g_new (guint8, e->n_ids);

  for (gsize i = 0; i < e->n_ids; i++)
    wanted[i] = e->attention_mask[i] && (!self->question_first || e->sequence_ids[i] == 1 || (self->cls >= 0 && e->ids[i] == self->cls));
  return wanted;
}

static float *
column (const TextSlice *slice)
{
  float *values = g_new (float, slice->rows);

  for (gsize i = 0; i < slice->rows; i++)
    values[i] = *text_slice_row (slice, i);
  return values;
}

static gboolean
take_logits (gsize row, const TextSlice *slices, gpointer data, GError **error)
{
  Pass *pass = data;
  const Options *options = pass->options;
  Example *example = &g_array_index (pass->examples, Example, pass->example_of_row[row]);
  const GtfEncoding *e = text_tokens_encoding (&pass->tokens, row);
  g_autofree guint8 *wanted = wanted_tokens (pass->self, e);
  g_autofree float *start = column (&slices[0]), *end = column (&slices[1]);
  gsize window = row - example->first_row;
  /* Aligning to words makes one answer of several spans. */
  gsize candidates = options->align ? (gsize) options->top_k * 2 + 10 : (gsize) options->top_k;

  example->none[window] = qa_normalize (start, end, wanted, e->n_ids);
  example->spans[window] = qa_best_spans (start, end, wanted, e->n_ids, candidates, (gsize) options->max_answer_len);
  return TRUE;
}

/* ---- the answer ---------------------------------------------------------------------------------------------------------------- */

static JsonNode *
answer_node (const QaAnswer *answer)
{
  JsonObject *object = json_object_new ();
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);

  json_object_set_double_member (object, "score", answer->score);
  json_object_set_int_member (object, "start", answer->begin);
  json_object_set_int_member (object, "end", answer->end);
  json_object_set_string_member (object, "answer", answer->text);
  json_node_take_object (node, object);
  return node;
}

static JsonNode *
answer (const Pass *pass, const Example *example)
{
  const Options *options = pass->options;
  QaAnswers all;
  double none = 1000000;
  JsonNode *node;
  JsonArray *list;

  qa_answers_init (&all);
  for (gsize w = 0; w < example->n_rows; w++)
    {
      none = MIN (none, example->none[w]);
      for (guint i = 0; i < example->spans[w]->len; i++)
        {
          const QaSpan *span = &g_array_index (example->spans[w], QaSpan, i);
          const GtfEncoding *e = text_tokens_encoding (&pass->tokens, example->first_row + w);
          guint32 begin, end;

          qa_span_chars (e, span, count_padding (e), pass->self->question_first ? 1 : 0, options->align, &begin, &end);
          qa_answers_add (&all, span->score, begin, end, &example->chars);
        }
    }
  if (options->impossible)
    {
      QaAnswer nothing = { none, 0, 0, g_strdup ("") };

      g_array_append_val (all.answers, nothing);
    }
  qa_answers_sort (&all);
  list = json_array_new ();
  for (guint i = 0; i < all.answers->len && i < options->top_k; i++)
    json_array_add_element (list, answer_node (&g_array_index (all.answers, QaAnswer, i)));
  node = json_array_get_length (list) == 1 ? json_array_dup_element (list, 0) : json_node_init_array (json_node_alloc (), list);
  json_array_unref (list);
  qa_answers_clear (&all);
  return node;
}

static gboolean
read_contexts (Pass *pass, const GtfRequest *request, GError **error)
{
  static const TextOutput outputs[] = { { "start_logits", TEXT_PER_TOKEN }, { "end_logits", TEXT_PER_TOKEN }, { NULL } };
  JsonNode *padding = gtf_json_find (request->parameters, "padding");
  g_autofree char *pad = padding ? gtf_json_print (padding, GTF_JSON_COMPACT) : g_strdup ("false");
  g_autofree char *kwargs = g_strdup_printf ("{\"truncation\": \"%s\", \"max_length\": %" G_GINT64_FORMAT ", \"stride\": %" G_GINT64_FORMAT
                                             ", \"return_overflowing_tokens\": true, \"padding\": %s}",
                                             pass->self->question_first ? "only_second" : "only_first", pass->options->max_seq_len, pass->options->doc_stride, pad);

  for (guint i = 0; i < pass->examples->len; i++)
    if (!tokenize (pass, &g_array_index (pass->examples, Example, i), kwargs, error))
      return FALSE;
  pass->example_of_row = g_new (guint, pass->tokens.rows->len + 1);
  for (guint i = 0; i < pass->examples->len; i++)
    for (gsize r = 0; r < g_array_index (pass->examples, Example, i).n_rows; r++)
      pass->example_of_row[g_array_index (pass->examples, Example, i).first_row + r] = i;
  return text_run (pass->self->model, (TextRow *) pass->tokens.rows->data, pass->tokens.rows->len, outputs, take_logits, pass, request->cancellable, error);
}

static JsonNode *
qa_run (GtfTask *task, const GtfRequest *request, GError **error)
{
  Options options;
  Pass pass = { .self = task->state, .options = &options };
  JsonNode *result = NULL;
  JsonArray *list;

  pass.examples = g_array_new (FALSE, TRUE, sizeof (Example));
  g_array_set_clear_func (pass.examples, example_clear);
  text_tokens_init (&pass.tokens);
  if (options_read (&options, pass.self, request->parameters, error) && read_examples (pass.examples, request->inputs, request->parameters, error)
      && read_contexts (&pass, request, error))
    {
      list = json_array_new ();
      for (guint i = 0; i < pass.examples->len; i++)
        json_array_add_element (list, answer (&pass, &g_array_index (pass.examples, Example, i)));
      result = pass.examples->len == 1 ? json_array_dup_element (list, 0) : json_node_init_array (json_node_alloc (), list);
      json_array_unref (list);
    }
  g_array_unref (pass.examples);
  text_tokens_clear (&pass.tokens);
  g_free (pass.example_of_row);
  return result;
}

/* ---- for people ---------------------------------------------------------------------------------------------------------------- */

static void
render_answers (GString *out, GtfView view, JsonNode *node)
{
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  guint n = list ? json_array_get_length (list) : 1, width = 0;

  for (gint pass = 0; pass < 2; pass++)
    {
      if (pass)
        text_view_begin (out, view);
      for (guint i = 0; i < n; i++)
        {
          JsonNode *item = list ? json_array_get_element (list, i) : node;
          JsonObject *one = JSON_NODE_HOLDS_OBJECT (item) ? json_node_get_object (item) : NULL;
          const char *text = one ? json_object_get_string_member_with_default (one, "answer", "") : NULL;

          if (text == NULL)
            continue;
          text = *text ? text : "(no answer)";
          if (pass)
            text_view_bar (out, view, text, width, json_object_get_double_member (one, "score"));
          else
            width = MAX (width, text_view_width (text));
        }
    }
  text_view_end (out, view);
}

/* Whether the answers are a list for each question, or those to one. */
static gboolean
is_batch (JsonNode *inputs, JsonNode *result)
{
  return JSON_NODE_HOLDS_ARRAY (inputs) && json_array_get_length (json_node_get_array (inputs)) > 1 && JSON_NODE_HOLDS_ARRAY (result)
         && json_array_get_length (json_node_get_array (result)) == json_array_get_length (json_node_get_array (inputs));
}

static char *
render (JsonNode *inputs, JsonNode *result, GtfView view)
{
  g_autoptr (GString) out = g_string_new (NULL);
  gboolean batch = is_batch (inputs, result);

  if (!batch)
    render_answers (out, view, result);
  for (guint i = 0; batch && i < json_array_get_length (json_node_get_array (result)); i++)
    {
      JsonNode *asked = json_array_get_element (json_node_get_array (inputs), i);
      const char *question = JSON_NODE_HOLDS_OBJECT (asked) ? text_node_string (json_object_get_member (json_node_get_object (asked), "question")) : NULL;

      if (question)
        text_view_heading (out, view, question);
      render_answers (out, view, json_array_get_element (json_node_get_array (result), i));
    }
  return text_view_finish (g_steal_pointer (&out), view);
}

/* ---- what the module is ------------------------------------------------------------------------------------------------------ */

static const GtfTaskParameter parameters[] = {
  { "question", "string or list", "null", "the question, where inputs are null or the context", 0, 0 },
  { "context", "string or list", "null", "the text with the answer, where inputs are null or the question", 0, 0 },
  { "top_k", "int", "1", "how many answers; more than one give a list", 0, 0 },
  { "topk", "int", "null", "the old name of top_k", 0, 0 },
  { "doc_stride", "int (tokens)", "null", "overlap of the windows of a long context; null: the smaller of half a window and 128", 0, 0 },
  { "max_answer_len", "int (tokens)", "15", "the longest answer", 0, 0 },
  { "max_seq_len", "int (tokens)", "null", "length of a window with its question; null: what the tokenizer takes, at most 384", 0, 0 },
  { "max_question_len", "int (tokens)", "64", "accepted: tokenizers as these are never cut the question", 0, 0 },
  { "handle_impossible_answer", "bool", "false", "\"\" is an answer too", 0, 0 },
  { "align_to_words", "bool", "true", "answers begin and end at words", 0, 0 },
  { "padding", "bool or string", "\"do_not_pad\"", "as the tokenizer takes it; it only matters where padding stands on the left", 0, 0 },
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "question-answering" },
  .media = "text",
  .parameters = parameters,
  .open = qa_open,
  .close = qa_close,
  .run = qa_run,
  .flags = GTF_TASK_INPUT_OPTIONAL,
  .input = "the context, with --set question=..., or the question, with --set context=@FILE",
  .render = render,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_question_answering (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_question_answering (void)
{
  return &plugin;
}
