/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The task table-question-answering: the cells of a table that answer a question, and what is to be done with them (SUM, COUNT ...), as models
 * like TAPAS choose them.
 */
#include "table/table-private.h"

#include <math.h>
#include <string.h>
#include "text/table.h"

#define CELL_THRESHOLD 0.5

typedef struct
{
  TextModel *model;
  JsonNode *labels;             /* aggregation_labels; NULL: the model does not aggregate */
  gint64 no_aggregation;        /* the label that means none; -1: none does */
} Answerer;

/* One question about a table: a row of tokens, and what came of it. */
typedef struct
{
  const TableRequest *table;
  gint32 *ids, *types;
  gsize n;
  GHashTable *cells;            /* those of the answer, by row and column */
  gint aggregation;
} Question;

typedef struct
{
  Answerer *self;
  Question *questions;
} Pass;

static void
answerer_free (Answerer *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->model, text_model_free);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Answerer, answerer_free)

/* ---- the model ------------------------------------------------------------------------------------------------------------------ */

static gboolean
read_aggregation (Answerer *self, const char *where, GError **error)
{
  JsonNode *labels = gtf_json_find (self->model->config, "aggregation_labels"), *none = gtf_json_find (self->model->config, "no_aggregation_label_index");
  JsonNode *count = gtf_json_find (self->model->config, "num_aggregation_labels");
  gint64 n = 0;
  gboolean ok = (!count || gtf_param_get_int (count, where, "config.json: num_aggregation_labels", 0, 1 << 16, &n, error))
                && (!none || gtf_param_get_int (none, where, "config.json: no_aggregation_label_index", 0, 1 << 16, &self->no_aggregation, error));

  if (!ok)
    gtf_param_as_data_error (error);
  if (n > 0 && labels && (JSON_NODE_HOLDS_OBJECT (labels) ? json_object_get_size (json_node_get_object (labels)) > 0 : JSON_NODE_HOLDS_ARRAY (labels)))
    self->labels = labels;
  return ok;
}

static gboolean
table_open (GtfTask *task, GError **error)
{
  static const char *const heads[] = { "table-question-answering", NULL };
  g_autoptr (Answerer) self = g_new0 (Answerer, 1);

  self->no_aggregation = -1;
  self->model = text_model_new (task, "table-question-answering", heads, "a head that selects cells (TapasForQuestionAnswering)", error);
  if (self->model == NULL || !read_aggregation (self, gtf_model_get_directory (task->model), error))
    return FALSE;
  self->model->token_types = TRUE;
  task->state = g_steal_pointer (&self);
  return TRUE;
}

static void
table_close (GtfTask *task)
{
  g_clear_pointer ((Answerer **) &task->state, answerer_free);
}

/* ---- the request ---------------------------------------------------------------------------------------------------------------- */

static gboolean
read_truncation (JsonNode *node, gboolean *drop_rows, GError **error)
{
  const char *name = text_node_string (node);

  *drop_rows = TRUE;
  if (node == NULL || JSON_NODE_HOLDS_NULL (node) || g_strcmp0 (name, "drop_rows_to_fit") == 0)
    return TRUE;
  if (name == NULL)
    return gtf_param_get_bool (node, "parameters", "truncation", drop_rows, error);
  *drop_rows = FALSE;
  return strcmp (name, "do_not_truncate") == 0
         || text_fail (error, "parameters: \"truncation\": expected true, false, \"drop_rows_to_fit\" or \"do_not_truncate\", found \"%s\"", name);
}

/* Padding stands behind a question and its table, where it changes nothing. */
static gboolean
check_padding (JsonNode *node, GError **error)
{
  static const char *const names[] = { "longest", "max_length", "do_not_pad", NULL };
  const char *name = text_node_string (node);
  gboolean unused;

  if (node == NULL || JSON_NODE_HOLDS_NULL (node) || (name && g_strv_contains (names, name)))
    return TRUE;
  if (name == NULL)
    return gtf_param_get_bool (node, "parameters", "padding", &unused, error);
  return text_fail (error, "parameters: \"padding\": expected true, false, \"longest\", \"max_length\" or \"do_not_pad\", found \"%s\"", name);
}

/* ---- questions ------------------------------------------------------------------------------------------------------------------ */

static gint64 *
cell_key (gint64 row, gint64 column)
{
  gint64 *key = g_new (gint64, 1);

  *key = row * ((gint64) 1 << 32) + column;      /* -1: the question's own row */
  return key;
}

static void
question_clear (Question *self)
{
  g_free (self->ids);
  g_free (self->types);
  g_clear_pointer (&self->cells, g_hash_table_unref);
}

static void
questions_free (Question *questions, gsize n)
{
  for (gsize i = 0; i < n; i++)
    question_clear (&questions[i]);
  g_free (questions);
}

