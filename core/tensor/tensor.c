/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tensors on the heap: boxed, reference-counted. Those in an arena (core/tensor/context.c) share the struct; a reference to
 * one is a packed copy on the heap, since the arena may be reset at any time.
 */
#include "tensor/tensor-private.h"
#include "base/error.h"

#include <string.h>

G_DEFINE_BOXED_TYPE (GtfTensor, gtf_tensor, gtf_tensor_ref, gtf_tensor_unref)

gboolean
gtf_shape_size (GtfDtype dtype, guint n_dims, const gint64 *shape, gsize *n_bytes)
{
  gsize n = gtf_dtype_size (dtype);

  if (n == 0 || n_dims == 0 || n_dims > GTF_MAX_DIMS)
    return FALSE;
  for (guint i = 0; i < n_dims; i++)
    if (shape[i] < 0 || !g_size_checked_mul (&n, n, (gsize) shape[i]))
      return FALSE;
  *n_bytes = n;
  return n <= (gsize) G_MAXINT64;
}

char *
gtf_shape_to_string (guint n_dims, const gint64 *shape)
{
  GString *s = g_string_new ("[");

  for (guint i = 0; i < n_dims; i++)
    g_string_append_printf (s, "%s%" G_GINT64_FORMAT, i > 0 ? ", " : "", shape[i]);
  g_string_append_c (s, ']');
  return g_string_free (s, FALSE);
}

static GtfTensor *
tensor_alloc (GtfDtype dtype, guint n_dims, const gint64 *shape, gsize *n_bytes, GError **error)
{
  GtfTensor *self;

  if (!gtf_shape_size (dtype, n_dims, shape, n_bytes))
    {
      g_autofree char *text = gtf_shape_to_string (MIN (n_dims, GTF_MAX_DIMS), shape);
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                   "a tensor of type %s cannot have the shape %s (1 to %d dimensions, none negative, size within 63 bits)",
                   gtf_dtype_name (dtype), text, GTF_MAX_DIMS);
      return NULL;
    }
  self = g_new0 (GtfTensor, 1);
  self->dtype = dtype;
  self->n_dims = n_dims;
  memcpy (self->shape, shape, n_dims * sizeof *shape);
  self->row_stride = shape[n_dims - 1];
  g_atomic_ref_count_init (&self->ref_count);
  return self;
}

/**
 * gtf_tensor_new:
 * @dtype: type of the elements
 * @n_dims: 1 to %GTF_MAX_DIMS
 * @shape: (array length=n_dims): the dimensions
 *
 * Returns: (transfer full) (nullable): a tensor of zeros, or %NULL with @error set if the size is absurd or cannot be had
 */
GtfTensor *
gtf_tensor_new (GtfDtype dtype, guint n_dims, const gint64 *shape, GError **error)
{
  gsize n_bytes;
  GtfTensor *self = tensor_alloc (dtype, n_dims, shape, &n_bytes, error);

  if (self == NULL)
    return NULL;
  self->data = g_try_malloc0 (MAX (n_bytes, 1));
  if (self->data == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "a tensor of %" G_GSIZE_FORMAT " bytes cannot be allocated", n_bytes);
      g_clear_pointer (&self, gtf_tensor_unref);
    }
  return self;
}

/**
 * gtf_tensor_new_bytes:
 * @dtype: type of the elements
 * @n_dims: 1 to %GTF_MAX_DIMS
 * @shape: (array length=n_dims): the dimensions
 * @bytes: the elements, row-major; kept alive, never copied
 *
 * Returns: (transfer full) (nullable): a tensor over @bytes, or %NULL with @error set if @bytes has another size than @shape
 */
GtfTensor *
gtf_tensor_new_bytes (GtfDtype dtype, guint n_dims, const gint64 *shape, GBytes *bytes, GError **error)
{
  gsize n_bytes;
  GtfTensor *self = tensor_alloc (dtype, n_dims, shape, &n_bytes, error);

  if (self == NULL)
    return NULL;
  if (g_bytes_get_size (bytes) != n_bytes)
    {
      g_autofree char *text = gtf_shape_to_string (n_dims, shape);
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT,
                   "a tensor of type %s and shape %s takes %" G_GSIZE_FORMAT " bytes, but there are %" G_GSIZE_FORMAT,
                   gtf_dtype_name (dtype), text, n_bytes, g_bytes_get_size (bytes));
      gtf_tensor_unref (self);
      return NULL;
    }
  self->owner = g_bytes_ref (bytes);
  self->data = (gpointer) g_bytes_get_data (bytes, NULL);
  return self;
}

