/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The second half of the binder: reads the tensors of the plan and packs them.
 *
 * The large matrices are cut into chunks of some hundred kilobytes, and all chunks of the model are one job of the pool: a
 * thread reads a chunk into its scratch, converts it and packs it while it is in its cache. So the threads meet once, not once
 * a tensor, and there is never more in memory than the packed weights and one chunk a thread. (A transposed matrix is one
 * chunk, and so is each of a tensor of experts.) Weights that share a tensor (a tied decoder) share what was packed. Convolutions are packed in packing-conv.c.
 */
#include "model/packing-private.h"

#include <string.h>
#include "tensor/convert.h"
#include "tensor/tensor-private.h"

#define CHUNK ((gsize) 512 << 10)
#define MAX_CHUNKS 60000u       /* of one job */

/* Rows at ... at + n of a tensor, to be packed as outputs first ... of a linear weight, or copied to `to` as they are. */
typedef struct
{
  const GtfStoredTensor *tensor;
  GtfLinear *linear;            /* NULL: copied */
  gint64 first, n;
  gboolean transposed;
  char *to;
  gsize offset, length;         /* bytes of the tensor */
} Chunk;

/* ---- chunks --------------------------------------------------------------------------------------------------------- */

static char *
take_buffer (GtfPacker *p, gsize size)
{
  char *buffer = NULL;

  g_mutex_lock (&p->mutex);
  if (size <= CHUNK && p->buffers->len)
    buffer = g_ptr_array_steal_index_fast (p->buffers, p->buffers->len - 1);
  g_mutex_unlock (&p->mutex);
  return buffer ? buffer : g_try_malloc (MAX (size, CHUNK));
}

static void
give_buffer (GtfPacker *p, char *buffer, gsize size)
{
  if (size > CHUNK)
    {
      g_free (buffer);
      return;
    }
  g_mutex_lock (&p->mutex);
  g_ptr_array_add (p->buffers, buffer);
  g_mutex_unlock (&p->mutex);
}

static gboolean
pack_chunk (GtfPacker *p, const Chunk *chunk, GError **error)
{
  GtfRawMatrix raw = { chunk->tensor->dtype, NULL, chunk->transposed };
  char *buffer;
  gboolean ok;

  if (g_cancellable_set_error_if_cancelled (p->cancellable, error))
    return FALSE;
  if (!chunk->linear)
    return gtf_safetensors_read (p->files, chunk->tensor, chunk->offset, chunk->length, chunk->to, error);
  if (!(buffer = take_buffer (p, chunk->length)))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a buffer of %" G_GSIZE_FORMAT " bytes", chunk->length);
      return FALSE;
    }
  ok = gtf_safetensors_read (p->files, chunk->tensor, chunk->offset, chunk->length, buffer, error);
  raw.data = buffer;
  if (ok)
    gtf_linear_put (chunk->linear, chunk->first, chunk->n, &raw);
  give_buffer (p, buffer, chunk->length);
  return ok;
}

static void
run_chunk (gpointer data, guint part, guint n_parts)
{
  GtfPacker *p = data;
  GError *error = NULL;
  gboolean failed;

  g_mutex_lock (&p->mutex);
  failed = p->error != NULL;
  g_mutex_unlock (&p->mutex);
  if (failed || pack_chunk (p, &g_array_index (p->chunks, Chunk, p->first_chunk + part), &error))
    return;
  g_mutex_lock (&p->mutex);
  if (p->error)
    g_error_free (error);
  else
    p->error = error;
  g_mutex_unlock (&p->mutex);
}

static gboolean
run_chunks (GtfPacker *p, GError **error)
{
  for (p->first_chunk = 0; p->first_chunk < p->chunks->len && !p->error; p->first_chunk += MAX_CHUNKS)
    gtf_pool_run (p->pool, MIN (p->chunks->len - p->first_chunk, MAX_CHUNKS), run_chunk, p);
  if (!p->error)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&p->error));
  return FALSE;
}

/* ---- reading what is small ------------------------------------------------------------------------------------------ */

gboolean
gtf_packer_need_scratch (GtfPacker *p, gsize size, GError **error)
{
  if (size <= p->scratch_size)
    return TRUE;
  g_free (p->scratch);
  p->scratch_size = MAX (size, CHUNK);
  p->scratch = g_try_malloc (p->scratch_size);
  if (p->scratch)
    return TRUE;
  p->scratch_size = 0;
  g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a buffer of %" G_GSIZE_FORMAT " bytes", size);
  return FALSE;
}

gboolean
gtf_packer_read_bytes (GtfPacker *p, const GtfStoredTensor *t, gsize offset, gsize length, gpointer to, GError **error)
{
  return gtf_safetensors_read (p->files, t, offset, length, to, error);
}

gconstpointer
gtf_packer_read_whole (GtfPacker *p, const GtfStoredTensor *t, GError **error)
{
  if (!gtf_packer_need_scratch (p, t->n_bytes + 1, error) || !gtf_packer_read_bytes (p, t, 0, t->n_bytes, p->scratch, error))
    return NULL;
  return p->scratch;
}

