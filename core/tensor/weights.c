/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The store of a model's weights, and the weights that are simple: norms, embeddings, plain tensors.
 *
 * The store hands out pieces of large chunks, so that small weights share huge pages too and a model is freed at once.
 */
#include "tensor/weights-private.h"
#include "base/error.h"
#include "kernels/memory.h"
#include "tensor/convert.h"
#include "tensor/tensor-private.h"

#include <string.h>

#define CHUNK ((gsize) 32 << 20)

typedef struct
{
  char *data;
  gsize size, used;
} Chunk;

struct _GtfWeightStore
{
  GArray *chunks;
};

GtfWeightStore *
gtf_weight_store_new (void)
{
  GtfWeightStore *self = g_new0 (GtfWeightStore, 1);

  self->chunks = g_array_new (FALSE, FALSE, sizeof (Chunk));
  return self;
}

void
gtf_weight_store_free (GtfWeightStore *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->chunks->len; i++)
    {
      Chunk *chunk = &g_array_index (self->chunks, Chunk, i);
      gtf_pages_free (chunk->data, chunk->size);
    }
  g_array_unref (self->chunks);
  g_free (self);
}

gpointer
gtf_weight_store_alloc (GtfWeightStore *self, gsize size, GError **error)
{
  Chunk new = { 0 };
  gsize rounded = (size + 63) & ~(gsize) 63;
  gpointer data;

  if (rounded < size)
    goto fail;
  for (guint i = 0; i < self->chunks->len; i++)
    {
      Chunk *chunk = &g_array_index (self->chunks, Chunk, i);
      if (rounded <= chunk->size - chunk->used)
        {
          data = chunk->data + chunk->used;
          chunk->used += rounded;
          return data;
        }
    }
  /* Pages that nobody touches cost nothing, so a chunk may be larger than what is needed now. */
  new.size = MAX (CHUNK, rounded);
  new.data = gtf_pages_alloc (new.size);
  if (new.data == NULL)
    goto fail;
  new.used = rounded;
  g_array_append_val (self->chunks, new);
  return new.data;

fail:
  g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%" G_GSIZE_FORMAT " bytes for weights cannot be allocated", size);
  return NULL;
}

static float *
floats_new (GtfWeightStore *store, gsize n, GtfDtype dtype, gconstpointer raw, GError **error)
{
  float *data = n > G_MAXSIZE / sizeof (float) ? NULL : gtf_weight_store_alloc (store, n * sizeof (float), error);

  if (data != NULL)
    gtf_convert_f32 (dtype, raw, 1, n, data);
  return data;
}

GtfNorm *
gtf_norm_new (GtfWeightStore *store, gint64 n, GtfDtype dtype, gconstpointer weight, GtfDtype bias_dtype, gconstpointer bias, GError **error)
{
  GtfNorm *self = gtf_weight_store_alloc (store, sizeof *self, error);

  if (self == NULL)
    return NULL;
  self->n = n;
  self->weight = floats_new (store, (gsize) n, dtype, weight, error);
  if (self->weight == NULL)
    return NULL;
  if (bias != NULL)
    {
      self->bias = floats_new (store, (gsize) n, bias_dtype, bias, error);
      if (self->bias == NULL)
        return NULL;
    }
  return self;
}

GtfEmbedding *
gtf_embedding_new (GtfWeightStore *store, gint64 n, gint64 d, GtfDtype dtype, gconstpointer rows, GError **error)
{
  GtfEmbedding *self = gtf_weight_store_alloc (store, sizeof *self, error);
  gint64 shape[] = { n, d };
  gboolean as_is = dtype == GTF_DTYPE_F32 || dtype == GTF_DTYPE_F16 || dtype == GTF_DTYPE_BF16;
  gsize n_bytes;
  gpointer data;

  if (self == NULL)
    return NULL;
  self->n = n;
  self->d = d;
  self->dtype = as_is ? dtype : GTF_DTYPE_F32;
  if (!gtf_shape_size (self->dtype, 2, shape, &n_bytes))
    n_bytes = G_MAXSIZE;    /* the store says no */
  data = gtf_weight_store_alloc (store, n_bytes, error);
  if (data == NULL)
    return NULL;
  if (as_is)
    memcpy (data, rows, n_bytes);
  else
    gtf_convert_f32 (dtype, rows, 1, (gsize) (n * d), data);
  self->rows = data;
  return self;
}

GtfEmbedding *
gtf_embedding_new_tied (GtfWeightStore *store, const GtfLinear *linear, GError **error)
{
  GtfEmbedding *self = gtf_weight_store_alloc (store, sizeof *self, error);

  if (self == NULL)
    return NULL;
  self->n = linear->out;
  self->d = linear->in;
  self->dtype = GTF_DTYPE_F32;
  self->linear = linear;
  return self;
}

GtfTensor *
gtf_weight_tensor_new (GtfWeightStore *store, guint n_dims, const gint64 *shape, GtfDtype dtype, gconstpointer raw, GError **error)
{
  GtfTensor *self;
  gsize n_bytes;

  if (!gtf_shape_size (GTF_DTYPE_F32, n_dims, shape, &n_bytes))
    n_bytes = G_MAXSIZE - 4096;
  self = gtf_weight_store_alloc (store, sizeof *self, error);
  if (self == NULL)
    return NULL;
  self->dtype = GTF_DTYPE_F32;
  self->n_dims = n_dims;
  memcpy (self->shape, shape, MIN (n_dims, GTF_MAX_DIMS) * sizeof *shape);
  self->row_stride = shape[n_dims - 1];
  self->in_arena = TRUE;        /* never freed by itself; a reference to it is a copy */
  self->data = gtf_weight_store_alloc (store, n_bytes, error);
  if (self->data == NULL)
    return NULL;
  gtf_convert_f32 (dtype, raw, 1, n_bytes / sizeof (float), self->data);
  return self;
}
