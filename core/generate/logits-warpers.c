/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Logits processors that shape the distribution before a token is drawn. What is cut off becomes -inf. All keep at least
 * `keep` tokens: one, or with beams one more than there are end tokens, so that each beam can go on.
 */
#include "generate/logits-processors-private.h"

#include <math.h>

typedef struct
{
  double value;
  gsize keep;
} Warper;

/* The smallest of the k largest logits. */
static float
kth_largest (const float *logits, const GtfLogitsStep *step, gsize k)
{
  gsize n;
  k = MIN (k, step->vocab);
  if (k == 1)
    return gtf_logits_max (logits, step->vocab);
  if (k > 256)
    {
      n = gtf_logits_sort (logits, step->vocab, step->order);
      return n >= k ? logits[step->order[k - 1]] : -INFINITY;
    }
  float values[256];
  gsize indices[256];
  n = 0;
  gtf_logits_top_k (logits, step->vocab, 0, 0, k, values, indices, &n);
  return values[n - 1];
}

static void
cut_below (const GtfLogitsStep *step, float *logits, float lowest)
{
  for (gsize i = 0; i < step->vocab; i++)
    logits[i] = logits[i] < lowest ? -INFINITY : logits[i];
}

/* Ackley, Hinton and Sejnowski 1985. */
static void
temperature (gpointer data, const GtfLogitsStep *step, float *logits)
{
  const float value = (float) ((Warper *) data)->value;
  for (gsize i = 0; i < step->vocab; i++)
    logits[i] /= value;
}

/* Fan et al. 2018, "Hierarchical Neural Story Generation". */
static void
top_k (gpointer data, const GtfLogitsStep *step, float *logits)
{
  const Warper *self = data;
  cut_below (step, logits, kth_largest (logits, step, MAX ((gsize) self->value, self->keep)));
}

/* Holtzman et al. 2019, "The Curious Case of Neural Text Degeneration": the smallest set of tokens with `value` of the mass. */
static void
top_p (gpointer data, const GtfLogitsStep *step, float *logits)
{
  const Warper *self = data;
  const float rest = (float) (1 - self->value);
  float *p = step->scratch, sum = 0;
  gsize n = gtf_logits_sort (logits, step->vocab, step->order);
  gtf_logits_softmax (logits, step->vocab, p);
  for (gsize i = n; i-- > self->keep;)
    {
      sum += p[step->order[i]];
      if (sum <= rest)
        logits[step->order[i]] = -INFINITY;
    }
}

/* Cuts off all tokens whose probability is below `lowest`, but for the `keep` likeliest. */
static void
cut_unlikely (const GtfLogitsStep *step, float *logits, const float *p, float lowest, gsize keep)
{
  const float kept = kth_largest (logits, step, keep);
  for (gsize i = 0; i < step->vocab; i++)
    logits[i] = p[i] < lowest && logits[i] < kept ? -INFINITY : logits[i];
}

/* Nguyen et al. 2024, "Turning Up the Heat: Min-p Sampling". */
static void
min_p (gpointer data, const GtfLogitsStep *step, float *logits)
{
  const Warper *self = data;
  float *p = step->scratch;
  gtf_logits_softmax (logits, step->vocab, p);
  cut_unlikely (step, logits, p, (float) self->value * gtf_logits_max (p, step->vocab), self->keep);
}

static float
entropy (const float *p, gsize n)
{
  double sum = 0;
  for (gsize i = 0; i < n; i++)
    if (p[i] > 0)
      sum -= p[i] * log (p[i]);
  return (float) sum;
}

/* Hewitt, Manning and Liang 2022, "Truncation Sampling as Language Model Desmoothing": epsilon and eta. */
static void
epsilon_cutoff (gpointer data, const GtfLogitsStep *step, float *logits)
{
  const Warper *self = data;
  gtf_logits_softmax (logits, step->vocab, step->scratch);
  cut_unlikely (step, logits, step->scratch, (float) self->value, self->keep);
}

static void
eta_cutoff (gpointer data, const GtfLogitsStep *step, float *logits)
{
  const Warper *self = data;
  const float epsilon = (float) self->value;
  gtf_logits_softmax (logits, step->vocab, step->scratch);
  const float eta = MIN (epsilon, sqrtf (epsilon) * expf (-entropy (step->scratch, step->vocab)));
  cut_unlikely (step, logits, step->scratch, eta, self->keep);
}

