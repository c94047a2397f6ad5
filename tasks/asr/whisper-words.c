/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * When each token was spoken. Some heads of the decoder's cross-attention follow the sound (alignment_heads of
 * generation_config.json). Their weights over the answer's tokens are normalised, smoothed by a median filter and averaged;
 * the cheapest monotonic path through them (dynamic time warping, Sakoe & Chiba 1978) gives each token a place in time.
 *
 * The weights are had by decoding the finished answer once more, a block of tokens at a time, so that memory does not grow
 * with the length of the answer times all heads.
 */
#include <math.h>
#include <string.h>

#include "asr/whisper-private.h"

#define BLOCK_TOKENS 16
/* Seconds a column of the matrix stands for; a constant in the reference too. */
#define SECONDS_PER_STATE 0.02

/* ---- median filter -------------------------------------------------------------------------------------------------- */

/* NaN sorts last. */
static gboolean
after (float a, float b)
{
  return isnan (a) ? !isnan (b) : a > b;
}

/* Index with reflection at both ends (the edge itself is not repeated). */
static gsize
reflect (gint64 i, gint64 n)
{
  if (i < 0)
    i = -i;
  return (gsize) (i < n ? i : 2 * (n - 1) - i);
}

/**
 * asr_median_filter:
 * @in: (array length=n): values
 * @out: (array length=n): median of the @width values around each; @in itself where there are @width / 2 or fewer
 * @width: odd
 */
void
asr_median_filter (const float *in, float *out, gsize n, gsize width)
{
  gsize half = width / 2;
  g_autofree float *sorted = g_new (float, width);

  if (n <= half)
    {
      memcpy (out, in, n * sizeof (float));
      return;
    }
  for (gsize i = 0; i < n; i++)
    {
      for (gsize k = 0; k < width; k++)
        {
          float value = in[reflect ((gint64) (i + k) - (gint64) half, (gint64) n)];
          gsize at = k;
          for (; at > 0 && after (sorted[at - 1], value); at--)
            sorted[at] = sorted[at - 1];
          sorted[at] = value;
        }
      out[i] = sorted[half];
    }
}

/* ---- dynamic time warping -------------------------------------------------------------------------------------------- */

enum { STEP_BOTH, STEP_TOKEN, STEP_TIME };

/* Fills the table of steps; costs are summed in float32, ties go to STEP_TIME, as in the reference. */
static void
warp_forward (const double *cost, gsize n_tokens, gsize n_times, float *column, float *previous, guint8 *steps)
{
  for (gsize i = 0; i <= n_tokens; i++)
    previous[i] = i == 0 ? 0 : INFINITY;
  for (gsize j = 1; j <= n_times; j++)
    {
      column[0] = INFINITY;
      for (gsize i = 1; i <= n_tokens; i++)
        {
          float both = previous[i - 1], token = column[i - 1], time = previous[i];
          float best = time;
          guint8 step = STEP_TIME;
          if (both < token && both < time)
            best = both, step = STEP_BOTH;
          else if (token < both && token < time)
            best = token, step = STEP_TOKEN;
          column[i] = (float) (cost[(i - 1) * n_times + j - 1] + (double) best);
          steps[i * (n_times + 1) + j] = step;
        }
      memcpy (previous, column, (n_tokens + 1) * sizeof (float));
    }
}

/**
 * asr_time_warp:
 * @cost: (array): [n_tokens][n_times]
 * @time_of_token: (out) (array length=n_tokens): the column where the path enters each row; -1 where there are no columns
 */
