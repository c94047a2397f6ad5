/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Words as Moses cuts them, for the classes that have no tokenizer.json and cut so (XLM, Flaubert).
 */
#pragma once

#include "text/passes.h"

G_BEGIN_DECLS

/* The normalizer {"type": "Moses", "language": "en" or "fr"}: punctuation made plain, what does not print taken out, and a space
 * between words. No tokenizer.json has it. */
typedef struct { GtfPass parent; gboolean french; } GtfMoses;

gboolean gtf_moses_init  (GtfPass *pass, JsonObject *config, const char *where, GError **error);
gboolean gtf_moses_apply (GtfPass *pass, GtfPieces *pieces, GError **error);

G_END_DECLS
