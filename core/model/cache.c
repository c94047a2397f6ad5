/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Keys and values of what was decoded (self-attention) and encoded (cross-attention).
 *
 * Self-attention: one buffer for k and one for v a layer, [rows][capacity][size]; the steps so far are a view of it, with rows
 * `capacity` steps apart. Capacity doubles up to the longest sequence. Cross-attention: [rows][states][size]. Buffers only
 * grow and live as long as the session, so memory is flat in live use.
 *
 * Beam search moves rows: row i continues row parents[i]. Only rows that change are copied, in an order in which no row is overwritten
 * before it was read; a cycle goes through one spare row.
 */
#include "model/cache.h"

#include <string.h>
#include "kernels/memory.h"
#include "tensor/context-private.h"

#define FIRST_CAPACITY 64

typedef struct
{
  float *k, *v;                 /* self-attention */
  float *cross_k, *cross_v;
  gsize cross_room;             /* floats in each of the cross buffers */
} Layer;

struct _GtfCache
{
  gint64 n_layers, size, positions;
  gint64 rows, past, steps;     /* steps: of the running call */
  gint64 capacity, row_room;    /* the self buffers are [row_room][capacity][size] */
  gint64 cross_rows, states;
  gboolean narrow;              /* the cross buffers hold bfloat16 */
  gsize bytes;
  float *spare;                 /* one row, for cycles */
  gint64 spare_room;
  Layer *layers;
};

/* The cross buffers are read whole at each step: on huge pages that goes twice as fast. */
static void
free_cross (Layer *l)
{
  gtf_pages_free (l->cross_k, l->cross_room * sizeof (float));
  gtf_pages_free (l->cross_v, l->cross_room * sizeof (float));
  l->cross_k = l->cross_v = NULL;
  l->cross_room = 0;
}

GtfCache *
gtf_cache_new (gint64 n_layers, gint64 size, gint64 positions)
{
  GtfCache *self = g_new0 (GtfCache, 1);

  self->n_layers = n_layers;
  self->size = size;
  self->positions = positions;
  self->layers = g_new0 (Layer, n_layers);
  return self;
}

void
gtf_cache_free (GtfCache *self)
{
  if (!self)
    return;
  for (gint64 i = 0; i < self->n_layers; i++)
    {
      g_free (self->layers[i].k);
      g_free (self->layers[i].v);
      free_cross (&self->layers[i]);
    }
  g_free (self->spare);
  g_free (self->layers);
  g_free (self);
}

void
gtf_cache_reset (GtfCache *self)
{
  self->rows = self->past = self->steps = 0;
  self->cross_rows = self->states = 0;
}

/* ---- room ----------------------------------------------------------------------------------------------------------- */

/* A buffer of rows x steps x size floats, or NULL. */
static float *
buffer_new (const GtfCache *self, gint64 rows, gint64 steps)
{
  gint64 n;

  if (__builtin_mul_overflow (rows, steps, &n) || __builtin_mul_overflow (n, self->size, &n) || n > G_MAXINT64 / 8)
    return NULL;
  return g_try_malloc_n ((gsize) MAX (n, 1), sizeof (float));
}

/* Moves one buffer into a larger one. */
static gboolean
regrow (GtfCache *self, float **buffer, gint64 rows, gint64 capacity)
{
  float *larger = buffer_new (self, rows, capacity);
  gint64 keep = self->past ? MIN (self->rows, rows) : 0;

  if (!larger)
    return FALSE;
  for (gint64 r = 0; r < keep; r++)
    memcpy (larger + r * capacity * self->size, *buffer + r * self->capacity * self->size, (gsize) (self->past * self->size) * sizeof (float));
  g_free (*buffer);
  *buffer = larger;
  return TRUE;
}

/* Room for @rows rows of @steps steps. What is there is kept. A failure half way leaves buffers that are too large in part, which
 * is why the sizes are raised only at the end: the cache then forgets what it held. */
