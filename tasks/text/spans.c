/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Spans of an answer: decode_spans and select_starts_ends of transformers 4.57, without their n x n matrix: a band of spans
 * is walked and the best are kept in a heap.
 */
#include "text/spans-private.h"

#include <math.h>
#include <string.h>

#define UNWANTED -10000.0f

static void
normalize (float *x, const guint8 *wanted, gsize n)
{
  float most = -INFINITY, sum = 0;

  for (gsize i = 0; i < n; i++)
    {
      if (!wanted[i])
        x[i] = UNWANTED;
      most = MAX (most, x[i]);
    }
  for (gsize i = 0; i < n; i++)
    sum += x[i] = expf (x[i] - most);
  for (gsize i = 0; i < n; i++)
    x[i] /= sum;
}

float
qa_normalize (float *start, float *end, const guint8 *wanted, gsize n)
{
  float none;

  normalize (start, wanted, n);
  normalize (end, wanted, n);
  none = start[0] * end[0];
  start[0] = end[0] = 0;
  return none;
}

/* ---- the best of a band ------------------------------------------------------------------------------------------------------- */

/* Whether @a comes after @b: a lower score, or the same and later in the matrix. */
static gboolean
is_worse (const QaSpan *a, const QaSpan *b)
{
  if (a->score != b->score)
    return a->score < b->score;
  return a->start != b->start ? a->start > b->start : a->end > b->end;
}

/* A heap with the worst on top. */
static void
sift_down (QaSpan *heap, gsize n, gsize i)
{
  for (gsize child; (child = 2 * i + 1) < n; i = child)
    {
      QaSpan moved = heap[i];

      if (child + 1 < n && is_worse (&heap[child + 1], &heap[child]))
        child++;
      if (!is_worse (&heap[child], &moved))
        return;
      heap[i] = heap[child];
      heap[child] = moved;
    }
}

static void
sift_up (QaSpan *heap, gsize i)
{
  for (gsize parent; i > 0 && (parent = (i - 1) / 2, is_worse (&heap[i], &heap[parent])); i = parent)
    {
      QaSpan moved = heap[i];

      heap[i] = heap[parent];
      heap[parent] = moved;
    }
}

static void
offer (GArray *heap, gsize room, QaSpan span)
{
  QaSpan *spans = (QaSpan *) heap->data;

  if (heap->len < room)
    {
      g_array_append_val (heap, span);
      sift_up ((QaSpan *) heap->data, heap->len - 1);
    }
  else if (is_worse (&spans[0], &span))
    {
      spans[0] = span;
      sift_down (spans, heap->len, 0);
    }
}

static int
by_score (gconstpointer a, gconstpointer b)
{
  return is_worse (a, b) ? 1 : -1;
}

/* Where there are less than @top_k spans with a score, the reference fills up with spans of none, even backward ones. */
static void
fill_up (GArray *spans, const float *start, const float *end, gsize n, gsize top_k, gsize max_len)
{
  for (gsize s = 0; s < n && spans->len < top_k; s++)
    for (gsize e = 0; e < n && spans->len < top_k; e++)
      if (e < s || e - s >= max_len || start[s] * end[e] == 0)
        {
          QaSpan span = { (guint32) s, (guint32) e, 0 };

          g_array_append_val (spans, span);
        }
}

GArray *
qa_best_spans (const float *start, const float *end, const guint8 *wanted, gsize n, gsize top_k, gsize max_len)
{
  GArray *spans = g_array_new (FALSE, FALSE, sizeof (QaSpan));
  guint kept = 0;

  for (gsize s = 0; s < n; s++)
    for (gsize e = s; e < n && e - s < max_len; e++)
      if (start[s] * end[e] > 0)
        offer (spans, top_k, (QaSpan) { (guint32) s, (guint32) e, start[s] * end[e] });
  g_array_sort (spans, by_score);
  fill_up (spans, start, end, n, top_k, max_len);
  for (guint i = 0; i < spans->len; i++)
    {
      QaSpan span = g_array_index (spans, QaSpan, i);

      if (wanted[span.start] && wanted[span.end])
        g_array_index (spans, QaSpan, kept++) = span;
    }
  g_array_set_size (spans, kept);
  return spans;
}

/* ---- tokens to characters ----------------------------------------------------------------------------------------------------- */

/* The tokens of a word in one of the two texts. */
static gboolean
word_chars (const GtfEncoding *e, gint32 word, gint sequence, guint32 *begin, guint32 *end)
{
  gboolean found = FALSE;

  if (word < 0)
    return FALSE;
  for (gsize i = 0; i < e->n_ids; i++)
    if (e->sequence_ids[i] == sequence && e->word_ids[i] == word)
      {
        if (!found)
          *begin = e->begin[i];
        *end = e->end[i];
        found = TRUE;
      }
  return found;
}

void
qa_span_chars (const GtfEncoding *e, const QaSpan *span, gsize padding, gint sequence, gboolean align, guint32 *begin, guint32 *end)
{
  gsize first = span->start - MIN (padding, span->start), last = span->end - MIN (padding, span->end);
  guint32 unused;

  if (align && word_chars (e, e->word_ids[first], sequence, begin, &unused) && word_chars (e, e->word_ids[last], sequence, &unused, end))
    return;
  *begin = e->begin[first];
  *end = e->end[last];
}

/* ---- answers ------------------------------------------------------------------------------------------------------------------- */

static void
answer_clear (gpointer answer)
{
  g_free (((QaAnswer *) answer)->text);
}

void
qa_answers_init (QaAnswers *self)
{
  self->answers = g_array_new (FALSE, TRUE, sizeof (QaAnswer));
  g_array_set_clear_func (self->answers, answer_clear);
  self->by_text = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

void
qa_answers_clear (QaAnswers *self)
{
  g_clear_pointer (&self->by_text, g_hash_table_unref);
  g_clear_pointer (&self->answers, g_array_unref);
}

/* Python's lower () knows the sigma at the end of a word; both sigmas count as one here. */
static char *
lower_key (const char *text)
{
  char *key = gtf_text_lowercase (text);

  for (char *p = key; (p = strstr (p, "\xCF\x82")) != NULL; p += 2)
    p[1] = '\x83';
  return key;
}

void
qa_answers_add (QaAnswers *self, double score, guint32 begin, guint32 end, const TextChars *context)
{
  g_autofree char *text = text_chars_slice (context, begin, end), *key = lower_key (text);
  guint known = GPOINTER_TO_UINT (g_hash_table_lookup (self->by_text, key));
  QaAnswer answer = { score, begin, end, NULL };

  if (known)
    {
      g_array_index (self->answers, QaAnswer, known - 1).score += score;
      return;
    }
  answer.text = g_steal_pointer (&text);
  g_array_append_val (self->answers, answer);
  g_hash_table_insert (self->by_text, g_steal_pointer (&key), GUINT_TO_POINTER (self->answers->len));
}

static int
by_falling_score (gconstpointer a, gconstpointer b)
{
  double x = ((const QaAnswer *) a)->score, y = ((const QaAnswer *) b)->score;

  return x > y ? -1 : x < y ? 1 : 0;
}

void
qa_answers_sort (QaAnswers *self)
{
  /* g_array_sort() is stable. */
  g_array_sort (self->answers, by_falling_score);
}
