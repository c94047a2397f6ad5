/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From a prompt to tokens, over a session's decode step: greedy search, sampling, beam search and beam sampling with the
 * rules of transformers 5. What only one model needs (Whisper's timestamps) is a task's logits processor.
 */
#pragma once

#include "generate/generation-config.h"
#include "generate/logits-processors.h"
#include "model/session.h"
#include "text/tokenizer.h"

G_BEGIN_DECLS

/**
 * GtfGenerated:
 * @ids: (array length=n_ids): the new tokens, without the prompt, with the end token if there was one, without padding
 * @logprobs: (array length=n_ids): of each token: log-softmax of the processed scores, with sampling's temperature taken
 *   back (log_softmax (scores * temperature)), which is what Whisper's fallback rules average
 * @score: beam search: sum of the scores / length ^ length_penalty (sequences_scores); else the sum of @logprobs
 * @sentence: the row of the prompt that it answers
 * @finished: ended by an end token or a stop string, not by length
 */
typedef struct
{
  gint32 *ids;
  float *logprobs;
  gsize n_ids;
  double score;
  gsize sentence;
  gboolean finished;
} GtfGenerated;

/**
 * GtfGenerateOutput:
 * @sequences: (array length=n_sequences): n_rows * num_return_sequences of them, those of a row together, best first
 * @first_logits: [n_rows][vocab] raw logits after the prompt (probability of no speech, language); %NULL if not asked for
 *
 * Starts as {0}; what it holds is reused or freed by the next call.
 */
typedef struct
{
  GtfGenerated *sequences;
  gsize n_sequences;
  float *first_logits;
  gsize n_rows;
  gsize vocab;
  gboolean want_first_logits;
} GtfGenerateOutput;

GTF_API void gtf_generate_output_clear (GtfGenerateOutput *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GtfGenerateOutput, gtf_generate_output_clear)

/* Each token as it is chosen (greedy search and sampling; beams are known only at the end). FALSE ends the generation. */
typedef gboolean (*GtfGenerateToken) (gsize row, gint32 id, float logprob, gpointer data);

/**
 * GtfGenerateRequest:
 * @prompt: (array): n_rows x n_prompt token ids; n_rows is the number of rows that were encoded
 * @processors: (nullable): the task's own
 * @tokenizer: (nullable): for stop_strings
 * @encoder_ids: (nullable): n_rows x n_encoder_ids, for the encoder_* processors of models that read text
 */
typedef struct
{
  const gint32 *prompt;
  gsize n_rows;
  gsize n_prompt;
  GtfLogitsProcessorList *processors;
  GtfTokenizer *tokenizer;
  const gint32 *encoder_ids;
  gsize n_encoder_ids;
  GtfGenerateToken token;
  gpointer token_data;
} GtfGenerateRequest;

/**
 * gtf_generate:
 * @session: encoded already, if the model has an encoder
 * @prompt: n_rows x n_prompt ids (decoder_input_ids)
 * @processors: (nullable): the task's own; stays the caller's
 * @output: (inout): what was generated
 *
 * Errors: %GTF_ERROR_INVALID_ARGUMENT (no room after the prompt, a combination that the reference refuses),
 * %G_IO_ERROR_CANCELLED, and what the session reports.
 */
GTF_API gboolean gtf_generate      (GtfSession *session, const GtfGenerationConfig *config, const gint32 *prompt, gsize n_rows, gsize n_prompt,
                                    GtfLogitsProcessorList *processors, GtfGenerateOutput *output, GCancellable *cancellable, GError **error);
GTF_API gboolean gtf_generate_full (GtfSession *session, const GtfGenerationConfig *config, const GtfGenerateRequest *request,
                                    GtfGenerateOutput *output, GCancellable *cancellable, GError **error);

G_END_DECLS
