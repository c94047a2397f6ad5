/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Linear layers: their weights (linear-pack.c fills the panels), and the product.
 *
 * Few rows: the outputs (columns of the result) are split between the threads, so that each reads its share of the weights
 * once. Many rows: the rows are split.
 */
#include "base/error.h"
#include "kernels/half.h"
#include "tensor/context-private.h"
#include "tensor/convert.h"
#include "tensor/linear-private.h"
#include "tensor/weights-private.h"

#include <math.h>
#include <string.h>

/* ---- packing --------------------------------------------------------------------------------------------------------- */

static guint
granule (GtfDtype type)
{
  return type == GTF_DTYPE_BF16 ? 2 : type == GTF_DTYPE_I8 ? 4 : 1;
}

GtfDtype
gtf_linear_type (GtfDtype dtype)
{
  return dtype == GTF_DTYPE_BF16 || dtype == GTF_DTYPE_F16 || dtype == GTF_DTYPE_I8 ? dtype : GTF_DTYPE_F32;
}

GtfLinear *
gtf_linear_new (GtfWeightStore *store, GtfDtype dtype, gint64 out, gint64 in, gboolean bias, GError **error)
{
  GtfDtype type = gtf_linear_type (dtype);
  guint g = granule (type);
  gint64 shape[3] = { 0 };
  gsize n_bytes, padded;
  GtfLinear *self;

  if (out > 0 && in > 0 && out <= G_MAXINT32 && in <= G_MAXINT32)
    {
      shape[0] = (out + GTF_PANEL - 1) / GTF_PANEL;
      shape[1] = (in + g - 1) / g;
      shape[2] = GTF_PANEL * (gint64) g;
    }
  if (shape[0] == 0 || !gtf_shape_size (type, 3, shape, &n_bytes))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "a weight of %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " is impossible", out, in);
      return NULL;
    }
  self = gtf_weight_store_alloc (store, sizeof *self, error);
  if (self == NULL)
    return NULL;
  padded = (gsize) shape[0] * GTF_PANEL * sizeof (float);
  self->type = type;
  self->out = out;
  self->in = in;
  self->panel_bytes = n_bytes / (gsize) shape[0];
  self->panels = gtf_weight_store_alloc (store, n_bytes, error);
  if (self->panels == NULL)
    return NULL;
  if (bias && (self->bias = gtf_weight_store_alloc (store, padded, error)) == NULL)
    return NULL;
  if (type == GTF_DTYPE_I8
      && ((self->scale = gtf_weight_store_alloc (store, padded, error)) == NULL
          || (self->sums = gtf_weight_store_alloc (store, padded, error)) == NULL))
    return NULL;
  return self;
}

void
gtf_linear_put_bias (GtfLinear *self, gint64 first, gint64 n, GtfDtype dtype, gconstpointer data)
{
  g_return_if_fail (self->bias != NULL && first >= 0 && n >= 0 && first + n <= self->out);
  gtf_convert_f32 (dtype, data, 1, (gsize) n, self->bias + first);
}

void
gtf_linear_get_row (const GtfLinear *self, gint64 row, float *dst)
{
  const char *panel = (const char *) self->panels + (gsize) (row / GTF_PANEL) * self->panel_bytes;
  gint64 lane = row % GTF_PANEL;

  for (gint64 k = 0; k < self->in; k++)
    switch (self->type)
      {
      case GTF_DTYPE_BF16: dst[k] = gtf_bf16_to_f32 (((const guint16 *) panel)[(k / 2 * GTF_PANEL + lane) * 2 + k % 2]); break;
      case GTF_DTYPE_F16: dst[k] = gtf_f16_to_f32 (((const guint16 *) panel)[k * GTF_PANEL + lane]); break;
      case GTF_DTYPE_I8: dst[k] = self->scale[row] * (float) ((const gint8 *) panel)[(k / 4 * GTF_PANEL + lane) * 4 + k % 4]; break;
      default: dst[k] = ((const float *) panel)[k * GTF_PANEL + lane];
      }
}

/* ---- the product ------------------------------------------------------------------------------------------------------- */

#define UNIT 6                  /* rows are split between tiles: of vectors so many, of AMX GTF_TILE_ROWS */
#define MANY_ROWS 96
#define MANY_NARROW_ROWS 192    /* their products are over before the weights have come */
/* Parts small enough that a thread that was held up does not hold up the others. */
#define ROWS_A_PART 384
#define BYTES_A_PART (8 << 20)  /* of weights, where outputs are split */

