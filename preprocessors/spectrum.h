/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Functions over lanes are compiled once for each instruction set and picked by the processor at run time: spectrum.inc.c is
 * included by spectrum-NAME.c with the flags of NAME. Everything in them is a vector of sixteen floats, one frame a lane.
 */
#pragma once

#include <glib.h>

#define GTF_LANES 16
typedef float GtfLanes __attribute__ ((vector_size (GTF_LANES * sizeof (float))));

typedef struct
{
  GtfLanes re, im;
} GtfComplexLanes;

#define GTF_FFT_MAX_FACTORS 32

/* A transform of n real numbers (fft.c). */
struct _GtfFft
{
  guint n, m;                 /* frame length; length of the complex transform */
  guint n_factors, factors[GTF_FFT_MAX_FACTORS];
  float *twiddles;            /* e^(-2 pi i k / m), k < m, as pairs */
  float *last;                /* e^(-2 pi i k / n), k <= n / 2, as pairs (even n) */
  guint *slots;               /* sample i belongs into lane row slots[i] */
};
typedef struct _GtfFft GtfFft;

/* A triangle of the filter bank. */
typedef struct
{
  guint first, n;             /* bins of the spectrum under it */
  float *weights;
} GtfMelFilter;

typedef struct
{
  /* z: 2 m rows, loaded at their slots (overwritten) -> power: n / 2 + 1 rows of |X|^2; work: 2 n rows, for large prime factors */
  void (*power) (const GtfFft *fft, GtfLanes *z, GtfLanes *power, GtfLanes *work);
  /* Sixteen frames, hop samples apart, times the window, into their slots */
  void (*load) (const GtfFft *fft, const float *samples, gsize hop, const float *window, GtfLanes *z);
  /* log10 of the filtered spectrum -> column first of out [n_filters][n_frames], n <= 16 columns; returns the largest */
  float (*filter) (const GtfMelFilter *filters, guint n_filters, const GtfLanes *power, gsize first, gsize n, gsize n_frames, float *out);
  /* (max (x, lowest) + 4) / 4 */
  void (*finish) (float *x, gsize n, float lowest);
} GtfSpectrum;

extern const GtfSpectrum gtf_spectrum_generic, gtf_spectrum_v3, gtf_spectrum_v4;
const GtfSpectrum *gtf_spectrum_get (void);
