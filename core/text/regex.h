/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Regular expressions with the semantics of the `tokenizers` library: Oniguruma, Ruby syntax, its classes rewritten as ranges
 * from our own tables (regex.c says why). Work on a text is bounded; a pattern that needs more gives an error.
 */
#pragma once

#include "base/error.h"

G_BEGIN_DECLS

typedef struct _GtfRegex GtfRegex;

/* @where opens messages: file and key. */
GtfRegex *gtf_regex_new     (const char *pattern, const char *where, GError **error);
GtfRegex *gtf_regex_literal (const char *text);
void      gtf_regex_free    (GtfRegex *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfRegex, gtf_regex_free)

/* Calls @found for each match from the left, as the reference's find_iter does (an empty match right after a match is none). */
typedef void (*GtfMatchFunc) (gpointer data, gsize begin, gsize end);
gboolean  gtf_regex_each    (GtfRegex *self, const char *text, gsize length, GtfMatchFunc found, gpointer data, GError **error);

/* For tests: whether Oniguruma is not needed. */
gboolean  gtf_regex_is_plain (const GtfRegex *self);
/* For tests: the pattern as Oniguruma gets it. (transfer full) */
char     *gtf_regex_translate (const char *pattern, const char *where, GError **error);

G_END_DECLS
