/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Boxes that are proposed and made better: anchors, the best of them, and what a layer changes about a box.
 */
#include "layers/detection.h"

#include <float.h>
#include <math.h>
#include <string.h>
#include "tensor/context-private.h"

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

/**
 * gtf_anchors:
 * @maps: (array length=n_maps): feature maps [B][H][W][..]
 * @n_maps: how many
 * @grid: size of a box of the first map; it doubles from map to map
 * @valid: (out): [S]: 1, or 0 where an anchor is too near to the edge
 *
 * Returns: (transfer none) (nullable): [S][4]: a box around each pixel of all maps, its logits; the highest number where it is not valid
 */
GtfTensor *
gtf_anchors (GtfContext *c, GtfTensor *const *maps, gint64 n_maps, float grid, GtfTensor **valid)
{
  gint64 n = 0, at = 0;
  GtfTensor *y;

  *valid = NULL;
  if (gtf_failed (c) || !gtf_op_begin (c, "anchors", 0))
    return NULL;
  for (gint64 i = 0; i < n_maps; i++)
    n += maps[i]->shape[1] * maps[i]->shape[2];
  y = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ n, 4 });
  *valid = gtf_new_tensor (c, GTF_DTYPE_F32, 1, (gint64[]){ n });
  for (gint64 i = 0; y != NULL && *valid != NULL && i < n_maps; i++)
    for (gint64 j = 0; j < maps[i]->shape[1] * maps[i]->shape[2]; j++, at++)
      {
        const gint64 h = maps[i]->shape[1], w = maps[i]->shape[2];
        const float size = grid * exp2f ((float) i), box[] = { ((float) (j % w) + 0.5f) / (float) w, ((float) (j / w) + 0.5f) / (float) h, size, size };
        gboolean ok = TRUE;

        for (gint k = 0; k < 4; k++)
          ok = ok && box[k] > 1e-2f && box[k] < 1 - 1e-2f;
        gtf_tensor_f32 (*valid)[at] = ok;
        for (gint k = 0; k < 4; k++)
          gtf_tensor_f32 (y)[at * 4 + k] = ok ? logf (box[k] / (1 - box[k])) : FLT_MAX;
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
