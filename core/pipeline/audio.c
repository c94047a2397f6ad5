/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GtfAudio: mono samples with their rate. Files are decoded, and rates changed, by the module for sound.
 */
#include "pipeline/preprocessor.h"

#include <string.h>
#include "registry/registry.h"

G_DEFINE_BOXED_TYPE (GtfAudio, gtf_audio, gtf_audio_copy, gtf_audio_free)

/**
 * gtf_audio_new: (constructor)
 * @n_samples: how many
 * @sampling_rate: samples a second
 * @error: return location
 *
 * Silence of this length. Errors: %GTF_ERROR_NO_MEMORY.
 *
 * Returns: (transfer full): the sound
 */
GtfAudio *
gtf_audio_new (gsize n_samples, guint sampling_rate, GError **error)
{
  float *samples = g_try_new0 (float, MAX (n_samples, 1));
  GtfAudio *self;

  if (!samples)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for %" G_GSIZE_FORMAT " samples of sound", n_samples);
      return NULL;
    }
  self = g_new0 (GtfAudio, 1);
  self->samples = samples;
  self->n_samples = n_samples;
  self->sampling_rate = sampling_rate;
  return self;
}

/**
 * gtf_audio_copy:
 * @self: a sound
 *
 * Returns: (transfer full) (nullable): a copy
 */
GtfAudio *
gtf_audio_copy (const GtfAudio *self)
{
  GtfAudio *copy = gtf_audio_new (self->n_samples, self->sampling_rate, NULL);

  if (copy && self->n_samples)
    memcpy (copy->samples, self->samples, self->n_samples * sizeof (float));
  return copy;
}

/**
 * gtf_audio_free:
 * @self: (nullable): a sound
 *
 * Frees it.
 */
void
gtf_audio_free (GtfAudio *self)
{
  if (!self)
    return;
  g_free (self->samples);
  g_free (self);
}

static const GtfPreprocessorPlugin *
audio_module (GError **error)
{
  return (const GtfPreprocessorPlugin *) gtf_registry_find (GTF_PLUGIN_PREPROCESSOR, "audio", error);
}

/**
 * gtf_audio_load:
 * @path: (type filename): a file; "-" is standard input
 * @sampling_rate: the rate wanted; 0: the file's own
 * @cancellable: (nullable): a #GCancellable
 * @error: return location
 *
 * Decodes a file into mono, mixed and resampled as the reference's pipeline does. What libsndfile does not read is left to
 * GStreamer, loaded only then. Errors name the file.
 *
 * Returns: (transfer full): the sound
 */
GtfAudio *
gtf_audio_load (const char *path, guint sampling_rate, GCancellable *cancellable, GError **error)
{
  const GtfPreprocessorPlugin *module;

  if (*path == '\0')
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "the path of a sound is empty: expected a file");
      return NULL;
    }
  module = audio_module (error);
  return module ? module->load_audio (path, sampling_rate, cancellable, error) : NULL;
}

/**
 * gtf_audio_resample:
 * @audio: a sound
 * @sampling_rate: samples a second wanted
 * @error: return location
 *
 * Returns: (transfer full): the same sound at another rate
 */
GtfAudio *
gtf_audio_resample (const GtfAudio *audio, guint sampling_rate, GError **error)
{
  const GtfPreprocessorPlugin *module = audio_module (error);

  return module ? module->resample (audio, sampling_rate, error) : NULL;
}
