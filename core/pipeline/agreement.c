/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * LocalAgreement-2 (Liu et al. 2020; Machacek et al. 2023): each hypothesis is cut at the end of what is final; the longest
 * common beginning of two hypotheses in a row becomes final; what was said once is never taken back.
 */
#include "agreement.h"

#include <string.h>

#define TAIL 64           /* final words that a window may still hold */

struct _GtfAgreement
{
  GPtrArray *pending;     /* the last hypothesis after what is final */
  GPtrArray *tail;        /* the last final words */
  guint64 end;
};

GtfAgreement *
gtf_agreement_new (void)
{
  GtfAgreement *self = g_new0 (GtfAgreement, 1);

  self->pending = gtf_heard_list_new ();
  self->tail = gtf_heard_list_new ();
  return self;
}

void
gtf_agreement_free (GtfAgreement *self)
{
  if (!self)
    return;
  g_ptr_array_unref (self->pending);
  g_ptr_array_unref (self->tail);
  g_free (self);
}

void
gtf_agreement_reset (GtfAgreement *self)
{
  g_ptr_array_set_size (self->pending, 0);
  g_ptr_array_set_size (self->tail, 0);
  self->end = 0;
}

static void
remember (GtfAgreement *self, const GtfHeard *word)
{
  if (self->tail->len == TAIL)
    g_ptr_array_remove_index (self->tail, 0);
  g_ptr_array_add (self->tail, gtf_heard_new (word->text, word->start, word->end));
  self->end = MAX (self->end, word->end);
}

/* How many of the first words are final already. Times alone do not tell: the last word of a hypothesis often reaches over what
 * was not understood after it. */
static guint
count_final (GtfAgreement *self, GPtrArray *words, guint64 from)
{
  guint guess = 0, first = 0;

  while (guess < words->len && gtf_heard_middle (words->pdata[guess]) < self->end)
    guess++;
  while (first < self->tail->len && gtf_heard_middle (self->tail->pdata[first]) < from)
    first++;
  return first < self->tail->len ? gtf_heard_list_align (self->tail, first, words, guess) : guess;
}

GPtrArray *
gtf_agreement_add (GtfAgreement *self, GPtrArray *words, guint64 from, guint64 deadline, gboolean all)
{
  g_autoptr (GPtrArray) final = gtf_heard_list_new ();
  g_autoptr (GPtrArray) rest = gtf_heard_list_new ();
  gboolean agreed = TRUE;

  for (guint i = count_final (self, words, from), k = 0; i < words->len; i++, k++)
    {
      const GtfHeard *word = words->pdata[i], *before = k < self->pending->len ? self->pending->pdata[k] : NULL;
      gboolean same = before && gtf_heard_same (before, word), last = i + 1 == words->len;
      GtfHeard *copy = gtf_heard_new (word->text, MAX (word->start, self->end), MAX (same && last ? MIN (word->end, before->end) : word->end, self->end));

      copy->end = MAX (copy->end, copy->start);
      agreed = agreed && (all || word->end <= deadline || same);
      g_ptr_array_add (agreed ? final : rest, copy);
      if (agreed)
        remember (self, copy);
    }
  g_ptr_array_unref (self->pending);
  self->pending = g_steal_pointer (&rest);
  return g_steal_pointer (&final);
}

GPtrArray *
gtf_agreement_get_pending (GtfAgreement *self)
{
  return self->pending;
}

guint64
gtf_agreement_get_end (GtfAgreement *self)
{
  return self->end;
}

guint64
gtf_agreement_get_seam (GtfAgreement *self, guint64 longest)
{
  guint64 earliest = self->end - MIN (self->end, longest);
  const GtfHeard *word;

  if (self->tail->len == 0)
    return self->end;
  word = self->tail->pdata[self->tail->len - MIN (2, self->tail->len)];
  return CLAMP (word->start, earliest, self->end);
}
