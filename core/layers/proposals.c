/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Boxes that are proposed and made better: anchors, the best of them, and what a layer changes about a box.
 */
#include "layers/detection.h"

#include <float.h>
#include <math.h>
#include <string.h>
#include "tensor/context-private.h"
#include "tensor/deformable.h"

static float
sigmoid (float x)
{
  return 1.0f / (1.0f + expf (-x));
}

/* The inverse of a sigmoid, as far as eps lets it go. */
static float
logit (float x, float eps)
{
  x = CLAMP (x, 0.0f, 1.0f);
  return logf (MAX (x, eps) / MAX (1.0f - x, eps));
}

/**
 * gtf_refine_boxes:
 * @deltas: (nullable): [..][4]
 * @references: (nullable): [..][4], boxes, or [..][2], points; parts of the picture
 * @eps: least distance from 0 and 1
 *
 * Returns: (transfer none) (nullable): [..][4]: sigmoid (deltas + logit (references)); of points only the centre is changed
 */
GtfTensor *
gtf_refine_boxes (GtfContext *c, const GtfTensor *deltas, const GtfTensor *references, float eps)
{
  gint64 n, coordinates;
  GtfTensor *y;

  if (!gtf_op_begin (c, "refine_boxes", 2, deltas, references))
    return NULL;
  n = gtf_tensor_rows (deltas);
  coordinates = gtf_tensor_cols (references);
  if (gtf_tensor_cols (deltas) != 4 || gtf_tensor_rows (references) != n || (coordinates != 4 && coordinates != 2))
    {
      gtf_fail_shapes (c, deltas, references, "boxes and what is changed about them");
      return NULL;
    }
  deltas = gtf_packed (c, deltas);
  references = gtf_packed (c, references);
  y = gtf_failed (c) ? NULL : gtf_new_like (c, deltas, 4);
  for (gint64 i = 0; y != NULL && i < n * 4; i++)
    {
      const float *reference = gtf_tensor_f32 (references) + i / 4 * coordinates;

      gtf_tensor_f32 (y)[i] = sigmoid (gtf_tensor_f32 (deltas)[i] + (i % 4 < coordinates ? logit (reference[i % 4], eps) : 0.0f));
    }
  return y;
}

/**
 * gtf_move_boxes:
 * @deltas: (nullable): [..][4]
 * @boxes: (nullable): as @deltas: centre, width, height
 *
 * Returns: (transfer none) (nullable): as @deltas: the centres by parts of the size away, the sizes times exp (delta)
 */
GtfTensor *
gtf_move_boxes (GtfContext *c, const GtfTensor *deltas, const GtfTensor *boxes)
{
  const float *delta, *box;
  float *to;
  GtfTensor *y;

  if (!gtf_op_begin (c, "move_boxes", 2, deltas, boxes))
    return NULL;
  if (gtf_tensor_cols (deltas) != 4 || gtf_tensor_cols (boxes) != 4 || gtf_tensor_rows (deltas) != gtf_tensor_rows (boxes))
    {
      gtf_fail_shapes (c, deltas, boxes, "boxes and what is changed about them");
      return NULL;
    }
  deltas = gtf_packed (c, deltas);
  boxes = gtf_packed (c, boxes);
  y = gtf_failed (c) ? NULL : gtf_new_like (c, deltas, 4);
  for (gint64 i = 0; y != NULL && i < gtf_tensor_rows (deltas); i++)
    {
      delta = gtf_tensor_f32 (deltas) + 4 * i;
      box = gtf_tensor_f32 (boxes) + 4 * i;
      to = gtf_tensor_f32 (y) + 4 * i;
      to[0] = delta[0] * box[2] + box[0];
      to[1] = delta[1] * box[3] + box[1];
      to[2] = expf (delta[2]) * box[2];
      to[3] = expf (delta[3]) * box[3];
    }
  return y;
}

typedef struct
{
  float score;
  gint64 row;
} Ranked;

static gint
by_score (gconstpointer a, gconstpointer b)
{
  const Ranked *x = a, *y = b;

  return x->score != y->score ? (x->score < y->score) - (x->score > y->score) : (x->row > y->row) - (x->row < y->row);
}

