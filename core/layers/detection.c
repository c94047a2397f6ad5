/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The parts of DETR (Carion et al. 2020) that its successors have too.
 */
#include "layers/detection.h"

#include <float.h>
#include <math.h>
#include <string.h>
#include "base/error.h"
#include "tensor/context-private.h"

const char *const gtf_detection_tasks[] = { "object-detection", NULL };

/* ---- padding --------------------------------------------------------------------------------------------------------- */

static float
mask_at (const GtfTensor *t, gint64 i)
{
  switch (t->dtype)
    {
    case GTF_DTYPE_I64:
      return ((const gint64 *) t->data)[i] != 0;
    case GTF_DTYPE_I32:
      return ((const gint32 *) t->data)[i] != 0;
    default:
      return gtf_tensor_f32 (t)[i] != 0;
    }
}

static const GtfTensor *
read_mask (GtfContext *c, const GtfTensor *pixels)
{
  const GtfTensor *t = gtf_input_optional (c, "pixel_mask");
  g_autofree char *found = NULL;

  if (t == NULL)
    return NULL;
  if ((t->dtype == GTF_DTYPE_I64 || t->dtype == GTF_DTYPE_I32 || t->dtype == GTF_DTYPE_F32) && t->n_dims == 3 && t->shape[0] == pixels->shape[0]
      && t->shape[1] == pixels->shape[2] && t->shape[2] == pixels->shape[3])
    return gtf_packed (c, t);
  found = gtf_shape_to_string (t->n_dims, t->shape);
  gtf_fail_code (c, GTF_ERROR_INVALID_ARGUMENT, "the input \"pixel_mask\" is %s %s, expected integers of the height and width of pixel_values", gtf_dtype_name (t->dtype),
                 found);
  return NULL;
}

/**
 * gtf_pixel_mask:
 * @pixels: (nullable): [B][C][H][W]
 * @map: (nullable): [B][height][width][D], what a backbone made of them
 *
 * Returns: (transfer none) (nullable): [B][height][width]: 1, or 0 for padding, as the input "pixel_mask" tells
 */
GtfTensor *
gtf_pixel_mask (GtfContext *c, const GtfTensor *pixels, const GtfTensor *map)
{
  const GtfTensor *t;
  GtfTensor *y;
  gint64 h, w;

  if (!gtf_op_begin (c, "pixel_mask", 2, pixels, map))
    return NULL;
  t = read_mask (c, pixels);
  h = map->shape[1];
  w = map->shape[2];
  y = gtf_failed (c) ? NULL : gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ map->shape[0], h, w });
  if (y == NULL)
    return NULL;
  for (gint64 i = 0; i < map->shape[0] * h * w; i++)
    {
      const gint64 row = MIN ((gint64) ((float) (i / w % h) * ((float) pixels->shape[2] / (float) h)), pixels->shape[2] - 1);
      const gint64 column = MIN ((gint64) ((float) (i % w) * ((float) pixels->shape[3] / (float) w)), pixels->shape[3] - 1);

      gtf_tensor_f32 (y)[i] = t ? mask_at (t, (i / (h * w) * pixels->shape[2] + row) * pixels->shape[3] + column) : 1.0f;
    }
  return y;
}

/**
 * gtf_mask_scores:
 * @mask: (nullable): [B][height][width] of 0 and 1
 *
 * Returns: (transfer none) (nullable): [B][1][1][height * width] for #GtfAttention.mask, or %NULL: nothing is padding
 */
GtfTensor *
gtf_mask_scores (GtfContext *c, const GtfTensor *mask)
{
  gboolean padded = FALSE;
  GtfTensor *y;
  gint64 n;

  if (!gtf_op_begin (c, "mask_scores", 1, mask))
    return NULL;
  n = (gint64) gtf_tensor_get_n_elements (mask);
  for (gint64 i = 0; i < n && !padded; i++)
    padded = gtf_tensor_f32 (mask)[i] == 0;
  y = padded ? gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ mask->shape[0], 1, 1, n / mask->shape[0] }) : NULL;
  for (gint64 i = 0; y != NULL && i < n; i++)
    gtf_tensor_f32 (y)[i] = gtf_tensor_f32 (mask)[i] == 0 ? -FLT_MAX : 0.0f;
  return y;
}

