/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The second half of the binder: reads the tensors of the plan and packs them.
 *
 * The large matrices are cut into chunks of some hundred kilobytes, and all chunks of the model are one job of the pool: a
 * thread reads a chunk into its scratch, converts it and packs it while it is in its cache. So the threads meet once, not once
 * a tensor, and there is never more in memory than the packed weights and one chunk a thread. (A transposed matrix is one
 * chunk.) Weights that share a tensor (a tied decoder) share what was packed.
 */
#include "model/binding.h"

#include <math.h>
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

typedef struct
{
  const GtfSafetensors *files;
  GtfDtype dtype;               /* computed with */
  GtfWeightStore *store;
  GtfPool *pool;
  GCancellable *cancellable;
  char *scratch;                /* for what is small and read one after the other */
  gsize scratch_size;
  GHashTable *linears;          /* GtfStoredTensor of a whole weight -> GtfLinear */
  GArray *chunks;
  guint first_chunk;            /* of the running job */
  GMutex mutex;                 /* guards what follows */
  GPtrArray *buffers;           /* of CHUNK bytes, not in use */
  GError *error;
} Packer;

/* ---- chunks --------------------------------------------------------------------------------------------------------- */

static char *
take_buffer (Packer *p, gsize size)
{
  char *buffer = NULL;

  g_mutex_lock (&p->mutex);
  if (size <= CHUNK && p->buffers->len)
    buffer = g_ptr_array_steal_index_fast (p->buffers, p->buffers->len - 1);
  g_mutex_unlock (&p->mutex);
  return buffer ? buffer : g_try_malloc (MAX (size, CHUNK));
}

static void
give_buffer (Packer *p, char *buffer, gsize size)
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
pack_chunk (Packer *p, const Chunk *chunk, GError **error)
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
  Packer *p = data;
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
run_chunks (Packer *p, GError **error)
{
  for (p->first_chunk = 0; p->first_chunk < p->chunks->len && !p->error; p->first_chunk += MAX_CHUNKS)
    gtf_pool_run (p->pool, MIN (p->chunks->len - p->first_chunk, MAX_CHUNKS), run_chunk, p);
  if (!p->error)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&p->error));
  return FALSE;
}

/* ---- reading what is small ------------------------------------------------------------------------------------------ */

/* At least @size bytes of scratch. */
static gboolean
need_scratch (Packer *p, gsize size, GError **error)
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

static gboolean
read_bytes (Packer *p, const GtfStoredTensor *t, gsize offset, gsize length, gpointer to, GError **error)
{
  return gtf_safetensors_read (p->files, t, offset, length, to, error);
}

/* The whole tensor in the scratch. */
static gconstpointer
read_whole (Packer *p, const GtfStoredTensor *t, GError **error)
{
  if (!need_scratch (p, t->n_bytes + 1, error) || !read_bytes (p, t, 0, t->n_bytes, p->scratch, error))
    return NULL;
  return p->scratch;
}

/* Into which of the lengths element @i of the weight counts. */
static gsize
gain_index (const GtfStoredTensor *w, const GtfStoredTensor *gain, gsize i)
{
  gsize inner = w->n_elements;

  for (guint d = 0; d < gain->n_dims && gain->n_elements > 1; d++)
    {
      inner /= (gsize) w->shape[d];
      if (gain->shape[d] != 1)
        return i / inner % (gsize) w->shape[d];
    }
  return 0;
}

/* w = g v / |v|, each length over all elements that share it (Salimans and Kingma 2016, as torch's weight_norm): in float32, in the scratch. */
static gconstpointer
read_normalised (Packer *p, const GtfBoundPart *part, GError **error)
{
  const GtfStoredTensor *w = part->weight, *gain = part->gain;
  g_autofree double *scale = g_try_new0 (double, gain->n_elements + 1);
  g_autofree float *v = w->n_elements > G_MAXSIZE / sizeof (float) - 1 ? NULL : g_try_new (float, w->n_elements + 1), *g = g_try_new (float, gain->n_elements + 1);

  if (!scale || !v || !g)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for %" G_GSIZE_FORMAT " numbers", w->n_elements);
      return NULL;
    }
  if (!read_whole (p, w, error))
    return NULL;
  gtf_convert_f32 (w->dtype, p->scratch, 1, w->n_elements, v);
  if (!read_whole (p, gain, error))
    return NULL;
  gtf_convert_f32 (gain->dtype, p->scratch, 1, gain->n_elements, g);
  for (gsize i = 0; i < w->n_elements; i++)
    scale[gain_index (w, gain, i)] += (double) v[i] * v[i];
  for (gsize i = 0; i < gain->n_elements; i++)
    scale[i] = g[i] / sqrt (scale[i]);
  if (!need_scratch (p, w->n_elements * sizeof (float), error))
    return NULL;
  for (gsize i = 0; i < w->n_elements; i++)
    ((float *) (gpointer) p->scratch)[i] = (float) (v[i] * scale[gain_index (w, gain, i)]);
  return p->scratch;
}

