/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sound that the voice gate takes for a voice and the fake recogniser can read: each letter of a script is a word of 0.4 s and
 * 0.1 s of quiet; '.' is half a second of silence.
 */
#pragma once

#include <math.h>
#include <string.h>
#include <glib.h>

#define SPEECH_WORD 8000

static inline void
speech_word (float *x, char letter)
{
  float peak = 0, wanted = 0.3f + 0.05f * (float) (letter - 'a');
  double phase = 0;

  for (gsize i = 0; i < 6400; i++)
    {
      double t = (double) i / 6400;

      phase += (120 + 50 * t) / 16000;
      phase -= floor (phase);
      x[i] = (float) (sin (G_PI * t) * exp (-phase * 5) * sin (2 * G_PI * 5 * phase));
      peak = MAX (peak, fabsf (x[i]));
    }
  for (gsize i = 0; i < 6400; i++)
    x[i] *= wanted / peak;
}

/* (transfer full): strlen (script) * SPEECH_WORD samples */
static inline float *
speech_new (const char *script, gsize *n)
{
  float *x;

  *n = strlen (script) * SPEECH_WORD;
  x = g_new0 (float, *n + 1);
  for (gsize i = 0; script[i]; i++)
    if (script[i] != '.')
      speech_word (x + i * SPEECH_WORD, script[i]);
  return x;
}
