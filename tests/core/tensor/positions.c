/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Ops that know positions, against plain loops in double: odd lengths, packed and padded texts, views of a fused projection.
 */
#include <math.h>

#include "tensor/context-private.h"
#include "tensor/positions.h"
#include "tensor/weights-private.h"

static GtfTensor *
randoms (GtfContext *c, guint n_dims, const gint64 *shape)
{
  GtfTensor *t = gtf_new_tensor (c, GTF_DTYPE_F32, n_dims, shape);

  for (gsize i = 0; i < gtf_tensor_get_n_elements (t); i++)
    gtf_tensor_f32 (t)[i] = (float) g_random_double_range (-1, 1);
  return t;
}

static GtfTensor *
integers (GtfContext *c, gint64 n, const gint32 *numbers)
{
  GtfTensor *t = gtf_new_tensor (c, GTF_DTYPE_I32, 1, &n);

  for (gint64 i = 0; i < n; i++)
    ((gint32 *) t->data)[i] = numbers[i];
  return t;
}

static double
at (const GtfTensor *t, gint64 row, gint64 col)
{
  return gtf_tensor_f32 (t)[gtf_tensor_row_offset (t, row) + col];
}

static void
near (double got, double expected, double tolerance)
{
  if (!(fabs (got - expected) <= tolerance))
    g_error ("%.9g, expected %.9g", got, expected);
}

/* ---- rotary, sinusoids ----------------------------------------------------------------------------------------------- */

static void
check_rotate (gint64 heads, gint64 d, gint64 dims, gboolean interleaved, gint64 first, gboolean packed)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  static const gint32 starts[] = { 0, 7, 7, 8, 21 };
  GtfTensor *wide = randoms (c, 3, (gint64[]){ packed ? 1 : 3, packed ? 21 : 7, heads * d + 5 }), *x = gtf_slice (c, wide, 3, heads * d);
  GtfTensor *table = gtf_rotary_table (c, first + 13, &(GtfRotary){ .dims = dims, .theta = 500, .divisor = 2, .factor = 1.25 });
  GtfTensor *y = gtf_rotate (c, x, &(GtfRotation){ heads, table, interleaved, first, packed ? integers (c, 5, starts) : NULL });

  g_assert_nonnull (y);
  for (gint64 row = 0; row < 21; row++)
    {
      gint64 position = packed ? row - (row < 7 ? 0 : row < 8 ? 7 : 8) : first + row % 7;
      for (gint64 h = 0; h < heads; h++)
        for (gint64 i = 0; i < d; i++)
          {
            gint64 half = dims / 2, pair = interleaved ? i / 2 : i % half, other = interleaved ? i ^ 1 : i < half ? i + half : i - half;
            double angle = (double) position / pow (500, 2.0 * (double) pair / (double) dims) / 2, sign = (interleaved ? i % 2 == 0 : i < half) ? -1 : 1;
            double expected = i >= dims ? at (x, row, h * d + i)
                                        : 1.25 * (at (x, row, h * d + i) * cos (angle) + sign * at (x, row, h * d + other) * sin (angle));
            near (at (y, row, h * d + i), expected, 2e-6);
          }
    }
}

static void
test_rotate (void)
{
  check_rotate (3, 10, 10, FALSE, 0, FALSE);
  check_rotate (2, 64, 64, FALSE, 5, FALSE);
  check_rotate (2, 38, 36, FALSE, 0, TRUE);
  check_rotate (3, 10, 6, TRUE, 2, FALSE);
  check_rotate (1, 8, 8, TRUE, 0, TRUE);
}

static void
test_sinusoids (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *y = gtf_sinusoids (c, 9, -2, 11, 14);

  for (gint64 t = 0; t < 11; t++)
    for (gint64 i = 0; i < 7; i++)
      {
        double angle = (double) (9 - 2 * t) / pow (10000, 2.0 * (double) i / 14);
        near (at (y, t, i), sin (angle), 2e-6);
        near (at (y, t, 7 + i), cos (angle), 2e-6);
      }
  g_assert_null (gtf_sinusoids (c, 0, 1, 3, 7));
}