gboolean
asr_time_warp (const double *cost, gsize n_tokens, gsize n_times, gint64 *time_of_token, GError **error)
{
  gsize size, rows = n_tokens + 1, columns = n_times + 1;
  g_autofree guint8 *steps = NULL;
  g_autofree float *column = g_try_new (float, rows);
  g_autofree float *previous = g_try_new (float, rows);
  gsize i = n_tokens, j = n_times;

  if (g_size_checked_mul (&size, rows, columns))
    steps = g_try_malloc (size);
  if (steps == NULL || column == NULL || previous == NULL)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "word timestamps: no memory for %zu x %zu steps", n_tokens, n_times);
      return FALSE;
    }
  warp_forward (cost, n_tokens, n_times, column, previous, steps);
  while (i > 0 || j > 0)
    {
      guint8 step = j == 0 ? STEP_TOKEN : i == 0 ? STEP_TIME : steps[i * columns + j];
      if (i > 0)
        time_of_token[i - 1] = (gint64) j - 1;      /* the last one written is the earliest */
      i -= step != STEP_TIME;
      j -= step != STEP_TOKEN;
    }
  return TRUE;
}

/* ---- weights of the alignment heads ------------------------------------------------------------------------------------ */

typedef struct
{
  float *weights;       /* [heads][tokens][states] */
  gsize n_heads, n_tokens, n_states;
} Alignment;

/* Encoder states that lie on sound. Where the window begins after its end, the frames are negative; the reference then cuts
 * as many from the end of the window (Python's slices), and it cuts twice. */
static gsize
states_with_sound (gint64 n_states, gint64 n_frames)
{
  gint64 cut = (1 - n_frames) / 2;

  if (n_frames >= 0)
    return (gsize) MIN (n_frames / 2, n_states);
  return (gsize) MAX (n_states - 2 * cut, 0);
}

static gboolean
copy_block (Alignment *self, const GArray *heads, const GtfTensor *attention, gsize first, gsize n, gint64 n_frames, GError **error)
{
  gint64 n_layers = gtf_tensor_get_dim (attention, 0), n_heads = gtf_tensor_get_dim (attention, 1);
  gint64 steps = gtf_tensor_get_dim (attention, 2), states = gtf_tensor_get_dim (attention, 3);

  if (self->weights == NULL)
    {
      gsize size;
      self->n_states = states_with_sound (states, n_frames);
      if (g_size_checked_mul (&size, self->n_heads * MAX (self->n_states, 1), self->n_tokens))
        self->weights = g_try_new (float, size);
      if (self->weights == NULL)
        {
          g_set_error_literal (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "word timestamps: no memory for the attention weights");
          return FALSE;
        }
    }
  for (gsize h = 0; h < self->n_heads; h++)
    {
      const AsrHead *head = &g_array_index (heads, AsrHead, h);
      if (head->layer >= n_layers || head->head >= n_heads || steps < (gint64) n || states < (gint64) self->n_states)
        {
          g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA,
                       "alignment_heads: [%" G_GINT64_FORMAT ", %" G_GINT64_FORMAT "] is not in a model of %" G_GINT64_FORMAT
                       " layers with %" G_GINT64_FORMAT " heads", head->layer, head->head, n_layers, n_heads);
          return FALSE;
        }
      for (gsize t = 0; t < n; t++)
        gtf_tensor_read_f32 (attention, (gsize) (((head->layer * n_heads + head->head) * steps + (gint64) t) * states), self->n_states,
                             self->weights + (h * self->n_tokens + first + t) * self->n_states);
    }
  return TRUE;
}

/* Decodes prompt and answer once more, and keeps what the alignment heads looked at for each token of the answer. */
static gboolean
collect_weights (Alignment *self, const AsrWhisperOptions *options, GtfSession *session, const GArray *prompt, const gint32 *answer, gint64 n_frames, GError **error)
{
  gtf_session_truncate (session, 0);
  if (!gtf_session_decode (session, (const gint32 *) prompt->data, 1, prompt->len, error))
    return FALSE;
  for (gsize first = 0; first < self->n_tokens; first += BLOCK_TOKENS)
    {
      gsize n = MIN (BLOCK_TOKENS, self->n_tokens - first);
      const GtfTensor *attention;
      gtf_session_want (session, "cross_attentions");
      if (!gtf_session_decode (session, answer + first, 1, n, error))
        return FALSE;
      attention = gtf_session_get_output (session, "cross_attentions");
      if (attention == NULL || gtf_tensor_get_n_dims (attention) != 4)
        {
          g_set_error_literal (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED,
                               "return_timestamps: this architecture gives no cross_attentions, so word timestamps are not available");
          return FALSE;
        }
      if (!copy_block (self, options->alignment_heads, attention, first, n, n_frames, error))
        return FALSE;
    }
  return TRUE;
}

