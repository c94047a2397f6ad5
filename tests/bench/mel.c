/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How long Whisper's features of 30 s of noise take: bench-mel DIRECTORY [RUNS], DIRECTORY with a preprocessor_config.json.
 * Prints the least and the middle time in milliseconds. tests/bench/mel.py runs it beside transformers.
 */
#include "pipeline/preprocessor.h"

#include <stdlib.h>

static int
compare (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return x < y ? -1 : x > y;
}

int
main (int argc, char **argv)
{
  guint runs = argc > 2 ? (guint) CLAMP (atoi (argv[2]), 1, 10000) : 40;
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfPreprocessor) preprocessor = argc > 1 ? gtf_preprocessor_load (argv[1], NULL, &error) : NULL;
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  gsize n = 480000;
  g_autofree float *samples = g_new (float, n);
  g_autofree double *times = g_new (double, runs);

  if (!preprocessor)
    {
      g_printerr ("bench-mel DIRECTORY [RUNS]: %s\n", error ? error->message : "no directory");
      return 1;
    }
  for (gsize i = 0; i < n; i++)
    samples[i] = (float) g_rand_double_range (rand, -.3, .3);
  for (guint i = 0; i < runs; i++)
    {
      gint64 start = g_get_monotonic_time ();
      g_autoptr (GHashTable) out = gtf_preprocessor_run_audio (preprocessor, samples, n, NULL, &error);

      if (!out)
        {
          g_printerr ("%s\n", error->message);
          return 1;
        }
      times[i] = (double) (g_get_monotonic_time () - start) / 1000;
    }
  qsort (times, runs, sizeof *times, compare);
  g_print ("%.3f %.3f\n", times[0], times[runs / 2]);
  return 0;
}
