/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Beam search and beam sampling, by the rules of transformers 5 (generation/utils.py, _beam_search):
 * - of all continuations of a sentence's beams the best max (2, 1 + end tokens) * num_beams are looked at, so that enough
 *   of them go on even if many end (sampling: drawn without replacement);
 * - only those among the first num_beams of them may finish; a finished one scores sum / length ^ length_penalty;
 * - a sentence keeps its num_beams best finished ones, and is done when no running beam can beat the worst of them
 *   (early_stopping: as soon as there are num_beams of them; "never": judged at the longest length);
 * - the batch goes on until all its sentences are done.
 * Scores are float32 sums, as there, so that ties and near-ties fall the same way.
 */
#include "generate/generator-private.h"

#include <math.h>
#include <string.h>

#define IMPOSSIBLE -1e9f    /* the reference's "minus infinity" */

/* A hypothesis: its new tokens with their log-probabilities. */
typedef struct
{
  float score;
  gboolean finished;
  gsize n_ids;
  gint32 *ids;          /* [max_new] */
  float *logprobs;
} Hypothesis;

/* A continuation of a running beam by one token. */
typedef struct
{
  float score;          /* accumulated */
  gsize beam;           /* within the sentence */
  gint32 token;
  float logprob;
  gboolean ends;
} Candidate;

typedef struct
{
  GtfGeneration *g;
  gsize n_beams, n_candidates;
  Hypothesis *running, *spare;          /* [n_rows] each: two generations that change places */
  Hypothesis *done, *done_spare;        /* [n_rows] */
  Candidate *candidates;                /* [n_sentences][n_candidates] */
  Candidate *before;                    /* [n_candidates] */
  float *values;                        /* [n_candidates] keys of the search */
  gsize *indices;
  float *shift;                         /* [n_beams]: log-sum-exp of each beam's processed scores */
  gboolean *improvable;                 /* [n_sentences] */
  float *picked;                        /* [n_candidates]: scores of drawn candidates */
} Beams;

static Hypothesis *
hypotheses_new (gsize n, gsize max_new)
{
  Hypothesis *h = g_try_new0 (Hypothesis, n);
  gint32 *ids = g_try_new0 (gint32, n * max_new);
  float *logprobs = g_try_new0 (float, n * max_new);
  if (!h || !ids || !logprobs)
    {
      g_free (h);
      g_free (ids);
      g_free (logprobs);
      return NULL;
    }
  for (gsize i = 0; i < n; i++)
    {
      h[i].ids = ids + i * max_new;
      h[i].logprobs = logprobs + i * max_new;
    }
  return h;
}

static void
hypotheses_free (Hypothesis *h)
{
  if (!h)
    return;
  g_free (h[0].ids);
  g_free (h[0].logprobs);
  g_free (h);
}

static void
hypothesis_copy (Hypothesis *to, const Hypothesis *from)
{
  to->score = from->score;
  to->finished = from->finished;
  to->n_ids = from->n_ids;
  memcpy (to->ids, from->ids, from->n_ids * sizeof *to->ids);
  memcpy (to->logprobs, from->logprobs, from->n_ids * sizeof *to->logprobs);
}

static void
hypothesis_extend (Hypothesis *to, const Hypothesis *from, const Candidate *c, float score, gboolean finished)
{
  hypothesis_copy (to, from);
  to->ids[to->n_ids] = c->token;
  to->logprobs[to->n_ids] = c->logprob;
  to->n_ids++;
  to->score = score;
  to->finished = finished;
}

/* ---- candidates --------------------------------------------------------------------------------------------------- */

/* Log-probabilities of a beam's next token, processed. */
static void
score_beam (Beams *b, gsize row)
{
  GtfGeneration *g = b->g;
  gtf_generation_take_logits (g, row);
  gtf_logits_log_softmax (g->logits, g->vocab);
  gtf_generation_process (g, row, g->ids + row * g->stride);
  b->shift[row % b->n_beams] = gtf_logits_log_sum_exp (g->logits, g->vocab, 1);
}

