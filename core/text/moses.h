/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Words as Moses cuts them, for the classes that have no tokenizer.json and cut so (XLM, Flaubert, BioGPT, FSMT), and put together again.
 */
#pragma once

#include "text/passes.h"

G_BEGIN_DECLS

/* Its abbreviations, and how it writes quotations, numbers and apostrophes. */
typedef struct _GtfMosesLanguage GtfMosesLanguage;

/* Of the member "language", by default English. */
const GtfMosesLanguage *gtf_moses_language   (JsonObject *config, const char *where, GError **error);
gboolean                gtf_moses_is_english (const GtfMosesLanguage *self);
gboolean                gtf_moses_is_french  (const GtfMosesLanguage *self);

/* The normalizer {"type": "Moses", "language": "de", "en", "fr" or "ru"}: punctuation made plain and what does not print taken out (unless "plain" is
 * false), and a space between words; with "escape" those with hyphens are cut, "a @-@ b", and what XML has a name for is written with it. No
 * tokenizer.json has it. */
typedef struct { GtfPass parent; const GtfMosesLanguage *language; gboolean raw, escape; } GtfMoses;

gboolean gtf_moses_init  (GtfPass *pass, JsonObject *config, const char *where, GError **error);
gboolean gtf_moses_apply (GtfPass *pass, GtfPieces *pieces, GError **error);

/* Words with spaces between, escaped: a text, as sacremoses's detokenizer makes it. */
void     gtf_moses_join  (GString *text, const GtfMosesLanguage *language);

/* What sacremoses takes a character for. */
enum { GTF_MOSES_LETTER = 1, GTF_MOSES_ALNUM = 2, GTF_MOSES_NUMBER = 4, GTF_MOSES_SMALL = 8, GTF_MOSES_CURRENCY = 16, GTF_MOSES_JOINED_LETTER = 32 };
guint    gtf_moses_flags    (gunichar c);
/* \s of Python, and what split () cuts at. */
gboolean gtf_moses_is_space (gunichar c);

G_END_DECLS
