/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "text-request.h"

#include <string.h>
#include <json-glib/json-glib.h>
#include "base/json-print.h"

void
gtf_text_job_free (GtfTextJob *self)
{
  g_ptr_array_unref (self->sentences);
  g_free (self);
}

GstClockTime
gtf_text_job_start (const GtfTextJob *self)
{
  return ((GtfSentence *) self->sentences->pdata[0])->start;
}

GstClockTime
gtf_text_job_end (const GtfTextJob *self)
{
  return ((GtfSentence *) self->sentences->pdata[self->sentences->len - 1])->end;
}

char *
gtf_text_job_text (const GtfTextJob *self)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < self->sentences->len; i++)
    g_string_append_printf (text, "%s%s", i ? " " : "", ((GtfSentence *) self->sentences->pdata[i])->text);
  return g_string_free (text, FALSE);
}

/* ---- what is asked ---- */

/* How a task takes text. */
typedef struct
{
  const char *task;             /* or how its name begins */
  gboolean writes, labels;
  guint window;
  const char *question, *text;  /* members of the inputs; question NULL: the text alone is the inputs */
  gboolean list;                /* the text is a list of the sentences */
} Shape;

static const Shape shapes[] = {
  { "question-answering", FALSE, FALSE, 30, "question", "context", FALSE },
  { "zero-shot-classification", FALSE, TRUE, 30, NULL, NULL, FALSE },
  { "text-ranking", FALSE, FALSE, 30, "query", "texts", TRUE },
  { "sentence-similarity", FALSE, FALSE, 30, "source_sentence", "sentences", TRUE },
  { "summarization", TRUE, FALSE, 60, NULL, NULL, FALSE },
  { "translation", TRUE, FALSE, 0, NULL, NULL, FALSE },         /* translation_en_to_fr */
  { "text2text-generation", TRUE, FALSE, 0, NULL, NULL, FALSE },
  { "text-generation", TRUE, FALSE, 0, NULL, NULL, FALSE },
  { "", FALSE, FALSE, 0, NULL, NULL, FALSE }                    /* any other: text in, an answer about it out */
};

static const Shape *
shape_of (const char *task)
{
  const Shape *shape = shapes;

  while (!g_str_has_prefix (task, shape->task))
    shape++;
  return shape;
}

gboolean
gtf_text_task_writes (const char *task)
{
  return shape_of (task)->writes;
}

guint
gtf_text_task_window (const char *task)
{
  return shape_of (task)->window;
}

static char *
print (JsonNode *node)
{
  char *text = gtf_json_print (node, GTF_JSON_COMPACT);

  json_node_unref (node);
  return text;
}

static JsonNode *
texts (const Shape *shape, const GtfTextJob *job)
{
  g_autofree char *text = gtf_text_job_text (job);
  JsonArray *list;
  JsonNode *node;

  if (!shape->list)
    return json_node_init_string (json_node_alloc (), text);
  list = json_array_new ();
  for (guint i = 0; i < job->sentences->len; i++)
    json_array_add_string_element (list, ((GtfSentence *) job->sentences->pdata[i])->text);
  node = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (node, list);
  return node;
}

char *
gtf_text_inputs (const char *task, const GtfTextJob *job, const char *question)
{
  const Shape *shape = shape_of (task);
  g_autoptr (JsonObject) object = json_object_new ();

  if (!shape->question)
    return print (texts (shape, job));
  if (!question || !*question)
    return NULL;
  json_object_set_string_member (object, shape->question, question);
  json_object_set_member (object, shape->text, texts (shape, job));
  return print (json_node_init_object (json_node_alloc (), object));
}

static JsonArray *
split_labels (const char *labels)
{
  g_auto (GStrv) parts = g_strsplit (labels ? labels : "", ",", -1);
  JsonArray *list = json_array_new ();

  for (guint i = 0; parts[i]; i++)
    if (*g_strstrip (parts[i]))
      json_array_add_string_element (list, parts[i]);
  return list;
}

char *
gtf_text_parameters (const char *task, const char *parameters, const char *labels)
{
  g_autoptr (JsonNode) node = json_from_string (parameters, NULL);
  g_autoptr (JsonArray) list = split_labels (labels);
  JsonObject *object = json_node_get_object (node);

  if (!shape_of (task)->labels)
    return g_strdup (parameters);
  if (json_array_get_length (list) > 0)
    json_object_set_array_member (object, "candidate_labels", json_array_ref (list));
  return json_object_has_member (object, "candidate_labels") ? gtf_json_print (node, GTF_JSON_COMPACT) : NULL;
}
