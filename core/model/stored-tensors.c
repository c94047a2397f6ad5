/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of the tensors of some files, whatever their format, and reading their numbers.
 *
 * What a file is, is told by its first bytes: safetensors, or one of the three forms that torch.save() has had. A tensor whose elements do not lie one after
 * the other (a transposed or sliced one, which only torch writes) is put in order in memory at its first use.
 */
#include "model/safetensors-private.h"

#include <string.h>
#include "model/adapted.h"
#include "tensor/convert.h"
#include "tensor/tensor-private.h"

static void
view_free (gpointer data)
{
  GtfStoredView *view = data;

  g_free (view->packed);
  g_free (view);
}

GtfSafetensors *
gtf_safetensors_new (void)
{
  GtfSafetensors *self = g_new0 (GtfSafetensors, 1);

  self->files = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_byte_source_free);
  self->tensors = g_ptr_array_new_with_free_func (g_free);
  self->views = g_ptr_array_new_with_free_func (view_free);
  self->changes = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_adaptation_free);
  self->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  self->metadata = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->names = g_string_chunk_new (4096);
  g_mutex_init (&self->mutex);
  return self;
}

void
gtf_safetensors_free (GtfSafetensors *self)
{
  if (!self)
    return;
  g_hash_table_unref (self->by_name);
  g_hash_table_unref (self->metadata);
  g_ptr_array_unref (self->tensors);
  g_ptr_array_unref (self->views);
  g_ptr_array_unref (self->changes);
  g_ptr_array_unref (self->files);
  g_string_chunk_free (self->names);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

/* ---- files ---------------------------------------------------------------------------------------------------------- */

gboolean
gtf_safetensors_add_source (GtfSafetensors *self, GtfByteSource *source, GError **error)
{
  const char *path = gtf_byte_source_get_path (source);
  guint8 first[GTF_TORCH_FIRST_BYTES];
  gsize n = MIN (gtf_byte_source_get_size (source), sizeof first);
  gboolean named = g_str_has_suffix (path, ".safetensors");

  g_ptr_array_add (self->files, source);
  if (!named && !gtf_byte_source_read (source, 0, first, n, error))
    return FALSE;
  if (named || gtf_safetensors_looks_like (first, n))
    return gtf_safetensors_add_safetensors (self, source, error);
  return gtf_torch_add (self, source, first, n, error);
}

gboolean
gtf_safetensors_add_file (GtfSafetensors *self, const char *path, GError **error)
{
  GtfByteSource *source = gtf_byte_source_open (path, error);

  return source && gtf_safetensors_add_source (self, source, error);
}

/* Makes the tensors findable by name; a name that two files have is an error. */
gboolean
gtf_safetensors_finish (GtfSafetensors *self, GError **error)
{
  for (guint i = 0; i < self->tensors->len; i++)
    {
      GtfStoredTensor *t = self->tensors->pdata[i];
      const GtfStoredTensor *other = g_hash_table_lookup (self->by_name, t->name);

      if (other)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: tensor \"%s\" is also in %s", t->path, t->name, other->path);
          return FALSE;
        }
      g_hash_table_insert (self->by_name, (gpointer) t->name, t);
    }
  return TRUE;
}

GtfSafetensors *
gtf_safetensors_open_sources (GtfByteSource **sources, guint n, GError **error)
{
  g_autoptr (GtfSafetensors) self = gtf_safetensors_new ();
  gboolean ok = TRUE;

  for (guint i = 0; i < n; i++)
    if (ok)
      ok = gtf_safetensors_add_source (self, sources[i], error);
    else
      gtf_byte_source_free (sources[i]);
  return ok && gtf_safetensors_finish (self, error) ? g_steal_pointer (&self) : NULL;
}

GtfSafetensors *
gtf_safetensors_open_source (GtfByteSource *source, GError **error)
{
  return gtf_safetensors_open_sources (&source, 1, error);
}

GtfSafetensors *
gtf_safetensors_open_file (const char *path, GError **error)
{
  GtfByteSource *source = gtf_byte_source_open (path, error);

  return source ? gtf_safetensors_open_source (source, error) : NULL;
}

gboolean
gtf_safetensors_check_sizes (const GtfSafetensors *self, GError **error)
{
  for (guint i = 0; i < self->files->len; i++)
    if (!gtf_byte_source_check_size (self->files->pdata[i], error))
      return FALSE;
  return TRUE;
}

/* ---- what there is -------------------------------------------------------------------------------------------------- */

guint
gtf_safetensors_get_n_tensors (const GtfSafetensors *self)
{
  return self->tensors->len;
}

const GtfStoredTensor *
gtf_safetensors_get (const GtfSafetensors *self, guint index)
{
  g_return_val_if_fail (index < self->tensors->len, NULL);
  return self->tensors->pdata[index];
}

const GtfStoredTensor *
gtf_safetensors_find (const GtfSafetensors *self, const char *name)
{
  return g_hash_table_lookup (self->by_name, name);
}

