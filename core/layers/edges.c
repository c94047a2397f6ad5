/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Edges of boxes as distributions over distances (Peng et al., D-FINE, 2024), and two small ops that go with them.
 */
#include "layers/detection.h"

#include <math.h>
#include "tensor/context-private.h"

/**
 * gtf_clamp:
 * @x: (nullable): any shape
 *
 * Returns: (transfer none) (nullable): a copy of @x with nothing below @minimum or above @maximum
 */
GtfTensor *
gtf_clamp (GtfContext *c, const GtfTensor *x, float minimum, float maximum)
{
  GtfTensor *y;

  if (!gtf_op_begin (c, "clamp", 1, x) || !(x = gtf_packed (c, x)))
    return NULL;
  y = gtf_new_like (c, x, gtf_tensor_cols (x));
  for (gsize i = 0; y != NULL && i < gtf_tensor_get_n_elements (y); i++)
    gtf_tensor_f32 (y)[i] = MIN (MAX (gtf_tensor_f32 (x)[i], minimum), maximum);
  return y;
}

/**
 * gtf_add_column:
 * @x: (nullable): [..][C]
 * @column: (nullable): [..][1]
 *
 * Returns: (transfer none) (nullable): a copy of @x with the number of each row added to all of it
 */
GtfTensor *
gtf_add_column (GtfContext *c, const GtfTensor *x, const GtfTensor *column)
{
  GtfTensor *y;
  gint64 d;

  if (!gtf_op_begin (c, "add_column", 2, x, column) || !(x = gtf_packed (c, x)) || !(column = gtf_packed (c, column)))
    return NULL;
  if (gtf_tensor_cols (column) != 1 || gtf_tensor_rows (column) != gtf_tensor_rows (x))
    {
      gtf_fail_shapes (c, x, column, "rows and a number for each");
      return NULL;
    }
  d = gtf_tensor_cols (x);
  y = gtf_new_like (c, x, d);
  for (gint64 i = 0; y != NULL && i < gtf_tensor_rows (x) * d; i++)
    gtf_tensor_f32 (y)[i] = gtf_tensor_f32 (x)[i] + gtf_tensor_f32 (column)[i / d];
  return y;
}

/* ---- edges as distributions over distances ------------------------------------------------------------------------------- */

/* Distance i of n_bins + 1: 0 in the middle, further and further apart to both sides. */
static float
distance_at (gint64 i, gint64 n_bins, float up, float scale)
{
  const float bound = fabsf (up) * fabsf (scale), step = powf (bound + 1, 2.0f / (float) (n_bins - 2));
  const gint64 from_middle = i - n_bins / 2;

  if (i == 0 || i == n_bins)
    return i == 0 ? -2 * bound : 2 * bound;
  return from_middle < 0 ? 1 - powf (step, (float) -from_middle) : powf (step, (float) from_middle) - 1;
}

/* Probabilities of the n distances of one edge. */
static void
soften (const float *x, gint64 n, float *to)
{
  float most = -INFINITY, sum = 0;

  for (gint64 i = 0; i < n; i++)
    most = MAX (most, x[i]);
  for (gint64 i = 0; i < n; i++)
    sum += to[i] = expf (x[i] - most);
  for (gint64 i = 0; i < n; i++)
    to[i] /= sum;
}

static gboolean
check_edges (GtfContext *c, const GtfTensor *edges, gint64 n_bins)
{
  if (n_bins >= 4 && n_bins % 2 == 0 && n_bins <= GTF_MAX_BINS && gtf_tensor_cols (edges) == 4 * (n_bins + 1))
    return TRUE;
  gtf_fail (c, "edges have %" G_GINT64_FORMAT " numbers, expected 4 times one more than the %" G_GINT64_FORMAT " bins, an even number from 4 to %d",
            gtf_tensor_cols (edges), n_bins, GTF_MAX_BINS);
  return FALSE;
}