static void
test_gate (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *x = randoms (c, 3, (gint64[]){ 2, 9, 42 }), *y = gtf_gate (c, gtf_slice (c, x, 0, 21), gtf_slice (c, x, 21, 21), GTF_ACTIVATION_TANH);

  for (gint64 row = 0; row < 18; row++)
    for (gint64 i = 0; i < 21; i++)
      near (at (y, row, i), tanh (at (x, row, i)) * at (x, row, 21 + i), 1e-6);
  g_assert_null (gtf_gate (c, x, y, GTF_ACTIVATION_NONE));
}

/* ---- attention ------------------------------------------------------------------------------------------------------ */

/* Texts of the cases: padded, or packed one after the other (two of them empty or short). */
static const gint32 packed_starts[] = { 0, 1, 1, 120, 330 };

typedef struct
{
  const GtfTensor *q, *k, *v;
  gint64 heads;
  double scale;
  double (*addend) (gconstpointer data, gint64 text, gint64 first_row, gint64 head, gint64 i, gint64 k);
  gconstpointer data;
} Reference;

/* Row `first + i` of the result, and the probabilities. */
static void
reference_row (const Reference *r, gint64 text, gint64 first, gint64 n, gint64 head, gint64 i, double *p, double *out)
{
  gint64 d = gtf_dim (r->q, -1) / r->heads, dv = gtf_dim (r->v, -1) / r->heads;
  double top = -INFINITY, sum = 0;

  for (gint64 k = 0; k < n; k++)
    {
      p[k] = 0;
      for (gint64 l = 0; l < d; l++)
        p[k] += at (r->q, first + i, head * d + l) * at (r->k, first + k, head * d + l);
      p[k] = r->scale * p[k] + r->addend (r->data, text, first, head, i, k);
      top = MAX (top, p[k]);
    }
  for (gint64 k = 0; k < n; k++)
    sum += p[k] = exp (p[k] - top);
  for (gint64 l = 0; l < dv; l++)
    out[l] = 0;
  for (gint64 k = 0; k < n; k++)
    {
      p[k] /= sum;
      for (gint64 l = 0; l < dv; l++)
        out[l] += p[k] * at (r->v, first + k, head * dv + l);
    }
}

static void
check_texts (const Reference *r, const GtfTensor *y, const GtfTensor *weights, gboolean packed, gint64 batch, gint64 steps)
{
  gint64 dv = gtf_dim (r->v, -1) / r->heads;
  double p[400], out[64];

  g_assert_nonnull (y);
  for (gint64 b = 0; b < batch; b++)
    {
      gint64 first = packed ? packed_starts[b] : b * steps, n = packed ? packed_starts[b + 1] - first : steps;
      for (gint64 h = 0; h < r->heads; h++)
        for (gint64 i = 0; i < n; i += 1 + n / 40)
          {
            reference_row (r, b, first, n, h, i, p, out);
            for (gint64 l = 0; l < dv; l++)
              near (at (y, first + i, h * dv + l), out[l], 2e-6);
            for (gint64 k = 0; weights != NULL && k < n; k++)
              near (at (weights, (b * r->heads + h) * n + i, k), p[k], 2e-6);
          }
    }
}

typedef struct
{
  gint64 batch, steps, heads, d, dv;
  GtfRelativeRows rows;
  gboolean keys, queries, own_query, segments, mask, packed, weights, causal;
} RelativeCase;

typedef struct
{
  const RelativeCase *test;
  double scale;
  gint64 zero;
  const GtfTensor *rows, *keys, *queries, *q, *k, *segment_query, *segment_keys, *segments, *mask;
} RelativeData;