static gboolean
make_room (GtfCache *self, gint64 rows, gint64 steps, GError **error)
{
  gint64 capacity = MAX (self->capacity, FIRST_CAPACITY), row_room = MAX (self->row_room, rows);

  while (capacity < steps)
    capacity *= 2;
  capacity = MIN (capacity, self->positions);
  if (capacity == self->capacity && row_room == self->row_room)
    return TRUE;
  for (gint64 i = 0; i < self->n_layers; i++)
    if (!regrow (self, &self->layers[i].k, row_room, capacity) || !regrow (self, &self->layers[i].v, row_room, capacity))
      {
        for (gint64 j = 0; j < self->n_layers; j++)
          {
            g_clear_pointer (&self->layers[j].k, g_free);
            g_clear_pointer (&self->layers[j].v, g_free);
          }
        self->rows = self->past = self->capacity = self->row_room = 0;
        g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a cache of %" G_GINT64_FORMAT " sequences of %" G_GINT64_FORMAT " steps", rows, steps);
        return FALSE;
      }
  self->capacity = capacity;
  self->row_room = row_room;
  self->bytes = (gsize) (self->n_layers * 2 * row_room * capacity * self->size) * sizeof (float);
  return TRUE;
}

gboolean
gtf_cache_begin (GtfCache *self, gint64 n_rows, gint64 n_steps, GError **error)
{
  if (self->past && n_rows != self->rows)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "decode: %" G_GINT64_FORMAT " rows, but the cache holds %" G_GINT64_FORMAT, n_rows, self->rows);
      return FALSE;
    }
  if (self->cross_rows && n_rows % self->cross_rows)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "decode: %" G_GINT64_FORMAT " rows are no multiple of the %" G_GINT64_FORMAT " encoded ones", n_rows,
                   self->cross_rows);
      return FALSE;
    }
  if (n_steps > self->positions - self->past)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "decode: %" G_GINT64_FORMAT " steps after %" G_GINT64_FORMAT " are more than the %" G_GINT64_FORMAT
                   " positions of the model", n_steps, self->past, self->positions);
      return FALSE;
    }
  if (!make_room (self, n_rows, self->past + n_steps, error))
    return FALSE;
  self->rows = n_rows;
  self->steps = n_steps;
  return TRUE;
}

void
gtf_cache_end (GtfCache *self)
{
  self->past += self->steps;
  self->steps = 0;
}

void
gtf_cache_truncate (GtfCache *self, gint64 n_steps)
{
  self->past = CLAMP (n_steps, 0, self->past);
}

gint64
gtf_cache_get_past (const GtfCache *self)
{
  return self->past;
}

gsize
gtf_cache_get_size (const GtfCache *self)
{
  gsize bytes = self->bytes;

  for (gint64 i = 0; i < self->n_layers; i++)
    bytes += 2 * self->layers[i].cross_room * sizeof (float);
  return bytes;
}

/* ---- what a forward pass calls -------------------------------------------------------------------------------------- */

/* Copies x [B][T][D], strided or not, behind the past steps of each row. */
static void
append_one (GtfCache *self, float *buffer, const GtfTensor *x)
{
  for (gint64 r = 0; r < self->rows; r++)
    for (gint64 t = 0; t < self->steps; t++)
      memcpy (buffer + (r * self->capacity + self->past + t) * self->size,
              gtf_tensor_f32 (x) + gtf_tensor_row_offset (x, r * self->steps + t), (gsize) self->size * sizeof (float));
}

/* A view [rows][steps][size] of a buffer whose rows lie @stride steps apart. */
static GtfTensor *
view (GtfContext *c, const GtfCache *self, float *buffer, gint64 rows, gint64 steps, gint64 stride)
{
  GtfTensor *t = gtf_arena_alloc (c, sizeof *t);

  if (!t)
    return NULL;
  memset (t, 0, sizeof *t);
  t->dtype = GTF_DTYPE_F32;
  t->n_dims = 3;
  t->shape[0] = rows;
  t->shape[1] = steps;
  t->shape[2] = self->size;
  t->row_stride = self->size;
  t->matrix_stride = stride * self->size;
  t->data = buffer;
  t->in_arena = TRUE;
  return t;
}

