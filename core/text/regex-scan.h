/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GPT-2's pattern, which ByteLevel has in itself, scanned by hand. It covers every text without a gap: the scanner says where
 * the match that begins at @at ends. tests/core/text/regex.c proves it equal to Oniguruma.
 */
#pragma once

#include "base/defs.h"

G_BEGIN_DECLS

gsize gtf_scan_gpt2 (const char *text, gsize length, gsize at);
extern const char gtf_pattern_gpt2[];

G_END_DECLS