static double
relative_addend (gconstpointer data, gint64 text, gint64 first, gint64 head, gint64 i, gint64 k)
{
  const RelativeData *r = data;
  const gint32 *segments = r->segments->data;
  gint64 d = r->test->d, row = ((const gint32 *) r->rows->data)[i - k + r->zero], other = segments[first + i] != segments[first + k];
  double sum = 0;

  if (r->test->causal && k > i)
    return -INFINITY;
  if (segments[first + i] == 2 || segments[first + k] == 2)
    other = 0;
  for (gint64 l = head * d; l < (head + 1) * d; l++)
    {
      if (r->test->keys)
        sum += at (r->q, first + i, l) * at (r->keys, row, l);
      if (r->test->queries)
        sum += at (r->k, first + k, l) * at (r->queries, row, l);
      if (r->test->segments)
        sum += at (r->segment_query, first + i, l) * at (r->segment_keys, other, l);
    }
  return r->scale * sum + (r->test->mask ? gtf_tensor_f32 (r->mask)[text * r->test->steps + k] : 0);
}

static void
check_relative (const RelativeCase *t)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  gint64 batch = t->packed ? 4 : t->batch, steps = t->packed ? 330 : t->steps, longest = t->packed ? 210 : t->steps, size = t->heads * t->d;
  gint64 x[] = { t->packed ? 1 : batch, steps, 2 * size + 7 }, same[] = { x[0], steps, size };
  GtfTensor *wide = randoms (c, 3, x), *q = gtf_slice (c, wide, 2, size), *k = gtf_slice (c, wide, size + 3, size);
  GtfTensor *v = randoms (c, 3, (gint64[]){ x[0], steps, t->heads * t->dv }), *own = randoms (c, 3, same), *segment_query = randoms (c, 3, same);
  GtfTensor *segment_keys = randoms (c, 2, (gint64[]){ 2, size }), *mask = randoms (c, 4, (gint64[]){ x[0], 1, 1, steps }), *weights = NULL, *y;
  GtfTensor *segments = gtf_new_tensor (c, GTF_DTYPE_I32, 2, x);
  RelativeData data = { t, 1 / sqrt ((double) t->d * 3), longest + 1, gtf_relative_rows (c, longest + 2, &t->rows, NULL, NULL), randoms (c, 2, (gint64[]){ t->rows.n_rows, size }),
                        randoms (c, 2, (gint64[]){ t->rows.n_rows, size }), t->own_query ? own : q, k, segment_query, segment_keys, segments, mask };
  Reference r = { q, k, v, t->heads, data.scale, relative_addend, &data };
  const GtfRelativeAttention a = { .n_heads = t->heads, .scale = (float) data.scale, .causal = t->causal, .rows = data.rows, .position_keys = t->keys ? data.keys : NULL,
                                   .position_query = t->own_query ? own : NULL, .position_queries = t->queries ? data.queries : NULL,
                                   .segments = t->segments ? segments : NULL, .segment_query = segment_query, .segment_keys = segment_keys, .segment_any = 2,
                                   .mask = t->mask ? mask : NULL, .sequences = t->packed ? integers (c, 5, packed_starts) : NULL,
                                   .weights = t->weights ? &weights : NULL };

  for (gint64 i = 0; i < x[0] * steps; i++)
    ((gint32 *) segments->data)[i] = g_random_int_range (0, 3);
  y = gtf_relative_attention (c, q, k, v, &a);
  check_texts (&r, y, weights, t->packed, batch, steps);
}