/* ---- positions ------------------------------------------------------------------------------------------------------- */

/* A pixel's place among those that are seen of its line, and the place of the last. */
typedef struct
{
  float place, last;
} Place;

/* The places of a line of n pixels, `stride` apart. */
static void
count_line (const float *mask, gint64 stride, gint64 n, Place *places)
{
  float seen = 0;

  for (gint64 i = 0; i < n; i++)
    places[i * stride].place = seen += mask[i * stride];
  for (gint64 i = 0; i < n; i++)
    places[i * stride].last = seen;
}

static void
put_waves (const Place *at, const GtfPositions2d *how, const float *divisors, float *to)
{
  const float place = how->scale != 0 ? (at->place + (float) how->shift) / (at->last + 1e-6f) * (float) how->scale : at->place;

  for (gint64 i = 0; i < how->features; i++)
    to[i] = i % 2 ? cosf (place / divisors[i]) : sinf (place / divisors[i]);
}

/* All pixels of a picture; most have the waves of the one beside or above them, which are copied. */
static void
fill_picture (const GtfPositions2d *how, const Place *down, const Place *across, const float *divisors, gint64 h, gint64 w, float *to)
{
  const gint64 n = how->features;

  for (gint64 i = 0; i < h * w; i++)
    {
      const gboolean same_down = i % w > 0 && memcmp (&down[i], &down[i - 1], sizeof *down) == 0, same_across = i >= w && memcmp (&across[i], &across[i - w], sizeof *across) == 0;
      float *row = to + i * 2 * n;

      if (same_down)
        memcpy (row, row - 2 * n, (gsize) n * sizeof *row);
      else
        put_waves (&down[i], how, divisors, row);
      if (same_across)
        memcpy (row + n, row + n - w * 2 * n, (gsize) n * sizeof *row);
      else
        put_waves (&across[i], how, divisors + n, row + n);
    }
}

/**
 * gtf_positions_2d:
 * @mask: (nullable): [B][H][W] of 0 and 1
 * @how: numbers of the model
 *
 * Returns: (transfer none) (nullable): [B][H * W][2 features]
 */
GtfTensor *
gtf_positions_2d (GtfContext *c, const GtfTensor *mask, const GtfPositions2d *how)
{
  const gint64 features = how->features;
  const double across = how->temperature_x != 0 ? how->temperature_x : how->temperature;
  gint64 h, w;
  GtfTensor *y;
  Place *places;
  float *divisors;

  if (!gtf_op_begin (c, "positions_2d", 1, mask))
    return NULL;
  h = mask->shape[1];
  w = mask->shape[2];
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ mask->shape[0], h * w, 2 * features });
  places = gtf_arena_alloc (c, (gsize) (2 * h * w) * sizeof *places);
  divisors = gtf_arena_alloc (c, (gsize) (2 * features) * sizeof *divisors);
  if (y == NULL || places == NULL || divisors == NULL)
    return NULL;
  for (gint64 i = 0; i < 2 * features; i++)
    divisors[i] = powf ((float) (i < features ? how->temperature : across), (float) (2 * (i % features / 2)) / (float) features);
  for (gint64 b = 0; b < mask->shape[0]; b++)
    {
      const float *picture = gtf_tensor_f32 (mask) + b * h * w;

      for (gint64 i = 0; i < w; i++)
        count_line (picture + i, w, h, places + i);
      for (gint64 i = 0; i < h; i++)
        count_line (picture + i * w, 1, w, places + h * w + i * w);
      fill_picture (how, places, places + h * w, divisors, h, w, gtf_tensor_f32 (y) + b * h * w * 2 * features);
    }
  return y;
}

