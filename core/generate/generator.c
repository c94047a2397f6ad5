/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The generation loop: one prompt pass over all sentences, the cache is then spread over beams or samples, and each step
 * decodes one token a row. Greedy search and sampling stand here, beams in beam-search.c. The rules are those of
 * generate () in transformers 5.
 */
#include "generate/generator-private.h"

#include "tensor/tensor-private.h"

#include <math.h>
#include <string.h>

/* ---- output --------------------------------------------------------------------------------------------------------- */

static void
clear_sequences (GtfGenerateOutput *self)
{
  for (gsize i = 0; i < self->n_sequences; i++)
    {
      g_free (self->sequences[i].ids);
      g_free (self->sequences[i].logprobs);
    }
  g_clear_pointer (&self->sequences, g_free);
  self->n_sequences = 0;
}

void
gtf_generate_output_clear (GtfGenerateOutput *self)
{
  clear_sequences (self);
  g_clear_pointer (&self->first_logits, g_free);
  self->n_rows = self->vocab = 0;
}

void
gtf_generation_put (GtfGeneration *self, gsize index, gsize sentence, const gint32 *ids, const float *logprobs, gsize n_ids)
{
  GtfGenerated *g = &self->output->sequences[index];
  g->ids = g_memdup2 (ids, n_ids * sizeof *ids);
  g->logprobs = g_memdup2 (logprobs, n_ids * sizeof *logprobs);
  g->n_ids = n_ids;
  g->sentence = sentence;
  for (gsize i = 0; i < n_ids; i++)
    g->score += logprobs[i];
}

static void
keep_first_logits (GtfGeneration *self)
{
  GtfGenerateOutput *output = self->output;
  output->first_logits = g_new (float, self->n_sentences * self->vocab);
  output->n_rows = self->n_sentences;
  for (gsize i = 0; i < self->n_sentences; i++)
    memcpy (output->first_logits + i * self->vocab, gtf_tensor_f32 (self->step_logits) + i * self->step_logits->row_stride,
            self->vocab * sizeof (float));
}

/* ---- one step ------------------------------------------------------------------------------------------------------- */

void
gtf_generation_take_logits (GtfGeneration *self, gsize row)
{
  const gsize at = self->first ? row / self->per_sentence : row;
  memcpy (self->logits, gtf_tensor_f32 (self->step_logits) + at * self->step_logits->row_stride, self->vocab * sizeof (float));
}

void
gtf_generation_process (GtfGeneration *self, gsize row, const gint32 *ids)
{
  const GtfLogitsStep step = { .ids = ids, .n_ids = self->n_prompt + self->n_done, .n_prompt = self->n_prompt, .row = row,
                               .sentence = row / self->per_sentence, .vocab = self->vocab, .scratch = self->scratch, .order = self->order };
  gtf_logits_processor_list_process (self->processors, &step, self->logits);
}

/* The logits of the last decode: [rows][1][vocab]. */
static gboolean
fetch_logits (GtfGeneration *self, gsize n_rows, GError **error)
{
  const GtfTensor *logits = gtf_session_get_output (self->session, "logits");
  if (!logits || logits->dtype != GTF_DTYPE_F32 || (gsize) gtf_tensor_rows (logits) != n_rows || gtf_tensor_cols (logits) < 1)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_UNSUPPORTED, "%s gives no logits of the next token: it cannot generate",
                   gtf_model_get_architecture (gtf_session_get_model (self->session)));
      return FALSE;
    }
  self->step_logits = logits;
  self->vocab = gtf_tensor_cols (logits);
  return TRUE;
}

gboolean
gtf_generation_decode (GtfGeneration *self, GError **error)
{
  if (g_cancellable_set_error_if_cancelled (self->cancellable, error))
    return FALSE;
  self->first = FALSE;
  return gtf_session_decode (self->session, self->next, self->n_rows, 1, error) && fetch_logits (self, self->n_rows, error);
}

gboolean
gtf_generation_late (const GtfGeneration *self)
{
  return self->deadline && g_get_monotonic_time () > self->deadline;
}

/* A stop string counts where its end lies in the text that the last token added. */
static gboolean
hits_stop_string (GtfGeneration *self, const gint32 *ids, gsize n_ids)
{
  GtfTokenizer *tokenizer = self->request->tokenizer;
  gsize longest = 0, first, known;
  for (char **s = self->config->stop_strings; *s; s++)
    longest = MAX (longest, strlen (*s));
  first = n_ids > longest + 1 ? n_ids - longest - 1 : 0;

  g_autofree char *text = gtf_tokenizer_decode (tokenizer, ids + first, n_ids - first, FALSE, NULL);
  g_autofree char *before = gtf_tokenizer_decode (tokenizer, ids + first, n_ids - first - 1, FALSE, NULL);
  if (!text || !before)
    return FALSE;
  for (known = 0; before[known] && before[known] == text[known]; known++)
    ;
  for (char **s = self->config->stop_strings; *s; s++)
    {
      const gsize length = strlen (*s);
      for (const char *at = strstr (text, *s); at; at = strstr (at + 1, *s))
        if ((gsize) (at - text) + length > known)
          return TRUE;
    }
  return FALSE;
}

