/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Changed tensors (adapted.h).
 */
#include "model/adapted.h"

#include <math.h>
#include <string.h>
#include "model/safetensors-private.h"

void
gtf_adaptation_free (GtfAdaptation *self)
{
  g_free (self->left);
  g_free (self->right);
  g_free (self->magnitude);
  g_free (self);
}

void
gtf_adaptation_put (GtfSafetensors *files, GtfStoredTensor *tensor, GtfAdaptation *change)
{
  g_ptr_array_add (files->changes, change);
  tensor->dtype = GTF_DTYPE_F32;
  tensor->n_bytes = tensor->n_elements * sizeof (float);
  tensor->view = NULL;
  tensor->change = change;
}

gboolean
gtf_adaptation_replace (GtfSafetensors *files, GtfStoredTensor *tensor, const char *name, const GtfSafetensors *from, const GtfStoredTensor *by, GError **error)
{
  GtfStoredView *view = g_new0 (GtfStoredView, 1);

  g_ptr_array_add (files->views, view);
  view->packed = g_try_malloc (by->n_bytes + 1);
  if (!view->packed)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: no memory for \"%s\"", by->path, by->name);
      return FALSE;
    }
  if (!gtf_safetensors_read (from, by, 0, by->n_bytes, view->packed, error))
    return FALSE;
  if (!tensor)
    {
      tensor = g_new0 (GtfStoredTensor, 1);
      tensor->name = g_string_chunk_insert (files->names, name);
      tensor->path = gtf_safetensors_get_path (files, 0);
      g_ptr_array_add (files->tensors, tensor);
      g_hash_table_insert (files->by_name, (gpointer) tensor->name, tensor);
    }
  tensor->dtype = by->dtype;
  tensor->n_dims = by->n_dims;
  memcpy (tensor->shape, by->shape, sizeof tensor->shape);
  tensor->n_elements = by->n_elements;
  tensor->n_bytes = by->n_bytes;
  tensor->view = view;
  tensor->change = NULL;
  return TRUE;
}

/* A row of the changed tensor, in place of the one of the file. */
static void
change_row (const GtfAdaptation *self, gint64 i, float *row)
{
  const gint64 n = self->plain.shape[1];
  double squares = 0;

  for (gint64 r = 0; r < self->rank; r++)
    {
      const float factor = self->scale * self->left[i * self->rank + r], *right = self->right + r * n;

      for (gint64 j = 0; j < n; j++)
        row[j] += factor * right[j];
    }
  for (gint64 j = 0; self->magnitude && j < n; j++)
    squares += (double) row[j] * row[j];
  for (gint64 j = 0; self->magnitude && squares > 0 && j < n; j++)
    row[j] *= self->magnitude[i] / (float) sqrt (squares);
}

gboolean
gtf_adaptation_read (const GtfSafetensors *files, const GtfAdaptation *self, gsize offset, gsize length, gpointer to, GError **error)
{
  const gsize width = (gsize) self->plain.shape[1], bytes = width * sizeof (float);
  g_autofree float *row = g_try_new (float, width + 1);
  char *at = to;

  if (!row)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: no memory for a row of \"%s\"", self->plain.path, self->plain.name);
      return FALSE;
    }
  for (gsize end = offset + length; offset < end;)
    {
      const gsize i = offset / bytes, skip = offset % bytes, n = MIN (bytes - skip, end - offset);

      if (!gtf_safetensors_read_f32 (files, &self->plain, i * width, width, row, error))
        return FALSE;
      change_row (self, (gint64) i, row);
      memcpy (at, (const char *) row + skip, n);
      at += n;
      offset += n;
    }
  return TRUE;
}
