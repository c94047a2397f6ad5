/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Patterns that so many repositories have that they are scanned by hand. Each covers every text without a gap: the scanner
 * says where the match that begins at @at ends. tests/core/text/regex.c proves them equal to Oniguruma.
 */
#pragma once

#include "base/defs.h"

G_BEGIN_DECLS

typedef gsize (*GtfScanFunc) (const char *text, gsize length, gsize at);

GtfScanFunc gtf_regex_scanner (const char *pattern);       /* (nullable) */
gsize       gtf_scan_gpt2     (const char *text, gsize length, gsize at);
extern const char gtf_pattern_gpt2[];

G_END_DECLS
