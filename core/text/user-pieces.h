/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What users defined in a SentencePiece model: the library makes it a token wherever a normalised text has it, the longest first, before
 * its model sees the text.
 */
#pragma once

#include "text/pieces.h"
#include "text/sentencepiece.h"
#include "text/vocab-trie.h"

G_BEGIN_DECLS

/* Zeroed: there are none. */
typedef struct { GtfVocab vocab; GtfVocabTrie trie; gint32 *ids; } GtfUserPieces;      /* vocab numbers them from 0, ids has theirs by that */

/* @vocab has the ids; what it does not know is @unknown. */
gboolean gtf_user_pieces_read  (GtfUserPieces *self, const GtfSpm *spm, const GtfVocab *vocab, gint32 unknown, GError **error);
void     gtf_user_pieces_clear (GtfUserPieces *self);
gboolean gtf_user_pieces_cut   (GtfUserPieces *self, GtfPieces *pieces, GError **error);

G_END_DECLS