/* ---- linear --------------------------------------------------------------------------------------------------------- */

/* Panels of float16 weights computed with in float32 stay float16: they are widened in registers, exactly, and half the
 * bytes are read. */
static GtfDtype
panel_type (const GtfPacker *p, const GtfBoundWeight *b)
{
  if (p->dtype != GTF_DTYPE_F32)
    return p->dtype;
  for (guint i = 0; i < b->n_parts; i++)
    if (b->parts[i].weight->dtype != GTF_DTYPE_F16)
      return GTF_DTYPE_F32;
  return GTF_DTYPE_F16;
}

/* Plans the chunks of one part, and packs its bias at once. */
static gboolean
put_part (GtfPacker *p, GtfLinear *linear, gint64 first, const GtfBoundPart *part, gboolean transposed, GError **error)
{
  const GtfStoredTensor *t = part->weight;
  gsize row = t->n_bytes / (gsize) part->out;
  gint64 step = transposed ? part->out : (gint64) MAX (CHUNK / row / GTF_PANEL * GTF_PANEL, GTF_PANEL);

  for (gint64 at = 0; at < part->out; at += step)
    {
      gint64 n = MIN (step, part->out - at);
      Chunk chunk = { t, linear, first + at, n, transposed, NULL, (gsize) at * row, (gsize) n * row };

      g_array_append_val (p->chunks, chunk);
    }
  if (!part->bias)
    return TRUE;
  if (!gtf_packer_read_whole (p, part->bias, error))
    return FALSE;
  gtf_linear_put_bias (linear, first, part->out, part->bias->dtype, p->scratch);
  return TRUE;
}

static gpointer
pack_linear (GtfPacker *p, const GtfBoundWeight *b, GError **error)
{
  gboolean bias = FALSE, transposed = (b->weight->flags & GTF_WEIGHT_TRANSPOSED) != 0;
  GtfLinear *linear = b->n_parts == 1 ? g_hash_table_lookup (p->linears, b->parts[0].weight) : NULL;
  gint64 first = 0;

  for (guint i = 0; i < b->n_parts; i++)
    bias |= b->parts[i].bias != NULL;
  if (linear && !bias && !transposed)
    return linear;
  linear = gtf_linear_new (p->store, panel_type (p, b), b->dims[0], b->dims[1], bias, error);
  for (guint i = 0; linear && i < b->n_parts; i++)
    {
      if (!put_part (p, linear, first, &b->parts[i], transposed, error))
        return NULL;
      first += b->parts[i].out;
    }
  if (linear && b->n_parts == 1 && !transposed)
    g_hash_table_insert (p->linears, (gpointer) b->parts[0].weight, linear);
  return linear;
}

/* One layer after the other, each as it stands turned round in the tensor. */
static gpointer
pack_experts (GtfPacker *p, const GtfBoundWeight *b, GError **error)
{
  const GtfStoredTensor *t = b->parts[0].weight;
  const gint64 n = b->dims[0], in = b->dims[1], out = b->dims[2];
  const gsize bytes = t->n_bytes / (gsize) n;
  GtfLinear **experts = gtf_weight_store_alloc (p->store, (gsize) n * sizeof *experts, error);

  for (gint64 i = 0; experts && i < n; i++)
    {
      Chunk chunk = { t, NULL, 0, out, TRUE, NULL, (gsize) i * bytes, bytes };

      chunk.linear = experts[i] = gtf_linear_new (p->store, panel_type (p, b), out, in, FALSE, error);
      if (!chunk.linear)
        return NULL;
      g_array_append_val (p->chunks, chunk);
    }
  return experts;
}

/* ---- the others ----------------------------------------------------------------------------------------------------- */

static gpointer
pack_norm (GtfPacker *p, const GtfBoundWeight *b, GError **error)
{
  const GtfStoredTensor *w = b->parts[0].weight, *bias = b->parts[0].bias;
  gsize second = (w->n_bytes + 63) & ~(gsize) 63;

  if (!gtf_packer_need_scratch (p, second + (bias ? bias->n_bytes : 0) + 1, error) || !gtf_packer_read_bytes (p, w, 0, w->n_bytes, p->scratch, error)
      || (bias && !gtf_packer_read_bytes (p, bias, 0, bias->n_bytes, p->scratch + second, error)))
    return NULL;
  return gtf_norm_new (p->store, b->dims[0], w->dtype, p->scratch, bias ? bias->dtype : w->dtype, bias ? p->scratch + second : NULL, error);
}