/* The weight of a convolution in the scratch, and its type there. */
static gconstpointer
read_conv (Packer *p, const GtfBoundPart *part, GtfDtype *dtype, GError **error)
{
  *dtype = part->gain ? GTF_DTYPE_F32 : part->weight->dtype;
  return part->gain ? read_normalised (p, part, error) : read_whole (p, part->weight, error);
}

/* ---- linear --------------------------------------------------------------------------------------------------------- */

/* Panels of float16 weights computed with in float32 stay float16: they are widened in registers, exactly, and half the
 * bytes are read. */
static GtfDtype
panel_type (const Packer *p, const GtfBoundWeight *b)
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
put_part (Packer *p, GtfLinear *linear, gint64 first, const GtfBoundPart *part, gboolean transposed, GError **error)
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
  if (!read_whole (p, part->bias, error))
    return FALSE;
  gtf_linear_put_bias (linear, first, part->out, part->bias->dtype, p->scratch);
  return TRUE;
}

static gpointer
pack_linear (Packer *p, const GtfBoundWeight *b, GError **error)
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

/* ---- the others ----------------------------------------------------------------------------------------------------- */

/* What a batch normalisation does to each output, in double and then rounded: one block of scales and shifts. FALSE after the error. */
static gboolean
read_fold (Packer *p, const GtfBoundWeight *b, GtfFold *fold, GError **error)
{
  const gsize n = (gsize) b->dims[0];
  float *all = n > G_MAXSIZE / 4 / sizeof *all ? NULL : g_try_new (float, 4 * n);

  if (!all)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a normalisation of %" G_GSIZE_FORMAT " channels", n);
      return FALSE;
    }
  for (guint i = 0; i < 4; i++)
    {
      gconstpointer raw = b->norm[i] ? read_whole (p, b->norm[i], error) : NULL;

      if (!raw)
        {
          g_free (all);
          return FALSE;
        }
      gtf_convert_f32 (b->norm[i]->dtype, raw, 1, n, all + i * n);
    }
  for (gsize i = 0; i < n; i++)
    {
      double scale = all[i] / sqrt (all[3 * n + i] + b->eps);

      all[i] = (float) scale;
      all[n + i] = (float) (all[n + i] - all[2 * n + i] * scale);
    }
  *fold = (GtfFold){ all, all + n };
  return TRUE;
}

static gpointer
pack_batch_norm (Packer *p, const GtfBoundWeight *b, GError **error)
{
  GtfFold fold;
  gpointer self;

  if (!read_fold (p, b, &fold, error))
    return NULL;
  self = gtf_norm_new (p->store, b->dims[0], GTF_DTYPE_F32, fold.scale, GTF_DTYPE_F32, fold.shift, error);
  g_free (fold.scale);
  return self;
}

/* The weights of a branch and what its normalisation does to them; its shift is added to that of what it becomes part of. FALSE after the error. */
static gboolean
read_branch (Packer *p, const GtfBoundWeight *b, const GtfFold *fold, GtfConvBranch *branch, GError **error)
{
  const GtfStoredTensor *w = b->branch->parts[0].weight;
  gpointer raw;

  if (!read_fold (p, b->branch, &branch->fold, error))
    return FALSE;
  for (gint64 o = 0; o < b->dims[0]; o++)
    fold->shift[o] += branch->fold.shift[o];
  branch->dtype = w->dtype;
  branch->raw = raw = g_try_malloc (w->n_bytes);
  if (raw)
    return read_bytes (p, w, 0, w->n_bytes, raw, error);
  g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for \"%s\"", w->name);
  return FALSE;
}

static void
clear_branch (GtfConvBranch *branch)
{
  g_free (branch->fold.scale);
  g_free ((gpointer) branch->raw);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GtfConvBranch, clear_branch)

/* A convolution, or a linear layer with a batch normalisation: one of 1 x 1 pixels. */
static gpointer
pack_conv2d (Packer *p, const GtfBoundWeight *b, GError **error)
{
  const GtfStoredTensor *bias = b->parts[0].bias;
  const gboolean is_conv = b->weight->type == GTF_WEIGHT_CONV2D, transposed = is_conv && (b->weight->flags & GTF_WEIGHT_TRANSPOSED);
  const gint64 out = b->dims[0], groups = is_conv && (b->weight->flags & GTF_WEIGHT_GROUPED) ? out / b->dims[1] : 1;
  g_autofree float *scales = NULL;
  g_auto (GtfConvBranch) branch = { 0 };
  GtfFold fold = { NULL, NULL };
  GtfConv2d *self;
  GtfDtype stored;

  if (b->norm[0] && !read_fold (p, b, &fold, error))
    return NULL;
  scales = fold.scale;
  if (b->branch && !read_branch (p, b, &fold, &branch, error))
    return NULL;
  self = gtf_conv2d_new (p->store, p->dtype, out, groups * b->dims[1], is_conv ? b->dims[2] : 1, is_conv ? b->dims[3] : 1, groups, transposed,
                         bias || scales, error);
  if (!self || !read_conv (p, &b->parts[0], &stored, error)
      || !gtf_conv2d_put (self, p->pool, stored, p->scratch, scales ? &fold : NULL, b->branch ? &branch : NULL, b->weight->flags & GTF_WEIGHT_STANDARDIZED ? b->eps : -1, error))
    return NULL;
  if (bias && !read_whole (p, bias, error))
    return NULL;
  if (bias || scales)
    gtf_conv2d_put_bias (self, bias ? bias->dtype : GTF_DTYPE_F32, bias ? p->scratch : NULL, scales ? &fold : NULL);
  return is_conv ? (gpointer) self : self->blocks[0];
}

