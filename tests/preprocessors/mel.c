/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Properties of the log-mel spectrogram that need no reference: padding that is not stored equals padding that is, silence is the
 * floor, a pure tone lies in its own band, too few samples are an error.
 */
#include "audio.h"

#include <math.h>
#include <string.h>

static const GtfMelParams whisper = { 400, 160, 80, 16000, 0, 8000 };

static float *
features (const GtfMelParams *params, const float *samples, gsize n_real, gsize n, float padding)
{
  GtfMel *mel = gtf_mel_new (params, NULL);
  gsize n_frames = n / params->hop_length;
  float *out = g_new (float, params->n_mels * n_frames);

  g_assert_true (gtf_mel_whisper (mel, samples, n_real, n, padding, n_frames, out, NULL));
  gtf_mel_free (mel);
  return out;
}

static void
test_padding (void)
{
  static const gsize lengths[] = { 0, 1, 199, 200, 201, 2559, 2560, 2561, 5000, 7999, 8000 };
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  gsize n = 8000;
  g_autofree float *samples = g_new (float, n);

  for (guint p = 0; p < 2; p++)
    for (guint c = 0; c < G_N_ELEMENTS (lengths); c++)
      {
        float padding = p ? .25f : 0;
        g_autofree float *implied = NULL, *stored = NULL;

        for (gsize i = 0; i < n; i++)
          samples[i] = i < lengths[c] ? (float) g_rand_double_range (rand, -1, 1) : padding;
        implied = features (&whisper, samples, lengths[c], n, padding);
        stored = features (&whisper, samples, n, n, 0);
        for (gsize i = 0; i < 80 * n / 160; i++)
          g_assert_cmpfloat_with_epsilon (implied[i], stored[i], 1e-5);
      }
}

static void
test_silence (void)
{
  g_autofree float *samples = g_new0 (float, 16000);
  g_autofree float *out = features (&whisper, samples, 16000, 16000, 0);

  for (guint i = 0; i < 80 * 100; i++)
    g_assert_cmpfloat (out[i], ==, -1.5f);
}

/* The loudest band of a tone on the mel scale's linear part: bands lie 200 / 3 * 45.245 / 81 Hz apart. */
static void
test_tone (void)
{
  g_autofree float *samples = g_new (float, 16000);

  for (guint hertz = 200; hertz <= 800; hertz += 100)
    {
      g_autofree float *out = NULL;
      guint best = 0;
      double band = 3 * hertz / 200.0 / (45.245640471924965 / 81) - 1;

      for (guint i = 0; i < 16000; i++)
        samples[i] = (float) (.5 * sin (2 * G_PI * hertz * i / 16000));
      out = features (&whisper, samples, 16000, 16000, 0);
      for (guint b = 1; b < 80; b++)
        if (out[b * 100 + 50] > out[best * 100 + 50])
          best = b;
      g_assert_cmpfloat (fabs (best - band), <=, 1);
    }
}

static void
test_too_short (void)
{
  GtfMel *mel = gtf_mel_new (&whisper, NULL);
  g_autoptr (GError) error = NULL;
  float samples[200] = { 0 }, out[80];

  g_assert_false (gtf_mel_whisper (mel, samples, 200, 200, 0, 1, out, &error));
  g_assert_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT);
  gtf_mel_free (mel);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/preprocessors/mel/padding", test_padding);
  g_test_add_func ("/preprocessors/mel/silence", test_silence);
  g_test_add_func ("/preprocessors/mel/tone", test_tone);
  g_test_add_func ("/preprocessors/mel/too-short", test_too_short);
  return g_test_run ();
}
