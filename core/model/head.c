/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which head a model has: that of the class in config.json, or that of the task it is loaded for.
 *
 * transformers loads a model by the AutoModelFor... class of the task, whatever "architectures" says, and makes up what the file has
 * not. Here the class that the file names comes first, as long as it can do the task, a classifier of texts is none of words, and nothing is made up.
 */
#include "model/model-private.h"

#include <string.h>

const GtfHead *
gtf_model_find_head (const GtfArchitecture *architecture, const char *class_name)
{
  const GtfHead *best = NULL;

  for (const GtfHead *head = architecture->heads; head->class_suffix; head++)
    if (g_str_has_suffix (class_name, head->class_suffix) && (!best || strlen (head->class_suffix) > strlen (best->class_suffix)))
      best = head;
  return best;
}

static gboolean
head_can (const GtfHead *head, const char *task)
{
  return head && head->tasks && g_strv_contains (head->tasks, task);
}

const GtfHead *
gtf_model_head_for (const GtfArchitecture *architecture, const char *task)
{
  const GtfHead *best = gtf_model_find_head (architecture, "Model");

  if (head_can (best, task))
    return best;
  best = NULL;
  for (const GtfHead *head = architecture->heads; head->class_suffix; head++)
    {
      if (!head_can (head, task))
        continue;
      if (strcmp (head->tasks[0], task) == 0)
        return head;
      best = best ? best : head;
    }
  return best;
}

static gboolean
is_bare (const GtfHead *head)
{
  return head && strcmp (head->class_suffix, "Model") == 0;
}

void
gtf_model_choose_head (GtfModel *self, const char *task)
{
  const char *class_name = self->class_name;
  const GtfHead *for_task = task ? gtf_model_head_for (self->architecture, task) : NULL;
  const GtfHead *named = class_name ? gtf_model_find_head (self->architecture, class_name) : NULL;

  if (!named)
    named = gtf_model_find_head (self->architecture, "Model");
  self->head = named;
  if (!for_task || for_task == named)
    return;
  if (class_name && head_can (named, task))
    self->other_head = for_task;
  /* a head that was trained for something else is no head of this task, though weights of the same name and shape may be there */
  else if (!named || is_bare (named) || is_bare (for_task))
    {
      self->head = for_task;
      self->other_head = class_name ? named : NULL;
    }
}

/* What messages call a head: the class that config.json names, or what the task asks for. (transfer full) */
static char *
describe_head (GtfModel *self, const GtfHead *head, const char *task)
{
  const char *class_name = self->class_name, *type = gtf_config_get_model_type (self->config_file);

  if (class_name && gtf_model_find_head (self->architecture, class_name) == head)
    return g_strdup (class_name);
  if (task && head_can (head, task))
    return g_strdup_printf ("%s of %s, which %s asks for", head->class_suffix, type, task);
  return g_strdup (class_name ? class_name : type);
}

static GtfBinding *
bind_head (GtfModel *self, const GtfSafetensors *files, const GtfHead *head, const char *task, GError **error)
{
  g_autofree char *where = describe_head (self, head, task);

  g_clear_pointer (&self->store, gtf_weight_store_free);
  g_free (self->weights);
  self->store = gtf_weight_store_new ();
  self->weights = g_malloc0 (MAX (self->architecture->weights_size, 1));
  self->head = head;
  return gtf_binding_new (files, where, self->architecture, head, self->config, self->weights, self->store, error);
}

GtfBinding *
gtf_model_bind (GtfModel *self, const GtfSafetensors *files, const char *task, GError **error)
{
  const GtfHead *first = self->head;
  g_autoptr (GError) misfit = NULL, other_misfit = NULL;
  GtfBinding *binding = bind_head (self, files, first, task, &misfit);

  if (binding || !self->other_head || !g_error_matches (misfit, GTF_ERROR, GTF_ERROR_INVALID_DATA))
    {
      if (misfit)
        g_propagate_error (error, g_steal_pointer (&misfit));
      return binding;
    }
  binding = bind_head (self, files, self->other_head, task, &other_misfit);
  if (!binding)
    g_propagate_error (error, gtf_model_head_for (self->architecture, task) == first ? g_steal_pointer (&other_misfit) : g_steal_pointer (&misfit));
  return binding;
}
