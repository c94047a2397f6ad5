/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Times the parts of speech recognition on a repository: not a test. Prints one JSON object with milliseconds of every run.
 *
 *   bench-speech MODEL DTYPE load|mel|states|encode|tokens [RUNS]
 *
 * load: config to packed weights (also the peak of resident memory); mel: 30 s of noise to features; states: those features to
 * encoder states; encode: and to the decoder's keys and values of them; tokens: encode and 100 greedy steps.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define SECONDS 30
#define TOKENS 100

typedef struct
{
  const char *directory, *dtype;
  GtfModel *model;
  GtfSession *session;
  GtfPreprocessor *preprocessor;
  GHashTable *features;
  float *samples;
  gsize n_samples;
  gint32 last;
} Bench;

static void
load (Bench *b)
{
  g_autofree char *options = g_strdup_printf ("{\"dtype\": \"%s\"}", b->dtype);
  GError *error = NULL;

  g_clear_object (&b->model);
  b->model = gtf_model_load (b->directory, options, NULL, &error);
  bench_die_if (error);
}

static void
mel (Bench *b)
{
  GError *error = NULL;

  g_clear_pointer (&b->features, g_hash_table_unref);
  b->features = gtf_preprocessor_run_audio (b->preprocessor, b->samples, b->n_samples, NULL, &error);
  bench_die_if (error);
}

static void
encode (Bench *b)
{
  GError *error = NULL;

  gtf_session_set_input (b->session, "input_features", g_hash_table_lookup (b->features, "input_features"));
  gtf_session_encode (b->session, &error);
  bench_die_if (error);
}

static void
states (Bench *b)
{
  gtf_session_want (b->session, "encoder_last_hidden_state");
  encode (b);
}

static gint32
best_token (GtfSession *session)
{
  const GtfTensor *logits = gtf_session_get_output (session, "logits");
  gint64 n = gtf_tensor_get_dim (logits, -1);
  const float *row = (const float *) logits->data + gtf_tensor_get_n_elements (logits) - n;
  gint32 best = 0;

  for (gint64 i = 1; i < n; i++)
    if (row[i] > row[best])
      best = (gint32) i;
  return best;
}

static void
tokens (Bench *b)
{
  gint64 start = 0;
  gint32 token;
  GError *error = NULL;

  encode (b);
  gtf_model_get_config_int (b->model, "decoder_start_token_id", &start);
  token = (gint32) start;
  for (guint i = 0; i < TOKENS; i++)
    {
      gtf_session_decode (b->session, &token, 1, 1, &error);
      bench_die_if (error);
      token = best_token (b->session);
    }
  b->last = token;
}

static void
prepare (Bench *b, const char *work)
{
  GError *error = NULL;
  guint rate;

  if (strcmp (work, "load") == 0)
    return;
  b->preprocessor = gtf_preprocessor_load (b->directory, NULL, &error);
  bench_die_if (error);
  rate = gtf_preprocessor_get_sampling_rate (b->preprocessor);
  b->n_samples = (gsize) rate * SECONDS;
  b->samples = g_new (float, b->n_samples);
  for (gsize i = 0; i < b->n_samples; i++)
    b->samples[i] = (float) ((i * 2654435761u >> 8 & 0xffff) / 65536.0 - 0.5) * 0.1f;
  mel (b);
  if (strcmp (work, "mel") == 0)
    return;
  load (b);
  b->session = gtf_session_new (b->model, &error);
  bench_die_if (error);
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    void (*run) (Bench *b);
  } works[] = { { "load", load }, { "mel", mel }, { "states", states }, { "encode", encode }, { "tokens", tokens } };
  Bench b = { argc > 1 ? argv[1] : NULL, argc > 2 ? argv[2] : NULL };
  int runs = argc > 4 ? atoi (argv[4]) : 7;
  guint w;

  for (w = 0; argc > 3 && w < G_N_ELEMENTS (works); w++)
    if (strcmp (argv[3], works[w].name) == 0)
      break;
  if (argc < 4 || w == G_N_ELEMENTS (works) || runs < 1)
    {
      g_printerr ("Usage: bench-speech MODEL DTYPE load|mel|states|encode|tokens [RUNS]\n");
      return 2;
    }
  prepare (&b, argv[3]);
  bench_run ((BenchFunc) works[w].run, &b, strcmp (argv[3], "load") != 0, runs);
  g_clear_pointer (&b.session, gtf_session_free);
  g_clear_object (&b.model);
  g_clear_object (&b.preprocessor);
  g_clear_pointer (&b.features, g_hash_table_unref);
  g_free (b.samples);
  return 0;
}