static gpointer
pack_norm (Packer *p, const GtfBoundWeight *b, GError **error)
{
  const GtfStoredTensor *w = b->parts[0].weight, *bias = b->parts[0].bias;
  gsize second = (w->n_bytes + 63) & ~(gsize) 63;

  if (!need_scratch (p, second + (bias ? bias->n_bytes : 0) + 1, error) || !read_bytes (p, w, 0, w->n_bytes, p->scratch, error)
      || (bias && !read_bytes (p, bias, 0, bias->n_bytes, p->scratch + second, error)))
    return NULL;
  return gtf_norm_new (p->store, b->dims[0], w->dtype, p->scratch, bias ? bias->dtype : w->dtype, bias ? p->scratch + second : NULL, error);
}

/* A table of rows is read where it will lie, in its own type; types that rows cannot have are widened block by block. */
static gpointer
pack_embedding (Packer *p, const GtfBoundWeight *b, GError **error)
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

      if (!need_scratch (p, n * element, error) || !read_bytes (p, t, at * element, n * element, p->scratch, error))
        return NULL;
      gtf_convert_f32 (t->dtype, p->scratch, 1, n, (float *) rows + at);
    }
  return self;
}

static gpointer
pack_conv1d (Packer *p, const GtfBoundWeight *b, GError **error)
{
  const GtfStoredTensor *bias = b->parts[0].bias;
  /* Eight bits are for the large products; the few convolutions stay exact. */
  GtfDtype dtype = p->dtype == GTF_DTYPE_I8 ? GTF_DTYPE_F32 : p->dtype, stored;
  GtfConv1d *self = gtf_conv1d_new (p->store, dtype, b->dims[0], b->dims[1], b->dims[2], bias != NULL, error);

  if (!self || !read_conv (p, &b->parts[0], &stored, error))
    return NULL;
  gtf_conv1d_put (self, p->pool, stored, p->scratch);
  if (!bias)
    return self;
  if (!read_whole (p, bias, error))
    return NULL;
  gtf_conv1d_put_bias (self, bias->dtype, p->scratch);
  return self;
}

static gpointer
pack_tensor (Packer *p, const GtfBoundWeight *b, GError **error)
{
  const GtfStoredTensor *t = b->parts[0].weight;

  if (!read_whole (p, t, error))
    return NULL;
  return gtf_weight_tensor_new (p->store, b->n_dims, b->dims, t->dtype, p->scratch, error);
}

static gpointer
pack_one (Packer *p, const GtfBoundWeight *b, GError **error)
{
  switch (b->weight->type)
    {
    case GTF_WEIGHT_LINEAR:
      return b->norm[0] ? pack_conv2d (p, b, error) : pack_linear (p, b, error);
    case GTF_WEIGHT_NORM:
      return pack_norm (p, b, error);
    case GTF_WEIGHT_EMBEDDING:
      return pack_embedding (p, b, error);
    case GTF_WEIGHT_CONV1D:
      return pack_conv1d (p, b, error);
    case GTF_WEIGHT_CONV2D:
      return pack_conv2d (p, b, error);
    case GTF_WEIGHT_BATCH_NORM:
      return pack_batch_norm (p, b, error);
    case GTF_WEIGHT_TENSOR:
      return pack_tensor (p, b, error);
    default:
      g_set_error (error, GTF_ERROR, GTF_ERROR_PLUGIN, "the weight \"%s\" has the unknown type %d", b->weight->name, b->weight->type);
      return NULL;
    }
}

/* Linear weights come first, so that an embedding can share a table with its tied projection. */
static gboolean
pack_all (Packer *p, GtfBinding *binding, gboolean linear, GError **error)
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
  Packer p = { .files = files, .dtype = dtype, .store = store, .pool = pool, .cancellable = cancellable, .linears = linears, .chunks = chunks, .buffers = buffers };
  gboolean ok;

  g_mutex_init (&p.mutex);
  ok = pack_all (&p, self, TRUE, error) && pack_all (&p, self, FALSE, error) && run_chunks (&p, error) && gtf_safetensors_check_sizes (files, error);
  g_mutex_clear (&p.mutex);
  g_free (p.scratch);
  return ok;
}
