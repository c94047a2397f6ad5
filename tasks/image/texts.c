/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model that compares pictures with texts, and texts of different lengths as one block of ids with its mask.
 */
#include "image/boxes-private.h"

TextModel *
image_texts_model_new (GtfTask *task, const char *name, const char *const *heads, const char *wanted, GError **error)
{
  g_autoptr (TextModel) self = image_model_new (task, name, heads, wanted, error);

  if (self == NULL)
    return NULL;
  if (task->tokenizer == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NOT_FOUND, "%s: %s: the repository has no tokenizer (tokenizer.json, vocab.txt, ...)",
                   gtf_model_get_directory (task->model), name);
      return NULL;
    }
  self->tokenizer = task->tokenizer;
  return g_steal_pointer (&self);
}

gboolean
image_texts_init (ImageTexts *self, const TextTokens *tokens, GError **error)
{
  const TextRow *rows = (const TextRow *) tokens->rows->data;
  gint64 shape[2] = { tokens->rows->len, 1 };
  g_autofree gint32 *ids = NULL, *mask = NULL;
  g_autoptr (GBytes) id_bytes = NULL, mask_bytes = NULL;
  gsize n, size;

  *self = (ImageTexts){ NULL, NULL };
  for (guint i = 0; i < tokens->rows->len; i++)
    shape[1] = MAX (shape[1], (gint64) rows[i].n);
  n = (gsize) (shape[0] * shape[1]);
  size = n * sizeof (gint32);
  ids = g_new0 (gint32, n);
  mask = g_new0 (gint32, n);
  for (guint i = 0; i < tokens->rows->len; i++)
    for (gsize k = 0; k < rows[i].n; k++)
      {
        ids[i * (gsize) shape[1] + k] = rows[i].ids[k];
        mask[i * (gsize) shape[1] + k] = rows[i].mask == NULL || rows[i].mask[k] != 0;
      }
  id_bytes = g_bytes_new_take (g_steal_pointer (&ids), size);
  mask_bytes = g_bytes_new_take (g_steal_pointer (&mask), size);
  self->ids = gtf_tensor_new_bytes (GTF_DTYPE_I32, 2, shape, id_bytes, error);
  self->mask = self->ids ? gtf_tensor_new_bytes (GTF_DTYPE_I32, 2, shape, mask_bytes, error) : NULL;
  return self->mask != NULL;
}

void
image_texts_clear (ImageTexts *self)
{
  g_clear_pointer (&self->ids, gtf_tensor_unref);
  g_clear_pointer (&self->mask, gtf_tensor_unref);
}
