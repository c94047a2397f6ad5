/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GtfResult: the answer of a task, as JSON and through typed accessors. Immutable; may be read from any thread.
 */
#include "pipeline/result.h"

#include <string.h>
#include "base/json-print.h"
#include "pipeline/task.h"

/**
 * GtfResult:
 *
 * The answer of a task. [method@Result.to_json] is the same JSON as that of `transformers`; the other methods read it for
 * those who do not want to parse it.
 */
struct _GtfResult
{
  GObject parent_instance;
  JsonNode *node;
  char *json;
  char *readable;               /* made when it is first asked for, where the task has a render function */
  char *(*render) (JsonNode *inputs, JsonNode *result, GtfView view);
  char *(*render_details) (JsonNode *inputs, JsonNode *result, JsonNode *details, GtfView view);
  JsonNode *inputs, *details;
};

G_DEFINE_FINAL_TYPE (GtfResult, gtf_result, G_TYPE_OBJECT)

static void
gtf_result_finalize (GObject *object)
{
  GtfResult *self = GTF_RESULT (object);

  json_node_unref (self->node);
  g_clear_pointer (&self->inputs, json_node_unref);
  g_clear_pointer (&self->details, json_node_unref);
  g_free (self->json);
  g_free (self->readable);
  G_OBJECT_CLASS (gtf_result_parent_class)->finalize (object);
}

static void
gtf_result_class_init (GtfResultClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = gtf_result_finalize;
}

static void
gtf_result_init (GtfResult *self)
{
}

/**
 * gtf_result_new: (skip)
 * @node: (transfer full): the answer
 * @readable: (nullable): text made to be read, where the answer has no "text" of its own
 *
 * Makes a result; for tasks and elements, not for users.
 *
 * Returns: (transfer full): a result
 */
GtfResult *
gtf_result_new (JsonNode *node, const char *readable)
{
  GtfResult *self = g_object_new (GTF_TYPE_RESULT, NULL);

  self->node = node;
  json_node_seal (self->node);
  self->json = gtf_json_print (node, GTF_JSON_COMPACT);
  self->readable = g_strdup (readable);
  return self;
}

/**
 * gtf_result_set_render: (skip)
 * @self: a result that nobody else has yet
 * @render: the task's function
 * @inputs: what was asked
 *
 * For the pipeline: how the answer is made to be looked at.
 */
void
gtf_result_set_render (GtfResult *self, gpointer render, JsonNode *inputs)
{
  self->render = render;
  self->inputs = json_node_ref (inputs);
}

/**
 * gtf_result_set_details: (skip)
 * @self: a result that nobody else has yet
 * @render: the task's function
 * @inputs: what was asked
 * @details: (transfer full) (nullable): what the task knows beside the answer (how sure it is of each word)
 *
 * For the pipeline: how the answer is made to be looked at, where that takes more than the answer itself.
 */
void
gtf_result_set_details (GtfResult *self, gpointer render, JsonNode *inputs, JsonNode *details)
{
  self->render_details = render;
  self->inputs = json_node_ref (inputs);
  self->details = details;
}

/**
 * gtf_result_get_details: (skip)
 * @self: a result
 *
 * What the task knows beside the answer, as it defines it.
 *
 * Returns: (transfer none) (nullable): the root; %NULL where there is nothing
 */
JsonNode *
gtf_result_get_details (GtfResult *self)
{
  g_return_val_if_fail (GTF_IS_RESULT (self), NULL);
  return self->details;
}

/* (transfer full) (nullable): without what a page of its own needs */
static char *
render (GtfResult *self, GtfView view)
{
  if (self->render_details)
    return self->render_details (self->inputs, self->node, self->details, view);
  return self->render ? self->render (self->inputs, self->node, view) : NULL;
}

/**
 * gtf_result_render:
 * @self: a result
 * @view: "text", "terminal" (with colours) or "html" (a whole page)
 *
 * The answer made to be looked at: scores as bars, what was found marked in its text, words in the colour of how sure the
 * model is of them.
 *
 * Returns: (transfer full) (nullable): UTF-8; %NULL where the task has no such view
 */
char *
gtf_result_render (GtfResult *self, const char *view)
{
  static const char *const views[] = { "text", "terminal", "html" };
  g_autofree char *body = NULL;

  g_return_val_if_fail (GTF_IS_RESULT (self) && view != NULL, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (views); i++)
    if (strcmp (view, views[i]) == 0)
      body = render (self, (GtfView) i);
  if (body == NULL || strcmp (view, "html") != 0)
    return g_steal_pointer (&body);
  return g_strconcat ("<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>GTransformers</title>\n</head>\n"
                      "<body style=\"font: 16px/1.7 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em\">\n", body, "</body>\n</html>\n", NULL);
}

/**
 * gtf_result_get_node: (skip)
 * @self: a result
 *
 * The answer as a tree, not to be changed.
 *
 * Returns: (transfer none): the root
 */
JsonNode *
gtf_result_get_node (GtfResult *self)
{
  g_return_val_if_fail (GTF_IS_RESULT (self), NULL);
  return self->node;
}

/**
 * gtf_result_get_readable: (skip)
 * @self: a result
 *
 * The answer as the task writes it for people, with times and labels.
 *
 * Returns: (nullable): UTF-8, owned by the result; %NULL where the task has no such form
 */
const char *
gtf_result_get_readable (GtfResult *self)
{
  g_return_val_if_fail (GTF_IS_RESULT (self), NULL);
  if (g_atomic_pointer_get (&self->readable) == NULL && (self->render || self->render_details))
    {
      char *made = render (self, GTF_VIEW_TEXT);

      if (!g_atomic_pointer_compare_and_exchange (&self->readable, NULL, made))
        g_free (made);
    }
  return g_atomic_pointer_get (&self->readable);
}

