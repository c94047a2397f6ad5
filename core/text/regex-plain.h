/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Regular expressions of the shape that pre-tokenizers have: alternatives that are sequences of repeated classes and plain
 * text, with (?i:'s|'t) and (?!\S). They are matched here with one table look-up a character; all others are Oniguruma's.
 * tests/core/text/regex.c proves both equal: on every code point, and for random patterns on random texts.
 */
#pragma once

#include "base/error.h"

G_BEGIN_DECLS

typedef struct _GtfPlainRegex GtfPlainRegex;

GtfPlainRegex *gtf_plain_regex_new  (const char *pattern);          /* NULL: not of this shape, or wrong */
void           gtf_plain_regex_free (GtfPlainRegex *self);

/* The first match from @at on. MISMATCH; TOO_HARD where it would take too many steps: @steps is counted down. */
typedef enum { GTF_PLAIN_MISMATCH, GTF_PLAIN_MATCH, GTF_PLAIN_TOO_HARD } GtfPlainResult;
GtfPlainResult gtf_plain_regex_search (const GtfPlainRegex *self, const char *text, gsize length, gsize at, gint64 *steps, gsize *begin, gsize *end);

G_END_DECLS
