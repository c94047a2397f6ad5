/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One vector a text as transformers' SequenceSummary makes it: which token or mean, a projection, an activation (XLNet, XLM, Flaubert).
 */
#pragma once

#include "layers/text-weights.h"

G_BEGIN_DECLS

/* Part of a family's config. */
typedef struct
{
  const char *type;                     /* last, first, mean, cls_index */
  gboolean use_projection, to_labels, no_activation;
  GtfActivation activation;
  gint64 size, in;                      /* by gtf_text_summary_derive (): of the projection; 0: none */
} GtfTextSummary;

#define GTF_TEXT_SUMMARY_FIELDS(Struct, field, type_default, activation_default)                                                   \
  GTF_CONFIG_STRING_FIELD (Struct, field.type, "summary_type", type_default),                                                      \
  GTF_CONFIG_BOOL_FIELD (Struct, field.use_projection, "summary_use_proj", TRUE),                                                  \
  GTF_CONFIG_NULL_FIELD (Struct, field.no_activation, "summary_activation"),                                                       \
  GTF_CONFIG_ACTIVATION_FIELD (Struct, field.activation, "summary_activation", activation_default)

#define GTF_TEXT_SUMMARY_WEIGHT(Weights, member, Struct, field)                                                                    \
  { GTF_WEIGHT_LINEAR, "sequence_summary.summary", G_STRUCT_OFFSET (Weights, member), 0, { GTF_DIM (Struct, field.size), GTF_DIM (Struct, field.in) } }

GTF_API gboolean   gtf_text_summary_derive (GtfTextSummary *summary, const GtfTextConfig *config, GError **error);
/* @projection NULL: none. [B][T][H] -> [texts][size or H]. */
GTF_API GtfTensor *gtf_text_summary (GtfContext *c, const GtfTextSummary *summary, const GtfLinear *projection, const GtfTextInput *input, const GtfTensor *x);

G_END_DECLS
