/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tokens that are found in the text before the model sees it: leftmost first, of several that begin at one place the longest
 * (a trie over bytes), those with `normalized` in the normalised text, the others before it.
 */
#pragma once

#include "text/pieces.h"

G_BEGIN_DECLS

typedef struct
{
  char *content;
  char *normal;            /* as it stands in the normalised text, where that differs; else NULL */
  gint32 id;
  gboolean single_word, lstrip, rstrip, normalized, special;
  gboolean nameless;       /* found in texts, but the id is the unknown token's, which keeps its name */
} GtfAddedToken;

typedef struct { GArray *nodes; guint32 first[256]; } GtfTrie;

typedef struct
{
  GPtrArray *tokens;       /* GtfAddedToken */
  GHashTable *by_id;       /* id -> GtfAddedToken */
  GHashTable *by_content;
  gint32 next_id;          /* after the largest */
  GtfTrie plain, normal;
  gboolean late;           /* texts are searched for all of them after the normalizer, and as they are */
  gboolean python;         /* what lstrip and rstrip take is Python's white space */
} GtfAddedTokens;

void           gtf_added_tokens_init  (GtfAddedTokens *self);
void           gtf_added_tokens_clear (GtfAddedTokens *self);
/* Takes @token; one of the same content or id is replaced. */
void           gtf_added_tokens_add   (GtfAddedTokens *self, GtfAddedToken *token);
void           gtf_added_tokens_build (GtfAddedTokens *self);
GtfAddedToken *gtf_added_tokens_find  (const GtfAddedTokens *self, gint32 id);
/* A GtfCutFunc pass; data is self. */
gboolean       gtf_added_tokens_cut_plain  (gpointer self, GtfPieces *pieces, const GtfPiece *piece, GError **error);
gboolean       gtf_added_tokens_cut_normal (gpointer self, GtfPieces *pieces, const GtfPiece *piece, GError **error);
void           gtf_added_token_free   (GtfAddedToken *self);

/* How many white characters, and spaces of GPT-2's alphabet, a token's text begins and ends with. */
void           gtf_count_white        (const char *text, gsize begin, gsize end, guint16 *lead, guint16 *trail);

/* How it is spelled in lists of tokens and for decoders, which undo what the normalizer did: normalised, as the reference has it from 0.23 on. */
static inline const char *
gtf_added_token_text (const GtfAddedToken *self)
{
  return self->normal ? self->normal : self->content;
}

G_END_DECLS
