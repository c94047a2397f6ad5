/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Of a text the characters that are tokens, for the classes that have one token a character and take no others (VITS).
 */
#pragma once

#include "text/passes.h"
#include "text/vocab-trie.h"

G_BEGIN_DECLS

/* The normalizer {"type": "KnownCharacters", "tokens": [...], "lower": true, "filter": true, "comma_below": false, "only_ascii": false}: what is no
 * token is made small ("lower"), then what is none still, and spaces at both ends, are left out ("filter"). "comma_below" writes t with comma below
 * as t with cedilla, as Romanian models have it; "only_ascii" refuses texts that would have to be romanised. No tokenizer.json has it. */
typedef struct { GtfPass parent; GHashTable *known; GtfVocab words; GtfVocabTrie trie; char *where; gboolean lower, filter, comma_below, only_ascii; } GtfKnownCharacters;

gboolean gtf_known_characters_init  (GtfPass *pass, JsonObject *config, const char *where, GError **error);
gboolean gtf_known_characters_apply (GtfPass *pass, GtfPieces *pieces, GError **error);
void     gtf_known_characters_clear (GtfPass *pass);

G_END_DECLS
