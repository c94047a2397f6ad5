/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Log-mel spectrogram as Whisper takes it (Radford et al. 2022; transformers' WhisperFeatureExtractor): reflected edges, periodic
 * Hann window, power spectrum, triangular filters on Slaney's mel scale with Slaney's area norm, log10 floored at 1e-10.
 *
 * Sixteen frames are worked on at a time (fft.c), and blocks of silence are recognised and not computed.
 */
#include "audio.h"

#include <math.h>
#include <string.h>

typedef struct
{
  guint first, n;             /* bins of the spectrum under the triangle */
  float *weights;
} Filter;

struct _GtfMel
{
  GtfMelParams params;
  GtfFft *fft;
  float *window;
  Filter *filters;
};

/* ---- the filter bank ---- */

static double
hertz_to_mel (double f)     /* Slaney: linear to 1 kHz, logarithmic above */
{
  return f < 1000 ? 3 * f / 200 : 15 + log (f / 1000) * (27 / log (6.4));
}

static double
mel_to_hertz (double m)
{
  return m < 15 ? 200 * m / 3 : 1000 * exp ((m - 15) * (log (6.4) / 27));
}

static void
make_filter (const GtfMelParams *p, double left, double centre, double right, Filter *filter)
{
  guint n_bins = p->n_fft / 2 + 1;
  double norm = 2 / (right - left);
  g_autofree float *all = g_new0 (float, n_bins);
  guint last = 0;

  filter->first = n_bins;
  for (guint k = 0; k < n_bins; k++)
    {
      double f = (double) k * (p->sampling_rate / 2) / (n_bins - 1);     /* linspace (0, rate // 2, bins) */
      double weight = MIN ((f - left) / (centre - left), (right - f) / (right - centre));

      if (weight <= 0)
        continue;
      all[k] = (float) (weight * norm);
      filter->first = MIN (filter->first, k);
      last = k;
    }
  filter->n = filter->first < n_bins ? last - filter->first + 1 : 0;
  filter->weights = g_memdup2 (all + (filter->n ? filter->first : 0), MAX (filter->n, 1) * sizeof (float));
}

GtfMel *
gtf_mel_new (const GtfMelParams *params, GError **error)
{
  GtfMel *self;
  double low = hertz_to_mel (params->f_min), high = hertz_to_mel (params->f_max);

  if (params->n_fft < 2 || params->n_mels < 1 || params->hop_length < 1)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "n_fft %u, hop_length %u or feature_size %u is too small", params->n_fft, params->hop_length, params->n_mels);
      return NULL;
    }
  self = g_new0 (GtfMel, 1);
  self->params = *params;
  self->fft = gtf_fft_new (params->n_fft);
  self->window = g_new (float, params->n_fft);
  for (guint i = 0; i < params->n_fft; i++)
    self->window[i] = (float) (0.5 - 0.5 * cos (2 * G_PI * i / params->n_fft));
  self->filters = g_new0 (Filter, params->n_mels);
  for (guint b = 0; b < params->n_mels; b++)
    {
      double step = (high - low) / (params->n_mels + 1);

      make_filter (params, mel_to_hertz (low + b * step), mel_to_hertz (low + (b + 1) * step), mel_to_hertz (low + (b + 2) * step), &self->filters[b]);
    }
  return self;
}

void
gtf_mel_free (GtfMel *self)
{
  if (!self)
    return;
  for (guint b = 0; self->filters && b < self->params.n_mels; b++)
    g_free (self->filters[b].weights);
  g_free (self->filters);
  g_free (self->window);
  gtf_fft_free (self->fft);
  g_free (self);
}

/* ---- the spectrogram ---- */

typedef gint32 IntLanes __attribute__ ((vector_size (GTF_LANES * sizeof (gint32))));

/* log10 of positive normal numbers: exponent plus a series in s = (m - 1) / (m + 1), m in [sqrt 1/2, sqrt 2); error below 2e-7. */
static inline __attribute__ ((always_inline)) GtfLanes
log10_lanes (GtfLanes x)
{
  IntLanes bits = (IntLanes) x;
  IntLanes shifted = bits - 0x3f3504f3;
  IntLanes exponent = shifted >> 23;
  GtfLanes m = (GtfLanes) (bits - (exponent << 23));
  GtfLanes s = (m - 1) / (m + 1), s2 = s * s;
  GtfLanes series = 2 * s * (1 + s2 * (0.33333333f + s2 * (0.2f + s2 * (0.14285715f + s2 * 0.11111111f))));

  return series * 0.43429448f + __builtin_convertvector (exponent, GtfLanes) * 0.30103000f;
}