static void
test_relative (void)
{
  static const RelativeCase cases[] = {
    { 2, 33, 3, 8, 8, { 1, 16, 32, 0, 0 }, TRUE, TRUE, FALSE, FALSE, FALSE, FALSE, TRUE },
    { 1, 300, 2, 20, 16, { 1, 32, 64, 32, 256 }, TRUE, TRUE, FALSE, FALSE, FALSE, FALSE, FALSE },
    { 2, 130, 2, 16, 16, { 1, 40, 80, 40, 61 }, TRUE, FALSE, FALSE, FALSE, TRUE, FALSE, FALSE },     /* rows that jump */
    { 1, 70, 1, 12, 5, { 1, 512, 1024, 512, 520 }, FALSE, TRUE, FALSE, FALSE, FALSE, FALSE, FALSE },
    { 3, 97, 2, 10, 10, { -1, 97, 195, 0, 0 }, TRUE, FALSE, TRUE, TRUE, FALSE, FALSE, TRUE, TRUE },
    { 0, 0, 2, 16, 16, { 1, 24, 48, 24, 100 }, TRUE, TRUE, FALSE, FALSE, FALSE, TRUE, FALSE },
    { 0, 0, 2, 16, 16, { -1, 210, 421, 0, 0 }, TRUE, FALSE, TRUE, TRUE, FALSE, TRUE, FALSE },
    { 2, 5, 2, 16, 16, { 1, 0, 1, 0, 0 }, FALSE, FALSE, FALSE, FALSE, TRUE, FALSE, TRUE },
    { 1, 400, 1, 8, 8, { 1, 3000, 6001, 8, 5 }, TRUE, TRUE, FALSE, FALSE, FALSE, FALSE, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    check_relative (&cases[i]);
}

/* Rows as DeBERTa-v2 has them: exact near zero, shared further away, symmetric, and whole at the ends. */
static void
test_rows (void)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  const GtfTensor *rows = gtf_relative_rows (c, 513, &(GtfRelativeRows){ 1, 256, 512, 256, 512 }, NULL, NULL), *few;
  gint64 first, n_used;
  const gint32 *at_zero = (const gint32 *) rows->data + 512;

  for (gint32 i = -128; i <= 128; i++)
    g_assert_cmpint (at_zero[i], ==, 256 + i);
  for (gint32 i = 129; i < 512; i++)
    {
      g_assert_cmpint (at_zero[i] - 256, ==, 256 - at_zero[-i]);
      g_assert_cmpint (at_zero[i], >=, at_zero[i - 1]);
      g_assert_cmpint (at_zero[i], <=, at_zero[i - 1] + 1);
    }
  g_assert_cmpint (at_zero[511], ==, 511);
  g_assert_cmpint (at_zero[-511], ==, 1);
  few = gtf_relative_rows (c, 9, &(GtfRelativeRows){ -1, 20, 30, 0, 0 }, &first, &n_used);
  g_assert_cmpint (first, ==, 12);
  g_assert_cmpint (n_used, ==, 17);
  g_assert_cmpint (((const gint32 *) few->data)[0], ==, 16);
}

typedef struct
{
  gint64 batch, steps, heads, d, before, after;
  gboolean globals, mask, packed, weights;
} WindowCase;

typedef struct
{
  const WindowCase *test;
  const gint32 *globals;
  const GtfTensor *mask;
} WindowData;

static double
window_addend (gconstpointer data, gint64 text, gint64 first, gint64 head, gint64 i, gint64 k)
{
  const WindowData *w = data;

  if (!(w->test->globals && k < w->globals[text]) && (k < i - w->test->before || k > i + w->test->after))
    return -INFINITY;
  return w->test->mask ? gtf_tensor_f32 (w->mask)[text * w->test->steps + k] : 0;
}

static void
check_window (const WindowCase *t)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  static const gint32 globals[] = { 1, 5, 0, 130 };
  gint64 batch = t->packed ? 4 : t->batch, steps = t->packed ? 330 : t->steps, size = t->heads * t->d, x[] = { t->packed ? 1 : batch, steps, 3 * size };
  GtfTensor *wide = randoms (c, 3, x), *q = gtf_slice (c, wide, 0, size), *k = gtf_slice (c, wide, size, size), *v = gtf_slice (c, wide, 2 * size, size);
  GtfTensor *mask = randoms (c, 4, (gint64[]){ x[0], 1, 1, steps }), *weights = NULL, *y;
  WindowData data = { t, globals, mask };
  Reference r = { q, k, v, t->heads, 1 / sqrt ((double) t->d), window_addend, &data };
  const GtfWindowAttention a = { .n_heads = t->heads, .before = t->before, .after = t->after, .globals = t->globals ? integers (c, batch, globals) : NULL,
                                 .mask = t->mask ? mask : NULL, .sequences = t->packed ? integers (c, 5, packed_starts) : NULL,
                                 .weights = t->weights ? &weights : NULL };

  y = gtf_window_attention (c, q, k, v, &a);
  check_texts (&r, y, weights, t->packed, batch, steps);
}

