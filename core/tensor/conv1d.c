/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolution over time as a product with windows. x is [time][in], so a window of `kernel` steps is one contiguous row of
 * kernel * in numbers, and the next one begins stride * in further: no copy, only the few windows that hang over an edge are
 * laid out with their zeros.
 */
#include "base/error.h"
#include "tensor/context-private.h"
#include "tensor/convert.h"
#include "tensor/linear-private.h"
#include "tensor/positions.h"
#include "tensor/sequences-private.h"

#include <string.h>

GtfConv1d *
gtf_conv1d_new (GtfWeightStore *store, GtfDtype dtype, gint64 out, gint64 in, gint64 kernel, gboolean bias, GError **error)
{
  GtfConv1d *self = gtf_weight_store_alloc (store, sizeof *self, error);
  gint64 width;

  if (self == NULL)
    return NULL;
  if (in <= 0 || kernel <= 0 || __builtin_mul_overflow (in, kernel, &width))
    width = -1;             /* gtf_linear_new () says no */
  self->out = out;
  self->in = in;
  self->kernel = kernel;
  self->linear = gtf_linear_new (store, dtype, out, width, bias, error);
  return self->linear != NULL ? self : NULL;
}

typedef struct
{
  const GtfConv1d *conv;
  GtfDtype dtype;
  gconstpointer raw;
} PutJob;

/* The outputs of some panels: windows [kernel][in] out of rows [in][kernel]. */
static void
put_panels (gpointer data, guint part, guint n_parts)
{
  const PutJob *job = data;
  const GtfConv1d *self = job->conv;
  gsize width = (gsize) (self->in * self->kernel), size = gtf_dtype_size (job->dtype);
  g_autofree float *rows = g_new (float, width * GTF_PANEL);

  for (gint64 first = (gint64) part * GTF_PANEL; first < self->out; first += (gint64) n_parts * GTF_PANEL)
    {
      gint64 n = MIN (GTF_PANEL, self->out - first);
      for (gint64 o = 0; o < n; o++)
        for (gint64 t = 0; t < self->kernel; t++)
          gtf_convert_f32 (job->dtype, (const char *) job->raw + ((gsize) (first + o) * width + (gsize) t) * size, (gsize) self->kernel, (gsize) self->in,
                           rows + (gsize) o * width + t * self->in);
      gtf_linear_put (self->linear, first, n, &(GtfRawMatrix){ GTF_DTYPE_F32, rows, FALSE });
    }
}

void
gtf_conv1d_put (GtfConv1d *self, GtfPool *pool, GtfDtype dtype, gconstpointer raw)
{
  PutJob job = { self, dtype, raw };

  gtf_pool_run (pool, (guint) MIN ((self->out + GTF_PANEL - 1) / GTF_PANEL, 1000), put_panels, &job);
}

void
gtf_conv1d_put_bias (GtfConv1d *self, GtfDtype dtype, gconstpointer data)
{
  gtf_linear_put_bias (self->linear, 0, self->out, dtype, data);
}

typedef struct
{
  const GtfConv1d *w;
  const GtfTensor *x;
  gint64 stride, padding, steps, out_steps;
  GtfActivation act;
  GtfTensor *y;
} Conv;

/* Output steps t0 .. t1, whose windows are laid out in full. */
static void
conv_edge (GtfContext *c, const Conv *v, const float *x, float *y, gint64 t0, gint64 t1)
{
  gint64 width = v->w->in * v->w->kernel;
  gsize mark = gtf_push (c);
  float *windows;
  GtfLinearArgs args;

  if (t1 <= t0)
    return;
  windows = gtf_arena_alloc (c, (gsize) (t1 - t0) * (gsize) width * sizeof *windows);
  if (windows == NULL)
    return;
  for (gint64 t = t0; t < t1; t++)
    for (gint64 k = 0; k < v->w->kernel; k++)
      {
        gint64 from = t * v->stride - v->padding + k;
        float *to = windows + (t - t0) * width + k * v->w->in;
        if (from < 0 || from >= v->steps)
          memset (to, 0, (gsize) v->w->in * sizeof *to);
        else
          memcpy (to, x + from * v->w->in, (gsize) v->w->in * sizeof *to);
      }
  args = (GtfLinearArgs){ .m = t1 - t0, .a = windows, .lda = width, .act = v->act, .c = y + t0 * v->w->out, .ldc = v->w->out };
  gtf_linear_run (c, v->w->linear, &args);
  gtf_pop (c, mark);
}

