/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "heard.h"

#include <string.h>

#define LOOP_LONGEST 12   /* words that are said again */
#define LOOP_TIMES 4      /* how often, at least */
#define LOOP_BYTES 40     /* of one word, at least */
#define LOOP_WORDS 12     /* how many words in all, at least: people do say no, no, no */

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

guint64
gtf_heard_middle (const GtfHeard *self)
{
  return self->start + (self->end - self->start) / 2;
}

/* The next byte that counts: letters and digits, lower case (ASCII; other scripts byte for byte); 0: the end. */
static char
next_byte (const char **text)
{
  for (; **text; (*text)++)
    if ((guchar) **text >= 0x80 || g_ascii_isalnum (**text))
      return g_ascii_tolower (*(*text)++);
  return 0;
}

gboolean
gtf_heard_same (const GtfHeard *a, const GtfHeard *b)
{
  const char *p = a->text, *q = b->text;
  char x, y;

  do
    {
      x = next_byte (&p);
      y = next_byte (&q);
    }
  while (x && x == y);
  return x == y;
}

GPtrArray *
gtf_heard_list_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) gtf_heard_free);
}

/* How many words from @first on repeat, every @period words, the first @period of them; those included. */
static guint
loop_length (GPtrArray *words, guint first, guint period)
{
  guint n = period;

  while (first + n < words->len && gtf_heard_same (words->pdata[first + n - period], words->pdata[first + n]))
    n++;
  return n;
}

/* "Uhuuhuuhuuh...": the same inside of one long word. */
static gboolean
is_loop (const GtfHeard *word)
{
  gsize n = strlen (word->text);

  for (gsize period = 1; n >= LOOP_BYTES && period <= LOOP_BYTES / LOOP_TIMES; period++)
    {
      gsize same = 0;

      for (gsize i = period; i < n; i++)
        same += word->text[i] == word->text[i - period];
      if (same * 10 >= (n - period) * 9)
        return TRUE;
    }
  return FALSE;
}

/* How many words from @i on go in circles; 0: none. */
static guint
find_loop (GPtrArray *words, guint i)
{
  if (is_loop (words->pdata[i]))
    return 1;
  for (guint period = 1; period <= LOOP_LONGEST && i + period < words->len; period++)
    {
      guint n = loop_length (words, i, period);

      if (n >= MAX (LOOP_WORDS, LOOP_TIMES * period))
        return n;
    }
  return 0;
}

guint64
gtf_heard_list_drop_loops (GPtrArray *words)
{
  guint64 began = G_MAXUINT64;

  for (guint i = 0, n; i < words->len; i += n == 0)
    {
      n = find_loop (words, i);
      if (n > 0)
        {
          began = MIN (began, ((GtfHeard *) words->pdata[i])->start);
          g_ptr_array_remove_range (words, i, n);
        }
      else
        began = G_MAXUINT64;
    }
  return began;
}

guint
gtf_heard_list_align (GPtrArray *said, guint first, GPtrArray *words, guint guess)
{
  guint n = said->len - first, m = words->len, best = 0;
  g_autofree guint *row = g_new (guint, m + 1);     /* edit distance of the words said so far to the first j words heard */

  for (guint j = 0; j <= m; j++)
    row[j] = j;
  for (guint i = 1; i <= n; i++)
    {
      guint diagonal = row[0];

      row[0] = i;
      for (guint j = 1; j <= m; j++)
        {
          guint change = diagonal + !gtf_heard_same (said->pdata[first + i - 1], words->pdata[j - 1]);

          diagonal = row[j];
          row[j] = MIN (change, 1 + MIN (row[j], row[j - 1]));
        }
    }
  for (guint j = 1; j <= m; j++)
    if (row[j] < row[best] || (row[j] == row[best] && ABS ((int) j - (int) guess) < ABS ((int) best - (int) guess)))
      best = j;
  return row[best] * 2 <= n ? best : guess;
}
