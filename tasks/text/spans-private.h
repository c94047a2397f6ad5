/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Extractive question answering: from the logits of where an answer starts and ends to answers.
 */
#pragma once

#include "text/text-private.h"

G_BEGIN_DECLS

/* An answer that begins at token `start` and ends at token `end`. */
typedef struct
{
  guint32 start, end;
  float score;
} QaSpan;

/* Probabilities in place: what is not @wanted counts as -10000. The product of those of token 0, "no answer", is returned, and then they are 0. */
float    qa_normalize (float *start, float *end, const guint8 *wanted, gsize n);
/* The @top_k best spans of at most @max_len tokens, best first, those with an unwanted end left out (QaSpan). */
GArray  *qa_best_spans (const float *start, const float *end, const guint8 *wanted, gsize n, gsize top_k, gsize max_len);
/* The characters of a span: those of its words, or of its tokens where words are not asked for or not known. The reference looks up a
 * window with padding before it as many tokens too early as there are (@padding), and so does this. */
void     qa_span_chars (const GtfEncoding *encoding, const QaSpan *span, gsize padding, gint sequence, gboolean align, guint32 *begin, guint32 *end);

typedef struct
{
  double score;
  guint32 begin, end;
  char *text;
} QaAnswer;

/* Answers with one text, whatever its case, are one: the first place stays and scores add up. */
typedef struct
{
  GArray *answers;              /* QaAnswer */
  GHashTable *by_text;          /* in lower case -> index + 1 */
} QaAnswers;

void     qa_answers_init  (QaAnswers *self);
void     qa_answers_clear (QaAnswers *self);
void     qa_answers_add   (QaAnswers *self, double score, guint32 begin, guint32 end, const TextChars *context);
/* Best first, equals in the order they came. */
void     qa_answers_sort  (QaAnswers *self);

G_END_DECLS