static void
test_window (void)
{
  static const WindowCase cases[] = {
    { 2, 33, 3, 8, 4, 4, FALSE, FALSE, FALSE, TRUE },   { 1, 300, 2, 20, 64, 64, FALSE, TRUE, FALSE, FALSE }, { 3, 250, 2, 16, 7, 0, TRUE, FALSE, FALSE, TRUE },
    { 0, 0, 2, 16, 5, 9, FALSE, FALSE, TRUE, FALSE },   { 0, 0, 2, 16, 30, 30, TRUE, FALSE, TRUE, FALSE },    { 2, 20, 1, 16, 400, 1000, TRUE, TRUE, FALSE, TRUE },
    { 1, 100, 2, 24, 0, 0, FALSE, FALSE, FALSE, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    check_window (&cases[i]);
}

/* Each query sees itself and the sink of its head, which gets its part and gives nothing. */
static void
test_sinks (void)
{
  enum { STEPS = 120, HEADS = 3, D = 8 };
  static const float scores[HEADS] = { 0.5f, -2.0f, 30.0f };
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  GtfTensor *q = randoms (c, 3, (gint64[]){ 1, STEPS, HEADS * D }), *k = randoms (c, 3, (gint64[]){ 1, STEPS, HEADS * D }), *v = randoms (c, 3, (gint64[]){ 1, STEPS, HEADS * D });
  GtfTensor *sinks = gtf_new_tensor (c, GTF_DTYPE_F32, 1, (gint64[]){ HEADS }), *y;

  memcpy (gtf_tensor_f32 (sinks), scores, sizeof scores);
  y = gtf_window_attention (c, q, k, v, &(GtfWindowAttention){ .n_heads = HEADS, .scale = 0.7f, .sinks = sinks });
  g_assert_false (gtf_failed (c));
  for (gint64 i = 0; i < STEPS * HEADS; i++)
    {
      const float *a = gtf_tensor_f32 (q) + i * D, *b = gtf_tensor_f32 (k) + i * D;
      double score = 0, part;

      for (gint64 l = 0; l < D; l++)
        score += 0.7 * a[l] * b[l];
      part = 1 / (1 + exp ((double) scores[i % HEADS] - score));
      for (gint64 l = 0; l < D; l++)
        g_assert_cmpfloat_with_epsilon (gtf_tensor_f32 (y)[i * D + l], part * gtf_tensor_f32 (v)[i * D + l], 2e-6);
    }
  g_assert_null (gtf_window_attention (c, q, k, v, &(GtfWindowAttention){ .n_heads = HEADS, .sinks = q }));
  g_assert_true (gtf_failed (c));
}

typedef struct
{
  gint64 batch, steps, block, n_random;
  gboolean packed;
} BlockCase;

static double
block_addend (gconstpointer data, gint64 text, gint64 first, gint64 head, gint64 i, gint64 k)
{
  const BlockCase *t = data;
  gint64 n = t->packed ? packed_starts[text + 1] - first : t->steps, last = (n - 1) / t->block, q = i / t->block, b = k / t->block;

  if (n <= (5 + 2 * t->n_random) * t->block || q == 0 || q == last)
    return 0;
  if (b == 0)
    return log (1.0 + (double) t->n_random);
  return b == last || (b >= q - 1 && b <= q + 1) ? 0 : -INFINITY;
}

static void
test_blocks (void)
{
  static const BlockCase cases[] = { { 2, 101, 6, 3, FALSE }, { 1, 300, 16, 0, FALSE }, { 2, 40, 6, 1, FALSE }, { 4, 330, 7, 2, TRUE } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      const BlockCase *t = &cases[i];
      gint64 x[] = { t->packed ? 1 : t->batch, t->steps, 3 * 24 };
      GtfTensor *wide = randoms (c, 3, x), *q = gtf_slice (c, wide, 0, 24), *k = gtf_slice (c, wide, 24, 24), *v = gtf_slice (c, wide, 48, 24);
      Reference r = { q, k, v, 2, 1 / sqrt (12), block_addend, t };
      const GtfBlockAttention a = { .n_heads = 2, .block = t->block, .n_random = t->n_random, .sequences = t->packed ? integers (c, 5, packed_starts) : NULL };
      check_texts (&r, gtf_block_attention (c, q, k, v, &a), NULL, t->packed, t->batch, t->steps);
    }
}

/* A convolution stops at the edges of its text. */
static void
check_conv (gint64 in, gint64 out, gint64 groups, gint64 kernel, gboolean packed)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
  GtfTensor *w = randoms (c, 2, (gint64[]){ out, in / groups * kernel }), *bias = randoms (c, 1, (gint64[]){ out }), *x, *y;
  GtfConv1d *conv = gtf_conv1d_new (store, GTF_DTYPE_F32, out, in / groups, kernel, TRUE, NULL);
  gint64 n = in / groups;

  x = randoms (c, 3, (gint64[]){ packed ? 1 : 2, packed ? 330 : 11, in });
  gtf_conv1d_put (conv, gtf_pool_get (0), GTF_DTYPE_F32, w->data);
  gtf_conv1d_put_bias (conv, GTF_DTYPE_F32, bias->data);
  y = gtf_conv1d_texts (c, conv, x, groups, GTF_ACTIVATION_RELU, packed ? integers (c, 5, packed_starts) : NULL);
  for (gint64 b = 0; b < (packed ? 4 : 2); b++)
    {
      gint64 first = packed ? packed_starts[b] : b * 11, end = packed ? packed_starts[b + 1] : first + 11;
      for (gint64 t = first; t < end; t++)
        for (gint64 o = 0; o < out; o++)
          {
            double sum = at (bias, 0, o);
            for (gint64 k = 0; k < kernel; k++)
              for (gint64 i = 0, from = t + k - kernel / 2; i < n && from >= first && from < end; i++)
                sum += at (x, from, o / (out / groups) * n + i) * at (w, o, i * kernel + k);
            near (at (y, t, o), MAX (sum, 0), 1e-5);
          }
    }
  g_assert_null (gtf_conv1d_texts (c, conv, bias, groups, GTF_ACTIVATION_NONE, NULL));
}

static void
test_conv (void)
{
  check_conv (12, 20, 1, 3, FALSE);
  check_conv (12, 12, 1, 5, TRUE);
  check_conv (12, 18, 3, 3, FALSE);
  check_conv (8, 8, 8, 7, TRUE);
}

/* What a caller gives is checked. */
static void
test_bad (void)
{
  static const gint32 falling[] = { 0, 5, 3, 9 }, beyond[] = { 0, 5, 9, 10 };
  const gint32 *starts[] = { falling, beyond };

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      GtfTensor *q = randoms (c, 3, (gint64[]){ 1, 9, 8 });
      g_autoptr (GError) error = NULL;
      g_assert_null (gtf_window_attention (c, q, q, q, &(GtfWindowAttention){ .n_heads = 2, .before = 1, .after = 1, .sequences = integers (c, 4, starts[i]) }));
      g_assert_false (gtf_context_take_error (c, &error));
      g_assert_nonnull (strstr (error->message, "the starts of packed texts go from 0 to 9"));
      g_assert_null (gtf_relative_attention (c, q, q, q, &(GtfRelativeAttention){ .n_heads = 3 }));
      g_assert_false (gtf_context_take_error (c, NULL));
      g_assert_null (gtf_relative_attention (c, q, q, q, &(GtfRelativeAttention){ .n_heads = 2, .position_keys = randoms (c, 2, (gint64[]){ 5, 8 }),
                                                         .rows = gtf_relative_rows (c, 8, &(GtfRelativeRows){ 1, 2, 5, 0, 0 }, NULL, NULL) }));
      g_assert_false (gtf_context_take_error (c, NULL));
      g_assert_null (gtf_relative_attention (c, q, q, q, &(GtfRelativeAttention){ .n_heads = 2, .position_keys = randoms (c, 2, (gint64[]){ 4, 8 }),
                                                         .rows = gtf_relative_rows (c, 9, &(GtfRelativeRows){ 1, 2, 5, 0, 0 }, NULL, NULL) }));
      g_assert_false (gtf_context_take_error (c, NULL));
    }
}