/* Each column of a head to mean 0 and deviation 1 over the tokens. */
static void
normalise_head (float *weights, gsize n_tokens, gsize n_states)
{
  for (gsize s = 0; s < n_states; s++)
    {
      double sum = 0, squares = 0;
      float mean, deviation;
      for (gsize t = 0; t < n_tokens; t++)
        sum += weights[t * n_states + s];
      mean = (float) (sum / (double) n_tokens);
      for (gsize t = 0; t < n_tokens; t++)
        {
          double d = weights[t * n_states + s] - sum / (double) n_tokens;
          squares += d * d;
        }
      deviation = (float) sqrt (squares / (double) n_tokens);
      for (gsize t = 0; t < n_tokens; t++)
        weights[t * n_states + s] = (weights[t * n_states + s] - mean) / deviation;
    }
}

/* Mean over the heads of the smoothed weights, negated: what a path through them costs. */
static double *
path_cost (Alignment *self, gsize filter_width)
{
  gsize n = self->n_tokens * self->n_states;
  double *cost = g_try_new0 (double, MAX (n, 1));
  g_autofree float *smooth = g_new (float, MAX (self->n_states, 1));

  for (gsize h = 0; cost != NULL && h < self->n_heads; h++)
    {
      float *head = self->weights + h * n;
      normalise_head (head, self->n_tokens, self->n_states);
      for (gsize t = 0; t < self->n_tokens; t++)
        {
          asr_median_filter (head + t * self->n_states, smooth, self->n_states, filter_width);
          for (gsize s = 0; s < self->n_states; s++)
            cost[t * self->n_states + s] += smooth[s];
        }
    }
  for (gsize i = 0; cost != NULL && i < n; i++)
    cost[i] = -(double) (float) (cost[i] / (double) self->n_heads);
  return cost;
}

/* Zeros for the prompt, then one time a token; the last one (the end token as a rule) takes that of its neighbour. */
static GArray *
to_times (gsize n_prompt, const gint64 *states, gsize n_tokens)
{
  GArray *times = g_array_new (FALSE, TRUE, sizeof (float));
  float time = 0;

  g_array_set_size (times, (guint) n_prompt);
  for (gsize i = 0; i < n_tokens; i++)
    {
      time = (float) ((double) states[i] * SECONDS_PER_STATE);
      g_array_append_val (times, time);
    }
  g_array_append_val (times, time);
  return times;
}

/**
 * asr_whisper_token_times:
 * @session: holds the encoded window
 * @answer: what was generated after @prompt
 * @n_frames: feature frames of sound from the start of this window on; negative where it ended before
 *
 * Returns: (transfer full) (element-type float): seconds from the start of the window, for each token of @prompt (0) and @answer
 */
GArray *
asr_whisper_token_times (const AsrWhisper *whisper, const AsrWhisperOptions *options, GtfSession *session, GArray *prompt,
                         const GtfGenerated *answer, gint64 n_frames, GError **error)
{
  Alignment alignment = { .n_heads = options->alignment_heads->len, .n_tokens = answer->n_ids > 0 ? answer->n_ids - 1 : 0 };
  g_autofree gint64 *states = g_new0 (gint64, alignment.n_tokens + 1);
  g_autofree double *cost = NULL;
  gboolean ok;

  if (alignment.n_tokens == 0)
    return to_times (prompt->len, states, 0);
  ok = collect_weights (&alignment, options, session, prompt, answer->ids, n_frames, error);
  if (ok)
    {
      cost = path_cost (&alignment, (gsize) whisper->median_filter_width);
      ok = cost != NULL && asr_time_warp (cost, alignment.n_tokens, alignment.n_states, states, error);
      if (cost == NULL)
        g_set_error_literal (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "word timestamps: no memory for the path");
    }
  g_free (alignment.weights);
  return ok ? to_times (prompt->len, states, alignment.n_tokens) : NULL;
}