/**
 * gtf_top_rows:
 * @scores: (nullable): [B][S][C]
 * @n: how many rows
 *
 * Returns: (transfer none) (nullable): I32 [B][n]: of each picture the rows whose highest score is highest, best first, counted over all of @scores
 */
GtfTensor *
gtf_top_rows (GtfContext *c, const GtfTensor *scores, gint64 n)
{
  gint64 n_rows, n_classes;
  GtfTensor *y;
  Ranked *all;

  if (!gtf_op_begin (c, "top_rows", 1, scores) || !(scores = gtf_packed (c, scores)))
    return NULL;
  n_rows = scores->shape[1];
  n_classes = scores->shape[2];
  if (n < 1 || n > n_rows)
    {
      gtf_fail (c, "the picture has room for %" G_GINT64_FORMAT " proposals, fewer than the %" G_GINT64_FORMAT " queries of the model", n_rows, n);
      return NULL;
    }
  y = gtf_new_tensor (c, GTF_DTYPE_I32, 2, (gint64[]){ scores->shape[0], n });
  all = gtf_arena_alloc (c, (gsize) n_rows * sizeof *all);
  for (gint64 b = 0; y != NULL && all != NULL && b < scores->shape[0]; b++)
    {
      for (gint64 i = 0; i < n_rows; i++)
        {
          const float *row = gtf_tensor_f32 (scores) + (b * n_rows + i) * n_classes;

          all[i] = (Ranked){ -INFINITY, i };
          for (gint64 j = 0; j < n_classes; j++)
            all[i].score = MAX (all[i].score, row[j]);
        }
      qsort (all, (gsize) n_rows, sizeof *all, by_score);
      for (gint64 i = 0; i < n; i++)
        ((gint32 *) y->data)[b * n + i] = (gint32) (b * n_rows + all[i].row);
    }
  return y;
}

/* How many pixels of a mask's first column and row are seen: those of a picture that is padded below and on the right. */
static void
measure_seen (const GtfTensor *mask, gint64 picture, float *down, float *across)
{
  const gint64 h = mask->shape[1], w = mask->shape[2];
  const float *m = gtf_tensor_f32 (mask) + picture * h * w;

  *down = *across = 0;
  for (gint64 i = 0; i < h; i++)
    *down += m[i * w];
  for (gint64 i = 0; i < w; i++)
    *across += m[i];
}

/**
 * gtf_anchors:
 * @maps: (array length=n_maps): feature maps [B][H][W][..], or, with @masked, their masks [B][H][W]
 * @n_maps: how many
 * @grid: size of a box of the first map; it doubles from map to map
 * @masked: each picture has anchors of its own, as parts of what its mask shows
 * @valid: (out): [S] or [B][S]: 1, or 0 where an anchor is padding or too near to the edge
 *
 * Returns: (transfer none) (nullable): [S][4] or [B][S][4]: a box around each pixel of all maps, its logits; the highest number where it is not valid
 */
GtfTensor *
gtf_anchors (GtfContext *c, GtfTensor *const *maps, gint64 n_maps, float grid, gboolean masked, GtfTensor **valid)
{
  const gint64 n_pictures = masked && !gtf_failed (c) ? maps[0]->shape[0] : 1;
  gint64 n = 0, at = 0;
  GtfTensor *y;

  *valid = NULL;
  if (!gtf_op_begin (c, "anchors", 0))
    return NULL;
  for (gint64 i = 0; i < n_maps; i++)
    n += maps[i]->shape[1] * maps[i]->shape[2];
  y = masked ? gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ n_pictures, n, 4 }) : gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ n, 4 });
  *valid = masked ? gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ n_pictures, n }) : gtf_new_tensor (c, GTF_DTYPE_F32, 1, &n);
  for (gint64 i = 0; y != NULL && *valid != NULL && i < n_pictures * n_maps; i++)
    {
      const GtfTensor *map = maps[i % n_maps];
      const gint64 h = map->shape[1], w = map->shape[2];
      const float size = grid * exp2f ((float) (i % n_maps)), *mask = masked ? gtf_tensor_f32 (map) + i / n_maps * h * w : NULL;
      float down = (float) h, across = (float) w;

      if (masked)
        measure_seen (map, i / n_maps, &down, &across);
      for (gint64 j = 0; j < h * w; j++, at++)
        {
          const float box[] = { ((float) (j % w) + 0.5f) / across, ((float) (j / w) + 0.5f) / down, size, size };
          gboolean ok = mask == NULL || mask[j] != 0;

          for (gint k = 0; k < 4; k++)
            ok = ok && box[k] > 1e-2f && box[k] < 1 - 1e-2f;
          gtf_tensor_f32 (*valid)[at] = ok;
          for (gint k = 0; k < 4; k++)
            gtf_tensor_f32 (y)[at * 4 + k] = ok ? logf (box[k] / (1 - box[k])) : FLT_MAX;
        }
    }
  return y;
}

