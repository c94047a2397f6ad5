/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The heads of text encoders: from the last hidden state to the outputs that tasks know by name.
 *
 *   last_hidden_state [B][T][H]         always
 *   pooler_output [B][H]                where the model has a pooler
 *   logits [B][labels]                  sequence classification, next sentence; multiple choice: [questions][choices]
 *   logits [B][T][labels]               token classification; [B][T] where each token is told from a replaced one (ELECTRA)
 *   logits [B][T][vocab]                masked LM; [1][M][vocab] with logits_positions; none if these are empty
 *   start_logits, end_logits [B][T]     question answering
 *   seq_relationship_logits [B][2]      pre-training, beside the masked LM's logits
 *
 * With sequence_starts [B][T] is [1][N] and B in [B][labels] is the number of texts.
 */
#pragma once

#include "layers/text-input.h"

G_BEGIN_DECLS

/* Which of these are not NULL says what the head is. */
typedef struct
{
  const GtfLinear *pooler;              /* of the first token */
  const GtfLinear *sequence_dense, *sequence;   /* of the pooled vector, or of the first token; the dense layer may be NULL */
  const GtfLinear *choice;              /* the same, one number a text */
  const GtfLinear *token_dense, *token; /* of each token; the dense layer may be NULL */
  const GtfLinear *detection;           /* one number a token, after token_dense */
  const GtfLinear *span;                /* start and end */
  const GtfLinear *lm_dense, *lm;       /* masked LM: dense, activation, norm, output; the first may be NULL, and the norm */
  const GtfNorm *lm_norm;
  const GtfLinear *next_sentence;
} GtfTextHeads;

/* What is done between the layers of a head. GTF_ACTIVATION_NONE means none. */
typedef struct
{
  GtfActivation pooler, sequence, token, lm;
  gboolean sequence_always;             /* `sequence` also where there is no sequence_dense */
  gboolean from_last;                   /* without a pooler: the last token of a text, not the first */
  float eps;                            /* of lm_norm */
} GtfTextHeadStyle;

GTF_API void gtf_text_outputs (GtfContext *c, const GtfTextHeads *w, const GtfTextHeadStyle *style, const GtfTextInput *input, GtfTensor *x);

G_END_DECLS