static gboolean
check_layer (GtfContext *c, const GtfCache *cache, gint64 layer)
{
  if (cache && layer >= 0 && layer < cache->n_layers)
    return TRUE;
  gtf_fail (c, cache ? "the model declares fewer decoder layers than it has" : "there is no cache in this call");
  return FALSE;
}

static gboolean
fits (const GtfCache *cache, const GtfTensor *x)
{
  return x->n_dims == 3 && x->shape[0] == cache->rows && x->shape[1] == cache->steps && x->shape[2] == cache->size;
}

void
gtf_cache_append (GtfContext *c, GtfCache *cache, gint64 layer, const GtfTensor *k, const GtfTensor *v, GtfTensor **k_all, GtfTensor **v_all)
{
  Layer *l;

  *k_all = *v_all = NULL;
  if (!gtf_op_begin (c, "gtf_cache_append", 2, k, v) || !check_layer (c, cache, layer))
    return;
  if (!fits (cache, k) || !fits (cache, v))
    {
      gtf_fail_shapes (c, k, v, "keys and values are not [rows][steps][kv_size] of the running call");
      return;
    }
  l = &cache->layers[layer];
  append_one (cache, l->k, k);
  append_one (cache, l->v, v);
  *k_all = view (c, cache, l->k, cache->rows, cache->past + cache->steps, cache->capacity);
  *v_all = view (c, cache, l->v, cache->rows, cache->past + cache->steps, cache->capacity);
}

/* Room for n floats in both cross buffers of a layer. */
static gboolean
cross_room (GtfContext *c, Layer *l, gsize n)
{
  if (n <= l->cross_room)
    return TRUE;
  free_cross (l);
  l->cross_room = n;
  l->cross_k = n > G_MAXSIZE / sizeof (float) ? NULL : gtf_pages_alloc (n * sizeof (float));
  l->cross_v = l->cross_k ? gtf_pages_alloc (n * sizeof (float)) : NULL;
  if (l->cross_v)
    return TRUE;
  free_cross (l);
  gtf_fail_code (c, GTF_ERROR_NO_MEMORY, "no memory for the states of the encoder");
  return FALSE;
}

/* Copies x into a cross buffer; in bfloat16 where the model computes in it or in less: half of the bytes at each step. */
static void
put_cross_one (GtfContext *c, const GtfTensor *x, float *buffer)
{
  gint64 rows = gtf_tensor_rows (x), cols = gtf_tensor_cols (x);

  if (!c->narrow)
    gtf_tensor_copy_packed (x, buffer);
  for (gint64 i = 0; c->narrow && i < rows; i++)
    c->kernels->to_bf16 (gtf_tensor_f32 (x) + gtf_tensor_row_offset (x, i), cols, (guint16 *) buffer + i * cols);
}

void
gtf_cache_put_cross (GtfContext *c, GtfCache *cache, gint64 layer, const GtfTensor *k, const GtfTensor *v)
{
  Layer *l;

  if (!gtf_op_begin (c, "gtf_cache_put_cross", 2, k, v) || !check_layer (c, cache, layer))
    return;
  if (k->n_dims != 3 || v->n_dims != 3 || memcmp (k->shape, v->shape, 3 * sizeof k->shape[0]) != 0 || k->shape[2] != cache->size
      || (layer && (k->shape[0] != cache->cross_rows || k->shape[1] != cache->states)))
    {
      gtf_fail_shapes (c, k, v, "keys and values are not [rows][states][kv_size], alike in each layer");
      return;
    }
  l = &cache->layers[layer];
  if (!cross_room (c, l, gtf_tensor_get_n_elements ((GtfTensor *) k)))
    return;
  cache->cross_rows = k->shape[0];
  cache->states = k->shape[1];
  cache->narrow = c->narrow;
  put_cross_one (c, k, l->cross_k);
  put_cross_one (c, v, l->cross_v);
}