/* Drawing n without replacement from softmax (x) is taking the n largest of x + Gumbel noise (Vieira 2014; Kool et al.
 * 2019), in the order in which they would have been drawn. The keys replace the scores in `scratch`. */
static const float *
add_noise (Beams *b, float offset)
{
  GtfGeneration *g = b->g;
  for (gsize i = 0; i < g->vocab; i++)
    g->scratch[i] = g->logits[i] > -INFINITY ? g->logits[i] + offset - (float) log (-log (gtf_random_uniform (&g->random))) : -INFINITY;
  return g->scratch;
}

/* Brings the candidates in line with the merged list of indices: those of this beam are new, the others have kept their
 * order among each other. */
static void
update_candidates (Beams *b, Candidate *candidates, gsize n_before, gsize n, gsize beam, float score)
{
  const GtfGeneration *g = b->g;
  gsize old = 0;
  memcpy (b->before, candidates, n_before * sizeof *candidates);
  for (gsize i = 0; i < n; i++)
    {
      const gsize at = b->indices[i] / g->vocab, token = b->indices[i] % g->vocab;
      if (at == beam)
        {
          candidates[i] = (Candidate){ g->logits[token] + score, beam, (gint32) token, g->logits[token] - b->shift[beam], FALSE };
          continue;
        }
      while (b->before[old].beam != at || b->before[old].token != (gint32) token)
        old++;
      candidates[i] = b->before[old++];
    }
}

/* The best continuations of a sentence, best first: each beam's row is merged into one list of indices
 * beam * vocab + token. */
static void
find_candidates (Beams *b, gsize sentence)
{
  GtfGeneration *g = b->g;
  gsize n = 0;
  for (gsize beam = 0; beam < b->n_beams; beam++)
    {
      const gsize row = sentence * b->n_beams + beam, n_before = n;
      const float score = b->running[row].score;
      score_beam (b, row);
      if (g->config->do_sample)
        gtf_logits_top_k (add_noise (b, score), g->vocab, beam * g->vocab, 0, b->n_candidates, b->values, b->indices, &n);
      else
        gtf_logits_top_k (g->logits, g->vocab, beam * g->vocab, score, b->n_candidates, b->values, b->indices, &n);
      update_candidates (b, b->candidates + sentence * b->n_candidates, n_before, n, beam, score);
    }
}

static void
mark_ends (Beams *b, gsize sentence, gboolean all)
{
  GtfGeneration *g = b->g;
  Candidate *candidates = b->candidates + sentence * b->n_candidates;
  const gsize at = g->n_prompt + g->n_done;
  for (gsize i = 0; i < b->n_candidates; i++)
    {
      gint32 *ids = g->ids + (sentence * b->n_beams + candidates[i].beam) * g->stride;
      ids[at] = candidates[i].token;
      candidates[i].ends = all || gtf_generation_ends (g, ids, at + 1);
    }
}

/* ---- what goes on, and what is finished ------------------------------------------------------------------------------ */

/* The best num_beams that do not end run on. Those that end have -1e9 added, so they come last, yet are taken where
 * nothing else is left: the loop is over then. */
static void
keep_running (Beams *b, gsize sentence)
{
  GtfGeneration *g = b->g;
  const Candidate *candidates = b->candidates + sentence * b->n_candidates;
  gsize n = 0;
  for (gsize i = 0; i < b->n_candidates; i++)
    b->picked[i] = candidates[i].score + (candidates[i].ends ? IMPOSSIBLE : 0);
  gtf_logits_top_k (b->picked, b->n_candidates, 0, 0, b->n_beams, b->values, b->indices, &n);
  for (gsize i = 0; i < b->n_beams; i++)
    {
      const Candidate *c = &candidates[b->indices[i]];
      const gsize parent = sentence * b->n_beams + c->beam, row = sentence * b->n_beams + i;
      hypothesis_extend (&b->spare[row], &b->running[parent], c, b->picked[b->indices[i]], FALSE);
      g->parents[row] = parent;
      g->next[row] = c->token;
    }
}

