/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Aggregation: tokens to words (first, average, max), then neighbours of one label to a group. All of it is arithmetic on labels
 * and scores; the tokenizer only joins the spelling of tokens to text.
 */
#include "text/ner-private.h"

#include <math.h>
#include <string.h>

void
ner_token_clear (gpointer token)
{
  g_free (((NerToken *) token)->word);
}

void
ner_entity_clear (gpointer entity)
{
  NerEntity *self = entity;

  g_free (self->label);
  g_free (self->word);
}

gboolean
ner_begins (const char *label, const char **tag)
{
  gboolean begins = g_str_has_prefix (label, "B-");

  *tag = begins || g_str_has_prefix (label, "I-") ? label + 2 : label;
  return begins;
}

static GArray *
entities_new (void)
{
  GArray *array = g_array_new (FALSE, TRUE, sizeof (NerEntity));

  g_array_set_clear_func (array, ner_entity_clear);
  return array;
}

static void
add_entity (GArray *entities, const char *label, float score, guint32 index, char *word, guint32 begin, guint32 end)
{
  NerEntity entity = { g_strdup (label), score, index, word, begin, end };

  g_array_append_val (entities, entity);
}

/* ---- tokens to words --------------------------------------------------------------------------------------------------------- */

static char *
join_words (const Ner *self, const NerToken *tokens, gsize n, GError **error)
{
  g_autofree const char **words = g_new (const char *, n + 1);

  for (gsize i = 0; i < n; i++)
    words[i] = tokens[i].word;
  return self->join (words, n, self->join_data, error);
}

/* The mean over the tokens that are numbers. */
static float
mean_score (const NerToken *tokens, gsize n, gsize label)
{
  float sum = 0;
  gsize counted = 0;

  for (gsize i = 0; i < n; i++)
    if (!isnan (tokens[i].scores[label]))
      {
        sum += tokens[i].scores[label];
        counted++;
      }
  return counted ? sum / counted : NAN;
}

static gboolean
add_word (const Ner *self, const NerToken *tokens, gsize n, GArray *words, GError **error)
{
  g_autofree float *average = NULL;
  const float *scores = tokens[0].scores;
  char *text = join_words (self, tokens, n, error);
  gsize label;

  if (text == NULL)
    return FALSE;
  if (self->strategy == NER_MAX)
    for (gsize i = 1; i < n; i++)
      if (tokens[i].scores[text_argmax (tokens[i].scores, self->n_labels)] > scores[text_argmax (scores, self->n_labels)])
        scores = tokens[i].scores;
  if (self->strategy == NER_AVERAGE)
    {
      average = g_new (float, self->n_labels);
      for (gsize l = 0; l < self->n_labels; l++)
        average[l] = mean_score (tokens, n, l);
      scores = average;
    }
  label = text_argmax (scores, self->n_labels);
  add_entity (words, text_labels_name (self->labels, label), scores[label], 0, text, tokens[0].begin, tokens[n - 1].end);
  return TRUE;
}

static gboolean
add_words (const Ner *self, const NerToken *tokens, gsize n_tokens, GArray *words, GError **error)
{
  for (gsize first = 0, n; first < n_tokens; first += n)
    {
      for (n = 1; first + n < n_tokens && tokens[first + n].is_subword; n++)
        ;
      if (!add_word (self, tokens + first, n, words, error))
        return FALSE;
    }
  return TRUE;
}

static void
add_tokens (const Ner *self, const NerToken *tokens, gsize n_tokens, GArray *entities)
{
  for (gsize i = 0; i < n_tokens; i++)
    {
      gsize label = text_argmax (tokens[i].scores, self->n_labels);

      add_entity (entities, text_labels_name (self->labels, label), tokens[i].scores[label], tokens[i].index, g_strdup (tokens[i].word), tokens[i].begin, tokens[i].end);
    }
}

/* ---- words to groups --------------------------------------------------------------------------------------------------------- */

