/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The policy of live transcription with a recogniser that knows what is said: each word once, in order, in time, whatever the
 * size of the pieces that sound comes in.
 */
#include "pipeline/live-stream.h"

#include <math.h>
#include <string.h>

#define RATE 16000
#define WORD (RATE / 2)           /* a word lasts half a second */

/* A stream of words and pauses: '.' is half a second of silence, anything else a word. */
typedef struct
{
  const char *script;
  guint64 latency;
  GtfLiveStream *stream;
  GString *final;
  guint64 last_end, silence_until, pushed;
  guint n_final, n_runs, n_utterances;
  gsize longest;
  gboolean late;
} Fixture;

static gboolean
is_word (const Fixture *f, gsize i)
{
  return i < strlen (f->script) && f->script[i] != '.';
}

static void
make_voice (float *x)
{
  double phase = 0;

  for (gsize i = 0; i < WORD; i++)
    {
      double t = (double) i / WORD;

      phase += (120 + 50 * t) / RATE;
      phase -= floor (phase);
      x[i] = (float) (0.4 * sin (G_PI * t) * exp (-phase * 5) * sin (2 * G_PI * 5 * phase));
    }
}

/* ~: music, of which the recogniser makes a loop that lasts to the end of the window. */
static gboolean
is_music (const Fixture *f, gsize i)
{
  return i < strlen (f->script) && f->script[i] == '~';
}

/* Hears a word as soon as half of it is in the window; the last one, still growing, is heard wrong. */
static GPtrArray *
recognise (gpointer owner, const float *samples, gsize n, guint64 start)
{
  Fixture *f = owner;
  GPtrArray *words = g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_heard_free);

  f->n_runs++;
  f->longest = MAX (f->longest, n);
  for (gsize i = start / WORD; i * WORD < start + n; i++)
    {
      guint64 from = i * WORD, to = from + WORD;
      char text[2] = { is_word (f, i) ? f->script[i] : 0, 0 };

      for (guint k = 0; is_music (f, i) && from >= start && k < 20; k++)
        g_ptr_array_add (words, gtf_heard_new (" oh", MIN (from + k * WORD, start + n), MIN (from + (k + 1) * WORD, start + n)));
      if (is_music (f, i) && from >= start)
        break;
      if (is_music (f, i))
        continue;
      if (!*text || from + WORD / 2 > start + n || from + WORD / 2 < start)
        continue;
      if (to > start + n)
        *text = '?';
      g_ptr_array_add (words, gtf_heard_new (text, MAX (from, start), MIN (to, start + n)));
    }
  return words;
}

static void
on_final (gpointer owner, GPtrArray *words)
{
  Fixture *f = owner;

  for (guint i = 0; i < words->len; i++)
    {
      const GtfHeard *word = words->pdata[i];

      g_string_append (f->final, word->text);
      g_assert_cmpuint (word->start, >=, f->last_end);
      f->last_end = word->end;
      f->n_final++;
      if (f->latency && gtf_live_stream_get_position (f->stream) > word->end + f->latency)
        f->late = TRUE;
    }
}

static void
on_partial (gpointer owner, GPtrArray *words)
{
  g_assert_cmpuint (words->len, >, 0);
}

static void
on_silence (gpointer owner, guint64 until)
{
  Fixture *f = owner;

  g_assert_cmpuint (until, >=, f->silence_until);
  f->silence_until = until;
}

static void
on_utterance_end (gpointer owner)
{
  ((Fixture *) owner)->n_utterances++;
}

static const GtfLiveOwner owner = { recognise, on_final, on_partial, on_silence, on_utterance_end };

static void
run_script (Fixture *f, const char *script, guint64 latency_ms, guint window_s, gsize piece)
{
  GtfLiveConfig config = { RATE, (guint64) window_s * RATE, latency_ms * RATE / 1000 };
  gsize n = strlen (script) * WORD;
  g_autofree float *x = g_new0 (float, n);

  memset (f, 0, sizeof *f);
  f->script = script;
  f->latency = config.latency;
  f->final = g_string_new (NULL);
  f->stream = gtf_live_stream_new (&config, &owner, f);
  for (gsize i = 0; i < strlen (script); i++)
    if (is_word (f, i))
      make_voice (x + i * WORD);
  for (gsize i = 0; i < n; i += piece)
    gtf_live_stream_push (f->stream, x + i, MIN (piece, n - i));
  gtf_live_stream_drain (f->stream);
  g_test_message ("%s -> %s: %u runs, longest %.1f s", script, f->final->str, f->n_runs, (double) f->longest / RATE);
}

static void
fixture_clear (Fixture *f)
{
  gtf_live_stream_free (f->stream);
  g_string_free (f->final, TRUE);
}

static char *
words_of (const char *script)
{
  g_auto (GStrv) parts = g_strsplit (script, ".", -1);

  return g_strjoinv ("", parts);
}

static void
test_scripts (void)
{
  static const char *const scripts[] = {
    "", "....", "ab..", "..ab....cd..", "abcdefghij..", "ab.cd.ef.gh..", "....a", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz....abc.."
  };
  static const gsize pieces[] = { 160, 1000, 16000, 1 << 20 };
  static const guint latencies[] = { 0, 2000, 8000 };
  static const guint windows[] = { 10, 30 };

  for (guint s = 0; s < G_N_ELEMENTS (scripts); s++)
    for (guint p = 0; p < G_N_ELEMENTS (pieces); p++)
      for (guint l = 0; l < G_N_ELEMENTS (latencies); l++)
        for (guint w = 0; w < G_N_ELEMENTS (windows); w++)
          {
            g_autofree char *expected = words_of (scripts[s]);
            Fixture f;

            run_script (&f, scripts[s], latencies[l], windows[w], pieces[p]);
            g_assert_cmpstr (f.final->str, ==, expected);
            g_assert_cmpuint (f.longest, <=, windows[w] * RATE);
            g_assert_false (f.late);
            if (strlen (expected) == 0)
              g_assert_cmpuint (f.n_runs, ==, 0);
            fixture_clear (&f);
          }
}

static void
test_utterances (void)
{
  Fixture f;

  run_script (&f, "..ab....cd....", 4000, 30, 1600);
  g_assert_cmpuint (f.n_utterances, ==, 2);
  g_assert_cmpuint (f.silence_until, >, 6 * RATE);
  fixture_clear (&f);
}

/* Music is not put into words, and what is said after it is heard. */
static void
test_music (void)
{
  static const guint latencies[] = { 0, 2000, 8000 };

  for (guint i = 0; i < G_N_ELEMENTS (latencies); i++)
    {
      Fixture f;

      run_script (&f, "..ab~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~cdefghijklmnopqrstuvwx..", latencies[i], 30, 1600);
      g_assert_true (g_str_has_prefix (f.final->str, "ab"));
      g_assert_true (g_str_has_suffix (f.final->str, "rstuvwx"));
      g_assert_null (strstr (f.final->str, "oh"));
      fixture_clear (&f);
    }
}

static void
test_reset (void)
{
  Fixture f;

  run_script (&f, "ab..", 4000, 30, 1600);
  gtf_live_stream_reset (f.stream);
  g_assert_cmpuint (gtf_live_stream_get_position (f.stream), ==, 0);
  fixture_clear (&f);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/live-stream/scripts", test_scripts);
  g_test_add_func ("/live-stream/utterances", test_utterances);
  g_test_add_func ("/live-stream/music", test_music);
  g_test_add_func ("/live-stream/reset", test_reset);
  return g_test_run ();
}