static gboolean
encode (Answerer *self, GArray *requests, gboolean drop_rows, Question *questions, GError **error)
{
  for (guint i = 0; i < requests->len; i++)
    {
      const TableRequest *r = &g_array_index (requests, TableRequest, i);
      g_autoptr (GtfTable) table = gtf_table_new (self->model->tokenizer, (const char *const *) r->cells->pdata, r->n_rows, r->n_columns, error);

      for (guint q = 0; q < r->questions->len; q++, questions++)
        {
          questions->table = r;
          if (table == NULL || !gtf_table_encode (table, r->questions->pdata[q], drop_rows, &questions->n, &questions->ids, &questions->types, error))
            return FALSE;
        }
    }
  return TRUE;
}

/* The mean of what the tokens of a cell have. */
typedef struct { double sum; gsize n; } Mean;

static void
select_cells (Question *self, const TextSlice *logits)
{
  g_autoptr (GHashTable) means = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  GHashTableIter iter;
  gpointer key, value;

  for (gsize i = 0; i < self->n; i++)
    {
      const gint32 *types = self->types + i * GTF_TABLE_N_TYPES;
      g_autofree gint64 *cell = cell_key (types[GTF_TABLE_ROW] - 1, types[GTF_TABLE_COLUMN] - 1);
      Mean *mean = g_hash_table_lookup (means, cell);

      if (types[GTF_TABLE_ROW] == 0 || types[GTF_TABLE_COLUMN] == 0)
        continue;
      if (mean == NULL)
        g_hash_table_insert (means, g_steal_pointer (&cell), mean = g_new0 (Mean, 1));
      mean->sum += text_sigmoid (*text_slice_row (logits, i));
      mean->n++;
    }
  self->cells = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_hash_table_iter_init (&iter, means);
  while (g_hash_table_iter_next (&iter, &key, &value))
    if (((Mean *) value)->sum / (double) ((Mean *) value)->n > CELL_THRESHOLD)
      g_hash_table_add (self->cells, g_memdup2 (key, sizeof (gint64)));
}

static gboolean
take_outputs (gsize row, const TextSlice *slices, gpointer data, GError **error)
{
  Pass *pass = data;
  Question *question = &pass->questions[row];

  select_cells (question, &slices[0]);
  if (pass->self->labels)
    question->aggregation = (gint) text_argmax (slices[1].data, slices[1].cols);
  return TRUE;
}

static gboolean
run_questions (Answerer *self, Question *questions, gsize n, GCancellable *cancellable, GError **error)
{
  const TextOutput outputs[] = { { "logits", TEXT_PER_TOKEN }, { self->labels ? "logits_aggregation" : NULL, TEXT_PER_ROW }, { NULL } };
  g_autofree TextRow *rows = g_new0 (TextRow, n);
  Pass pass = { self, questions };

  for (gsize i = 0; i < n; i++)
    rows[i] = (TextRow) { .ids = questions[i].ids, .type_ids = questions[i].types, .n = questions[i].n, .n_types = GTF_TABLE_N_TYPES };
  return text_run (self->model, rows, n, outputs, take_outputs, &pass, cancellable, error);
}

/* The cells that answered the question before, in the types of this one. */
static void
mark_previous (Question *self, const Question *before)
{
  for (gsize i = 0; i < self->n; i++)
    {
      gint32 *types = self->types + i * GTF_TABLE_N_TYPES;
      g_autofree gint64 *cell = cell_key (types[GTF_TABLE_ROW] - 1, types[GTF_TABLE_COLUMN] - 1);

      types[GTF_TABLE_PREVIOUS] = types[GTF_TABLE_ROW] > 0 && g_hash_table_contains (before->cells, cell);
    }
}

/* One question after the other, each told what the one before selected in the same table. */
static gboolean
run_in_sequence (Answerer *self, Question *questions, gsize n, GCancellable *cancellable, GError **error)
{
  for (gsize i = 0; i < n; i++)
    {
      if (i > 0 && questions[i].table == questions[i - 1].table)
        mark_previous (&questions[i], &questions[i - 1]);
      if (!run_questions (self, &questions[i], 1, cancellable, error))
        return FALSE;
    }
  return TRUE;
}

/* ---- the answer ----------------------------------------------------------------------------------------------------------------- */

static const char *
aggregator_name (const Answerer *self, gint aggregation, GError **error)
{
  g_autofree char *key = g_strdup_printf ("%d", aggregation);
  JsonNode *node = NULL;

  if (JSON_NODE_HOLDS_OBJECT (self->labels))
    node = json_object_get_member (json_node_get_object (self->labels), key);
  else if ((guint) aggregation < json_array_get_length (json_node_get_array (self->labels)))
    node = json_array_get_element (json_node_get_array (self->labels), (guint) aggregation);
  if (text_node_string (node) == NULL)
    g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: config.json: aggregation_labels has no name for the label %d", gtf_model_get_directory (self->model->task->model),
                 aggregation);
  return text_node_string (node);
}