/* The part of a mask that is seen, across and down. */
static void
seen_parts (const GtfTensor *mask, gint64 picture, float *parts)
{
  measure_seen (mask, picture, &parts[1], &parts[0]);
  parts[0] /= (float) mask->shape[2];
  parts[1] /= (float) mask->shape[1];
}

/**
 * gtf_pixel_references:
 * @masks: (array length=n): [B][H][W] of each map
 * @n: how many maps, at most GTF_MAX_LEVELS
 *
 * Returns: (transfer none) (nullable): [B][S][n][2]: where each pixel of all maps stands in each map
 */
GtfTensor *
gtf_pixel_references (GtfContext *c, GtfTensor *const *masks, gint64 n)
{
  gint64 n_pixels = 0;
  float *to;
  GtfTensor *y;

  if (n < 1 || n > GTF_MAX_LEVELS || !gtf_op_begin (c, "pixel_references", 0))
    return NULL;
  for (gint64 i = 0; i < n; i++)
    n_pixels += masks[i]->shape[1] * masks[i]->shape[2];
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ masks[0]->shape[0], n_pixels, n, 2 });
  to = y != NULL ? gtf_tensor_f32 (y) : NULL;
  for (gint64 i = 0; to != NULL && i < masks[0]->shape[0] * n; i++)
    {
      const GtfTensor *mask = masks[i % n];
      const gint64 h = mask->shape[1], w = mask->shape[2];
      float own[2], others[2 * GTF_MAX_LEVELS];

      seen_parts (mask, i / n, own);
      for (gint64 level = 0; level < n; level++)
        seen_parts (masks[level], i / n, others + 2 * level);
      for (gint64 j = 0; j < h * w; j++)
        for (gint64 level = 0; level < n; level++, to += 2)
          {
            to[0] = ((float) (j % w) + 0.5f) / (own[0] * (float) w) * others[2 * level];
            to[1] = ((float) (j / w) + 0.5f) / (own[1] * (float) h) * others[2 * level + 1];
          }
    }
  return y;
}

/**
 * gtf_level_references:
 * @references: (nullable): [B][Q][2 or 4], as parts of what is seen of the pictures
 * @masks: (array length=n): [B][H][W] of each map
 * @n: how many maps
 *
 * Returns: (transfer none) (nullable): [B][Q][n][2 or 4]: as parts of each map
 */
GtfTensor *
gtf_level_references (GtfContext *c, const GtfTensor *references, GtfTensor *const *masks, gint64 n)
{
  gint64 n_queries, coordinates;
  GtfTensor *y;

  if (!gtf_op_begin (c, "level_references", 1, references) || !(references = gtf_packed (c, references)))
    return NULL;
  n_queries = references->shape[1];
  coordinates = references->shape[2];
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 4, (gint64[]){ references->shape[0], n_queries, n, coordinates });
  for (gint64 i = 0; y != NULL && i < references->shape[0] * n; i++)
    {
      float parts[2];

      seen_parts (masks[i % n], i / n, parts);
      for (gint64 q = i / n * n_queries; q < (i / n + 1) * n_queries; q++)
        for (gint64 k = 0; k < coordinates; k++)
          gtf_tensor_f32 (y)[(q * n + i % n) * coordinates + k] = gtf_tensor_f32 (references)[q * coordinates + k] * parts[k % 2];
    }
  return y;
}

