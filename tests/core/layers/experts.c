/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Mixtures of experts against plain loops: which experts a row takes, the first of equal ones, the limits of the gate; and what is refused.
 */
#include <math.h>
#include <string.h>

#include "layers/experts.h"
#include "tensor/context-private.h"
#include "tensor/weights-private.h"

/* A mixture as a file has it: [experts][in][out]. */
typedef struct
{
  gint64 n, hidden, inner;
  float *router, *gate_up, *gate_up_bias, *down, *down_bias;
} Plain;

typedef struct
{
  GtfWeightStore *store;
  Plain plain;
  GtfExperts experts;
} Mixture;

static float *
randoms (gint64 n)
{
  float *x = g_new (float, n);

  for (gint64 i = 0; i < n; i++)
    x[i] = (float) g_random_double_range (-1, 1);
  return x;
}

static GtfLinear **
pack (GtfWeightStore *store, const float *matrices, gint64 n, gint64 in, gint64 out)
{
  GtfLinear **packed = g_new (GtfLinear *, n);

  for (gint64 i = 0; i < n; i++)
    {
      const GtfRawMatrix raw = { GTF_DTYPE_F32, matrices + i * in * out, TRUE };

      packed[i] = gtf_linear_new (store, GTF_DTYPE_F32, out, in, FALSE, NULL);
      gtf_linear_put (packed[i], 0, out, &raw);
    }
  return packed;
}

static const GtfTensor *
tensor (GtfWeightStore *store, const float *data, gint64 rows, gint64 cols)
{
  return gtf_weight_tensor_new (store, 2, (gint64[]){ rows, cols }, GTF_DTYPE_F32, data, NULL);
}

static Mixture
mixture (gint64 n, gint64 hidden, gint64 inner, gint64 n_chosen)
{
  Mixture m = { gtf_weight_store_new (), { n, hidden, inner, randoms (n * hidden), randoms (n * hidden * 2 * inner), randoms (n * 2 * inner), randoms (n * inner * hidden), randoms (n * hidden) }, { NULL } };
  const GtfRawMatrix router = { GTF_DTYPE_F32, m.plain.router, FALSE };
  GtfLinear *packed = gtf_linear_new (m.store, GTF_DTYPE_F32, n, hidden, FALSE, NULL);

  if (n > 2)
    memcpy (m.plain.router + hidden, m.plain.router, (gsize) hidden * sizeof (float));  /* the first two are always equal */
  gtf_linear_put (packed, 0, n, &router);
  m.experts = (GtfExperts){ .router = packed, .n_chosen = n_chosen, .alpha = 1.3f, .limit = 0.8f };
  m.experts.gate_up = (const GtfLinear *const *) pack (m.store, m.plain.gate_up, n, hidden, 2 * inner);
  m.experts.down = (const GtfLinear *const *) pack (m.store, m.plain.down, n, inner, hidden);
  m.experts.gate_up_bias = tensor (m.store, m.plain.gate_up_bias, n, 2 * inner);
  m.experts.down_bias = tensor (m.store, m.plain.down_bias, n, hidden);
  return m;
}

static void
clear (Mixture *m)
{
  g_free (m->plain.router);
  g_free (m->plain.gate_up);
  g_free (m->plain.gate_up_bias);
  g_free (m->plain.down);
  g_free (m->plain.down_bias);
  g_free ((gpointer) m->experts.gate_up);
  g_free ((gpointer) m->experts.down);
  gtf_weight_store_free (m->store);
}

