/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the tasks share that put the best labels of a classifier into a list: texts, pictures, videos, sounds.
 */
#include "text/classifier-private.h"

#include "base/params.h"

/* ---- what config.json says ----------------------------------------------------------------------------------------------------- */

TextFunction
text_classifier_function (TextClassifierKind kind, const char *problem, guint n_labels, const char *function)
{
  TextFunction apply = TEXT_FUNCTION_NONE;

  if (g_strcmp0 (problem, "regression") == 0)
    return TEXT_FUNCTION_NONE;
  if (g_strcmp0 (problem, "multi_label_classification") == 0)
    return TEXT_FUNCTION_SIGMOID;
  if (kind == TEXT_CLASSIFIER_TOPK)
    return TEXT_FUNCTION_SOFTMAX;
  if (n_labels == 1)
    return TEXT_FUNCTION_SIGMOID;
  if (n_labels > 1 || g_strcmp0 (problem, "single_label_classification") == 0)
    return TEXT_FUNCTION_SOFTMAX;
  text_function_from_name (function, &apply);
  return apply;
}

static gboolean
read_config (TextClassifier *self, GError **error)
{
  GtfModel *model = self->model->task->model;
  const char *problem = gtf_model_get_config_string (model, "problem_type");

  if (g_strcmp0 (problem, "single_label_classification") == 0 && self->labels->count == 1)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: \"problem_type\": single_label_classification needs more than one label, but there is 1", self->labels->path);
      return FALSE;
    }
  self->apply = text_classifier_function (self->kind, problem, self->labels->count, gtf_model_get_config_string (model, "function_to_apply"));
  return TRUE;
}

TextClassifier *
text_classifier_new (TextModel *model, TextClassifierKind kind, GError **error)
{
  g_autoptr (TextClassifier) self = NULL;

  if (model == NULL)
    return NULL;
  self = g_new0 (TextClassifier, 1);
  self->model = model;
  self->kind = kind;
  self->labels = text_labels_new (model, error);
  return self->labels && read_config (self, error) ? g_steal_pointer (&self) : NULL;
}

void
text_classifier_free (TextClassifier *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->labels, text_labels_free);
  g_clear_pointer (&self->model, text_model_free);
  g_free (self);
}

void
text_classifier_close (GtfTask *task)
{
  g_clear_pointer ((TextClassifier **) &task->state, text_classifier_free);
}

/* ---- requests ------------------------------------------------------------------------------------------------------------------ */

gboolean
text_choice_read (TextChoice *self, const TextClassifier *classifier, JsonObject *parameters, GError **error)
{
  JsonNode *function = gtf_json_find (parameters, "function_to_apply"), *top_k = gtf_json_find (parameters, "top_k");

  *self = (TextChoice) { classifier->apply, 5 };
  if (top_k && !gtf_param_get_int (top_k, "parameters", "top_k", classifier->kind == TEXT_CLASSIFIER_TOPK ? 0 : -1e15, 1e15, &self->top_k, error))
    return FALSE;
  return function == NULL || text_function_read (function, &self->apply, error);
}

/* ---- answers ------------------------------------------------------------------------------------------------------------------- */

gboolean
text_classifier_score (const TextClassifier *self, TextFunction apply, float *logits, gsize n, GError **error)
{
  if (!text_labels_check (self->labels, n, error))
    return FALSE;
  text_function_apply (apply, logits, n);
  return TRUE;
}

JsonNode *
text_classifier_label (const TextClassifier *self, gsize id, double score)
{
  g_autoptr (JsonObject) object = json_object_new ();

  if (self->kind == TEXT_CLASSIFIER_TOPK)
    json_object_set_double_member (object, "score", score);
  json_object_set_member (object, "label", json_node_copy (text_labels_get (self->labels, id)));
  if (self->kind != TEXT_CLASSIFIER_TOPK)
    json_object_set_double_member (object, "score", score);
  return json_node_init_object (json_node_alloc (), object);
}

JsonNode *
text_classifier_list (const TextClassifier *self, gint64 top_k, const float *scores, gsize n)
{
  g_autofree guint *order = text_order (scores, n);
  const gint64 end = top_k < 0 ? MAX ((gint64) n + top_k, 0) : MIN (top_k, (gint64) n);
  g_autoptr (JsonArray) list = json_array_new ();

  for (gint64 i = 0; i < end; i++)
    json_array_add_element (list, text_classifier_label (self, order[i], scores[order[i]]));
  return json_node_init_array (json_node_alloc (), list);
}