/**
 * gtf_coordinate_waves:
 * @x: (nullable): [..][n]: parts of the picture, across first
 * @features: of each coordinate
 * @down_first: the first two change places
 *
 * Returns: (transfer none) (nullable): [..][n * features]: sines and cosines by turns
 */
GtfTensor *
gtf_coordinate_waves (GtfContext *c, const GtfTensor *x, gint64 features, gboolean down_first)
{
  gint64 n;
  GtfTensor *y;

  if (!gtf_op_begin (c, "coordinate_waves", 1, x) || !(x = gtf_packed (c, x)))
    return NULL;
  n = gtf_tensor_cols (x);
  y = gtf_new_like (c, x, n * features);
  for (gint64 i = 0; y != NULL && i < gtf_tensor_rows (x) * n; i++)
    {
      const gint64 at = down_first && i % n < 2 ? i - i % n + 1 - i % n : i;
      float *to = gtf_tensor_f32 (y) + i * features;

      for (gint64 k = 0; k < features; k++)
        {
          const float wave = gtf_tensor_f32 (x)[at] * (float) (2 * G_PI) / powf (10000, (float) (2 * (k / 2)) / (float) features);

          to[k] = k % 2 ? cosf (wave) : sinf (wave);
        }
    }
  return y;
}

/**
 * gtf_keep_rows:
 * @x: (nullable): [B][S][D]
 * @keep: (nullable): [S] or [B][S] of 0 and 1
 *
 * Returns: (transfer none) (nullable): a copy of @x with zeros in the rows that are not kept
 */
GtfTensor *
gtf_keep_rows (GtfContext *c, const GtfTensor *x, const GtfTensor *keep)
{
  gint64 n, n_keep, d;
  GtfTensor *y;

  if (!gtf_op_begin (c, "keep_rows", 2, x, keep) || !(x = gtf_packed (c, x)))
    return NULL;
  n = gtf_tensor_rows (x);
  d = gtf_tensor_cols (x);
  n_keep = (gint64) gtf_tensor_get_n_elements (keep);
  if (n_keep == 0 || n % n_keep != 0)
    {
      gtf_fail_shapes (c, x, keep, "rows and which of them are kept");
      return NULL;
    }
  y = gtf_new_like (c, x, d);
  for (gint64 i = 0; y != NULL && i < n; i++)
    if (gtf_tensor_f32 (keep)[i % n_keep] != 0)
      memcpy (gtf_tensor_f32 (y) + i * d, gtf_tensor_f32 (x) + i * d, (gsize) d * sizeof (float));
    else
      memset (gtf_tensor_f32 (y) + i * d, 0, (gsize) d * sizeof (float));
  return y;
}

/**
 * gtf_grid_waves:
 * @features: of a pixel; a multiple of 4
 * @temperature: base of the frequencies
 *
 * Returns: (transfer none) (nullable): [height * width][features]: sines of the place down, cosines, and those of the place across
 */
GtfTensor *
gtf_grid_waves (GtfContext *c, gint64 height, gint64 width, gint64 features, double temperature)
{
  const gint64 quarter = features / 4;
  GtfTensor *y = gtf_op_begin (c, "grid_waves", 0) ? gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ height * width, features }) : NULL;

  for (gint64 i = 0; y != NULL && i < height * width; i++)
    for (gint64 k = 0; k < quarter; k++)
      {
        const double frequency = 1.0 / pow (temperature, (double) k / (double) quarter);
        float *to = gtf_tensor_f32 (y) + i * features + k;

        to[0] = (float) sin ((double) (i / width) * frequency);
        to[quarter] = (float) cos ((double) (i / width) * frequency);
        to[2 * quarter] = (float) sin ((double) (i % width) * frequency);
        to[3 * quarter] = (float) cos ((double) (i % width) * frequency);
      }
  return y;
}