gboolean
gtf_generation_ends (GtfGeneration *self, const gint32 *ids, gsize n_ids)
{
  return gtf_token_ids_contain (&self->config->eos_token_ids, ids[n_ids - 1]) ||
         (self->config->stop_strings && hits_stop_string (self, ids, n_ids));
}

/* ---- greedy search and sampling ------------------------------------------------------------------------------------- */

/* Draws an index by the inverse of the cumulated distribution. */
static gsize
draw (GtfGeneration *self)
{
  double sum = 0, at;
  gsize last = 0;
  gtf_logits_softmax (self->logits, self->vocab, self->scratch);
  for (gsize i = 0; i < self->vocab; i++)
    sum += self->scratch[i];
  at = gtf_random_uniform (&self->random) * sum;
  sum = 0;
  for (gsize i = 0; i < self->vocab; i++)
    {
      if (!(self->scratch[i] > 0))
        continue;
      sum += self->scratch[i];
      last = i;
      if (sum > at)
        break;
    }
  return last;
}

static gint32
choose (GtfGeneration *self, gsize row, float *logprob)
{
  const float scale = self->config->do_sample ? (float) self->config->temperature : 1;
  gtf_generation_take_logits (self, row);
  gtf_generation_process (self, row, self->ids + row * self->stride);
  const gsize id = self->config->do_sample ? draw (self) : gtf_logits_argmax (self->logits, self->vocab);
  *logprob = self->logits[id] * scale - gtf_logits_log_sum_exp (self->logits, self->vocab, scale);
  return (gint32) id;
}

static gint32
pad_token (const GtfGenerationConfig *config)
{
  if (config->pad_token_id >= 0)
    return (gint32) config->pad_token_id;
  return config->eos_token_ids.n_ids && config->eos_token_ids.ids[0] >= 0 ? config->eos_token_ids.ids[0] : 0;
}

/* One token for each row that is not finished. Returns whether any row goes on. */
static gboolean
step_rows (GtfGeneration *self, gsize *lengths, gboolean *finished, gboolean *stopped)
{
  gboolean open = FALSE;
  const gsize at = self->n_prompt + self->n_done;
  for (gsize row = 0; row < self->n_rows; row++)
    {
      gint32 *ids = self->ids + row * self->stride;
      float logprob = 0;
      self->next[row] = ids[at] = finished[row] ? pad_token (self->config) : choose (self, row, &logprob);
      if (finished[row])
        continue;
      self->logprobs[row * self->max_new + self->n_done] = logprob;
      lengths[row] = self->n_done + 1;
      finished[row] = gtf_generation_ends (self, ids, at + 1);
      if (self->request->token && !self->request->token (row, ids[at], logprob, self->request->token_data))
        *stopped = TRUE;
      open |= !finished[row];
    }
  self->n_done++;
  return open && !*stopped && self->n_done < self->max_new && !gtf_generation_late (self);
}

static gboolean
search_rows (GtfGeneration *self, GError **error)
{
  g_autofree gsize *lengths = g_new0 (gsize, self->n_rows);
  g_autofree gboolean *finished = g_new0 (gboolean, self->n_rows);
  gboolean stopped = FALSE;

  while (step_rows (self, lengths, finished, &stopped))
    if (!gtf_generation_decode (self, error))
      return FALSE;
  for (gsize row = 0; row < self->n_rows; row++)
    {
      gtf_generation_put (self, row, row / self->per_sentence, self->ids + row * self->stride + self->n_prompt,
                          self->logprobs + row * self->max_new, lengths[row]);
      self->output->sequences[row].finished = finished[row];
    }
  return TRUE;
}

/* ---- entry ---------------------------------------------------------------------------------------------------------- */

static gboolean
check_request (const GtfGenerationConfig *config, const GtfGenerateRequest *request, GError **error)
{
  if (!gtf_generation_config_check (config, error))
    return FALSE;
  if (request->n_rows == 0 || request->n_prompt == 0)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "nothing to start generating from: the prompt is empty");
      return FALSE;
    }
  if (config->stop_strings && !request->tokenizer)
    {
      g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_ARGUMENT, "'stop_strings' needs the model's tokenizer, and there is none");
      return FALSE;
    }
  return TRUE;
}

