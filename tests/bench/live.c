/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Live transcription of a recording: real-time factor, and how long after its end each word is final. Not a test.
 *
 *   bench-live MODEL FILE [LATENCY-MS [DTYPE]]
 *
 * Sound is pushed as fast as it goes and time is kept by book: sound arrives at its own speed, each run of the model takes what it
 * took, and a word is final when the run that told it ended. So a minute of sound needs only the seconds that the model needs.
 * cpu_per_second is processor time for a second of sound: on a busy machine the one figure that the neighbours change little.
 */
#include <time.h>
#include "gtf.h"

#define PIECE 1600                  /* 0.1 s */

typedef struct
{
  GtfTranscriber *transcriber;
  guint64 spent, now;               /* ns: inference booked so far; the clock */
  GArray *lags;                     /* double, s */
  GMutex lock;
  GCond cond;
  gboolean drained;
} Bench;

static void
on_event (GtfTranscriber *transcriber, GtfTranscriberEvent event, GPtrArray *words, guint64 time, const GError *error, gpointer data)
{
  Bench *b = data;
  GtfTranscriberStats stats;
  guint64 arrived;

  if (event == GTF_TRANSCRIBER_ERROR)
    g_printerr ("%s\n", error->message);
  gtf_transcriber_get_stats (transcriber, &stats);
  arrived = stats.samples_done * 1000000 / 16;
  b->now = MAX (b->now, arrived) + (stats.inference_total - b->spent);
  b->spent = stats.inference_total;
  for (guint i = 0; event == GTF_TRANSCRIBER_FINAL && i < words->len; i++)
    {
      const GtfWord *word = words->pdata[i];
      double lag = ((double) b->now - (double) word->end) / 1e9;

      g_array_append_val (b->lags, lag);
      g_print ("%8.2f %8.2f  lag %6.2f %s\n", (double) word->start / 1e9, (double) word->end / 1e9, lag, word->text);
    }
  g_mutex_lock (&b->lock);
  b->drained = b->drained || event == GTF_TRANSCRIBER_DRAINED;
  g_cond_signal (&b->cond);
  g_mutex_unlock (&b->lock);
}

static int
by_value (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return x < y ? -1 : x > y;
}

static double
cpu_seconds (void)
{
  return (double) clock () / CLOCKS_PER_SEC;
}

static void
report (Bench *b, const GtfAudio *audio, double cpu)
{
  GtfTranscriberStats stats;

  gtf_transcriber_get_stats (b->transcriber, &stats);
  g_array_sort (b->lags, by_value);
  g_print ("{\"seconds\": %.2f, \"runs\": %u, \"real_time_factor\": %.3f, \"cpu_per_second\": %.3f", (double) audio->n_samples / 16000, (guint) stats.passes,
           (double) stats.inference_total / 1e9 / ((double) audio->n_samples / 16000), cpu / ((double) audio->n_samples / 16000));
  if (b->lags->len > 0)
    g_print (", \"words\": %u, \"lag\": {\"min\": %.2f, \"median\": %.2f, \"max\": %.2f}", b->lags->len, g_array_index (b->lags, double, 0),
             g_array_index (b->lags, double, b->lags->len / 2), g_array_index (b->lags, double, b->lags->len - 1));
  g_print ("}\n");
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GtfAudio) audio = argc > 2 ? gtf_audio_load (argv[2], 16000, NULL, &error) : NULL;
  g_autofree char *loading = g_strdup_printf ("{\"dtype\": \"%s\"}", argc > 4 ? argv[4] : "float32");
  g_autofree char *options = g_strdup_printf ("{\"latency\": %s, \"max_lag\": 3600000}", argc > 3 ? argv[3] : "8000");
  g_autoptr (GtfPipeline) pipeline = audio ? gtf_pipeline_load ("automatic-speech-recognition", argv[1], loading, NULL, &error) : NULL;
  g_autoptr (GtfTranscriber) transcriber = pipeline ? gtf_transcriber_new (pipeline, options, &error) : NULL;
  Bench b = { .transcriber = transcriber, .lags = g_array_new (FALSE, FALSE, sizeof (double)) };
  double cpu;

  if (!transcriber)
    {
      g_printerr ("%s\n", error ? error->message : "bench-live MODEL FILE [LATENCY-MS [DTYPE]]");
      return 1;
    }
  gtf_transcriber_set_func (transcriber, on_event, &b, NULL);
  cpu = cpu_seconds ();
  for (gsize i = 0; i < audio->n_samples; i += PIECE)
    gtf_transcriber_push (transcriber, audio->samples + i, MIN (PIECE, audio->n_samples - i), i * 1000000 / 16, FALSE);
  gtf_transcriber_drain (transcriber);
  g_mutex_lock (&b.lock);
  while (!b.drained)
    g_cond_wait (&b.cond, &b.lock);
  g_mutex_unlock (&b.lock);
  report (&b, audio, cpu_seconds () - cpu);
  g_array_unref (b.lags);
  return 0;
}
