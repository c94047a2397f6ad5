/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Depth from bins. Single precision in the order of the reference: a low temperature makes much of the last digits.
 */
#include "tensor/bins.h"
#include "tensor/rows-private.h"

#include <math.h>
#include <string.h>

#define LEAST_WIDTH 1e-3f
#define LEAST_PROBABILITY 1e-4f
#define TINY 1e-7f
#define STRENGTH 300.0f         /* of an attractor; the reference takes no other, whatever the config says */

/* Whether both have the same pixels. */
static gboolean
are_beside (const GtfTensor *a, const GtfTensor *b)
{
  return a->n_dims == b->n_dims && memcmp (a->shape, b->shape, (a->n_dims - 1) * sizeof *a->shape) == 0;
}

static void
middles_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  float sum = 0, edge = 0;

  for (gint64 i = 0; i < r->n; i++)
    sum += x[i] + LEAST_WIDTH;
  for (gint64 i = 0; i < r->n; i++)
    {
      const float next = edge + (x[i] + LEAST_WIDTH) / sum;

      y[i] = 0.5f * (edge + next);
      edge = next;
    }
}

/**
 * gtf_bin_middles:
 * @widths: (nullable): [..][n], not below 0
 *
 * Returns: (transfer none) (nullable): as @widths
 */
GtfTensor *
gtf_bin_middles (GtfContext *c, const GtfTensor *widths)
{
  GtfRows r = { .func = middles_row, .x = widths };

  if (!gtf_op_begin (c, "bin_middles", 1, widths))
    return NULL;
  r.y = gtf_new_like (c, widths, gtf_tensor_cols (widths));
  if (r.y != NULL)
    gtf_rows_run (c, &r, 3);
  return r.y;
}

typedef struct
{
  const GtfTensor *attractors;
  gint64 n, step;
  float more, divisor;
} Attraction;

static void
attract_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  const Attraction *a = r->a;
  const float *to = gtf_tensor_f32 (a->attractors) + gtf_tensor_row_offset (a->attractors, row);

  memset (y, 0, (gsize) r->n * sizeof *y);
  for (gint64 k = 0; k < a->n; k++)
    for (gint64 i = 0; i < r->n; i++)
      {
        const float way = to[k * a->step] + a->more - x[i];

        y[i] += way / (1 + STRENGTH * (way * way));
      }
  for (gint64 i = 0; i < r->n; i++)
    y[i] = x[i] + y[i] / a->divisor;
}

/**
 * gtf_attract:
 * @x: (nullable): [..][n]
 * @attractors: (nullable): [..][k step]
 * @step: from one that counts to the next
 * @more: added to each
 * @means: the mean of what they do, not the sum
 *
 * Returns: (transfer none) (nullable): as @x
 */
GtfTensor *
gtf_attract (GtfContext *c, const GtfTensor *x, const GtfTensor *attractors, gint64 step, float more, gboolean means)
{
  Attraction a = { .attractors = attractors, .step = step, .more = more };
  GtfRows r = { .func = attract_row, .x = x, .a = &a };

  if (!gtf_op_begin (c, "attract", 2, x, attractors))
    return NULL;
  a.n = gtf_tensor_cols (attractors) / MAX (step, 1);
  a.divisor = means ? (float) a.n : 1;
  if (!are_beside (x, attractors) || step < 1 || a.n < 1)
    {
      gtf_fail_shapes (c, x, attractors, "expected the same pixels, and an attractor or more");
      return NULL;
    }
  r.y = gtf_new_like (c, x, gtf_tensor_cols (x));
  if (r.y != NULL)
    gtf_rows_run (c, &r, (double) a.n);
  return r.y;
}

static gint
by_depth (gconstpointer a, gconstpointer b)
{
  const float x = *(const float *) a, y = *(const float *) b;

  return x < y ? -1 : x > y;
}

static void
within_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  const float *ends = r->a;

  for (gint64 i = 0; i < r->n; i++)
    y[i] = CLAMP (r->number * x[i] + ends[0], ends[0], ends[1]);
  qsort (y, (gsize) r->n, sizeof *y, by_depth);
}

