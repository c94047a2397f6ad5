/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From the labels of tokens to entities: the aggregation strategies of transformers' token-classification.
 */
#pragma once

#include "text/text-private.h"

G_BEGIN_DECLS

typedef enum
{
  NER_NONE,         /* each token by itself */
  NER_SIMPLE,       /* neighbours of the same label are one entity */
  NER_FIRST,        /* the same over words: a word has the label of its first token */
  NER_AVERAGE,      /* ... of its tokens' mean scores */
  NER_MAX           /* ... of its surest token */
} NerStrategy;

typedef struct
{
  char *word;                   /* as the vocabulary spells it; the text itself for the unknown token */
  const float *scores;          /* one a label */
  guint32 begin, end;           /* characters of the text */
  guint32 index;                /* of the token, special ones counted */
  gboolean is_subword;
} NerToken;

typedef struct
{
  char *label;                  /* "B-PER" of a token, "PER" of a group */
  float score;
  guint32 index;                /* only of tokens (NER_NONE) */
  char *word;
  guint32 begin, end;
} NerEntity;

void ner_token_clear  (gpointer token);
void ner_entity_clear (gpointer entity);

/* How the tokenizer makes text of tokens. */
typedef char *(*NerJoin) (const char *const *words, gsize n, gpointer data, GError **error);

typedef struct
{
  NerStrategy strategy;
  TextLabels *labels;
  gsize n_labels;
  NerJoin join;
  gpointer join_data;
} Ner;

/* Appends the entities of one window to @entities (NerEntity). */
gboolean ner_aggregate (const Ner *self, const NerToken *tokens, gsize n_tokens, GArray *entities, GError **error);
/* Of entities of several windows that overlap, the longer stays, of equal ones the surer. */
void     ner_resolve_overlaps (GArray *entities);
/* "B-PER" -> begins (TRUE), "PER"; a label without B- or I- continues. */
gboolean ner_begins (const char *label, const char **tag);

G_END_DECLS