/* Meister et al. 2022, "Locally Typical Sampling": the tokens whose surprise is nearest to the entropy. */
static void
typical_p (gpointer data, const GtfLogitsStep *step, float *logits)
{
  const Warper *self = data;
  float *p = step->scratch, *nearness = step->scratch + step->vocab;
  const float lse = gtf_logits_log_sum_exp (logits, step->vocab, 1);
  gsize n, last;
  float sum = 0, limit;

  gtf_logits_softmax (logits, step->vocab, p);
  const float h = entropy (p, step->vocab);
  for (gsize i = 0; i < step->vocab; i++)
    nearness[i] = -fabsf (lse - logits[i] - h);
  n = gtf_logits_sort (nearness, step->vocab, step->order);
  for (last = 0; last < n; last++)
    {
      sum += p[step->order[last]];
      if (sum >= (float) self->value)
        break;
    }
  if (last >= n)
    return;
  limit = nearness[step->order[last]];
  for (gsize i = MAX (last, self->keep); i < n; i++)
    if (nearness[step->order[i]] < limit)
      logits[step->order[i]] = -INFINITY;
}

/* Baghaei Potraghloo et al. 2025, "Top-H Decoding": of the 100 likeliest, as many as stay within a share of their entropy. */
static void
top_h (gpointer data, const GtfLogitsStep *step, float *logits)
{
  const Warper *self = data;
  float values[100], p[100], cumulated = 0;
  gsize indices[100], n = 0, kept = 1;

  gtf_logits_top_k (logits, step->vocab, 0, 0, MIN (100, step->vocab), values, indices, &n);
  gtf_logits_softmax (values, n, p);
  const float budget = entropy (p, n) * (float) self->value;
  for (gsize i = 0; i < n; i++)
    {
      cumulated += p[i] > 0 ? -p[i] * logf (p[i]) : 0;
      if (cumulated <= budget)
        kept = i + 1;
    }
  for (gsize i = 0; i < step->vocab; i++)
    logits[i] = -INFINITY;
  for (gsize i = 0; i < kept; i++)
    logits[indices[i]] = values[i];
}

static const GtfLogitsProcessor temperature_warper = { "temperature", temperature, g_free };
static const GtfLogitsProcessor top_h_warper = { "top_h", top_h, g_free };
static const GtfLogitsProcessor top_k_warper = { "top_k", top_k, g_free };
static const GtfLogitsProcessor top_p_warper = { "top_p", top_p, g_free };
static const GtfLogitsProcessor min_p_warper = { "min_p", min_p, g_free };
static const GtfLogitsProcessor typical_p_warper = { "typical_p", typical_p, g_free };
static const GtfLogitsProcessor epsilon_warper = { "epsilon_cutoff", epsilon_cutoff, g_free };
static const GtfLogitsProcessor eta_warper = { "eta_cutoff", eta_cutoff, g_free };

static void
append (GtfLogitsProcessorList *list, const GtfLogitsProcessor *processor, double value, gsize keep)
{
  Warper warper = { value, keep };
  gtf_logits_processor_list_append (list, processor, g_memdup2 (&warper, sizeof warper));
}

void
gtf_logits_warpers_append (GtfLogitsProcessorList *list, const GtfGenerationConfig *config)
{
  const gsize n_eos = config->eos_token_ids.n_ids;
  const gsize keep = config->num_beams > 1 ? (n_eos ? n_eos + 1 : 2) : 1;
  if (config->temperature != 1)
    append (list, &temperature_warper, config->temperature, keep);
  if (config->top_h > 0)
    append (list, &top_h_warper, config->top_h, keep);
  if (config->top_k > 0)
    append (list, &top_k_warper, config->top_k, keep);
  if (config->top_p < 1)
    append (list, &top_p_warper, config->top_p, keep);
  if (config->min_p >= 0)
    append (list, &min_p_warper, config->min_p, keep);
  if (config->typical_p < 1)
    append (list, &typical_p_warper, config->typical_p, keep);
  if (config->epsilon_cutoff > 0 && config->epsilon_cutoff < 1)
    append (list, &epsilon_warper, config->epsilon_cutoff, keep);
  if (config->eta_cutoff > 0 && config->eta_cutoff < 1)
    append (list, &eta_warper, config->eta_cutoff, keep);
}