/**
 * gtf_bins_within:
 * @x: (nullable): [..][n]
 * @least: what 0 becomes
 * @most: what 1 becomes
 *
 * Returns: (transfer none) (nullable): as @x
 */
GtfTensor *
gtf_bins_within (GtfContext *c, const GtfTensor *x, double least, double most)
{
  const float ends[2] = { (float) least, (float) most };
  GtfRows r = { .func = within_row, .x = x, .a = ends, .number = (float) (most - least) };

  if (!gtf_op_begin (c, "bins_within", 1, x))
    return NULL;
  r.y = gtf_new_like (c, x, gtf_tensor_cols (x));
  if (r.y != NULL)
    gtf_rows_run (c, &r, 20);
  return r.y;
}

typedef struct
{
  const GtfTensor *depths;
  gint64 n;
  const float *logs;            /* [n]: of the binomial coefficients */
  float coldest, range;
} Binomial;

/* log (n over k) by Stirling. */
static float
log_binomial (float n, float k)
{
  n += TINY;
  k += TINY;
  return n * logf (n) - k * logf (k) - (n - k) * logf (n - k + TINY);
}

/* What part the first of two has. */
static float
part (const float *two)
{
  const float a = two[0] + LEAST_PROBABILITY, b = two[1] + LEAST_PROBABILITY;

  return a / (a + b);
}

static void
binomial_row (const GtfRows *r, gint64 row, const float *x, float *y)
{
  const Binomial *b = r->a;
  const float *depths = gtf_tensor_f32 (b->depths) + gtf_tensor_row_offset (b->depths, row);
  const float p = part (x), temperature = b->range * part (x + 2) + b->coldest, last = (float) (b->n - 1);
  const float yes = logf (CLAMP (p, LEAST_PROBABILITY, 1)), no = logf (CLAMP (1 - p, LEAST_PROBABILITY, 1));
  float most = -INFINITY, total = 0, sum = 0;

  for (gint64 k = 0; k < b->n; k++)
    most = MAX (most, (b->logs[k] + (float) k * yes + (last - (float) k) * no) / temperature);
  for (gint64 k = 0; k < b->n; k++)
    {
      const float weight = expf ((b->logs[k] + (float) k * yes + (last - (float) k) * no) / temperature - most);

      total += weight;
      sum += weight * depths[k];
    }
  *y = sum / total;
}

/**
 * gtf_binomial_mean:
 * @x: (nullable): [..][4], not below 0
 * @depths: (nullable): [..][n]
 * @coldest: the least temperature, above 0
 * @hottest: the highest
 *
 * Returns: (transfer none) (nullable): [..][1]
 */
GtfTensor *
gtf_binomial_mean (GtfContext *c, const GtfTensor *x, const GtfTensor *depths, double coldest, double hottest)
{
  Binomial b = { .depths = depths, .coldest = (float) coldest, .range = (float) (hottest - coldest) };
  GtfRows r = { .func = binomial_row, .x = x, .a = &b };
  float *logs;

  if (!gtf_op_begin (c, "binomial_mean", 2, x, depths))
    return NULL;
  b.n = gtf_tensor_cols (depths);
  if (!are_beside (x, depths) || gtf_tensor_cols (x) != 4 || b.n < 1)
    {
      gtf_fail_shapes (c, x, depths, "expected 4 numbers and a depth or more for the same pixels");
      return NULL;
    }
  r.y = gtf_new_like (c, x, 1);
  logs = r.y != NULL ? gtf_arena_alloc (c, (gsize) b.n * sizeof *logs) : NULL;
  if (logs == NULL)
    return NULL;
  for (gint64 k = 0; k < b.n; k++)
    logs[k] = log_binomial ((float) (b.n - 1), (float) k);
  b.logs = logs;
  gtf_rows_run (c, &r, 2 * (double) b.n);
  return r.y;
}
