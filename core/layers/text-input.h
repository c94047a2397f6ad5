/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What every text encoder is given, read once for all of them.
 *
 * Inputs of the call: `input_ids` [B][T] (with more leading dimensions for multiple choice), or packed without padding [1][N] together with
 * `sequence_starts` [texts + 1]; `attention_mask` (only without `sequence_starts`; 0: padding), `token_type_ids`, `position_ids`, all as
 * input_ids; `logits_positions` [M]: the rows that a masked-LM head computes. All of them I32 or I64.
 */
#pragma once

#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * GtfTextInput:
 * @ids: I32 [B][T], packed: [1][N]
 * @types: (nullable): token_type_ids, as @ids
 * @positions: (nullable): position_ids, as @ids
 * @sequences: (nullable): where each text of [1][N] begins, for #GtfAttention; %NULL: each row is a text
 * @mask: (nullable): what #GtfAttention adds to scores, [B][1][1][T]; %NULL: all tokens see all
 * @rows: (nullable): rows for which logits are asked, [M]; %NULL: all
 * @n_texts: number of texts
 * @longest: tokens of the longest one
 * @n_choices: texts that belong together (multiple choice: the last but one dimension of input_ids), else 1
 */
typedef struct
{
  const GtfTensor *ids, *types, *positions, *sequences, *mask, *rows;
  gint64 n_texts, longest, n_choices;
} GtfTextInput;

/* FALSE after setting the sticky error. */
GTF_API gboolean   gtf_text_input (GtfContext *c, GtfTextInput *input);
/* The same without token_type_ids, where they are something else than one number a token. */
GTF_API gboolean   gtf_text_input_untyped (GtfContext *c, GtfTextInput *input);
/* Another input of the call in the shape of the ids, for models that are told more of each token; NULL: there is none, or the sticky error is set. */
GTF_API const GtfTensor *gtf_text_input_more (GtfContext *c, const GtfTextInput *input, const char *name);
/* One of @n numbers a token, [B][T][n], as [B * T][n]; and one of its columns as ids for gtf_embedding (), [B][T]. */
GTF_API const GtfTensor *gtf_text_input_wide (GtfContext *c, const GtfTextInput *input, const char *name, gint64 n);
GTF_API GtfTensor *gtf_text_column (GtfContext *c, const GtfTextInput *input, const GtfTensor *wide, gint64 i);
/* Positions as ids for gtf_embedding (), in the shape of the ids: position_ids if given, else first, first + 1, ... within each text. */
GTF_API GtfTensor *gtf_text_positions (GtfContext *c, const GtfTextInput *input, gint64 first);
/* As RoBERTa counts them: tokens other than @padding from padding + 1 on, and @padding for each that is one, wherever it stands. */
GTF_API GtfTensor *gtf_text_positions_past_padding (GtfContext *c, const GtfTextInput *input, gint64 padding);
/* The first token of each text: [..][H] -> [n_texts][H]. */
GTF_API GtfTensor *gtf_text_first (GtfContext *c, const GtfTextInput *input, const GtfTensor *x);
/* The last one, padding or not. */
GTF_API GtfTensor *gtf_text_last  (GtfContext *c, const GtfTextInput *input, const GtfTensor *x);
/* The mean of all tokens of each text: without padding, or with it. */
GTF_API GtfTensor *gtf_text_mean  (GtfContext *c, const GtfTextInput *input, const GtfTensor *x, gboolean padding_too);
/* ESM: rows of the token `mask` become 0, and all of a text are multiplied by (1 - trained) / (1 - share of masks among its tokens). */
GTF_API GtfTensor *gtf_text_drop_tokens (GtfContext *c, const GtfTextInput *input, GtfTensor *x, gint64 mask, double trained);
/* Text number `text` of ids in the shape of the input's, [1][length]: a view. */
GTF_API GtfTensor *gtf_text_of    (GtfContext *c, const GtfTextInput *input, const GtfTensor *ids, gint64 text, gint64 *length);
/* In each text the row of the first token that is `id`, or its first row: I32 [n_texts]. */
GTF_API GtfTensor *gtf_text_find  (GtfContext *c, const GtfTextInput *input, gint64 id);
/* In each text the row of the highest id, the first of equals: I32 [n_texts]. */
GTF_API GtfTensor *gtf_text_highest (GtfContext *c, const GtfTextInput *input);
/* Each token's row of @x times its text's row of @q [n_texts][H]: [B][T]. Padding gets the lowest number added. */
GTF_API GtfTensor *gtf_text_scores (GtfContext *c, const GtfTextInput *input, const GtfTensor *x, const GtfTensor *q);
/* How many tokens of each text come before its first @token, I32 [n_texts]; all of them where it has none. */
GTF_API GtfTensor *gtf_text_count_before (GtfContext *c, const GtfTextInput *input, gint64 token);
/* For each token the number of @token before it in its text, at most 1: I32 as the ids. A text without is 0 at its first token, then 1. */
GTF_API GtfTensor *gtf_text_parts (GtfContext *c, const GtfTextInput *input, gint64 token);
/* x [B][T][n] less 1e6 where a text has no answer: from its second token up to its first @token. */
GTF_API GtfTensor *gtf_text_hide_question (GtfContext *c, const GtfTextInput *input, const GtfTensor *x, gint64 token);
/* The rows for which logits are asked: [1][M][H], or @x itself. */
GTF_API GtfTensor *gtf_text_rows  (GtfContext *c, const GtfTextInput *input, GtfTensor *x);

G_END_DECLS