/* ---- neighbours ------------------------------------------------------------------------------------------------------ */

static void
test_neighbours (void)
{
  static const gint32 starts[] = { 0, 4, 4, 5, 11 };
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  const gint64 heads = 2, d = 3, size = 5, cols = heads * d;
  GtfTensor *wide = randoms (c, 3, (gint64[]){ 1, 11, cols + 2 }), *x = gtf_slice (c, wide, 2, cols), *sequences = integers (c, 5, starts);
  GtfTensor *kernels = randoms (c, 3, (gint64[]){ 1, 11, heads * size }), *w = randoms (c, 3, (gint64[]){ cols, 1, size });
  GtfTensor *beside = gtf_neighbours (c, x, 1, -1, sequences), *own = gtf_dynamic_conv (c, x, kernels, heads, sequences), *each = gtf_depthwise (c, w, x, sequences);

  g_assert_false (gtf_failed (c));
  for (gint64 row = 0; row < 11; row++)
    {
      gint64 from = row < 4 ? 0 : row < 5 ? 4 : 5, to = row < 4 ? 4 : row < 5 ? 5 : 11;
      for (gint64 i = 0; i < cols; i++)
        {
          double dynamic = 0, depthwise = 0;
          for (gint64 k = 0; k < size; k++)
            if (row + k - 2 >= from && row + k - 2 < to)
              {
                dynamic += at (x, row + k - 2, i) * at (kernels, row, i / d * size + k);
                depthwise += at (x, row + k - 2, i) * at (w, i, k);
              }
          near (at (own, row, i), dynamic, 1e-6);
          near (at (each, row, i), depthwise, 1e-6);
          near (at (beside, row, i), row + 1 < to ? at (x, row + 1, i) : 0, 0);
          near (at (beside, row, cols + i), at (x, row, i), 0);
          near (at (beside, row, 2 * cols + i), row > from ? at (x, row - 1, i) : 0, 0);
        }
    }
  g_assert_null (gtf_dynamic_conv (c, x, kernels, 5, sequences));
  g_assert_true (gtf_failed (c));
}