static gboolean
allocate (GtfGeneration *self, GError **error)
{
  const gsize rows = self->n_rows;
  gsize n;
  self->stride = self->n_prompt + self->max_new;
  self->ids = g_size_checked_mul (&n, rows, self->stride) ? g_try_new0 (gint32, n) : NULL;
  self->logprobs = g_try_new0 (float, rows * self->max_new);
  self->logits = g_try_new (float, self->vocab);
  self->scratch = g_try_new0 (float, 2 * self->vocab);
  self->order = g_try_new (gint32, self->vocab);
  self->next = g_try_new0 (gint32, rows);
  self->parents = g_try_new0 (guint, rows);
  self->output->sequences = g_try_new0 (GtfGenerated, rows);
  if (self->ids && self->logprobs && self->logits && self->scratch && self->order && self->next && self->parents && self->output->sequences)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_NO_MEMORY, "no memory to generate %" G_GSIZE_FORMAT " rows of %" G_GSIZE_FORMAT " tokens", rows, self->stride);
  return FALSE;
}

static void
release (GtfGeneration *self)
{
  g_free (self->ids);
  g_free (self->logprobs);
  g_free (self->logits);
  g_free (self->scratch);
  g_free (self->order);
  g_free (self->next);
  g_free (self->parents);
  g_clear_pointer (&self->processors, gtf_logits_processor_list_free);
}

/* Decodes the prompt, one row a sentence, and then gives each beam or sample its copy of the cache. */
static gboolean
prefill (GtfGeneration *self, GError **error)
{
  const GtfGenerateRequest *request = self->request;
  gtf_session_truncate (self->session, 0);
  if (!gtf_session_decode (self->session, request->prompt, self->n_sentences, self->n_prompt, error) ||
      !fetch_logits (self, self->n_sentences, error) || !allocate (self, error))
    return FALSE;
  self->first = TRUE;
  self->output->vocab = self->vocab;
  for (gsize row = 0; row < self->n_rows; row++)
    {
      self->parents[row] = row / self->per_sentence;
      memcpy (self->ids + row * self->stride, request->prompt + self->parents[row] * self->n_prompt, self->n_prompt * sizeof (gint32));
    }
  if (self->per_sentence > 1)
    gtf_session_reorder (self->session, self->parents, self->n_rows);
  if (self->output->want_first_logits)
    keep_first_logits (self);
  self->processors = gtf_logits_processor_list_build (self->config, self->n_prompt, self->max_new, self->vocab, request->encoder_ids,
                                                      self->n_sentences, request->n_encoder_ids, request->processors, error);
  return self->processors != NULL;
}

static gboolean
run (GtfGeneration *self, GError **error)
{
  const GtfGenerationConfig *config = self->config;
  if (!prefill (self, error))
    return FALSE;
  self->output->n_sequences = self->n_rows;
  if (config->num_beams > 1)
    return gtf_beam_search (self, error);
  return search_rows (self, error);
}

gboolean
gtf_generate_full (GtfSession *session, const GtfGenerationConfig *config, const GtfGenerateRequest *request, GtfGenerateOutput *output,
                   GCancellable *cancellable, GError **error)
{
  GtfGeneration self = { .session = session, .config = config, .request = request, .output = output, .cancellable = cancellable };
  gint64 limit = 0;
  gboolean ok;

  g_return_val_if_fail (session != NULL && config != NULL && request != NULL && output != NULL, FALSE);
  gtf_generate_output_clear (output);
  if (!gtf_model_get_config_int (gtf_session_get_model (session), "max_target_positions", &limit))
    gtf_model_get_config_int (gtf_session_get_model (session), "max_position_embeddings", &limit);
  if (!check_request (config, request, error) ||
      !gtf_generation_config_get_lengths (config, request->n_prompt, MAX (limit, 0), &self.max_new, error))
    return FALSE;

  self.n_sentences = request->n_rows;
  self.n_prompt = request->n_prompt;
  self.per_sentence = config->num_beams > 1 ? config->num_beams : config->num_return_sequences;
  self.n_rows = self.n_sentences * self.per_sentence;
  self.deadline = config->max_time > 0 ? g_get_monotonic_time () + (gint64) (config->max_time * G_USEC_PER_SEC) : 0;
  gtf_random_seed (&self.random, config->seed >= 0 ? (guint64) config->seed : ((guint64) g_random_int () << 32 | g_random_int ()));
  gtf_session_set_cancellable (session, cancellable);
  ok = run (&self, error);
  gtf_session_set_cancellable (session, NULL);
  release (&self);
  if (!ok)
    gtf_generate_output_clear (output);
  return ok;
}

gboolean
gtf_generate (GtfSession *session, const GtfGenerationConfig *config, const gint32 *prompt, gsize n_rows, gsize n_prompt,
              GtfLogitsProcessorList *processors, GtfGenerateOutput *output, GCancellable *cancellable, GError **error)
{
  const GtfGenerateRequest request = { .prompt = prompt, .n_rows = n_rows, .n_prompt = n_prompt, .processors = processors };
  return gtf_generate_full (session, config, &request, output, cancellable, error);
}