static void
conv_matrix (GtfContext *c, const Conv *v, const float *x, float *y)
{
  gint64 first = (v->padding + v->stride - 1) / v->stride, last = v->steps - v->w->kernel + v->padding;
  GtfLinearArgs args;

  /* windows first .. last lie wholly inside */
  last = last < 0 ? 0 : last / v->stride + 1;
  first = MIN (first, v->out_steps);
  last = CLAMP (last, first, v->out_steps);
  conv_edge (c, v, x, y, 0, first);
  conv_edge (c, v, x, y, last, v->out_steps);
  args = (GtfLinearArgs){ .m = last - first, .a = x + (first * v->stride - v->padding) * v->w->in, .lda = v->stride * v->w->in,
                          .act = v->act, .c = y + first * v->w->out, .ldc = v->w->out };
  gtf_linear_run (c, v->w->linear, &args);
}

/**
 * gtf_conv1d:
 * @w: weight [out][in][kernel], maybe with a bias
 * @x: (nullable): [B][T][in]
 * @stride: steps between two windows
 * @padding: zeros before and after each row
 * @act: what is done with each result
 *
 * Returns: (transfer none) (nullable): [B][(T + 2 padding - kernel) / stride + 1][out]
 */
GtfTensor *
gtf_conv1d (GtfContext *c, const GtfConv1d *w, const GtfTensor *x, gint64 stride, gint64 padding, GtfActivation act)
{
  Conv v = { w, x, stride, padding, 0, 0, act, NULL };
  gint64 shape[GTF_MAX_DIMS], n_matrices;

  if (!gtf_op_begin (c, "conv1d", 1, x))
    return NULL;
  v.steps = gtf_tensor_steps (x);
  if (w == NULL || x->n_dims < 2 || gtf_tensor_cols (x) != w->in || stride < 1 || padding < 0 || v.steps + 2 * padding < w->kernel)
    {
      g_autofree char *text = gtf_shape_to_string (x->n_dims, x->shape);
      gtf_fail (c, "x is %s, but the weight takes [.., T, %" G_GINT64_FORMAT "] with at least %" G_GINT64_FORMAT " steps after padding",
                text, w != NULL ? w->in : 0, w != NULL ? w->kernel : 0);
      return NULL;
    }
  x = gtf_packed (c, x);
  if (x == NULL)
    return NULL;
  v.out_steps = (v.steps + 2 * padding - w->kernel) / stride + 1;
  memcpy (shape, x->shape, sizeof shape);
  shape[x->n_dims - 2] = v.out_steps;
  shape[x->n_dims - 1] = w->out;
  v.y = gtf_new_tensor (c, GTF_DTYPE_F32, x->n_dims, shape);
  if (v.y == NULL)
    return NULL;
  n_matrices = v.steps > 0 ? gtf_tensor_rows (x) / v.steps : 0;
  for (gint64 i = 0; i < n_matrices; i++)
    conv_matrix (c, &v, gtf_tensor_f32 (x) + i * v.steps * w->in, gtf_tensor_f32 (v.y) + i * v.out_steps * w->out);
  return v.y;
}

/* ---- text by text --------------------------------------------------------------------------------------------------- */

typedef struct
{
  const Conv *v;
  const GtfSequences *sequences;
  gint64 groups, in;            /* in: of x */
} Grouped;