const char *
gtf_safetensors_get_metadata (const GtfSafetensors *self, const char *key)
{
  return g_hash_table_lookup (self->metadata, key);
}

guint
gtf_safetensors_get_n_files (const GtfSafetensors *self)
{
  return self->files->len;
}

const char *
gtf_safetensors_get_path (const GtfSafetensors *self, guint file)
{
  g_return_val_if_fail (file < self->files->len, NULL);
  return gtf_byte_source_get_path (self->files->pdata[file]);
}

/* Copies the elements of a view out of the part of the file that it spans, in the order of its shape. */
static void
gather (const GtfStoredView *view, gsize element, const char *from, char *to, gsize n)
{
  gint64 index[GTF_MAX_DIMS] = { 0 };

  for (gsize i = 0; i < n; i++)
    {
      gint64 at = 0;

      for (guint d = 0; d < view->n_dims; d++)
        at += index[d] * view->strides[d];
      memcpy (to + i * element, from + (gsize) at * element, element);
      for (guint d = view->n_dims; d-- > 0 && ++index[d] == view->shape[d];)
        index[d] = 0;
    }
}

/* Puts a view in order, once. Its size and that of its part of the file were bounded when the file was opened. */
static gboolean
pack_view (const GtfSafetensors *self, const GtfStoredTensor *t, GError **error)
{
  GMutex *mutex = (GMutex *) &self->mutex;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (mutex);
  GtfStoredView *view = t->view;
  g_autofree char *span = NULL, *packed = NULL;

  if (view->packed)
    return TRUE;
  span = g_try_malloc (view->span + 1);
  packed = g_try_malloc (t->n_bytes + 1);
  if (!span || !packed)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: tensor \"%s\": no memory for %" G_GSIZE_FORMAT " bytes", t->path, t->name, view->span + t->n_bytes);
      return FALSE;
    }
  if (!gtf_byte_source_read (self->files->pdata[t->file], (guint64) t->offset, span, view->span, error))
    return FALSE;
  gather (view, gtf_dtype_size (t->dtype), span, packed, t->n_elements);
  view->packed = g_steal_pointer (&packed);
  return TRUE;
}

gboolean
gtf_safetensors_read (const GtfSafetensors *self, const GtfStoredTensor *tensor, gsize offset, gsize length, gpointer to, GError **error)
{
  g_return_val_if_fail (offset <= tensor->n_bytes && length <= tensor->n_bytes - offset, FALSE);
  if (!gtf_byte_source_has_data (self->files->pdata[tensor->file]))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: tensor \"%s\": only the header of this file was read", tensor->path, tensor->name);
      return FALSE;
    }
  if (tensor->change)
    return gtf_adaptation_read (self, tensor->change, offset, length, to, error);
  if (!tensor->view)
    return gtf_byte_source_read (self->files->pdata[tensor->file], (guint64) tensor->offset + offset, to, length, error);
  if (!pack_view (self, tensor, error))
    return FALSE;
  memcpy (to, tensor->view->packed + offset, length);
  return TRUE;
}

gboolean
gtf_safetensors_read_f32 (const GtfSafetensors *self, const GtfStoredTensor *tensor, gsize first, gsize n, float *to, GError **error)
{
  gsize element = gtf_dtype_size (tensor->dtype);
  char buffer[65536];

  if (tensor->dtype < GTF_DTYPE_F64 || tensor->dtype > GTF_DTYPE_F8_E4M3)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "%s: tensor \"%s\": expected floating-point numbers, found %s", tensor->path, tensor->name,
                   gtf_dtype_name (tensor->dtype));
      return FALSE;
    }
  g_return_val_if_fail (first <= tensor->n_elements && n <= tensor->n_elements - first, FALSE);
  while (n)
    {
      gsize step = MIN (n, sizeof buffer / element);

      if (!gtf_safetensors_read (self, tensor, first * element, step * element, buffer, error))
        return FALSE;
      gtf_convert_f32 (tensor->dtype, buffer, 1, step, to);
      first += step;
      to += step;
      n -= step;
    }
  return TRUE;
}

GtfTensor *
gtf_safetensors_read_tensor (const GtfSafetensors *self, const GtfStoredTensor *tensor, GError **error)
{
  g_autofree char *data = g_try_malloc (tensor->n_bytes + 1);
  g_autoptr (GBytes) bytes = NULL;

  if (!data)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: tensor \"%s\": no memory for %" G_GSIZE_FORMAT " bytes", tensor->path, tensor->name, tensor->n_bytes);
      return NULL;
    }
  if (!gtf_safetensors_read (self, tensor, 0, tensor->n_bytes, data, error))
    return NULL;
  bytes = g_bytes_new_take (g_steal_pointer (&data), tensor->n_bytes);
  return gtf_tensor_new_bytes (tensor->dtype, tensor->n_dims, tensor->shape, bytes, error);
}
