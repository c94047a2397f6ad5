/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the parts of gtf-audio.so share.
 */
#pragma once

#include "pipeline/preprocessor.h"

/* One sound at most: 18 hours at 16 kHz. */
#define GTF_AUDIO_MAX_SAMPLES (G_MAXINT32 / 2)
#define GTF_AUDIO_MAX_RATE 10000000

/* decode.c */
GtfAudio *gtf_audio_decode (const char *path, guint sampling_rate, GCancellable *cancellable, GError **error);

/* mix.c: frames of n_channels -> mono, by the weights of ffmpeg's float mixer */
void      gtf_audio_mix (const float *frames, gsize n_frames, guint n_channels, float *mono);
/* mix.c: mixes frames onto the end of a sound; room: samples allocated, 0 at first */
gboolean  gtf_audio_append (GtfAudio *audio, gsize *room, const float *frames, gsize n_frames, guint n_channels, const char *path, GError **error);

/* resample.c */
GtfAudio *gtf_audio_change_rate (const GtfAudio *audio, guint sampling_rate, GError **error);

/* fft.c: the spectrum of real frames, 16 frames at a time (one a lane). */
#define GTF_LANES 16
typedef float GtfLanes __attribute__ ((vector_size (GTF_LANES * sizeof (float))));
typedef struct _GtfFft GtfFft;

GtfFft *gtf_fft_new   (guint n);
void    gtf_fft_free  (GtfFft *self);
/* x: n lanes (overwritten) -> power: n / 2 + 1 lanes of |X|^2. work: 4 n lanes. */
void    gtf_fft_power (const GtfFft *self, GtfLanes *x, GtfLanes *power, GtfLanes *work);

/* mel.c */
typedef struct _GtfMel GtfMel;

typedef struct
{
  guint n_fft, hop_length, n_mels, sampling_rate;
  double f_min, f_max;
} GtfMelParams;

GtfMel *gtf_mel_new    (const GtfMelParams *params, GError **error);
void    gtf_mel_free   (GtfMel *self);
/* log10 of the mel spectrogram of n samples as Whisper takes it: reflected edges, n / hop frames (the last is dropped) -> [n_mels][n_frames] */
gboolean gtf_mel_log10 (const GtfMel *self, const float *samples, gsize n_samples, gsize n_frames, float *out, GError **error);