/* What expert @i makes of a row, added to @y by its part. */
static void
add_expert (const Mixture *m, gint64 i, double part, const float *x, double *y)
{
  const Plain *p = &m->plain;
  const double limit = m->experts.limit;

  for (gint64 k = 0; k < p->hidden; k++)
    y[k] += part * p->down_bias[i * p->hidden + k];
  for (gint64 j = 0; j < p->inner; j++)
    {
      double gate = p->gate_up_bias[i * 2 * p->inner + j], up = p->gate_up_bias[(i * 2 + 1) * p->inner + j];

      for (gint64 k = 0; k < p->hidden; k++)
        {
          gate += (double) x[k] * p->gate_up[(i * p->hidden + k) * 2 * p->inner + j];
          up += (double) x[k] * p->gate_up[((i * p->hidden + k) * 2 + 1) * p->inner + j];
        }
      gate = MIN (gate, limit);
      up = CLAMP (up, -limit, limit) + 1;
      for (gint64 k = 0; k < p->hidden; k++)
        y[k] += part * gate / (1 + exp (-m->experts.alpha * gate)) * up * p->down[(i * p->inner + j) * p->hidden + k];
    }
}

static void
expected_row (const Mixture *m, const float *x, double *y)
{
  const Plain *p = &m->plain;
  g_autofree double *logits = g_new0 (double, p->n), *parts = g_new0 (double, p->n);
  double sum = 0;

  for (gint64 i = 0; i < p->n; i++)
    for (gint64 k = 0; k < p->hidden; k++)
      logits[i] += (double) x[k] * p->router[i * p->hidden + k];
  for (gint64 chosen = 0; chosen < m->experts.n_chosen; chosen++)
    {
      gint64 best = -1;

      for (gint64 i = 0; i < p->n; i++)
        if (parts[i] == 0 && (best < 0 || logits[i] > logits[best]))
          best = i;
      sum += parts[best] = exp (logits[best]);
    }
  memset (y, 0, (gsize) p->hidden * sizeof *y);
  for (gint64 i = 0; i < p->n; i++)
    if (parts[i] > 0)
      add_expert (m, i, parts[i] / sum, x, y);
}

static void
test_loops (void)
{
  static const gint64 sizes[][5] = { { 1, 3, 2, 1, 2 }, { 4, 5, 7, 2, 9 }, { 8, 17, 20, 3, 33 }, { 5, 16, 16, 5, 4 } };   /* experts, hidden, inner, chosen, rows */

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      const gint64 hidden = sizes[i][1], rows = sizes[i][4];
      Mixture m = mixture (sizes[i][0], hidden, sizes[i][2], sizes[i][3]);
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      GtfTensor *x = gtf_new_tensor (c, GTF_DTYPE_F32, 3, (gint64[]){ 1, rows, hidden }), *y;
      g_autofree double *row = g_new (double, hidden);
      g_autofree float *numbers = randoms (rows * hidden);

      memcpy (x->data, numbers, (gsize) (rows * hidden) * sizeof (float));
      y = gtf_experts (c, &m.experts, x);
      g_assert_nonnull (y);
      for (gint64 r = 0; r < rows; r++)
        {
          expected_row (&m, numbers + r * hidden, row);
          for (gint64 k = 0; k < hidden; k++)
            g_assert_cmpfloat_with_epsilon (gtf_tensor_f32 (y)[r * hidden + k], row[k], 1e-4);
        }
      clear (&m);
    }
}

static void
test_refused (void)
{
  Mixture m = mixture (4, 6, 5, 2);
  const GtfExperts good = m.experts;
  const GtfTensor *short_bias = tensor (m.store, m.plain.down_bias, 3, 6);
  GtfExperts bad[] = { good, good, good, good, good };

  bad[0].n_chosen = 0;
  bad[1].n_chosen = 5;
  bad[2].down = good.gate_up;
  bad[3].gate_up = good.down;
  bad[4].down_bias = short_bias;
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GtfContext) c = gtf_context_new (NULL);
      GtfTensor *x = gtf_new_tensor (c, GTF_DTYPE_F32, 2, (gint64[]){ 2, 6 });
      g_autoptr (GError) error = NULL;

      memset (x->data, 0, 12 * sizeof (float));
      g_assert_null (gtf_experts (c, &bad[i], x));
      g_assert_false (gtf_context_take_error (c, &error));
      if (strstr (error->message, "experts over rows of 6: their weights have other shapes") == NULL)
        g_error ("%s", error->message);
    }
  clear (&m);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/experts/loops", test_loops);
  g_test_add_func ("/experts/refused", test_refused);
  return g_test_run ();
}