/* Merges what finished just now into the sentence's list of finished ones. */
static void
keep_finished (Beams *b, gsize sentence)
{
  const GtfGenerationConfig *config = b->g->config;
  const Candidate *candidates = b->candidates + sentence * b->n_candidates;
  Hypothesis *done = b->done + sentence * b->n_beams, *next = b->done_spare + sentence * b->n_beams;
  const float length = (float) pow ((double) (b->g->n_done + 1), config->length_penalty);
  gboolean full = config->early_stopping == GTF_EARLY_STOPPING_TRUE;
  gsize n = 0;

  for (gsize i = 0; i < b->n_beams; i++)
    {
      b->picked[i] = done[i].score;
      full = full && done[i].finished;
    }
  gtf_logits_top_k (b->picked, b->n_beams, 0, 0, b->n_beams, b->values, b->indices, &n);
  for (gsize i = 0; i < b->n_candidates; i++)
    {
      const gboolean finishes = candidates[i].ends && i < b->n_beams;
      b->picked[i] = candidates[i].score / length + (full ? IMPOSSIBLE : 0) + (b->improvable[sentence] ? 0 : IMPOSSIBLE) + (finishes ? 0 : IMPOSSIBLE);
    }
  gtf_logits_top_k (b->picked, b->n_candidates, b->n_beams, 0, b->n_beams, b->values, b->indices, &n);
  for (gsize i = 0; i < b->n_beams; i++)
    if (b->indices[i] < b->n_beams)
      hypothesis_copy (&next[i], &done[b->indices[i]]);
    else
      {
        const gsize at = b->indices[i] - b->n_beams;
        hypothesis_extend (&next[i], &b->running[sentence * b->n_beams + candidates[at].beam], &candidates[at], b->values[i],
                           candidates[at].ends && at < b->n_beams);
      }
}

/* Whether a running beam may still get better than the worst finished one. */
static gboolean
can_improve (Beams *b, gsize sentence)
{
  const GtfGenerationConfig *config = b->g->config;
  const Hypothesis *done = b->done + sentence * b->n_beams;
  const gsize length = config->early_stopping == GTF_EARLY_STOPPING_NEVER && config->length_penalty > 0 ? b->g->max_new : b->g->n_done;
  const float best = b->running[sentence * b->n_beams].score / (float) pow ((double) length, config->length_penalty);
  float worst = INFINITY;
  for (gsize i = 0; i < b->n_beams; i++)
    worst = MIN (worst, done[i].score);
  for (gsize i = 0; i < b->n_beams; i++)
    if (best > (done[i].finished ? worst : IMPOSSIBLE))
      return TRUE;
  return FALSE;
}

static void
swap (Hypothesis **a, Hypothesis **b)
{
  Hypothesis *t = *a;
  *a = *b;
  *b = t;
}

/* ids of each row: what its parent had, and the new token. */
static void
move_ids (Beams *b)
{
  GtfGeneration *g = b->g;
  for (gsize row = 0; row < g->n_rows; row++)
    memcpy (g->ids + row * g->stride + g->n_prompt, b->running[row].ids, b->running[row].n_ids * sizeof (gint32));
}

/* One step of the whole batch. Returns whether there is a next one. */
static gboolean
step (Beams *b)
{
  GtfGeneration *g = b->g;
  gboolean improvable = FALSE, all_finished = TRUE, all_end = TRUE;
  const gboolean last = g->n_done + 1 >= g->max_new || gtf_generation_late (g);

  for (gsize s = 0; s < g->n_sentences; s++)
    {
      find_candidates (b, s);
      mark_ends (b, s, last);
      keep_running (b, s);
      keep_finished (b, s);
    }
  swap (&b->running, &b->spare);
  swap (&b->done, &b->done_spare);
  g->n_done++;
  move_ids (b);
  for (gsize s = 0; s < g->n_sentences; s++)
    {
      b->improvable[s] = b->improvable[s] && can_improve (b, s);
      improvable |= b->improvable[s];
      for (gsize i = 0; i < b->n_candidates; i++)
        all_end &= b->candidates[s * b->n_candidates + i].ends;
    }
  for (gsize row = 0; row < g->n_rows; row++)
    all_finished &= b->done[row].finished;
  return improvable && !all_end && !(all_finished && g->config->early_stopping == GTF_EARLY_STOPPING_TRUE);
}