/**
 * gtf_learnt_positions_2d:
 * @rows: a table for the places down
 * @columns: a table for the places across
 *
 * Returns: (transfer none) (nullable): [height * width][2 features]
 */
GtfTensor *
gtf_learnt_positions_2d (GtfContext *c, const GtfEmbedding *rows, const GtfEmbedding *columns, gint64 height, gint64 width)
{
  const GtfTensor *down = gtf_embedding_range (c, rows, 0, height), *across = gtf_embedding_range (c, columns, 0, width);
  gint64 d;
  GtfTensor *y;

  if (!gtf_op_begin (c, "learnt_positions_2d", 2, down, across))
    return NULL;
  d = gtf_tensor_cols (down);
  y = gtf_tensor_cols (across) == d ? gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ height * width, 2 * d }) : NULL;
  for (gint64 i = 0; y != NULL && i < height * width; i++)
    {
      memcpy (gtf_tensor_f32 (y) + i * 2 * d, gtf_tensor_f32 (across) + i % width * across->row_stride, (gsize) d * sizeof (float));
      memcpy (gtf_tensor_f32 (y) + (i * 2 + 1) * d, gtf_tensor_f32 (down) + i / width * down->row_stride, (gsize) d * sizeof (float));
    }
  return y;
}

/* ---- shapes ---------------------------------------------------------------------------------------------------------- */

GtfTensor *
gtf_map_tokens (GtfContext *c, const GtfTensor *map)
{
  if (!gtf_op_begin (c, "map_tokens", 1, map))
    return NULL;
  return gtf_reshape (c, map, 3, (gint64[]){ map->shape[0], map->shape[1] * map->shape[2], map->shape[3] });
}

/**
 * gtf_chain_tokens:
 * @parts: (array length=n): [B][T][D], each with its own T
 * @n: how many
 *
 * Returns: (transfer none) (nullable): [B][sum of T][D]: of each of the batch all parts, one behind the other
 */
GtfTensor *
gtf_chain_tokens (GtfContext *c, GtfTensor *const *parts, gint64 n)
{
  gint64 n_batch, d, total = 0, at = 0;
  GtfTensor *y;

  if (n < 1 || !gtf_op_begin (c, "chain_tokens", 1, parts[0]))
    return NULL;
  n_batch = parts[0]->shape[0];
  d = gtf_tensor_cols (parts[0]);
  for (gint64 i = 0; i < n; i++)
    {
      if (parts[i]->n_dims != 3 || parts[i]->shape[0] != n_batch || parts[i]->shape[2] != d)
        {
          gtf_fail_shapes (c, parts[0], parts[i], "tokens of one batch");
          return NULL;
        }
      total += parts[i]->shape[1];
    }
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ n_batch, total, d });
  for (gint64 i = 0; i < n && y != NULL; i++)
    {
      const GtfTensor *part = gtf_packed (c, parts[i]);
      const gint64 size = parts[i]->shape[1] * d;

      for (gint64 b = 0; part != NULL && b < n_batch; b++)
        memcpy (gtf_tensor_f32 (y) + b * total * d + at, gtf_tensor_f32 (part) + b * size, (gsize) size * sizeof (float));
      at += size;
    }
  return y;
}

GtfTensor *
gtf_repeat_rows (GtfContext *c, const GtfTensor *rows, gint64 n_batch)
{
  GtfTensor *y;
  gint64 size;

  if (!gtf_op_begin (c, "repeat_rows", 1, rows) || !(rows = gtf_packed (c, rows)))
    return NULL;
  size = (gint64) gtf_tensor_get_n_elements (rows);
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ n_batch, gtf_tensor_steps (rows), gtf_tensor_cols (rows) });
  for (gint64 i = 0; y != NULL && i < n_batch; i++)
    memcpy (gtf_tensor_f32 (y) + i * size, rows->data, (gsize) size * sizeof (float));
  return y;
}

