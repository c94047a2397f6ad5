/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Weights of convolutions over pictures: [out][in / groups][height][width] as they lie in a file -> products with windows
 * [height][width][in]. What a batch normalisation behind them does is multiplied into them on the way.
 */
#include "base/error.h"
#include "tensor/conv2d-private.h"
#include "tensor/convert.h"
#include "tensor/weights-private.h"

#include <math.h>
#include <string.h>

#define MOST_PIXELS (1 << 16)   /* of a window */

/* How many groups are multiplied together, so that their outputs fill a panel. */
static gint64
groups_a_block (gint64 groups, gint64 out)
{
  gint64 n = 1;

  for (gint64 more = 2; more <= groups && n * out < GTF_PANEL; more++)
    if (groups % more == 0)
      n = more;
  return n;
}

/* What weights without groups are kept in. Pixels are a plain linear layer. Windows are products of float32, by Winograd's method where it can be, which beats products
 * of bfloat16 by vectors, but not those by tiles. */
static GtfDtype
weight_type (GtfDtype dtype, gint64 pixels)
{
  if (dtype == GTF_DTYPE_I8 || (pixels > 1 && !(dtype == GTF_DTYPE_BF16 && gtf_kernels_get ()->conv_tiles != NULL)))
    return GTF_DTYPE_F32;
  return dtype;
}

GtfConv2d *
gtf_conv2d_new (GtfWeightStore *store, GtfDtype dtype, gint64 out, gint64 in, gint64 height, gint64 width, gint64 groups, gboolean transposed,
                gboolean bias, GError **error)
{
  GtfConv2d *self = gtf_weight_store_alloc (store, sizeof *self, error);
  gint64 size, rows = out, cols = in;
  gsize n_bytes;

  if (self == NULL)
    return NULL;
  if (out < 1 || in < 1 || height < 1 || width < 1 || groups < 1 || out > G_MAXINT32 || in > G_MAXINT32 || __builtin_mul_overflow (height, width, &size)
      || size > MOST_PIXELS || out % groups != 0 || in % groups != 0 || (transposed && groups > 1))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "a convolution of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " pixels from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
                   " channels in %" G_GINT64_FORMAT " groups is impossible", height, width, in, out, groups);
      return NULL;
    }
  *self = (GtfConv2d){ .out = out, .in = in, .height = height, .width = width, .groups = groups, .transposed = transposed };
  if (groups == in && groups == out && groups > 1)
    {
      if (!gtf_shape_size (GTF_DTYPE_F32, 2, (gint64[]){ size, out }, &n_bytes))
        n_bytes = G_MAXSIZE;    /* the store says no */
      if ((self->taps = gtf_weight_store_alloc (store, n_bytes, error)) == NULL)
        return NULL;
    }
  else
    {
      const GtfDtype type = groups == 1 && !transposed ? weight_type (dtype, size) : GTF_DTYPE_F32;

      self->n_blocks = groups / groups_a_block (groups, out / groups);
      if (transposed)
        rows *= size;
      else
        cols *= size;
      if ((self->blocks = gtf_weight_store_alloc (store, (gsize) self->n_blocks * sizeof *self->blocks, error)) == NULL)
        return NULL;
      for (gint64 i = 0; i < self->n_blocks; i++)
        if ((self->blocks[i] = gtf_linear_new (store, type, rows / self->n_blocks, cols / self->n_blocks, bias && !transposed, error)) == NULL)
          return NULL;
    }
  if (bias && (self->taps != NULL || transposed) && (self->bias = gtf_weight_store_alloc (store, (gsize) out * sizeof (float), error)) == NULL)
    return NULL;
  return gtf_winograd_new (self, store, error) ? self : NULL;
}

typedef struct
{
  GtfConv2d *self;
  GtfDtype dtype;
  gconstpointer raw;
  const GtfFold *fold;
  const GtfConvBranch *branch;
  double eps;                   /* of weights that are standardised; negative: they are not */
  gint panels;                  /* of each block */
  gint failed;
} PutJob;

/* Mean 0 and variance 1 (Qiao et al. 2019). */
static void
standardise (float *row, gint64 n, double eps)
{
  double sum = 0.0, squares = 0.0, mean;

  for (gint64 i = 0; i < n; i++)
    sum += row[i];
  mean = sum / (double) n;
  for (gint64 i = 0; i < n; i++)
    squares += (row[i] - mean) * (row[i] - mean);
  for (gint64 i = 0; i < n; i++)
    row[i] = (float) ((row[i] - mean) / sqrt (squares / (double) n + eps));
}

/* Output o of a branch, added to the middle of that of the windows around it. */
static void
add_branch (const GtfConvBranch *branch, gint64 o, gint64 n, float *middle)
{
  const gsize element = gtf_dtype_size (branch->dtype);

  for (gint64 i = 0; i < n; i++)
    {
      float x;

      gtf_convert_f32 (branch->dtype, (const char *) branch->raw + (gsize) (o * n + i) * element, 1, 1, &x);
      middle[i] += x * branch->fold.scale[o];
    }
}