/* Two texts, one of a prime length that is more than a block. */
static void
test_fourier (void)
{
  static const gint32 starts[] = { 0, 5, 106 };
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  const gint64 d = 18;
  GtfTensor *x = randoms (c, 3, (gint64[]){ 1, 106, d }), *y = gtf_fourier (c, x, integers (c, 3, starts));

  g_assert_false (gtf_failed (c));
  for (gint64 row = 0; row < 106; row++)
    for (gint64 i = 0; i < d; i++)
      {
        gint64 from = row < 5 ? 0 : 5, length = row < 5 ? 5 : 101;
        double sum = 0;
        for (gint64 t = 0; t < length; t++)
          for (gint64 k = 0; k < d; k++)
            sum += at (x, from + t, k) * cos (2 * G_PI * ((double) (t * (row - from)) / (double) length + (double) (k * i) / (double) d));
        near (at (y, row, i), sum, 1e-4);
      }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/positions/rotate", test_rotate);
  g_test_add_func ("/positions/sinusoids", test_sinusoids);
  g_test_add_func ("/positions/gate", test_gate);
  g_test_add_func ("/positions/rows", test_rows);
  g_test_add_func ("/positions/relative-attention", test_relative);
  g_test_add_func ("/positions/window-attention", test_window);
  g_test_add_func ("/positions/window-attention-sinks", test_sinks);
  g_test_add_func ("/positions/block-attention", test_blocks);
  g_test_add_func ("/positions/conv", test_conv);
  g_test_add_func ("/positions/neighbours", test_neighbours);
  g_test_add_func ("/positions/fourier", test_fourier);
  g_test_add_func ("/positions/bad", test_bad);
  return g_test_run ();
}
