/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Texts that name what to look for in a picture (Grounding DINO): phrases that end in a period or a question mark, each of which a text encoder
 * reads by itself, and what detectors that read have beside it.
 */
#pragma once

#include "layers/detection.h"
#include "layers/text-input.h"

G_BEGIN_DECLS

/**
 * GtfPhrases:
 * @input: the text for gtf_text_embed () and gtf_encoder_run (): a token attends to its phrase alone, and places begin anew in each
 * @places: the same places as numbers, [1][T][1]
 */
typedef struct
{
  GtfTextInput input;
  GtfTensor *places;
} GtfPhrases;

/* Text @i of the inputs "input_ids" [n][T] and "attention_mask" (optional) without its padding, cut to @most tokens. How many texts there are. */
GTF_API gboolean   gtf_phrases_read   (GtfContext *c, gint64 i, gint64 most, GtfPhrases *phrases);
GTF_API gint64     gtf_phrases_count  (GtfContext *c);
/* Sines and cosines of numbers x [..][n], each with so many features, one after the other; of two or more the second comes first: [..][n features]. */
GTF_API GtfTensor *gtf_number_waves   (GtfContext *c, const GtfTensor *x, gint64 features);
/* How much each row of x [..][D] is like one of the tokens text [1][T][D]: the highest of its products with them, [..][1]. */
GTF_API GtfTensor *gtf_best_token     (GtfContext *c, const GtfTensor *x, const GtfTensor *text);

G_END_DECLS