void
gtf_cache_get_cross (GtfContext *c, GtfCache *cache, gint64 layer, GtfTensor **k, GtfTensor **v)
{
  *k = *v = NULL;
  if (!gtf_op_begin (c, "gtf_cache_get_cross", 0) || !check_layer (c, cache, layer))
    return;
  if (!cache->cross_rows || !cache->layers[layer].cross_k)
    {
      gtf_fail (c, "decode needs an encode before it");
      return;
    }
  *k = view (c, cache, cache->layers[layer].cross_k, cache->cross_rows, cache->states, cache->states);
  *v = view (c, cache, cache->layers[layer].cross_v, cache->cross_rows, cache->states, cache->states);
  if (cache->narrow && *k && *v)
    (*k)->dtype = (*v)->dtype = GTF_DTYPE_BF16;
}

/* ---- beams ---------------------------------------------------------------------------------------------------------- */

/* One copy of the plan: to and from are rows, -1 the spare. */
typedef struct
{
  gint64 to, from;
} Move;

/* Row i <- row parents[i], as a sequence of copies of whole rows. */
static void
plan_moves (const guint *parents, gint64 n, GArray *moves)
{
  g_autofree gint64 *readers = g_new0 (gint64, n);      /* moves that still have to read a row */
  g_autofree gint64 *source = g_new (gint64, n);
  g_autofree gboolean *done = g_new0 (gboolean, n);
  gboolean progress = TRUE;

  for (gint64 i = 0; i < n; i++)
    {
      source[i] = parents[i];
      done[i] = source[i] == i;
      if (!done[i])
        readers[source[i]]++;
    }
  while (progress)
    {
      gint64 cycle = -1;

      progress = FALSE;
      for (gint64 i = 0; i < n; i++)
        {
          Move move = { i, source[i] };

          if (done[i])
            continue;
          if (readers[i])
            {
              cycle = i;
              continue;
            }
          g_array_append_val (moves, move);
          done[i] = progress = TRUE;
          if (source[i] >= 0)
            readers[source[i]]--;
        }
      if (!progress && cycle >= 0)
        {
          /* Only cycles are left: put one row aside and let its reader read it there. */
          Move aside = { -1, cycle };

          g_array_append_val (moves, aside);
          for (gint64 i = 0; i < n; i++)
            if (!done[i] && source[i] == cycle)
              source[i] = -1;
          readers[cycle] = 0;
          progress = TRUE;
        }
    }
}

static void
apply_moves (GtfCache *self, const GArray *moves, float *buffer)
{
  gsize bytes = (gsize) (self->past * self->size) * sizeof (float);
  gint64 stride = self->capacity * self->size;

  for (guint i = 0; i < moves->len; i++)
    {
      const Move *m = &g_array_index (moves, Move, i);

      memcpy (m->to < 0 ? self->spare : buffer + m->to * stride, m->from < 0 ? self->spare : buffer + m->from * stride, bytes);
    }
}

gboolean
gtf_cache_reorder (GtfCache *self, const guint *parents, gint64 n_rows, GError **error)
{
  g_autoptr (GArray) moves = g_array_new (FALSE, FALSE, sizeof (Move));
  gint64 n = MAX (n_rows, self->rows);
  g_autofree guint *all = g_new (guint, MAX (n, 1));

  for (gint64 i = 0; i < n; i++)
    {
      all[i] = i < n_rows ? parents[i] : (guint) i;
      g_return_val_if_fail (all[i] < self->rows || !self->past, FALSE);
    }
  if (!self->past)
    return TRUE;
  if (!make_room (self, n, self->past, error))
    return FALSE;
  if (self->spare_room < self->capacity)
    {
      g_free (self->spare);
      self->spare = buffer_new (self, 1, self->capacity);
      self->spare_room = self->spare ? self->capacity : 0;
      if (!self->spare)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory to move the rows of a cache");
          return FALSE;
        }
    }
  plan_moves (all, n, moves);
  for (gint64 i = 0; i < self->n_layers; i++)
    {
      apply_moves (self, moves, self->layers[i].k);
      apply_moves (self, moves, self->layers[i].v);
    }
  self->rows = n_rows;
  return TRUE;
}