/* Sample i of the sound with its edges reflected (numpy's and torch's "reflect"). */
static inline float
reflected (const float *samples, gssize n, gssize i)
{
  if (i < 0)
    i = -i;
  if (i >= n)
    i = 2 * (n - 1) - i;
  return samples[CLAMP (i, 0, n - 1)];
}

static void
load_frames (const GtfMel *self, const float *samples, gsize n_samples, gsize first, GtfLanes *x)
{
  guint n_fft = self->params.n_fft;
  float *flat = (float *) x;

  for (guint lane = 0; lane < GTF_LANES; lane++)
    {
      gssize start = (gssize) ((first + lane) * self->params.hop_length) - (gssize) (n_fft / 2);

      if (start >= 0 && start + (gssize) n_fft <= (gssize) n_samples)
        for (guint i = 0; i < n_fft; i++)
          flat[i * GTF_LANES + lane] = samples[start + (gssize) i] * self->window[i];
      else
        for (guint i = 0; i < n_fft; i++)
          flat[i * GTF_LANES + lane] = reflected (samples, (gssize) n_samples, start + (gssize) i) * self->window[i];
    }
}

__attribute__ ((target_clones ("arch=x86-64-v4", "arch=x86-64-v3", "default"))) static void
filter_frames (const GtfMel *self, const GtfLanes *power, gsize first, gsize n_frames, float *out)
{
  gsize n = MIN (GTF_LANES, n_frames - first);
  const IntLanes floor = (IntLanes) ((GtfLanes) { 0 } + 1e-10f);

  for (guint b = 0; b < self->params.n_mels; b++)
    {
      const Filter *filter = &self->filters[b];
      IntLanes above;
      GtfLanes sum = { 0 };

      for (guint k = 0; k < filter->n; k++)
        sum += power[filter->first + k] * filter->weights[k];
      above = sum > (GtfLanes) floor;
      sum = log10_lanes ((GtfLanes) (((IntLanes) sum & above) | (floor & ~above)));
      memcpy (out + b * n_frames + first, &sum, n * sizeof (float));
    }
}

/* Are all samples that frames first ... first + 15 see zero? */
static gboolean
is_silent (const GtfMel *self, const float *samples, gsize n_samples, gsize first)
{
  gsize half = self->params.n_fft / 2, hop = self->params.hop_length;
  gsize from = first * hop > half ? first * hop - half : 0;
  gsize to = MIN ((first + GTF_LANES - 1) * hop + half, n_samples);

  if (to + half >= n_samples)
    from = MIN (from, n_samples > half ? n_samples - half - 1 : 0);   /* reflected */
  for (gsize i = from; i < to; i++)
    if (samples[i] != 0)
      return FALSE;
  return TRUE;
}

gboolean
gtf_mel_log10 (const GtfMel *self, const float *samples, gsize n_samples, gsize n_frames, float *out, GError **error)
{
  guint n_fft = self->params.n_fft;
  gsize n_lanes = 2 * (gsize) n_fft + 1 + 4 * (gsize) n_fft;
  GtfLanes *work = NULL;

  if (n_samples <= n_fft / 2)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "%" G_GSIZE_FORMAT " samples are too few: the edges are reflected, so more than n_fft / 2 = %u are needed", n_samples, n_fft / 2);
      return FALSE;
    }
  if (posix_memalign ((void **) &work, sizeof (GtfLanes), n_lanes * sizeof (GtfLanes)) != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a spectrum of %u points", n_fft);
      return FALSE;
    }
  for (gsize first = 0; first < n_frames; first += GTF_LANES)
    {
      GtfLanes *x = work, *power = work + n_fft;

      if (is_silent (self, samples, n_samples, first))
        {
          for (guint b = 0; b < self->params.n_mels; b++)
            for (gsize t = first; t < MIN (first + GTF_LANES, n_frames); t++)
              out[b * n_frames + t] = -10;
          continue;
        }
      load_frames (self, samples, n_samples, first, x);
      gtf_fft_power (self->fft, x, power, work + 2 * (gsize) n_fft + 1);
      filter_frames (self, power, first, n_frames, out);
    }
  free (work);
  return TRUE;
}
