/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * LocalAgreement-2 (Liu et al. 2020; Machacek et al. 2023): each hypothesis is cut at the end of what is final; the longest
 * common beginning of two hypotheses in a row becomes final. Words are compared without regard to case and punctuation, which
 * Whisper changes as it hears on; what was said once is never taken back.
 */
#include "agreement.h"

#include <string.h>

#define MAX_REPEATED 4    /* words at the seam that a hypothesis may say again */

struct _GtfAgreement
{
  GPtrArray *pending;     /* the last hypothesis after what is final */
  GPtrArray *tail;        /* the last final words, for the seam */
  guint64 end;
};

GtfHeard *
gtf_heard_new (const char *text, guint64 start, guint64 end)
{
  GtfHeard *self = g_new0 (GtfHeard, 1);

  self->text = g_strdup (text);
  self->start = start;
  self->end = MAX (start, end);
  return self;
}

void
gtf_heard_free (GtfHeard *self)
{
  g_free (self->text);
  g_free (self);
}

static GPtrArray *
new_words (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_heard_free);
}

GtfAgreement *
gtf_agreement_new (void)
{
  GtfAgreement *self = g_new0 (GtfAgreement, 1);

  self->pending = new_words ();
  self->tail = new_words ();
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

/* Letters and digits only, lower case (ASCII; other scripts byte for byte). */
static void
essence (const char *text, char *out, gsize size)
{
  gsize n = 0;

  for (; *text && n + 1 < size; text++)
    if ((guchar) *text >= 0x80 || g_ascii_isalnum (*text))
      out[n++] = g_ascii_tolower (*text);
  out[n] = 0;
}

static gboolean
same_word (const GtfHeard *a, const GtfHeard *b)
{
  char x[128], y[128];

  essence (a->text, x, sizeof x);
  essence (b->text, y, sizeof y);
  return strcmp (x, y) == 0;
}

/* How many of the first words from @first on say again what the final words ended with. */
static guint
repeated (GtfAgreement *self, GPtrArray *words, guint first)
{
  for (guint n = MIN (MAX_REPEATED, MIN (self->tail->len, words->len - first)); n > 0; n--)
    {
      gboolean same = TRUE;

      for (guint i = 0; same && i < n; i++)
        same = same_word (self->tail->pdata[self->tail->len - n + i], words->pdata[first + i]);
      if (same)
        return n;
    }
  return 0;
}

static void
remember (GtfAgreement *self, const GtfHeard *word)
{
  if (self->tail->len == MAX_REPEATED)
    g_ptr_array_remove_index (self->tail, 0);
  g_ptr_array_add (self->tail, gtf_heard_new (word->text, word->start, word->end));
  self->end = MAX (self->end, word->end);
}

GPtrArray *
gtf_agreement_add (GtfAgreement *self, GPtrArray *words, guint64 deadline, gboolean all)
{
  g_autoptr (GPtrArray) final = new_words ();
  g_autoptr (GPtrArray) rest = new_words ();
  guint first = 0;
  gboolean agreed = TRUE;

  while (first < words->len && (((GtfHeard *) words->pdata[first])->start + ((GtfHeard *) words->pdata[first])->end) / 2 < self->end)
    first++;
  if (first < words->len && ((GtfHeard *) words->pdata[first])->start < self->end + 16000)
    first += repeated (self, words, first);
  for (guint i = first, k = 0; i < words->len; i++, k++)
    {
      const GtfHeard *word = words->pdata[i];
      GtfHeard *copy = gtf_heard_new (word->text, MAX (word->start, self->end), MAX (word->end, self->end));

      agreed = agreed && (all || word->end <= deadline || (k < self->pending->len && same_word (self->pending->pdata[k], word)));
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
