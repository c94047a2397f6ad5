/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Changing the rate, by soxr's high quality recipe.
 */
#include "audio.h"

#include <string.h>
#include <soxr.h>

GtfAudio *
gtf_audio_change_rate (const GtfAudio *audio, guint sampling_rate, GError **error)
{
  double ratio = (double) sampling_rate / audio->sampling_rate;
  double expected = (double) audio->n_samples * ratio;
  soxr_quality_spec_t quality = soxr_quality_spec (SOXR_HQ, 0);
  g_autoptr (GtfAudio) out = NULL;
  size_t used = 0, made = 0;
  soxr_error_t failed;

  if (sampling_rate == audio->sampling_rate)
    {
      out = gtf_audio_new (audio->n_samples, sampling_rate, error);
      if (out && audio->n_samples)
        memcpy (out->samples, audio->samples, audio->n_samples * sizeof (float));
      return g_steal_pointer (&out);
    }
  if (expected > (double) (G_MAXINT32 / 2))
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "the sound is too long: %.0f samples at %u Hz", expected, sampling_rate);
      return NULL;
    }
  out = gtf_audio_new ((gsize) (expected + .5), sampling_rate, error);
  if (!out || out->n_samples == 0)
    return g_steal_pointer (&out);
  failed = soxr_oneshot (audio->sampling_rate, sampling_rate, 1, audio->samples, audio->n_samples, &used, out->samples, out->n_samples, &made, NULL, &quality, NULL);
  if (failed)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_FAILED, "cannot resample from %u Hz to %u Hz: %s", audio->sampling_rate, sampling_rate, soxr_strerror (failed));
      return NULL;
    }
  out->n_samples = made;
  return g_steal_pointer (&out);
}