/**
 * gtf_edge_boxes:
 * @edges: (nullable): [..][4 * (n_bins + 1)]: logits of distances of the left, upper, right and lower edge
 * @boxes: (nullable): [..][4]: what they are distances from
 * @up: (nullable): [1]: how far the last distances are
 * @scale: (nullable): [1]: how flat the distances are in the middle
 *
 * Returns: (transfer none) (nullable): [..][4]: boxes whose edges are the means of these distributions
 */
GtfTensor *
gtf_edge_boxes (GtfContext *c, const GtfTensor *edges, const GtfTensor *boxes, gint64 n_bins, const GtfTensor *up, const GtfTensor *scale)
{
  float distances[GTF_MAX_BINS + 1], shares[GTF_MAX_BINS + 1], flat;
  GtfTensor *y;

  if (!gtf_op_begin (c, "edge_boxes", 4, edges, boxes, up, scale) || !check_edges (c, edges, n_bins) || !(edges = gtf_packed (c, edges)) || !(boxes = gtf_packed (c, boxes)))
    return NULL;
  if (gtf_tensor_cols (boxes) != 4 || gtf_tensor_rows (boxes) != gtf_tensor_rows (edges))
    {
      gtf_fail_shapes (c, edges, boxes, "edges and their boxes");
      return NULL;
    }
  flat = fabsf (gtf_tensor_f32 (scale)[0]);
  for (gint64 i = 0; i <= n_bins; i++)
    distances[i] = distance_at (i, n_bins, gtf_tensor_f32 (up)[0], flat);
  y = gtf_new_like (c, boxes, 4);
  for (gint64 row = 0; y != NULL && row < gtf_tensor_rows (boxes); row++)
    {
      const float *box = gtf_tensor_f32 (boxes) + row * 4;
      float *to = gtf_tensor_f32 (y) + row * 4, corners[4];

      for (gint64 edge = 0; edge < 4; edge++)
        {
          float mean = 0;

          soften (gtf_tensor_f32 (edges) + (row * 4 + edge) * (n_bins + 1), n_bins + 1, shares);
          for (gint64 i = 0; i <= n_bins; i++)
            mean += shares[i] * distances[i];
          corners[edge] = box[edge % 2] + (edge < 2 ? -1 : 1) * (0.5f * flat + mean) * (box[2 + edge % 2] / flat);
        }
      for (gint64 k = 0; k < 2; k++)
        {
          to[k] = (corners[k] + corners[2 + k]) / 2;
          to[2 + k] = corners[2 + k] - corners[k];
        }
    }
  return y;
}

/**
 * gtf_edge_peaks:
 * @edges: (nullable): as for gtf_edge_boxes ()
 * @n: how many of the highest probabilities
 *
 * Returns: (transfer none) (nullable): [..][4 * (n + 1)]: of each edge these, the highest first, and their mean
 */
GtfTensor *
gtf_edge_peaks (GtfContext *c, const GtfTensor *edges, gint64 n_bins, gint64 n)
{
  float shares[GTF_MAX_BINS + 1];
  GtfTensor *y;

  if (!gtf_op_begin (c, "edge_peaks", 1, edges) || !check_edges (c, edges, n_bins) || !(edges = gtf_packed (c, edges)))
    return NULL;
  if (n < 1 || n > n_bins + 1)
    {
      gtf_fail (c, "%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " probabilities are asked for", n, n_bins + 1);
      return NULL;
    }
  y = gtf_new_like (c, edges, 4 * (n + 1));
  for (gint64 edge = 0; y != NULL && edge < gtf_tensor_rows (edges) * 4; edge++)
    {
      float *to = gtf_tensor_f32 (y) + edge * (n + 1), sum = 0;

      soften (gtf_tensor_f32 (edges) + edge * (n_bins + 1), n_bins + 1, shares);
      for (gint64 k = 0; k < n; k++)
        {
          gint64 best = 0;

          for (gint64 i = 1; i <= n_bins; i++)
            if (shares[i] > shares[best])
              best = i;
          sum += to[k] = shares[best];
          shares[best] = -1;
        }
      to[n] = sum / (float) n;
    }
  return y;
}
