/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sequences of bytes that are written as other ones, as MyT5 has them: characters of many languages as few bytes.
 */
#pragma once

#include "text/passes.h"

G_BEGIN_DECLS

typedef struct _GtfByteMap GtfByteMap;

/* @rules: {"e0 a4": "1f"}: bytes in hexadecimal, with spaces between; with @reverse from the second to the first. */
GtfByteMap *gtf_byte_map_new   (JsonObject *rules, gboolean reverse, const char *where, GError **error);
void        gtf_byte_map_free  (GtfByteMap *self);
/* At each place the longest sequence that has a rule is rewritten. @in: bytes, or -1 - i: the i-th thing that is no byte, which stays. Returns (transfer full): an array of gint32,
 * or NULL with @error if the rules make far more of @in than letters ever are. */
GArray     *gtf_byte_map_apply (const GtfByteMap *self, const GArray *in, GError **error);

/* The normalizer {"type": "ByteMaps", "decompose": {..}, "merge": {..}}: the bytes of a text rewritten by the one and then the other, each as two digits.
 * No tokenizer.json has it. Where a byte came from is not kept: each has the span of the whole text. */
typedef struct { GtfPass parent; GtfByteMap *decompose, *merge; } GtfByteMaps;

gboolean gtf_byte_maps_init  (GtfPass *pass, JsonObject *config, const char *where, GError **error);
gboolean gtf_byte_maps_apply (GtfPass *pass, GtfPieces *pieces, GError **error);
void     gtf_byte_maps_clear (GtfPass *pass);

/* Two hexadecimal digits: the byte; else -1. */
gint     gtf_byte_from_hex   (const char *text, gsize length);

G_END_DECLS