static JsonNode *
member (JsonNode *node, const char *name)
{
  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_object_get_member (json_node_get_object (node), name) : NULL;
}

static const char *
string_member (JsonNode *node, const char *name)
{
  JsonNode *value = member (node, name);

  return value && JSON_NODE_HOLDS_VALUE (value) && json_node_get_value_type (value) == G_TYPE_STRING ? json_node_get_string (value) : NULL;
}

static JsonNode *
element (JsonNode *node, guint i)
{
  if (node == NULL || !JSON_NODE_HOLDS_ARRAY (node) || i >= json_array_get_length (json_node_get_array (node)))
    return NULL;
  return json_array_get_element (json_node_get_array (node), i);
}

/**
 * gtf_result_get_text:
 * @self: a result
 *
 * What was recognised, written or read: the answer's `text`, or its form that is made to be read where it has none.
 *
 * Returns: (nullable): UTF-8, owned by the result; %NULL where there is neither
 */
const char *
gtf_result_get_text (GtfResult *self)
{
  const char *text;

  g_return_val_if_fail (GTF_IS_RESULT (self), NULL);
  text = string_member (self->node, "text");
  return text ? text : gtf_result_get_readable (self);
}

/**
 * gtf_result_to_json:
 * @self: a result
 *
 * The whole answer as one line of JSON, with the keys of `transformers` in its order. Numbers that are not finite are
 * `null`.
 *
 * Returns: UTF-8, owned by the result
 */
const char *
gtf_result_to_json (GtfResult *self)
{
  g_return_val_if_fail (GTF_IS_RESULT (self), NULL);
  return self->json;
}

/**
 * gtf_result_get_language:
 * @self: a result
 *
 * The language of what was heard, if it was asked for (`return_language`): of the whole, or of the first chunk.
 *
 * Returns: (nullable): as the model names it ("english"), owned by the result
 */
const char *
gtf_result_get_language (GtfResult *self)
{
  const char *language;

  g_return_val_if_fail (GTF_IS_RESULT (self), NULL);
  language = string_member (self->node, "language");
  return language ? language : string_member (element (member (self->node, "chunks"), 0), "language");
}

/**
 * gtf_result_get_n_chunks:
 * @self: a result
 *
 * How many pieces with times the answer has: words or segments, by `return_timestamps`.
 *
 * Returns: the number of chunks, 0 where times were not asked for
 */
guint
gtf_result_get_n_chunks (GtfResult *self)
{
  JsonNode *chunks;

  g_return_val_if_fail (GTF_IS_RESULT (self), 0);
  chunks = member (self->node, "chunks");
  return chunks && JSON_NODE_HOLDS_ARRAY (chunks) ? json_array_get_length (json_node_get_array (chunks)) : 0;
}

/**
 * gtf_result_get_chunk_text:
 * @self: a result
 * @chunk: less than [method@Result.get_n_chunks]
 *
 * The text of a chunk, with its leading space.
 *
 * Returns: (nullable): UTF-8, owned by the result
 */
const char *
gtf_result_get_chunk_text (GtfResult *self, guint chunk)
{
  g_return_val_if_fail (GTF_IS_RESULT (self), NULL);
  return string_member (element (member (self->node, "chunks"), chunk), "text");
}

static double
chunk_time (GtfResult *self, guint chunk, guint which)
{
  JsonNode *time = element (member (element (member (self->node, "chunks"), chunk), "timestamp"), which);

  return time && JSON_NODE_HOLDS_VALUE (time) ? json_node_get_double (time) : -1;
}

/**
 * gtf_result_get_chunk_start:
 * @self: a result
 * @chunk: less than [method@Result.get_n_chunks]
 *
 * When a chunk begins.
 *
 * Returns: seconds from the beginning of the sound; -1 where the model did not say
 */
double
gtf_result_get_chunk_start (GtfResult *self, guint chunk)
{
  g_return_val_if_fail (GTF_IS_RESULT (self), -1);
  return chunk_time (self, chunk, 0);
}

/**
 * gtf_result_get_chunk_end:
 * @self: a result
 * @chunk: less than [method@Result.get_n_chunks]
 *
 * When a chunk ends.
 *
 * Returns: seconds from the beginning of the sound; -1 where the model did not say
 */
double
gtf_result_get_chunk_end (GtfResult *self, guint chunk)
{
  g_return_val_if_fail (GTF_IS_RESULT (self), -1);
  return chunk_time (self, chunk, 1);
}

/**
 * gtf_result_get_n_items:
 * @self: a result
 *
 * How many answers this is: the length of the list where the answer is one (several inputs, several labels), else 1.
 *
 * Returns: the number of items
 */
guint
gtf_result_get_n_items (GtfResult *self)
{
  g_return_val_if_fail (GTF_IS_RESULT (self), 0);
  return JSON_NODE_HOLDS_ARRAY (self->node) ? json_array_get_length (json_node_get_array (self->node)) : 1;
}

/**
 * gtf_result_get_item:
 * @self: a result
 * @item: less than [method@Result.get_n_items]
 *
 * One answer of a list as a result of its own.
 *
 * Returns: (transfer full) (nullable): the item
 */
GtfResult *
gtf_result_get_item (GtfResult *self, guint item)
{
  JsonNode *node;

  g_return_val_if_fail (GTF_IS_RESULT (self), NULL);
  if (!JSON_NODE_HOLDS_ARRAY (self->node))
    return item == 0 ? g_object_ref (self) : NULL;
  node = element (self->node, item);
  return node ? gtf_result_new (json_node_ref (node), NULL) : NULL;
}