static gboolean
add_group (const Ner *self, const NerEntity *words, gsize n, GArray *entities, GError **error)
{
  g_autofree const char **texts = g_new (const char *, n + 1);
  const char *dash = strchr (words[0].label, '-');
  char *text;
  float sum = 0;
  gsize counted = 0;

  for (gsize i = 0; i < n; i++)
    {
      texts[i] = words[i].word;
      if (!isnan (words[i].score))
        {
          sum += words[i].score;
          counted++;
        }
    }
  text = self->join (texts, n, self->join_data, error);
  if (text == NULL)
    return FALSE;
  add_entity (entities, dash ? dash + 1 : words[0].label, counted ? sum / counted : NAN, 0, text, words[0].begin, words[n - 1].end);
  return TRUE;
}

static gboolean
continues (const NerEntity *last, const NerEntity *next)
{
  const char *last_tag, *tag;
  gboolean begins = ner_begins (next->label, &tag);

  ner_begins (last->label, &last_tag);
  return !begins && strcmp (tag, last_tag) == 0;
}

gboolean
ner_aggregate (const Ner *self, const NerToken *tokens, gsize n_tokens, GArray *entities, GError **error)
{
  g_autoptr (GArray) words = NULL;

  if (self->strategy == NER_NONE)
    {
      add_tokens (self, tokens, n_tokens, entities);
      return TRUE;
    }
  words = entities_new ();
  if (self->strategy == NER_SIMPLE)
    add_tokens (self, tokens, n_tokens, words);
  else if (!add_words (self, tokens, n_tokens, words, error))
    return FALSE;
  for (gsize first = 0, n; first < words->len; first += n)
    {
      const NerEntity *group = &g_array_index (words, NerEntity, first);

      for (n = 1; first + n < words->len && continues (&group[n - 1], &group[n]); n++)
        ;
      if (!add_group (self, group, n, entities, error))
        return FALSE;
    }
  return TRUE;
}

/* ---- windows ------------------------------------------------------------------------------------------------------------------ */

typedef struct
{
  NerEntity entity;
  guint order;
} Ordered;

static int
by_begin (gconstpointer a, gconstpointer b)
{
  const Ordered *x = a, *y = b;

  if (x->entity.begin != y->entity.begin)
    return x->entity.begin < y->entity.begin ? -1 : 1;
  return x->order < y->order ? -1 : 1;
}

static gboolean
is_better (const NerEntity *self, const NerEntity *than)
{
  gint64 length = (gint64) self->end - self->begin, other = (gint64) than->end - than->begin;

  return length > other || (length == other && self->score > than->score);
}

void
ner_resolve_overlaps (GArray *entities)
{
  g_autoptr (GArray) sorted = g_array_sized_new (FALSE, FALSE, sizeof (Ordered), entities->len);
  guint n = entities->len, best = 0;
  g_autofree NerEntity *kept = g_new (NerEntity, n + 1);
  guint n_kept = 0;

  if (n == 0)
    return;
  for (guint i = 0; i < n; i++)
    {
      Ordered item = { g_array_index (entities, NerEntity, i), i };

      g_array_append_val (sorted, item);
    }
  g_array_sort (sorted, by_begin);
  for (guint i = 1; i < n; i++)
    {
      NerEntity *last = &g_array_index (sorted, Ordered, best).entity, *next = &g_array_index (sorted, Ordered, i).entity;

      if (next->begin < last->end)
        {
          if (!is_better (next, last))
            {
              ner_entity_clear (next);
              continue;
            }
          ner_entity_clear (last);
        }
      else
        kept[n_kept++] = *last;
      best = i;
    }
  kept[n_kept++] = g_array_index (sorted, Ordered, best).entity;
  /* Their strings have moved to the kept ones, or are freed. */
  memcpy (entities->data, kept, n_kept * sizeof *kept);
  memset (&g_array_index (entities, NerEntity, n_kept), 0, (n - n_kept) * sizeof *kept);
  g_array_set_size (entities, n_kept);
}
