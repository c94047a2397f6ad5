/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Times the forward pass of a vision model on one picture of noise: not a test. Prints one JSON object with milliseconds of every run.
 *
 *   bench-vision MODEL DTYPE HEIGHTxWIDTH [RUNS]
 */
#include "bench.h"

typedef struct
{
  GtfSession *session;
  GtfTensor *picture;
} Bench;

static void
forward (Bench *b)
{
  GError *error = NULL;

  gtf_session_set_input (b->session, "pixel_values", b->picture);
  gtf_session_forward (b->session, &error);
  bench_die_if (error);
}

static GtfTensor *
noise (gint64 height, gint64 width)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (0);
  GError *error = NULL;
  GtfTensor *picture = gtf_tensor_new (GTF_DTYPE_F32, 4, (gint64[]){ 1, 3, height, width }, &error);

  bench_die_if (error);
  for (gsize i = 0; i < gtf_tensor_get_n_elements (picture); i++)
    ((float *) picture->data)[i] = (float) g_rand_double_range (rand, -2, 2);
  return picture;
}

int
main (int argc, char **argv)
{
  g_autofree char *options = NULL;
  g_autoptr (GtfModel) model = NULL;
  Bench b;
  const char *times = argc > 3 ? strchr (argv[3], 'x') : NULL;
  int runs = argc > 4 ? atoi (argv[4]) : 7;
  GError *error = NULL;

  if (times == NULL || atoi (argv[3]) < 1 || atoi (times + 1) < 1 || runs < 1)
    {
      g_printerr ("Usage: bench-vision MODEL DTYPE HEIGHTxWIDTH [RUNS]\n");
      return 2;
    }
  options = g_strdup_printf ("{\"dtype\": \"%s\"}", argv[2]);
  model = gtf_model_load (argv[1], options, NULL, &error);
  bench_die_if (error);
  b.session = gtf_session_new (model, &error);
  bench_die_if (error);
  b.picture = noise (atoi (argv[3]), atoi (times + 1));
  bench_run ((BenchFunc) forward, &b, 2, runs);
  gtf_session_free (b.session);
  gtf_tensor_unref (b.picture);
  return 0;
}
