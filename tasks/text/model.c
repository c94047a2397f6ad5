/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model with the tokenizer and the session that a task over text works with.
 */
#include "text/text-private.h"

gboolean
text_model_can_do (GtfModel *model, const char *const *tasks)
{
  const char *const *can = gtf_model_get_tasks (model);

  for (; can && *can; can++)
    if (g_strv_contains (tasks, *can))
      return TRUE;
  return FALSE;
}

static gboolean
check (GtfTask *task, const char *name, const char *const *heads, const char *wanted, GError **error)
{
  const char *directory = gtf_model_get_directory (task->model), *class_name = gtf_model_get_architecture (task->model);

  if (!gtf_model_can (task->model, "forward"))
    g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: %s: the architecture %s has no forward pass over text", directory, name,
                 class_name ? class_name : gtf_model_get_model_type (task->model));
  else if (heads && !text_model_can_do (task->model, heads))
    g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: %s: config.json: \"architectures\": expected a model with %s, found %s", directory, name, wanted,
                 class_name ? class_name : "none");
  else if (task->tokenizer == NULL)
    g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: %s: the repository has no tokenizer (tokenizer.json, vocab.txt, ...)", directory, name);
  else
    return TRUE;
  return FALSE;
}

TextModel *
text_model_new (GtfTask *task, const char *name, const char *const *heads, const char *wanted, GError **error)
{
  g_autoptr (TextModel) self = g_new0 (TextModel, 1);
  g_autofree char *path = NULL;

  if (!check (task, name, heads, wanted, error))
    return NULL;
  self->task = task;
  self->tokenizer = task->tokenizer;
  path = g_build_filename (gtf_model_get_directory (task->model), "config.json", NULL);
  self->config = gtf_json_load_object (path, error);
  if (self->config == NULL)
    return NULL;
  self->token_types = gtf_tokenizer_hands_token_types (self->tokenizer, FALSE);
  self->session = gtf_session_new (task->model, error);
  return self->session ? g_steal_pointer (&self) : NULL;
}

void
text_model_free (TextModel *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->session, gtf_session_free);
  g_clear_pointer (&self->seen, g_hash_table_unref);
  g_clear_pointer (&self->config, json_object_unref);
  g_free (self);
}
