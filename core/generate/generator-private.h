/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The state of one generation, shared by generator.c (greedy search, sampling) and beam-search.c. All buffers are
 * allocated before the first step; a step allocates nothing.
 */
#pragma once

#include "generate/generator.h"
#include "generate/logits-math.h"
#include "generate/random.h"

G_BEGIN_DECLS

/**
 * GtfGeneration:
 * @n_sentences: rows of the prompt
 * @n_rows: rows that are decoded: n_sentences times beams (or samples)
 * @per_sentence: n_rows / n_sentences
 * @stride: n_prompt + max_new, between rows of @ids
 * @ids: [n_rows][stride]: prompt and what was generated
 * @logits: [vocab]: the row being worked on
 * @step_logits: [n_rows or n_sentences][vocab]: of the last decode, owned by the session
 * @first: no step has been taken yet: @step_logits has a row a sentence
 */
typedef struct
{
  GtfSession *session;
  const GtfGenerationConfig *config;
  const GtfGenerateRequest *request;
  GtfGenerateOutput *output;
  GCancellable *cancellable;
  GtfLogitsProcessorList *processors;

  gsize n_sentences, n_rows, per_sentence, n_prompt, max_new, stride, vocab;
  gint32 *ids;
  float *logprobs;
  float *logits, *scratch;
  gint32 *order, *next;
  guint *parents;
  const GtfTensor *step_logits;
  gboolean first;
  gsize n_done;         /* new tokens so far */
  gint64 deadline;      /* monotonic time, us; 0: none */
  GtfRandom random;
} GtfGeneration;

/* Row of step_logits that belongs to a row of the generation, copied into self->logits. */
void     gtf_generation_take_logits (GtfGeneration *self, gsize row);
/* Runs the processors on self->logits for a row whose tokens are ids. */
void     gtf_generation_process     (GtfGeneration *self, gsize row, const gint32 *ids);
/* One more decode of self->next, a token a row. */
gboolean gtf_generation_decode      (GtfGeneration *self, GError **error);
gboolean gtf_generation_late        (const GtfGeneration *self);
/* Whether these tokens (prompt included) end an answer: an end token, or a stop string within the last token. */
gboolean gtf_generation_ends        (GtfGeneration *self, const gint32 *ids, gsize n_ids);
/* Appends an answer to the output. */
void     gtf_generation_put         (GtfGeneration *self, gsize index, gsize sentence, const gint32 *ids, const float *logprobs, gsize n_ids);

gboolean gtf_beam_search            (GtfGeneration *self, GError **error);

G_END_DECLS