/* ---- entry ---------------------------------------------------------------------------------------------------------- */

static gboolean
beams_init (Beams *b, GtfGeneration *g, GError **error)
{
  const gsize n_eos = g->config->eos_token_ids.n_ids;
  b->g = g;
  b->n_beams = g->per_sentence;
  b->n_candidates = MAX (2, 1 + n_eos) * b->n_beams;
  if (b->n_candidates > b->n_beams * g->vocab)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "'num_beams' (%" G_GSIZE_FORMAT ") is too many for a vocabulary of %" G_GSIZE_FORMAT " tokens", b->n_beams, g->vocab);
      return FALSE;
    }
  b->running = hypotheses_new (g->n_rows, g->max_new);
  b->spare = hypotheses_new (g->n_rows, g->max_new);
  b->done = hypotheses_new (g->n_rows, g->max_new);
  b->done_spare = hypotheses_new (g->n_rows, g->max_new);
  b->candidates = g_try_new0 (Candidate, g->n_sentences * b->n_candidates);
  b->before = g_try_new0 (Candidate, b->n_candidates);
  b->values = g_try_new0 (float, b->n_candidates + b->n_beams);
  b->indices = g_try_new0 (gsize, b->n_candidates);
  b->picked = g_try_new0 (float, b->n_candidates);
  b->shift = g_try_new0 (float, b->n_beams);
  b->improvable = g_try_new0 (gboolean, g->n_sentences);
  if (b->running && b->spare && b->done && b->done_spare && b->candidates && b->before && b->values && b->indices && b->picked && b->shift && b->improvable)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory for %" G_GSIZE_FORMAT " beams of %" G_GSIZE_FORMAT " tokens", g->n_rows, g->max_new);
  return FALSE;
}

static void
beams_clear (Beams *b)
{
  hypotheses_free (b->running);
  hypotheses_free (b->spare);
  hypotheses_free (b->done);
  hypotheses_free (b->done_spare);
  g_free (b->candidates);
  g_free (b->before);
  g_free (b->values);
  g_free (b->indices);
  g_free (b->picked);
  g_free (b->shift);
  g_free (b->improvable);
}

static void
put_results (Beams *b)
{
  GtfGeneration *g = b->g;
  const gsize wanted = g->config->num_return_sequences;
  for (gsize s = 0; s < g->n_sentences; s++)
    for (gsize i = 0; i < wanted; i++)
      {
        const Hypothesis *h = &b->done[s * b->n_beams + i];
        gtf_generation_put (g, s * wanted + i, s, h->ids, h->logprobs, h->n_ids);
        g->output->sequences[s * wanted + i].score = h->score;
        g->output->sequences[s * wanted + i].finished = h->n_ids && gtf_token_ids_contain (&g->config->eos_token_ids, h->ids[h->n_ids - 1]);
      }
  g->output->n_sequences = g->n_sentences * wanted;
}

gboolean
gtf_beam_search (GtfGeneration *self, GError **error)
{
  Beams b = { .g = self };
  gboolean ok = beams_init (&b, self, error);
  for (gsize row = 0; ok && row < self->n_rows; row++)
    {
      /* All beams start equal: only the first one counts at the first step. */
      b.running[row].score = row % b.n_beams ? IMPOSSIBLE : 0;
      b.done[row].score = IMPOSSIBLE;
    }
  for (gsize s = 0; ok && s < self->n_sentences; s++)
    b.improvable[s] = TRUE;
  while (ok && step (&b))
    {
      gtf_session_reorder (self->session, self->parents, self->n_rows);
      ok = gtf_generation_decode (self, error);
    }
  if (ok)
    put_results (&b);
  beams_clear (&b);
  return ok;
}