/**
 * gtf_tensor_ref:
 *
 * Returns: (transfer full): @self with one more reference; of a tensor inside a forward pass a packed copy
 */
GtfTensor *
gtf_tensor_ref (GtfTensor *self)
{
  GtfTensor *copy;

  if (!self->in_arena)
    {
      g_atomic_ref_count_inc (&self->ref_count);
      return self;
    }
  copy = gtf_tensor_new (self->dtype, self->n_dims, self->shape, NULL);
  if (copy != NULL)
    gtf_tensor_copy_packed (self, copy->data);
  return copy;
}

/**
 * gtf_tensor_unref:
 * @self: (transfer full): a tensor
 */
void
gtf_tensor_unref (GtfTensor *self)
{
  if (self->in_arena || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  if (self->owner != NULL)
    g_bytes_unref (self->owner);
  else
    g_free (self->data);
  g_free (self);
}

/**
 * gtf_tensor_get_dtype:
 * @self: a tensor
 *
 * Returns: the type of its elements
 */
GtfDtype
gtf_tensor_get_dtype (const GtfTensor *self)
{
  return self->dtype;
}

/**
 * gtf_tensor_get_n_dims:
 * @self: a tensor
 *
 * Returns: how many dimensions it has, 0 for a single number
 */
guint
gtf_tensor_get_n_dims (const GtfTensor *self)
{
  return self->n_dims;
}

/**
 * gtf_tensor_get_dim:
 * @dim: index of a dimension, negative counts from the end
 *
 * Returns: its size; 1 for a dimension that @self does not have, as in broadcasting
 */
gint64
gtf_tensor_get_dim (const GtfTensor *self, gint dim)
{
  if (dim < 0)
    dim += (gint) self->n_dims;
  return dim >= 0 && dim < (gint) self->n_dims ? self->shape[dim] : 1;
}

/**
 * gtf_tensor_get_n_elements:
 * @self: a tensor
 *
 * Returns: how many numbers it holds: the product of its dimensions
 */
gsize
gtf_tensor_get_n_elements (const GtfTensor *self)
{
  return (gsize) (gtf_tensor_rows (self) * gtf_tensor_cols (self));
}

void
gtf_tensor_copy_packed (const GtfTensor *t, gpointer dst)
{
  gsize size = gtf_dtype_size (t->dtype), row = (gsize) gtf_tensor_cols (t) * size;
  gint64 rows = gtf_tensor_rows (t);

  if (row == 0 || rows == 0)
    return;
  if (gtf_tensor_is_packed (t))
    {
      memmove (dst, t->data, row * (gsize) rows);
      return;
    }
  for (gint64 i = 0; i < rows; i++)
    memmove ((char *) dst + (gsize) i * row, (char *) t->data + gtf_tensor_row_offset (t, i) * (gint64) size, row);
}

/**
 * gtf_tensor_get_bytes:
 *
 * Returns: (transfer full): the elements, row-major, as a copy (or the very bytes that the tensor was made of)
 */
GBytes *
gtf_tensor_get_bytes (const GtfTensor *self)
{
  gsize n_bytes = gtf_tensor_get_n_elements (self) * gtf_dtype_size (self->dtype);
  gpointer copy;

  if (self->owner != NULL && gtf_tensor_is_packed (self) && g_bytes_get_size (self->owner) == n_bytes)
    return g_bytes_ref (self->owner);
  copy = g_malloc (MAX (n_bytes, 1));
  gtf_tensor_copy_packed (self, copy);
  return g_bytes_new_take (copy, n_bytes);
}

/**
 * gtf_tensor_read_f32:
 * @self: a tensor of %GTF_DTYPE_F32
 * @first: the first element, counted row-major
 * @n: how many; @first and @n lie inside of the tensor
 * @to: (out caller-allocates) (array length=n): where to
 *
 * Copies some elements, for whoever needs a row of logits and not all of them.
 */
void
gtf_tensor_read_f32 (const GtfTensor *self, gsize first, gsize n, float *to)
{
  gsize cols = (gsize) gtf_tensor_cols (self), total = gtf_tensor_get_n_elements (self);

  g_return_if_fail (self->dtype == GTF_DTYPE_F32 && first <= total && n <= total - first);
  while (n)
    {
      gsize column = first % cols, step = MIN (n, cols - column);

      memcpy (to, gtf_tensor_f32 (self) + gtf_tensor_row_offset (self, (gint64) (first / cols)) + (gint64) column, step * sizeof (float));
      first += step;
      to += step;
      n -= step;
    }
}
