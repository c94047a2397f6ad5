/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How fast the kernels are: not a test. Prints GFLOP/s (or GB/s) of the shapes of Whisper-base, each as the best and the
 * median of several runs, and the share of what FMAs alone reach on the same threads.
 *
 *   build/tests/bench/bench-kernels [f32|bf16|f16|i8|attention]...
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tensor/context-private.h"
#include "tensor/weights-private.h"

#define RUNS 15

static double
now (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static int
by_size (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;
  return x < y ? -1 : x > y;
}

typedef void (*BenchFunc) (gpointer data);

/* Best and median seconds of one call. */
static void
measure (BenchFunc func, gpointer data, double *best, double *median)
{
  double times[RUNS], start = now (), once;
  int n;

  func (data);
  start = now ();
  func (data);
  once = now () - start;
  n = (int) CLAMP (0.02 / MAX (once, 1e-7), 1, 20000);
  for (int i = 0; i < RUNS; i++)
    {
      start = now ();
      for (int j = 0; j < n; j++)
        func (data);
      times[i] = (now () - start) / n;
    }
  qsort (times, RUNS, sizeof *times, by_size);
  *best = times[0];
  *median = times[RUNS / 2];
}

typedef struct
{
  GtfContext *c;
  const GtfLinear *w;
  const GtfTensor *x, *k, *v, *residual;
  GtfNorm *norm;
  gint64 heads;
  GtfActivation act;
} Bench;

static double peak = 1;

static void
report (const char *name, double flops, double bytes, BenchFunc func, Bench *b)
{
  double best, median;

  measure (func, b, &best, &median);
  g_print ("%-34s best %9.1f us  median %9.1f us  %7.1f GFLOP/s  %4.0f %%  %6.1f GB/s\n", name, best * 1e6, median * 1e6, flops / best * 1e-9,
           100 * flops / best / peak, bytes / best * 1e-9);
}

static void
run_linear (gpointer data)
{
  Bench *b = data;
  gsize mark = gtf_push (b->c);

  if (b->residual != NULL)
    gtf_linear_add (b->c, b->w, b->x, b->residual);
  else
    gtf_linear_act (b->c, b->w, b->x, b->act);
  gtf_pop (b->c, mark);
}

static void
run_attention (gpointer data)
{
  Bench *b = data;
  gsize mark = gtf_push (b->c);

  gtf_attention (b->c, b->x, b->k, b->v, &(GtfAttention){ .n_heads = b->heads });
  gtf_pop (b->c, mark);
}

static void
run_norm (gpointer data)
{
  Bench *b = data;
  gsize mark = gtf_push (b->c);

  gtf_layer_norm (b->c, b->norm, b->x, 1e-5f);
  gtf_pop (b->c, mark);
}

static GtfTensor *
random_tensor (guint n_dims, const gint64 *shape)
{
  GtfTensor *t = gtf_tensor_new (GTF_DTYPE_F32, n_dims, shape, NULL);

  for (gsize i = 0; i < gtf_tensor_get_n_elements (t); i++)
    gtf_tensor_f32 (t)[i] = (float) g_random_double_range (-1, 1);
  return t;
}

static void
bench_linear (GtfContext *c, GtfDtype type, gint64 m, gint64 k, gint64 n, GtfActivation act)
{
  g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
  g_autoptr (GtfTensor) x = random_tensor (2, (gint64[]){ m, k });
  g_autoptr (GtfTensor) w = random_tensor (2, (gint64[]){ n, k });
  g_autofree char *name = g_strdup_printf ("%s %dx%dx%d%s", gtf_dtype_name (type), (int) m, (int) k, (int) n, act ? " gelu" : "");
  GtfLinear *l = gtf_linear_new (store, type, n, k, TRUE, NULL);
  Bench b = { .c = c, .w = l, .x = x, .act = act };

  gtf_linear_put (l, 0, n, &(GtfRawMatrix){ GTF_DTYPE_F32, w->data, FALSE });
  report (name, 2.0 * (double) m * (double) k * (double) n, (double) l->panel_bytes * (double) ((n + 15) / 16), run_linear, &b);
}

static void
bench_attention (GtfContext *c, gint64 queries, gint64 keys, gint64 heads, gint64 d)
{
  g_autoptr (GtfTensor) q = random_tensor (3, (gint64[]){ 1, queries, heads * d });
  g_autoptr (GtfTensor) k = random_tensor (3, (gint64[]){ 1, keys, heads * d });
  g_autoptr (GtfTensor) v = random_tensor (3, (gint64[]){ 1, keys, heads * d });
  g_autofree char *name = g_strdup_printf ("attention %d x %d, %d heads of %d", (int) queries, (int) keys, (int) heads, (int) d);
  Bench b = { .c = c, .x = q, .k = k, .v = v, .heads = heads };

  report (name, 4.0 * (double) (queries * keys * heads * d), 8.0 * (double) (keys * heads * d), run_attention, &b);
}

static void
bench_norm (GtfContext *c)
{
  g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
  g_autoptr (GtfTensor) x = random_tensor (2, (gint64[]){ 1500, 512 });
  Bench b = { .c = c, .x = x };

  b.norm = gtf_norm_new (store, 512, GTF_DTYPE_F32, x->data, GTF_DTYPE_F32, x->data, NULL);
  report ("layer_norm 1500x512", 8.0 * 1500 * 512, 8.0 * 1500 * 512, run_norm, &b);
}

static void
run_pack (gpointer data)
{
  Bench *b = data;

  gtf_linear_put ((GtfLinear *) b->w, 0, b->w->out, &(GtfRawMatrix){ GTF_DTYPE_F32, b->x->data, FALSE });
}

static void
bench_pack (GtfDtype type, gint64 n, gint64 k)
{
  g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
  g_autoptr (GtfTensor) x = random_tensor (2, (gint64[]){ n, k });
  g_autofree char *name = g_strdup_printf ("pack to %s %dx%d", gtf_dtype_name (type), (int) n, (int) k);
  Bench b = { .w = gtf_linear_new (store, type, n, k, FALSE, NULL), .x = x };
  double bytes = (double) (n * k) * 4 + (double) b.w->panel_bytes * (double) n / 16;

  report (name, 0, bytes, run_pack, &b);
}

/* The yardstick: a product whose operands stay in L1. */
static void
measure_peak (GtfContext *c, GtfDtype type)
{
  g_autoptr (GtfWeightStore) store = gtf_weight_store_new ();
  g_autoptr (GtfTensor) x = random_tensor (2, (gint64[]){ 1200, 64 });
  GtfLinear *l = gtf_linear_new (store, type, 64, 64, FALSE, NULL);
  Bench b = { .c = c, .w = l, .x = x };
  double best, median;

  measure (run_linear, &b, &best, &median);
  peak = 2.0 * 1200 * 64 * 64 / best;
  g_print ("%s, %u threads, kernels %s: yardstick (1200x64x64) %.1f GFLOP/s\n", gtf_dtype_name (type), gtf_pool_get_n_threads (c->pool),
           c->kernels->name, peak * 1e-9);
}

static void
bench_products (GtfContext *c, GtfDtype type)
{
  static const gint64 rows[] = { 1, 2, 4, 8, 16, 64, 128, 256, 512, 1500 };

  measure_peak (c, type);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      bench_linear (c, type, rows[i], 512, 512, GTF_ACTIVATION_NONE);
      bench_linear (c, type, rows[i], 512, 2048, GTF_ACTIVATION_GELU);
      bench_linear (c, type, rows[i], 2048, 512, GTF_ACTIVATION_NONE);
    }
  bench_linear (c, type, 1500, 512, 1536, GTF_ACTIVATION_NONE);
  bench_linear (c, type, 1, 512, 51865, GTF_ACTIVATION_NONE);
  bench_linear (c, type, 5, 512, 51865, GTF_ACTIVATION_NONE);
  bench_pack (type, 51865, 512);
  bench_pack (type, 512, 2048);
}

