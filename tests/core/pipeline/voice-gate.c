/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The gate stays closed on what is no voice and opens on what is one (made here: a buzz with formants and a moving pitch).
 */
#include "pipeline/voice-gate.h"

#include <math.h>
#include <string.h>

#define RATE 16000
#define SECONDS 6

static float
white (guint32 *seed)
{
  *seed = *seed * 1664525 + 1013904223;
  return (float) *seed / 2147483648.f - 1;
}

static void
make_silence (float *x, gsize n)
{
  memset (x, 0, n * sizeof *x);
}

static void
make_noise (float *x, gsize n)
{
  guint32 seed = 1;

  for (gsize i = 0; i < n; i++)
    x[i] = 0.2f * white (&seed);
}

static void
make_brown_noise (float *x, gsize n)
{
  guint32 seed = 1;
  float y = 0;

  for (gsize i = 0; i < n; i++)
    {
      y = 0.98f * y + 0.05f * white (&seed);
      x[i] = y;
    }
}

/* Rumble, and steps of 16 bits on it. */
static void
make_rumble (float *x, gsize n)
{
  guint32 seed = 7;
  float y = 0;

  for (gsize i = 0; i < n; i++)
    {
      y = 0.9995f * y + 0.001f * white (&seed);
      x[i] = roundf (y * 32767) / 32767;
    }
}

static void
make_tone (float *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    x[i] = 0.3f * sinf (2 * (float) G_PI * 220 * (float) i / RATE);
}

static void
make_hum (float *x, gsize n)
{
  guint32 seed = 1;

  for (gsize i = 0; i < n; i++)
    x[i] = 0.05f * sinf (2 * (float) G_PI * 100 * (float) i / RATE) + 0.02f * sinf (2 * (float) G_PI * 200 * (float) i / RATE) + 0.005f * white (&seed);
}

static void
make_clicks (float *x, gsize n)
{
  memset (x, 0, n * sizeof *x);
  for (gsize i = 0; i < n; i += RATE / 4)
    x[i] = 0.9f;
}

static void
make_constant (float *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    x[i] = 0.5f;
}

static void
make_faint_voice (float *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    x[i] = 0.0005f * sinf (2 * (float) G_PI * (150 + 20 * sinf ((float) i / 3000)) * (float) i / RATE);
}

/* Syllables: pulses at a gliding pitch through two resonances, a quarter of a second each, with soft edges. */
static void
make_voice (float *x, gsize n)
{
  static const float formants[][2] = { { 700, 1200 }, { 300, 2200 }, { 500, 900 } };
  double phase = 0;

  for (gsize i = 0; i < n; i++)
    {
      gsize syllable = i / (RATE / 4);
      double t = (double) (i % (RATE / 4)) / (RATE / 4);
      double pitch = 130 + 40 * t - 15 * sin ((double) syllable);
      double envelope = sin (G_PI * t);
      const float *f = formants[syllable % 3];

      phase += pitch / RATE;
      phase -= floor (phase);
      x[i] = (float) (0.4 * envelope * exp (-phase * 6) * (sin (2 * G_PI * f[0] * phase / pitch) + 0.5 * sin (2 * G_PI * f[1] * phase / pitch)));
    }
}

typedef struct
{
  const char *name;
  void (*make) (float *x, gsize n);
  gboolean open;
  guint most;       /* closed: percent of the time that it may be open all the same */
} Case;

static const Case cases[] = {
  { "silence", make_silence, FALSE, 0 },
  { "white-noise", make_noise, FALSE, 0 },
  { "brown-noise", make_brown_noise, FALSE, 1 },
  { "rumble", make_rumble, FALSE, 1 },
  { "tone", make_tone, FALSE, 30 },
  { "hum", make_hum, FALSE, 30 },
  { "clicks", make_clicks, FALSE, 0 },
  { "constant", make_constant, FALSE, 0 },
  { "faint-voice", make_faint_voice, FALSE, 0 },
  { "voice", make_voice, TRUE, 100 }
};

static void
test_case (gconstpointer data)
{
  const Case *c = data;
  g_autofree float *x = g_new (float, SECONDS * RATE);
  g_autoptr (GtfVoiceGate) gate = gtf_voice_gate_new (RATE);
  guint open = 0, total = 0;

  c->make (x, SECONDS * RATE);
  for (guint i = 0; i < SECONDS * 10; i++, total++)
    {
      gtf_voice_gate_push (gate, x + i * RATE / 10, RATE / 10);
      open += gtf_voice_gate_is_open (gate);
    }
  g_test_message ("%s: open %u of %u", c->name, open, total);
  if (c->open)
    g_assert_cmpuint (open, >, total * 8 / 10);
  else
    g_assert_cmpuint (open, <=, total * c->most / 100);      /* what begins at once counts as a voice until it has stood still for a while */
}

static void
test_positions (void)
{
  g_autofree float *x = g_new0 (float, 4 * RATE);
  g_autoptr (GtfVoiceGate) gate = gtf_voice_gate_new (RATE);

  make_voice (x + RATE, RATE);
  gtf_voice_gate_push (gate, x, 2 * RATE);
  g_assert_true (gtf_voice_gate_is_open (gate));
  g_assert_cmpuint (gtf_voice_gate_get_onset (gate), <=, RATE + RATE / 10);
  g_assert_cmpuint (gtf_voice_gate_get_onset (gate), >, RATE / 2);
  gtf_voice_gate_push (gate, x + 2 * RATE, 2 * RATE);
  g_assert_false (gtf_voice_gate_is_open (gate));
  g_assert_cmpuint (gtf_voice_gate_get_last_voice (gate), <=, 2 * RATE + RATE / 10);
  gtf_voice_gate_reset (gate);
  g_assert_cmpuint (gtf_voice_gate_get_last_voice (gate), ==, 0);
}

/* What it says hangs on the samples, not on how they are cut up. */
static void
test_chunking (void)
{
  g_autofree float *x = g_new (float, 2 * RATE);
  g_autoptr (GtfVoiceGate) whole = gtf_voice_gate_new (RATE), pieces = gtf_voice_gate_new (RATE);

  make_voice (x, 2 * RATE);
  gtf_voice_gate_push (whole, x, 2 * RATE);
  for (gsize i = 0, n = 1; i < 2 * RATE; i += n, n = n % 977 + 13)
    gtf_voice_gate_push (pieces, x + i, MIN (n, 2 * RATE - i));
  g_assert_cmpuint (gtf_voice_gate_get_last_voice (whole), ==, gtf_voice_gate_get_last_voice (pieces));
  g_assert_cmpuint (gtf_voice_gate_get_onset (whole), ==, gtf_voice_gate_get_onset (pieces));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/voice-gate/", cases[i].name, NULL);

      g_test_add_data_func (path, &cases[i], test_case);
    }
  g_test_add_func ("/voice-gate/positions", test_positions);
  g_test_add_func ("/voice-gate/chunking", test_chunking);
  return g_test_run ();
}
