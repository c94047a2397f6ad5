/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Mixing to mono, into a sound that grows. The reference's pipeline lets ffmpeg mix, whose float weights are no mean: centre 1, sides and fronts 0.7071,
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

gboolean
gtf_audio_append (GtfAudio *audio, gsize *room, const float *frames, gsize n_frames, guint n_channels, const char *path, GError **error)
{
  if (n_frames > GTF_AUDIO_MAX_SAMPLES - audio->n_samples)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s: longer than %d samples", path, GTF_AUDIO_MAX_SAMPLES);
      return FALSE;
    }
  if (audio->n_samples + n_frames > *room)
    {
      gsize wanted = MAX (MAX (2 * *room, audio->n_samples + n_frames), 1 << 16);
      float *more = g_try_renew (float, audio->samples, wanted);

      if (!more)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "%s: no memory for %" G_GSIZE_FORMAT " samples", path, wanted);
          return FALSE;
        }
      audio->samples = more;
      *room = wanted;
    }
  gtf_audio_mix (frames, n_frames, n_channels, audio->samples + audio->n_samples);
  audio->n_samples += n_frames;
  return TRUE;
}
