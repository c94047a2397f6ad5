/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What happens to a row of logits before a token is chosen. A processor is a const class and its data; the ones of the
 * generation config stand in logits-processors.c (rules on tokens) and logits-warpers.c (shapes of the distribution,
 * for sampling), a task adds its own.
 */
#pragma once

#include "generate/generation-config.h"

G_BEGIN_DECLS

/**
 * GtfLogitsStep:
 * @ids: (array length=n_ids): the row's tokens so far, prompt included
 * @n_prompt: how many of @ids are the prompt
 * @row: row of the batch (with beams: sentence * num_beams + beam)
 * @sentence: row of the prompt
 * @vocab: number of logits
 * @scratch: room for 2 * @vocab floats, to be used freely
 * @order: room for @vocab ints
 */
typedef struct
{
  const gint32 *ids;
  gsize n_ids;
  gsize n_prompt;
  gsize row;
  gsize sentence;
  gsize vocab;
  float *scratch;
  gint32 *order;
} GtfLogitsStep;

/**
 * GtfLogitsProcessor:
 * @name: the key of the generation config ("suppress_tokens"), or a name of its own
 * @process: changes @logits [vocab] in place. Greedy search and sampling hand raw logits in, beam search log-softmax.
 * @free: (nullable): frees @data
 */
typedef struct
{
  const char *name;
  void (*process) (gpointer data, const GtfLogitsStep *step, float *logits);
  GDestroyNotify free;
} GtfLogitsProcessor;

typedef struct _GtfLogitsProcessorList GtfLogitsProcessorList;

GTF_API GtfLogitsProcessorList *gtf_logits_processor_list_new    (void);
GTF_API void                    gtf_logits_processor_list_free   (GtfLogitsProcessorList *self);
/* `processor` is const data that outlives the list; the list takes `data`. */
GTF_API void                    gtf_logits_processor_list_append (GtfLogitsProcessorList *self, const GtfLogitsProcessor *processor, gpointer data);
GTF_API void                    gtf_logits_processor_list_process (GtfLogitsProcessorList *self, const GtfLogitsStep *step, float *logits);
GTF_API gsize                   gtf_logits_processor_list_get_length (GtfLogitsProcessorList *self);

/**
 * gtf_logits_processor_list_build:
 * @n_prompt: length of the prompt
 * @max_new: how many tokens may be generated
 * @vocab: number of logits; ids of the config that are not below it are an error where the reference has one
 * @encoder_ids: (nullable): the encoder's tokens, n_rows x n_encoder_ids (models that read text)
 * @custom: (nullable): the task's own, run after the config's rules and before sampling's; one with the name of a
 *   config's processor takes its place. Stays the caller's, and must outlive the result.
 *
 * The processors of a config in the reference's order.
 */
GTF_API GtfLogitsProcessorList *gtf_logits_processor_list_build (const GtfGenerationConfig *config, gsize n_prompt, gsize max_new, gsize vocab,
                                                                 const gint32 *encoder_ids, gsize n_rows, gsize n_encoder_ids,
                                                                 GtfLogitsProcessorList *custom, GError **error);

/* Ready-made ones for tasks that set them themselves. begin: total length at which the row is at its first new token. */
GTF_API void gtf_logits_processor_list_append_suppress       (GtfLogitsProcessorList *self, const gint32 *ids, gsize n_ids);
GTF_API void gtf_logits_processor_list_append_begin_suppress (GtfLogitsProcessorList *self, const gint32 *ids, gsize n_ids, gsize begin);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfLogitsProcessorList, gtf_logits_processor_list_free)

G_END_DECLS
