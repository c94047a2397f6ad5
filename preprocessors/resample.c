/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Changing the rate, by soxr's high quality recipe. The length is rounded up, as ffmpeg's is.
 */
#include "audio.h"

#include <string.h>
#include <soxr.h>

GtfAudio *
gtf_audio_change_rate (const GtfAudio *audio, guint sampling_rate, GError **error)
{
  gsize n;
  soxr_quality_spec_t quality = soxr_quality_spec (SOXR_HQ, 0);
  g_autoptr (GtfAudio) out = NULL;
  soxr_error_t failed;

  if (audio->sampling_rate < 1 || audio->sampling_rate > GTF_AUDIO_MAX_RATE || sampling_rate < 1 || sampling_rate > GTF_AUDIO_MAX_RATE)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "cannot resample from %u Hz to %u Hz: expected 1 to %d", audio->sampling_rate, sampling_rate, GTF_AUDIO_MAX_RATE);
      return NULL;
    }
  if (sampling_rate == audio->sampling_rate)
    {
      out = gtf_audio_new (audio->n_samples, sampling_rate, error);
      if (out && audio->n_samples)
        memcpy (out->samples, audio->samples, audio->n_samples * sizeof (float));
      return g_steal_pointer (&out);
    }
  if ((double) audio->n_samples * sampling_rate / audio->sampling_rate > GTF_AUDIO_MAX_SAMPLES)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "the sound is too long: more than %d samples at %u Hz", GTF_AUDIO_MAX_SAMPLES, sampling_rate);
      return NULL;
    }
  n = ((guint64) audio->n_samples * sampling_rate + audio->sampling_rate - 1) / audio->sampling_rate;
  out = gtf_audio_new (n, sampling_rate, error);
  if (!out || n == 0)
    return g_steal_pointer (&out);
  failed = soxr_oneshot (audio->sampling_rate, sampling_rate, 1, audio->samples, audio->n_samples, NULL, out->samples, n, NULL, NULL, &quality, NULL);
  if (failed)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_FAILED, "cannot resample from %u Hz to %u Hz: %s", audio->sampling_rate, sampling_rate, soxr_strerror (failed));
      return NULL;
    }
  return g_steal_pointer (&out);
}