/* A table of rows is read where it will lie, in its own type; types that rows cannot have are widened block by block. */
static gpointer
pack_embedding (GtfPacker *p, const GtfBoundWeight *b, GError **error)
{
  const GtfStoredTensor *t = b->parts[0].weight;
  GtfLinear *shared = g_hash_table_lookup (p->linears, t);
  gboolean as_is = t->dtype == GTF_DTYPE_F32 || t->dtype == GTF_DTYPE_F16 || t->dtype == GTF_DTYPE_BF16;
  gsize element = gtf_dtype_size (t->dtype), step = CHUNK / element;
  GtfEmbedding *self;
  char *rows;

  if (shared)
    return gtf_embedding_new_tied (p->store, shared, error);
  if (!(self = gtf_weight_store_alloc (p->store, sizeof *self, error)))
    return NULL;
  if (t->n_elements > G_MAXSIZE / sizeof (float)
      || !(rows = gtf_weight_store_alloc (p->store, as_is ? t->n_bytes : t->n_elements * sizeof (float), error)))
    return NULL;
  self->n = b->dims[0];
  self->d = b->dims[1];
  self->dtype = as_is ? t->dtype : GTF_DTYPE_F32;
  self->rows = rows;
  for (gsize at = 0; as_is && at < t->n_bytes; at += 4 * CHUNK)
    {
      Chunk chunk = { .tensor = t, .to = rows + at, .offset = at, .length = MIN (4 * CHUNK, t->n_bytes - at) };

      g_array_append_val (p->chunks, chunk);
    }
  if (as_is)
    return self;
  for (gsize at = 0; at < t->n_elements; at += step)
    {
      gsize n = MIN (step, t->n_elements - at);

      if (!gtf_packer_need_scratch (p, n * element, error) || !gtf_packer_read_bytes (p, t, at * element, n * element, p->scratch, error))
        return NULL;
      gtf_convert_f32 (t->dtype, p->scratch, 1, n, (float *) rows + at);
    }
  return self;
}

static gpointer
pack_tensor (GtfPacker *p, const GtfBoundWeight *b, GError **error)
{
  const GtfStoredTensor *t = b->parts[0].weight;

  if (!gtf_packer_read_whole (p, t, error))
    return NULL;
  return gtf_weight_tensor_new (p->store, b->n_dims, b->dims, t->dtype, p->scratch, error);
}

static gpointer
pack_one (GtfPacker *p, const GtfBoundWeight *b, GError **error)
{
  switch (b->weight->type)
    {
    case GTF_WEIGHT_LINEAR:
      return b->norm[0] ? gtf_pack_conv2d (p, b, error) : pack_linear (p, b, error);
    case GTF_WEIGHT_NORM:
      return pack_norm (p, b, error);
    case GTF_WEIGHT_EMBEDDING:
      return pack_embedding (p, b, error);
    case GTF_WEIGHT_CONV1D:
      return gtf_pack_conv1d (p, b, error);
    case GTF_WEIGHT_CONV2D:
      return gtf_pack_conv2d (p, b, error);
    case GTF_WEIGHT_BATCH_NORM:
      return gtf_pack_batch_norm (p, b, error);
    case GTF_WEIGHT_EXPERTS:
      return pack_experts (p, b, error);
    case GTF_WEIGHT_TENSOR:
      return pack_tensor (p, b, error);
    default:
      g_set_error (error, GTF_ERROR, GTF_ERROR_PLUGIN, "the weight \"%s\" has the unknown type %d", b->weight->name, b->weight->type);
      return NULL;
    }
}

/* Linear weights come first, so that an embedding can share a table with its tied projection. */
static gboolean
pack_all (GtfPacker *p, GtfBinding *binding, gboolean linear, GError **error)
{
  for (guint i = 0; i < gtf_binding_get_n (binding); i++)
    {
      const GtfBoundWeight *b = gtf_binding_get (binding, i);

      if (!b->n_parts || (b->weight->type == GTF_WEIGHT_LINEAR) != linear)
        continue;
      if (g_cancellable_set_error_if_cancelled (p->cancellable, error))
        return FALSE;
      if (!(*b->field = pack_one (p, b, error)))
        {
          g_prefix_error (error, "tensor \"%s\": ", b->parts[0].weight->name);
          return FALSE;
        }
    }
  return TRUE;
}

gboolean
gtf_binding_pack (GtfBinding *self, const GtfSafetensors *files, GtfDtype dtype, GtfWeightStore *store, GtfPool *pool, GCancellable *cancellable,
                  GError **error)
{
  g_autoptr (GHashTable) linears = g_hash_table_new (NULL, NULL);
  g_autoptr (GArray) chunks = g_array_new (FALSE, FALSE, sizeof (Chunk));
  g_autoptr (GPtrArray) buffers = g_ptr_array_new_with_free_func (g_free);
  GtfPacker p = { .files = files, .dtype = dtype, .store = store, .pool = pool, .cancellable = cancellable, .linears = linears, .chunks = chunks, .buffers = buffers };
  gboolean ok;

  g_mutex_init (&p.mutex);
  ok = pack_all (&p, self, TRUE, error) && pack_all (&p, self, FALSE, error) && run_chunks (&p, error) && gtf_safetensors_check_sizes (files, error);
  g_mutex_clear (&p.mutex);
  g_free (p.scratch);
  return ok;
}