typedef struct
{
  const GtfKernels *kernels;
  GtfGemm gemm;
  gboolean by_rows;
} GemmJob;

GtfGemm
gtf_linear_gemm (GtfContext *c, const GtfLinear *w, const GtfLinearArgs *args)
{
  return (GtfGemm){ .type = w->type, .narrow = gtf_kernels_are_fast_in (c->kernels, w->type), .act = args->act, .m = args->m, .n = w->out, .k = w->in, .a = args->a, .pairs = args->pairs, .lda = args->lda,
                    .w = w->panels, .panel_bytes = w->panel_bytes, .bias = w->bias, .scale = w->scale, .sums = w->sums,
                    .residual = args->residual, .ldr = args->ldr, .c = args->c, .halves = args->halves, .ldc = args->ldc,
                    .residual_first = args->residual_first };
}

gboolean
gtf_gemm_by_rows (const GtfGemm *gemm)
{
  return gemm->m >= (gemm->narrow ? MANY_NARROW_ROWS : MANY_ROWS);
}

gint64
gtf_gemm_panels (const GtfGemm *gemm)
{
  return (gemm->n + GTF_PANEL - 1) / GTF_PANEL;
}

void
gtf_gemm_rows (const GtfGemm *gemm, guint part, guint n_parts, gint64 *first, gint64 *end)
{
  const gint64 unit = gemm->narrow ? GTF_TILE_ROWS : UNIT, n = (gemm->m + unit - 1) / unit;

  *first = part * n / n_parts * unit;
  *end = MIN ((part + 1) * n / n_parts * unit, gemm->m);
}

static void
gemm_part (gpointer data, guint part, guint n_parts)
{
  const GemmJob *job = data;
  const gint64 panels = gtf_gemm_panels (&job->gemm);
  gint64 first, end;

  if (job->by_rows)
    gtf_gemm_rows (&job->gemm, part, n_parts, &first, &end);
  else
    {
      first = part * panels / n_parts;
      end = (part + 1) * panels / n_parts;
    }
  if (first == end)
    return;
  if (job->by_rows)
    job->kernels->gemm (&job->gemm, first, end, 0, panels);
  else
    job->kernels->gemm (&job->gemm, 0, job->gemm.m, first, end);
}

void
gtf_linear_run (GtfContext *c, const GtfLinear *w, const GtfLinearArgs *args)
{
  GemmJob job = { c->kernels, gtf_linear_gemm (c, w, args), FALSE };
  guint n = gtf_pool_get_n_threads (c->pool);

  if (args->m == 0)
    return;
  job.by_rows = gtf_gemm_by_rows (&job.gemm);
  /* A small product is done before a helper has heard of it. */
  if (args->m * w->out * w->in < 20000)
    n = 1;
  else if (job.by_rows && n > 1)
    n = n * (guint) MIN ((args->m + n * ROWS_A_PART - 1) / (n * ROWS_A_PART), 1000);
  else if (n > 1)
    n = n * (guint) MIN (1 + (gint64) w->panel_bytes * gtf_gemm_panels (&job.gemm) / ((gint64) n * BYTES_A_PART), 1000);
  gtf_pool_run (c->pool, n, gemm_part, &job);
}

static GtfTensor *
linear (GtfContext *c, const char *op, const GtfLinear *w, const GtfTensor *x, GtfActivation act, const GtfTensor *residual)
{
  GtfLinearArgs args = { 0 };
  GtfTensor *y;

  if (!gtf_op_begin (c, op, residual != NULL ? 2 : 1, x, residual))
    return NULL;
  if (w == NULL || gtf_tensor_cols (x) != w->in)
    {
      g_autofree char *shape = gtf_shape_to_string (x->n_dims, x->shape);
      if (w == NULL)
        gtf_fail (c, "the weight is missing");
      else
        gtf_fail (c, "x is %s, but the weight takes %" G_GINT64_FORMAT " features", shape, w->in);
      return NULL;
    }
  if (residual != NULL && (gtf_tensor_rows (residual) != gtf_tensor_rows (x) || gtf_tensor_cols (residual) != w->out))
    {
      gtf_fail_shapes (c, x, residual, "x and the residual do not fit");
      return NULL;
    }
  x = gtf_uniform (c, x);
  if (residual != NULL)
    residual = gtf_uniform (c, residual);
  y = gtf_failed (c) ? NULL : gtf_new_like (c, x, w->out);
  if (y == NULL)
    return NULL;
  args = (GtfLinearArgs){ .m = gtf_tensor_rows (x), .a = gtf_tensor_f32 (x), .lda = x->row_stride, .act = act,
                          .c = gtf_tensor_f32 (y), .ldc = y->row_stride };
  if (residual != NULL)
    {
      args.residual = gtf_tensor_f32 (residual);
      args.ldr = residual->row_stride;
    }
  gtf_linear_run (c, w, &args);
  return y;
}

