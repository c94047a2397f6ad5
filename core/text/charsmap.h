/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SentencePiece's precompiled charsmap, which tokenizer.json (Precompiled) and SentencePiece models carry: a double-array trie
 * from bytes to offsets into a pool of replacements. Every step in the trie is checked against
 * its size.
 */
#pragma once

#include "base/error.h"

G_BEGIN_DECLS

typedef struct _GtfCharsmap GtfCharsmap;

/* A copy of what is needed is kept. @where opens messages: file and key. */
GtfCharsmap *gtf_charsmap_new    (const guint8 *data, gsize length, const char *where, GError **error);
/* The same of the precompiled_charsmap of a tokenizer.json. */
GtfCharsmap *gtf_charsmap_new_base64 (const char *text, const char *where, GError **error);
void         gtf_charsmap_free   (GtfCharsmap *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfCharsmap, gtf_charsmap_free)

/* What the shortest key at the beginning of @text stands for, as the reference takes it. BROKEN: the trie points outside
 * itself or its texts there. */
typedef enum { GTF_CHARSMAP_NONE, GTF_CHARSMAP_FOUND, GTF_CHARSMAP_BROKEN } GtfCharsmapResult;
GtfCharsmapResult gtf_charsmap_find (const GtfCharsmap *self, const char *text, gsize length, const char **found);
/* The end of the grapheme that begins at byte @at, by the rules and tables of the reference. */
gsize        gtf_grapheme_end    (const char *text, gsize at, gsize end);

G_END_DECLS