/* Some outputs for all steps, one by one: groups are rare and their products small. */
static void
grouped_part (gpointer data, guint part, guint n_parts)
{
  const Grouped *g = data;
  const GtfConv1d *w = g->v->w;
  gint64 from = part * w->out / n_parts, to = (part + 1) * w->out / n_parts;
  g_autofree float *row = g_new (float, (gsize) (w->in * w->kernel));

  for (gint64 o = from; o < to; o++)
    {
      const float *x = gtf_tensor_f32 (g->v->x) + o / (w->out / g->groups) * w->in;
      float bias = w->linear->bias != NULL ? w->linear->bias[o] : 0.0f, *y = gtf_tensor_f32 (g->v->y) + o;
      gtf_linear_get_row (w->linear, o, row);
      for (gint64 b = 0; b < g->sequences->n; b++)
        {
          gint64 start = gtf_sequence_start (g->sequences, b), n = gtf_sequence_length (g->sequences, b);
          for (gint64 t = 0; t < n; t++)
            {
              float sum = bias;
              for (gint64 k = MAX (0, g->v->padding - t); k < MIN (w->kernel, n + g->v->padding - t); k++)
                for (gint64 i = 0; i < w->in; i++)
                  sum += row[k * w->in + i] * x[(start + t + k - g->v->padding) * g->in + i];
              y[(start + t) * w->out] = sum;
            }
        }
    }
}

/**
 * gtf_conv1d_texts:
 * @w: weight [out][in / groups][kernel], maybe with a bias; the kernel is odd
 * @x: (nullable): [B][T][in]
 * @groups: parts of the input that see no others
 * @act: what is done with each result
 * @sequences: (nullable): where packed texts begin
 *
 * Returns: (transfer none) (nullable): [B][T][out]
 */
GtfTensor *
gtf_conv1d_texts (GtfContext *c, const GtfConv1d *w, const GtfTensor *x, gint64 groups, GtfActivation act, const GtfTensor *sequences)
{
  GtfSequences s;
  Conv v = { w, x, 1, w != NULL ? w->kernel / 2 : 0, 0, 0, act, NULL };
  Grouped g = { &v, &s, groups, 0 };

  if (!gtf_op_begin (c, "conv1d_texts", 1, x) || !gtf_sequences_read (c, x, sequences, &s))
    return NULL;
  if (w == NULL || x->n_dims != 3 || groups < 1 || w->kernel % 2 == 0 || w->out % groups != 0 || gtf_tensor_cols (x) != w->in * groups)
    {
      g_autofree char *text = gtf_shape_to_string (x->n_dims, x->shape);
      gtf_fail (c, "x is %s, but the weight takes [B, T, %" G_GINT64_FORMAT "] in %" G_GINT64_FORMAT " groups and an odd kernel", text,
                w != NULL ? w->in * groups : 0, groups);
      return NULL;
    }
  v.x = x = gtf_packed (c, x);
  v.y = x != NULL ? gtf_new_like (c, x, w->out) : NULL;
  if (v.y == NULL)
    return NULL;
  g.in = gtf_tensor_cols (x);
  if (groups > 1)
    {
      gtf_pool_run (c->pool, gtf_pool_get_n_threads (c->pool), grouped_part, &g);
      c->kernels->activate (act, gtf_tensor_f32 (v.y), (gint64) gtf_tensor_get_n_elements (v.y), gtf_tensor_f32 (v.y));
      return v.y;
    }
  for (gint64 b = 0; b < s.n; b++)
    {
      v.steps = v.out_steps = gtf_sequence_length (&s, b);
      if (v.steps > 0)
        conv_matrix (c, &v, gtf_tensor_f32 (x) + gtf_sequence_start (&s, b) * w->in, gtf_tensor_f32 (v.y) + gtf_sequence_start (&s, b) * w->out);
    }
  return v.y;
}