static void
bench_attentions (GtfContext *c)
{
  measure_peak (c, GTF_DTYPE_F32);
  bench_attention (c, 1500, 1500, 8, 64);
  gtf_context_set_dtype (c, GTF_DTYPE_BF16);
  g_print ("bfloat16: ");
  bench_attention (c, 1500, 1500, 8, 64);
  gtf_context_set_dtype (c, GTF_DTYPE_F32);
  bench_attention (c, 1, 1500, 8, 64);
  bench_attention (c, 5, 1500, 8, 64);
  bench_attention (c, 1, 100, 8, 64);
  bench_attention (c, 128, 128, 12, 64);
  bench_attention (c, 16, 16, 12, 32);
  bench_norm (c);
}

int
main (int argc, char **argv)
{
  g_autoptr (GtfContext) c = gtf_context_new (NULL);
  const char *names[] = { "f32", "bf16", "f16", "i8", "attention" };
  const GtfDtype types[] = { GTF_DTYPE_F32, GTF_DTYPE_BF16, GTF_DTYPE_F16, GTF_DTYPE_I8 };

  for (guint t = 0; t < G_N_ELEMENTS (names); t++)
    {
      gboolean wanted = argc < 2 && (t == 0 || t == G_N_ELEMENTS (types));
      for (int i = 1; i < argc; i++)
        wanted = wanted || strcmp (argv[i], names[t]) == 0;
      if (wanted && t < G_N_ELEMENTS (types))
        bench_products (c, types[t]);
      else if (wanted)
        bench_attentions (c);
    }
  return 0;
}