static void
put_cells (const Question *question, GString *text, JsonObject *object)
{
  const TableRequest *table = question->table;
  JsonArray *coordinates = json_array_new (), *cells = json_array_new ();

  for (gsize row = 0; row < table->n_rows; row++)
    for (gsize column = 0; column < table->n_columns; column++)
      {
        g_autofree gint64 *key = cell_key ((gint64) row, (gint64) column);
        const char *cell = table->cells->pdata[(row + 1) * table->n_columns + column];
        JsonArray *at;

        if (!g_hash_table_contains (question->cells, key))
          continue;
        at = json_array_new ();
        json_array_add_int_element (at, (gint64) row);
        json_array_add_int_element (at, (gint64) column);
        g_string_append_printf (text, "%s%s", json_array_get_length (cells) > 0 ? ", " : "", cell);
        json_array_add_array_element (coordinates, at);
        json_array_add_string_element (cells, cell);
      }
  json_object_set_string_member (object, "answer", text->str);
  json_object_set_array_member (object, "coordinates", coordinates);
  json_object_set_array_member (object, "cells", cells);
}

static JsonNode *
answer (const Answerer *self, const Question *question, GError **error)
{
  const char *aggregator = self->labels ? aggregator_name (self, question->aggregation, error) : "";
  g_autoptr (JsonObject) object = NULL;
  g_autoptr (GString) text = g_string_new (NULL);

  if (aggregator == NULL)
    return NULL;
  object = json_object_new ();
  if (self->labels && question->aggregation != self->no_aggregation)
    g_string_append_printf (text, "%s > ", aggregator);
  put_cells (question, text, object);
  if (*aggregator)
    json_object_set_string_member (object, "aggregator", aggregator);
  return json_node_init_object (json_node_alloc (), object);
}

/* An answer by itself, or a list: of the questions about a table, and of tables. */
static JsonNode *
shaped (JsonArray *list)
{
  return json_array_get_length (list) == 1 ? json_array_dup_element (list, 0) : json_node_init_array (json_node_alloc (), list);
}

static JsonNode *
answers (const Answerer *self, GArray *requests, const Question *questions, GError **error)
{
  g_autoptr (JsonArray) all = json_array_new ();

  for (guint i = 0; i < requests->len; i++)
    {
      const TableRequest *r = &g_array_index (requests, TableRequest, i);
      g_autoptr (JsonArray) of_table = json_array_new ();

      for (guint q = 0; q < r->questions->len; q++)
        {
          JsonNode *node = answer (self, questions++, error);

          if (node == NULL)
            return NULL;
          json_array_add_element (of_table, node);
        }
      json_array_add_element (all, shaped (of_table));
    }
  return shaped (all);
}

static JsonNode *
table_run (GtfTask *task, const GtfRequest *request, GError **error)
{
  Answerer *self = task->state;
  JsonNode *in_sequence = gtf_json_find (request->parameters, "sequential"), *result = NULL;
  gboolean drop_rows, sequential = FALSE, ok;
  g_autoptr (GArray) requests = NULL;
  Question *questions;
  gsize n = 0;

  if (!read_truncation (gtf_json_find (request->parameters, "truncation"), &drop_rows, error) || !check_padding (gtf_json_find (request->parameters, "padding"), error)
      || (in_sequence && !gtf_param_get_bool (in_sequence, "parameters", "sequential", &sequential, error))
      || (requests = table_requests_read (request->inputs, request->parameters, error)) == NULL)
    return NULL;
  for (guint i = 0; i < requests->len; i++)
    n += g_array_index (requests, TableRequest, i).questions->len;
  questions = g_new0 (Question, n);
  ok = encode (self, requests, drop_rows, questions, error)
       && (sequential ? run_in_sequence (self, questions, n, request->cancellable, error) : run_questions (self, questions, n, request->cancellable, error));
  if (ok)
    result = answers (self, requests, questions, error);
  if (result)
    table_details_take (request, requests);
  questions_free (questions, n);
  return result;
}

static const GtfTaskParameter parameters[] = {
  { "table", "object or list", "null", "the table, where inputs are the question: {\"name\": [cells], ...} or [{\"name\": cell, ...}, ...]; text is read as JSON", 0, 0 },
  { "query", "string or list of strings", "null", "the question, where inputs are the table or null", 0, 0 },
  { "sequential", "bool", "false", "one question after the other, each told which cells answered the one before, as models for conversations (SQA) need it", 0, 0 },
  { "truncation", "bool or string", "\"drop_rows_to_fit\"", "leave out rows from the end until question and table fit; false or \"do_not_truncate\": do not", 0, 0 },
  { "padding", "bool or string", "true", "accepted: it stands behind the table, where it changes no answer", 0, 0 },
  TEXT_COMMON_PARAMETERS,
  { NULL }
};

static const GtfTaskPlugin plugin = {
  .head = { GTF_PLUGIN_ABI, sizeof (GtfTaskPlugin), "table-question-answering" },
  .media = "text",
  .parameters = parameters,
  .open = table_open,
  .close = table_close,
  .run = table_run,
  .flags = GTF_TASK_INPUT_OPTIONAL,
  .input = "a question about --set table=@FILE (JSON)",
  .render_details = table_view,
};

GTF_PLUGIN_EXPORT const GtfTaskPlugin *gtf_task_table_question_answering (void);

GTF_PLUGIN_EXPORT const GtfTaskPlugin *
gtf_task_table_question_answering (void)
{
  return &plugin;
}
