/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An hour of sound through a live transcriber, as fast as it goes: the memory that is resident at the end lies within 1 MB of that
 * after five minutes of sound. Run by ./dev soak.
 *
 *   soak-live [MODEL FILE [MINUTES]]
 *
 * The recording is repeated. Without a model the fake recogniser of tests/tasks/gst listens to sound that it can read.
 */
#include <stdlib.h>
#include <unistd.h>
#include "gtf.h"
#include "../core/pipeline/toy/repository.h"
#include "../tasks/gst/speech.h"

#define PIECE 1600                  /* 0.1 s */
#define WARM_UP (5 * 60 * 16000)
#define LIMIT_KB 1024

static guint64 n_words;             /* of the transcriber's thread, read after it ended */

static void
on_event (GtfTranscriber *transcriber, GtfTranscriberEvent event, GPtrArray *words, guint64 time, const GError *error, gpointer data)
{
  if (event == GTF_TRANSCRIBER_FINAL)
    n_words += words->len;
  if (event == GTF_TRANSCRIBER_ERROR)
    g_printerr ("%s\n", error->message);
}

static gint64
resident_kb (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) fields = NULL;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  fields = g_strsplit (text, " ", 3);
  return (gint64) g_ascii_strtoull (fields[1], NULL, 10) * (sysconf (_SC_PAGESIZE) / 1024);
}

/* Nothing may be dropped, so it waits while much is queued. */
static void
wait_for_room (GtfTranscriber *transcriber, guint64 most)
{
  GtfTranscriberStats stats;

  for (;;)
    {
      gtf_transcriber_get_stats (transcriber, &stats);
      if (stats.samples_in - stats.samples_done <= most)
        return;
      g_usleep (500);
    }
}

static gboolean
soak (GtfTranscriber *transcriber, const GtfAudio *audio, guint minutes)
{
  guint64 total = (guint64) minutes * 60 * 16000;
  gint64 warm = 0, end;

  for (guint64 at = 0, in = 0; at < total; at += PIECE, in += PIECE)
    {
      if (in + PIECE > audio->n_samples)
        in = 0;
      gtf_transcriber_push (transcriber, audio->samples + in, PIECE, at * 1000000 / 16, FALSE);
      wait_for_room (transcriber, 2 * 16000);
      if (at + PIECE == WARM_UP)
        warm = resident_kb ();
      if ((at + PIECE) % (60 * 16000) == 0)
        g_print ("# %3u min: %" G_GINT64_FORMAT " kB\n", (guint) ((at + PIECE) / (60 * 16000)), resident_kb ());
    }
  wait_for_room (transcriber, 0);
  end = resident_kb ();
  gtf_transcriber_stop (transcriber);
  g_print ("%" G_GUINT64_FORMAT " words; after 5 minutes %" G_GINT64_FORMAT " kB, after %u %" G_GINT64_FORMAT " kB\n", n_words, warm, minutes, end);
  return n_words > 0 && end - warm <= LIMIT_KB;
}

static GtfAudio *
known_sound (void)
{
  gsize n;
  g_autofree float *x = speech_new ("..abcdefghij...abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc....a..b..", &n);
  GtfAudio *audio = gtf_audio_new (n, 16000, NULL);

  memcpy (audio->samples, x, n * sizeof *x);
  return audio;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *toy = argc > 2 ? NULL : toy_repository (), *config = toy ? g_build_filename (toy, "preprocessor_config.json", NULL) : NULL;
  g_autoptr (GtfAudio) audio = argc > 2 ? gtf_audio_load (argv[2], 16000, NULL, &error) : known_sound ();
  g_autoptr (GtfPipeline) pipeline = NULL;
  g_autoptr (GtfTranscriber) transcriber = NULL;
  gboolean good;

  if (toy)
    g_file_set_contents (config, "{\"feature_extractor_type\": \"WhisperFeatureExtractor\", \"chunk_length\": 10}", -1, NULL);
  if (audio)
    pipeline = gtf_pipeline_load ("automatic-speech-recognition", toy ? toy : argv[1], NULL, NULL, &error);
  if (pipeline)
    transcriber = gtf_transcriber_new (pipeline, "{\"max_lag\": 3600000}", &error);
  if (!transcriber)
    {
      g_printerr ("%s\n", error->message);
      return 1;
    }
  gtf_transcriber_set_func (transcriber, on_event, NULL, NULL);
  good = soak (transcriber, audio, argc > 3 ? (guint) CLAMP ((int) g_ascii_strtoll (argv[3], NULL, 10), 6, 1000) : 60);
  g_print (good ? "ok\n" : "not ok: it grew by more than 1 MB, or nothing was heard\n");
  if (toy)
    toy_remove (toy);
  return good ? 0 : 1;
}
