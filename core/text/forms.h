/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Unicode's forms of normalisation (UAX #15), and the map of characters that a SentencePiece model brings.
 */
#pragma once

#include "text/charsmap.h"
#include "text/passes.h"

G_BEGIN_DECLS

/* The normalizers NFC, NFD, NFKC, NFKD. */
typedef struct { GtfPass parent; gboolean compatibility, compose; } GtfForms;

gboolean gtf_forms_init  (GtfPass *pass, JsonObject *config, const char *where, GError **error);
gboolean gtf_forms_apply (GtfPass *self, GtfPieces *pieces, GError **error);
/* For gtf_pieces_rewrite(): @data is a GtfForms. */
gboolean gtf_forms_piece (gpointer data, GtfPieces *pieces, const GtfPiece *piece, GError **error);

/* The normalizer Precompiled. */
typedef struct { GtfPass parent; GtfCharsmap *map; char *where; const char *ascii[128]; } GtfPrecompiled;

gboolean gtf_precompiled_init  (GtfPass *pass, JsonObject *config, const char *where, GError **error);
gboolean gtf_precompiled_apply (GtfPass *self, GtfPieces *pieces, GError **error);
void     gtf_precompiled_clear (GtfPass *pass);

G_END_DECLS
