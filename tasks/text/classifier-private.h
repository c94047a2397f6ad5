/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A classifier: a model, the labels of its outputs, and how scores come of its logits.
 */
#pragma once

#include "text/text-private.h"

G_BEGIN_DECLS

/* The pipelines of the reference are of two kinds, told by how they take the best. */
typedef enum
{
  TEXT_CLASSIFIER_SLICES,       /* texts and pictures: top_k cuts as a slice of Python does, one label is a sigmoid, and the label stands before its score */
  TEXT_CLASSIFIER_TOPK          /* videos and sounds: torch's topk, always a softmax unless the config says otherwise, and the score stands first */
} TextClassifierKind;

typedef struct
{
  TextModel *model;
  TextLabels *labels;
  TextClassifierKind kind;
  TextFunction apply;           /* where the request does not say */
} TextClassifier;

/* What a request wants to have. */
typedef struct
{
  TextFunction apply;
  gint64 top_k;                 /* negative ones count from the end */
} TextChoice;

/* Takes @model. NULL: there is none (its error is set), or its labels are wrong. */
TextClassifier *text_classifier_new  (TextModel *model, TextClassifierKind kind, GError **error);
void            text_classifier_free (TextClassifier *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TextClassifier, text_classifier_free)
/* Of a task whose state is a classifier. */
void            text_classifier_close (GtfTask *task);
/* From problem_type (nullable), the number of labels and function_to_apply (nullable), in the order in which the pipelines look at them. */
TextFunction    text_classifier_function (TextClassifierKind kind, const char *problem, guint n_labels, const char *function);
/* top_k, 5 where it is not given, and function_to_apply. */
gboolean        text_choice_read      (TextChoice *self, const TextClassifier *classifier, JsonObject *parameters, GError **error);
/* Makes scores of the logits of one input, where they are; FALSE: an output has no label. */
gboolean        text_classifier_score (const TextClassifier *self, TextFunction apply, float *logits, gsize n, GError **error);
/* {"label", "score"}. (transfer full) */
JsonNode       *text_classifier_label (const TextClassifier *self, gsize id, double score);
/* The best, in order. (transfer full) */
JsonNode       *text_classifier_list  (const TextClassifier *self, gint64 top_k, const float *scores, gsize n);

G_END_DECLS
