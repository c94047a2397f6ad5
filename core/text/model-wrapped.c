/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * See model-wrapped.h.
 */
#include "text/model-wrapped.h"

#include <string.h>

GtfTextModel *
gtf_wrapped_model_new (const GtfTextModelClass *klass, GtfTextModel *inner, const char *file, const char *unk_token)
{
  GtfWrappedModel *self = g_malloc0 (klass->size);
  self->parent.klass = klass;
  self->parent.file = g_strdup (file);
  self->parent.unk_id = -1;
  self->parent.unk_token = g_strdup (unk_token);
  self->inner = inner;
  return &self->parent;
}

gboolean
gtf_wrapped_model_find_unk (GtfWrappedModel *self, GError **error)
{
  const GtfTextModel *model = &self->parent;
  self->unk = model->unk_token ? gtf_vocab_find (&model->vocab, model->unk_token, strlen (model->unk_token)) : -1;
  if (self->unk >= 0)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: the unknown token “%s” is not in it", model->file, model->unk_token ? model->unk_token : "null");
  return FALSE;
}

gboolean
gtf_wrapped_model_add_ids (GtfWrappedModel *self, GError **error)
{
  self->ids = g_try_new (gint32, self->inner->vocab.n_ids + 1);
  if (self->ids != NULL)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: no memory for its ids", self->parent.file);
  return FALSE;
}

void
gtf_wrapped_model_clear (GtfTextModel *model)
{
  gtf_text_model_free (((GtfWrappedModel *) model)->inner);
  g_free (((GtfWrappedModel *) model)->ids);
}