/* Output o as a row [height][width][in of its block]. */
static void
put_row (const PutJob *job, gint64 o, float *row)
{
  const GtfConv2d *self = job->self;
  const gint64 in = self->in / self->groups, all = self->in / self->n_blocks, size = self->height * self->width;
  const gint64 first = o / (self->out / self->groups) % (self->groups / self->n_blocks) * in;
  const gsize element = gtf_dtype_size (job->dtype);
  const float scale = job->fold != NULL ? job->fold->scale[o] : 1.0f;

  memset (row, 0, (gsize) (size * all) * sizeof *row);
  for (gint64 k = 0; k < size; k++)
    {
      float *to = row + k * all + first;

      gtf_convert_f32 (job->dtype, (const char *) job->raw + (gsize) (o * in * size + k) * element, (gsize) size, (gsize) in, to);
    }
  if (job->eps >= 0.0)
    standardise (row, size * all, job->eps);
  for (gint64 i = 0; scale != 1.0f && i < size * all; i++)
    row[i] *= scale;
  if (job->branch != NULL)
    add_branch (job->branch, o, in, row + size / 2 * in);
}

/* Row k, o of what is transposed: the inputs of output o at position k. */
static void
put_transposed_row (const PutJob *job, gint64 row_index, float *row)
{
  const GtfConv2d *self = job->self;
  const gint64 size = self->height * self->width, k = row_index / self->out, o = row_index % self->out;
  const float scale = job->fold != NULL ? job->fold->scale[o] : 1.0f;

  gtf_convert_f32 (job->dtype, (const char *) job->raw + (gsize) (o * size + k) * gtf_dtype_size (job->dtype), (gsize) (self->out * size), (gsize) self->in, row);
  for (gint64 i = 0; i < self->in; i++)
    row[i] *= scale;
}

static void
put_panel (gpointer data, guint part, guint n_parts)
{
  PutJob *job = data;
  const GtfConv2d *self = job->self;

  for (gint64 i = part; i < self->n_blocks * job->panels; i += n_parts)
    {
      GtfLinear *linear = self->blocks[i / job->panels];
      const gint64 first = i % job->panels * GTF_PANEL, n = MIN (GTF_PANEL, linear->out - first);
      float *rows = g_try_new (float, (gsize) (linear->in * GTF_PANEL));

      if (rows == NULL)
        {
          g_atomic_int_set (&job->failed, 1);
          return;
        }
      for (gint64 o = 0; o < n; o++)
        if (self->transposed)
          put_transposed_row (job, first + o, rows + o * linear->in);
        else
          put_row (job, i / job->panels * linear->out + first + o, rows + o * linear->in);
      gtf_linear_put (linear, first, n, &(GtfRawMatrix){ GTF_DTYPE_F32, rows, FALSE });
      g_free (rows);
    }
}

gboolean
gtf_conv2d_put (GtfConv2d *self, GtfPool *pool, GtfDtype dtype, gconstpointer raw, const GtfFold *fold, const GtfConvBranch *branch, double eps, GError **error)
{
  PutJob job = { self, dtype, raw, fold, branch, eps, 0, 0 };
  const gint64 size = self->height * self->width;

  if (self->taps != NULL)
    {
      for (gint64 k = 0; k < size; k++)
        {
          float *to = self->taps + k * self->out;

          gtf_convert_f32 (dtype, (const char *) raw + (gsize) k * gtf_dtype_size (dtype), (gsize) size, (gsize) self->out, to);
          for (gint64 o = 0; fold != NULL && o < self->out; o++)
            to[o] *= fold->scale[o];
        }
      return TRUE;
    }
  job.panels = (gint) ((self->blocks[0]->out + GTF_PANEL - 1) / GTF_PANEL);
  gtf_pool_run (pool, (guint) MIN (self->n_blocks * job.panels, 1000), put_panel, &job);
  if (!job.failed)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a row of %" G_GINT64_FORMAT " weights", self->blocks[0]->in);
  return FALSE;
}

void
gtf_conv2d_put_bias (GtfConv2d *self, GtfDtype dtype, gconstpointer bias, const GtfFold *fold)
{
  const gsize element = gtf_dtype_size (dtype);

  for (gint64 o = 0; o < self->out; o++)
    {
      float value = 0.0f, *to;

      if (bias != NULL)
        gtf_convert_f32 (dtype, (const char *) bias + (gsize) o * element, 1, 1, &value);
      if (fold != NULL)
        value = value * fold->scale[o] + fold->shift[o];
      to = self->bias != NULL ? self->bias + o : self->blocks[o / self->blocks[0]->out]->bias + o % self->blocks[0]->out;
      *to = value;
    }
}
