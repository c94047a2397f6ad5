/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Log-mel spectrogram as Whisper takes it (Radford et al. 2022; transformers' WhisperFeatureExtractor): reflected edges, periodic
 * Hann window, power spectrum, triangular filters on Slaney's mel scale with Slaney's area norm, log10 floored at 1e-10.
 *
 * Sixteen frames are a block (spectrum.inc.c); blocks are shared out to the threads of the pool. Padding is never stored, and a
 * block without any sound is not computed.
 */
#include "audio.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/pool.h"

#define MAX_PARTS 64

struct _GtfMel
{
  GtfMelParams params;
  const GtfSpectrum *spectrum;
  GtfFft *fft;
  float *window;
  GtfMelFilter *filters;
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
make_filter (const GtfMelParams *p, double left, double centre, double right, GtfMelFilter *filter)
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
  self->spectrum = gtf_spectrum_get ();
  self->fft = gtf_fft_new (params->n_fft);
  self->window = g_new (float, params->n_fft);
  for (guint i = 0; i < params->n_fft; i++)
    self->window[i] = (float) (0.5 - 0.5 * cos (2 * G_PI * i / params->n_fft));
  self->filters = g_new0 (GtfMelFilter, params->n_mels);
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

typedef struct
{
  const GtfMel *mel;
  const float *samples;
  gsize n_real, n, n_frames;    /* samples that are there; with padding */
  float padding;
  float *out, *highest;         /* the largest value of each part */
  GtfLanes *work;               /* one piece a part */
  gsize work_size;
  float lowest;
} Job;

/* rows for the transform, its result, room for large factors */
static gsize
work_size (const GtfMel *mel)
{
  gsize n = mel->params.n_fft;

  return 2 * n + (n / 2 + 1) + 2 * n;
}

/* Sample i of the sound with padding behind it and its edges reflected (numpy's and torch's "reflect"). */
static inline float
sample_at (const Job *job, gssize i)
{
  gssize n = (gssize) job->n;

  if (i < 0)
    i = -i;
  if (i >= n)
    i = 2 * (n - 1) - i;
  i = CLAMP (i, 0, n - 1);
  return i < (gssize) job->n_real ? job->samples[i] : job->padding;
}

/* FALSE: all zero */
static gboolean
load_edge (const Job *job, gssize start, GtfLanes *z)
{
  const GtfMel *mel = job->mel;
  float *flat = (float *) z;
  gboolean any = FALSE;

  for (guint lane = 0; lane < GTF_LANES; lane++)
    for (guint i = 0; i < mel->params.n_fft; i++)
      {
        float value = sample_at (job, start + (gssize) (lane * mel->params.hop_length + i));

        any |= value != 0;
        flat[(gsize) mel->fft->slots[i] * GTF_LANES + lane] = value * mel->window[i];
      }
  return any;
}

/* The sixteen frames from @first into @z. FALSE: all zero, nothing is written. */
static gboolean
load_block (const Job *job, gsize first, GtfLanes *z)
{
  const GtfMel *mel = job->mel;
  gsize hop = mel->params.hop_length, n_fft = mel->params.n_fft;
  gssize start = (gssize) (first * hop) - (gssize) (n_fft / 2);
  gsize length = (GTF_LANES - 1) * hop + n_fft, i = 0;

  if (n_fft % 2)
    for (guint k = 0; k < n_fft; k++)
      z[2 * k + 1] = (GtfLanes) { 0 };
  if (start >= (gssize) job->n_real && (gsize) start + length <= job->n && job->padding == 0)
    return FALSE;
  if (start < 0 || (gsize) start + length > job->n_real)
    return load_edge (job, start, z);
  while (i < length && job->samples[(gsize) start + i] == 0)
    i++;
  if (i == length)
    return FALSE;
  mel->spectrum->load (mel->fft, job->samples + start, hop, mel->window, z);
  return TRUE;
}

static void
fill_silence (const Job *job, gsize first, gsize n)
{
  for (guint b = 0; b < job->mel->params.n_mels; b++)
    for (gsize t = first; t < first + n; t++)
      job->out[b * job->n_frames + t] = -10;
}

static void
run_part (gpointer data, guint part, guint n_parts)
{
  const Job *job = data;
  const GtfMel *mel = job->mel;
  gsize n_blocks = (job->n_frames + GTF_LANES - 1) / GTF_LANES;
  GtfLanes *z = job->work + part * job->work_size, *power = z + 2 * (gsize) mel->params.n_fft, *rest = power + mel->params.n_fft / 2 + 1;
  float highest = -10;

  /* Every n-th block: sound stands at the front, so whole ranges would not be equal work. */
  for (gsize block = part; block < n_blocks; block += n_parts)
    {
      gsize first = block * GTF_LANES, n = MIN (GTF_LANES, job->n_frames - first);
      float top;

      if (!load_block (job, first, z))
        {
          fill_silence (job, first, n);
          continue;
        }
      mel->spectrum->power (mel->fft, z, power, rest);
      top = mel->spectrum->filter (mel->filters, mel->params.n_mels, power, first, n, job->n_frames, job->out);
      highest = MAX (highest, top);
    }
  job->highest[part] = highest;
}

static void
finish_part (gpointer data, guint part, guint n_parts)
{
  const Job *job = data;
  gsize n = job->n_frames * job->mel->params.n_mels;
  gsize from = n / n_parts * part, to = part + 1 == n_parts ? n : n / n_parts * (part + 1);

  job->mel->spectrum->finish (job->out + from, to - from, job->lowest);
}

gboolean
gtf_mel_whisper (const GtfMel *self, const float *samples, gsize n_real, gsize n_samples, float padding, gsize n_frames, float *out, GError **error)
{
  guint n_fft = self->params.n_fft;
  GtfPool *pool = gtf_pool_get (0);
  guint n_parts = MIN (gtf_pool_get_n_threads (pool), MAX_PARTS);
  float highest[MAX_PARTS];
  Job job = { self, samples, n_real, n_samples, n_frames, padding, out, highest, NULL, work_size (self), 0 };

  if (n_samples <= n_fft / 2)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "%" G_GSIZE_FORMAT " samples are too few: the edges are reflected, so more than n_fft / 2 = %u are needed", n_samples, n_fft / 2);
      return FALSE;
    }
  if (posix_memalign ((void **) &job.work, sizeof (GtfLanes), n_parts * job.work_size * sizeof (GtfLanes)) != 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for a spectrum of %u points", n_fft);
      return FALSE;
    }
  gtf_pool_run (pool, n_parts, run_part, &job);
  for (guint i = 1; i < n_parts; i++)
    highest[0] = MAX (highest[0], highest[i]);
  job.lowest = highest[0] - 8;
  gtf_pool_run (pool, n_parts, finish_part, &job);
  free (job.work);
  return TRUE;
}
