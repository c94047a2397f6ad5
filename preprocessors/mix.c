/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Mixing to mono. The reference's pipeline lets ffmpeg mix, whose float weights are no mean: centre 1, sides and fronts 0.7071,
 * surrounds 0.5, no LFE, never normalised or clipped (measured with ffmpeg 5.1).
 */
#include "audio.h"

#define HALF_POWER 0.70710678118654752440f

/* By number of channels, in ffmpeg's default layouts: mono, stereo, 2.1, 4.0, 5.0, 5.1, 6.1, 7.1. */
static const float weights[9][8] = {
  { 0 },
  { 1 },
  { HALF_POWER, HALF_POWER },
  { HALF_POWER, HALF_POWER, 0 },
  { HALF_POWER, HALF_POWER, 1, .5f },
  { HALF_POWER, HALF_POWER, 1, .5f, .5f },
  { HALF_POWER, HALF_POWER, 1, 0, .5f, .5f },
  { HALF_POWER, HALF_POWER, 1, 0, .5f, .5f, .5f },
  { HALF_POWER, HALF_POWER, 1, 0, .5f, .5f, .5f, .5f }
};

void
gtf_audio_mix (const float *frames, gsize n_frames, guint n_channels, float *mono)
{
  for (gsize t = 0; t < n_frames; t++)
    {
      const float *frame = frames + t * n_channels;
      float sum = 0;

      if (n_channels < G_N_ELEMENTS (weights))
        for (guint c = 0; c < n_channels; c++)
          sum += weights[n_channels][c] * frame[c];
      else      /* a layout without a name: the mean */
        {
          for (guint c = 0; c < n_channels; c++)
            sum += frame[c];
          sum /= (float) n_channels;
        }
      mono[t] = sum;
    }
}