GtfTensor *
gtf_zero_rows (GtfContext *c, gint64 n_batch, gint64 n, gint64 d)
{
  GtfTensor *y = gtf_op_begin (c, "zero_rows", 0) ? gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ n_batch, n, d }) : NULL;

  if (y != NULL)
    memset (y->data, 0, gtf_tensor_get_n_elements (y) * sizeof (float));
  return y;
}

/* ---- layers ---------------------------------------------------------------------------------------------------------- */

GtfTensor *
gtf_detection_attend (GtfContext *c, const GtfDetectionAttention *w, const GtfAttention *how, const GtfTensor *q, const GtfTensor *k, const GtfTensor *v,
                      const GtfTensor *residual)
{
  return gtf_linear_add (c, w->out, gtf_attention (c, gtf_linear (c, w->q, q), gtf_linear (c, w->k, k), gtf_linear (c, w->v, v), how), residual);
}

GtfTensor *
gtf_detection_mlp (GtfContext *c, const GtfLinear *const *layers, gint64 n_layers, const GtfTensor *x)
{
  GtfTensor *y = (GtfTensor *) x;

  for (gint64 i = 0; i < n_layers; i++)
    y = gtf_linear_act (c, layers[i], y, i + 1 < n_layers ? GTF_ACTIVATION_RELU : GTF_ACTIVATION_NONE);
  return y;
}

/* One query's row of a map: the scores of all heads and tokens, then their softmax. */
static void
map_query (const float *q, const float *k, const float *mask, gint64 n_tokens, gint64 d, gint64 n_heads, float *to)
{
  const gint64 size = d / n_heads;
  const float scale = 1.0f / sqrtf ((float) size);
  float most = -INFINITY, sum = 0;

  for (gint64 t = 0; t < n_tokens; t++)
    for (gint64 head = 0; head < n_heads; head++)
      {
        float score = mask ? mask[t] : 0;

        for (gint64 i = head * size; i < (head + 1) * size; i++)
          score += q[i] * scale * k[t * d + i];
        to[t * n_heads + head] = score;
        most = MAX (most, score);
      }
  for (gint64 i = 0; i < n_tokens * n_heads; i++)
    sum += to[i] = expf (to[i] - most);
  for (gint64 i = 0; i < n_tokens * n_heads; i++)
    to[i] /= sum;
}

/**
 * gtf_attention_maps:
 * @q: (nullable): [B][Q][D]
 * @k: (nullable): [B][T][D]
 * @mask: (nullable): [B][1][1][T], added to the scores
 * @n_heads: heads, side by side in D
 *
 * Returns: (transfer none) (nullable): [B][Q][T][heads]: how much each query looks at each token with each head, 1 together
 */
GtfTensor *
gtf_attention_maps (GtfContext *c, const GtfTensor *q, const GtfTensor *k, const GtfTensor *mask, gint64 n_heads)
{
  gint64 n_queries, n_tokens, d;
  GtfTensor *y;

  if (!gtf_op_begin (c, "attention_maps", 2, q, k) || !(q = gtf_packed (c, q)) || !(k = gtf_packed (c, k)))
    return NULL;
  if (q->n_dims != 3 || k->n_dims != 3 || q->shape[0] != k->shape[0] || q->shape[2] != k->shape[2] || n_heads < 1 || q->shape[2] % n_heads != 0)
    {
      gtf_fail_shapes (c, q, k, "queries and keys of the same heads");
      return NULL;
    }
  n_queries = q->shape[1];
  n_tokens = k->shape[1];
  d = q->shape[2];
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ q->shape[0], n_queries, n_tokens, n_heads });
  for (gint64 i = 0; y != NULL && i < q->shape[0] * n_queries; i++)
    {
      const gint64 picture = i / n_queries;

      map_query (gtf_tensor_f32 (q) + i * d, gtf_tensor_f32 (k) + picture * n_tokens * d, mask ? gtf_tensor_f32 (mask) + picture * n_tokens : NULL, n_tokens, d, n_heads,
                 gtf_tensor_f32 (y) + i * n_tokens * n_heads);
    }
  return y;
}
