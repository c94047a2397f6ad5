/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the parts of gtf-audio.so share.
 */
#pragma once

#include "pipeline/preprocessor.h"
#include "spectrum.h"

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

/* fft.c: tables for the spectrum of real frames of n samples */
GtfFft *gtf_fft_new  (guint n);
void    gtf_fft_free (GtfFft *self);

/* mel.c */
typedef struct _GtfMel GtfMel;

typedef struct
{
  guint n_fft, hop_length, n_mels, sampling_rate;
  double f_min, f_max;
} GtfMelParams;

GtfMel *gtf_mel_new    (const GtfMelParams *params, GError **error);
void    gtf_mel_free   (GtfMel *self);
/* What Whisper takes -> [n_mels][n_frames]: log10 of the mel spectrogram with reflected edges, at least 8 below its largest value,
 * (x + 4) / 4. n_real samples are there, padding follows up to n_samples. */
gboolean gtf_mel_whisper (const GtfMel *self, const float *samples, gsize n_real, gsize n_samples, float padding, gsize n_frames, float *out, GError **error);