/**
 * gtf_linear:
 * @w: weight [out][in], maybe with a bias
 * @x: (nullable): [..., in]
 *
 * y = x W^T + b.
 *
 * Returns: (transfer none) (nullable): [..., out]
 */
GtfTensor *
gtf_linear (GtfContext *c, const GtfLinear *w, const GtfTensor *x)
{
  return linear (c, "linear", w, x, GTF_ACTIVATION_NONE, NULL);
}

/**
 * gtf_linear_act:
 * @w: weight [out][in], maybe with a bias
 * @x: (nullable): [..., in]
 * @act: what is done with each result
 *
 * y = act (x W^T + b).
 *
 * Returns: (transfer none) (nullable): [..., out]
 */
GtfTensor *
gtf_linear_act (GtfContext *c, const GtfLinear *w, const GtfTensor *x, GtfActivation act)
{
  return linear (c, "linear_act", w, x, act, NULL);
}

/**
 * gtf_linear_add:
 * @w: weight [out][in], maybe with a bias
 * @x: (nullable): [..., in]
 * @residual: (nullable): [..., out], added to the result
 *
 * y = residual + x W^T + b.
 *
 * Returns: (transfer none) (nullable): [..., out]
 */
GtfTensor *
gtf_linear_add (GtfContext *c, const GtfLinear *w, const GtfTensor *x, const GtfTensor *residual)
{
  if (residual == NULL && !gtf_failed (c))
    {
      c->op = "linear_add";
      gtf_fail (c, "the residual is missing");
    }
  return linear (c, "linear_add", w, x, GTF_ACTIVATION_NONE, residual);
}

/* Some inputs of a weight, as float32. */
static void
widen_columns (const GtfLinear *w, gint64 first, GtfLinear *to, float *row)
{
  for (gint64 o = 0; o < w->out; o++)
    {
      float *panel = (float *) ((char *) to->panels + (gsize) (o / GTF_PANEL) * to->panel_bytes) + o % GTF_PANEL;

      gtf_linear_get_row (w, o, row);
      for (gint64 k = 0; k < to->in; k++)
        panel[k * GTF_PANEL] = row[first + k];
    }
}

/**
 * gtf_linear_columns:
 * @w: (nullable): weight [out][in], maybe with a bias
 * @first: the first input
 * @n: how many
 *
 * The part of a weight that counts for some of its inputs: the products of all parts with theirs add up to the whole. The bias belongs to the part with the
 * first input. Panels are shared where they can be; parts of int8 and of odd places in bfloat16 become float32.
 *
 * Returns: (transfer none) (nullable): weight [out][n]
 */
const GtfLinear *
gtf_linear_columns (GtfContext *c, const GtfLinear *w, gint64 first, gint64 n)
{
  const gint64 panels = w != NULL ? (w->out + GTF_PANEL - 1) / GTF_PANEL : 0;
  GtfLinear *part;
  float *row;

  if (!gtf_op_begin (c, "linear_columns", 0))
    return NULL;
  if (w == NULL || first < 0 || n < 1 || first > w->in - n)
    {
      gtf_fail (c, "the weight has no inputs %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, first, first + n - 1);
      return NULL;
    }
  part = gtf_arena_alloc (c, sizeof *part);
  if (part == NULL)
    return NULL;
  *part = *w;
  part->in = n;
  if (first > 0)
    part->bias = NULL;
  if (w->type != GTF_DTYPE_I8 && first % granule (w->type) == 0 && (first + n == w->in || n % granule (w->type) == 0))
    {
      part->panels = (char *) w->panels + (gsize) first * GTF_PANEL * gtf_dtype_size (w->type);
      return part;
    }
  part->type = GTF_DTYPE_F32;
  part->scale = NULL;
  part->sums = NULL;
  part->panel_bytes = (gsize) n * GTF_PANEL * sizeof (float);
  part->panels = gtf_arena_alloc (c, (gsize) panels * part->panel_bytes);
  row = gtf_arena_alloc (c, (gsize) w->in * sizeof *row);
  if (part->panels == NULL || row == NULL)
    return NULL;
  memset (part->panels, 0, (gsize) panels * part->panel_bytes);
  widen_columns (w, first, part, row);
  return part;
}
