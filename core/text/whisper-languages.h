/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The languages of Whisper's tokens, for its tokenizer and for recognition.
 */
#pragma once

#include "base/defs.h"

G_BEGIN_DECLS

/* "en": "english". NULL where there is none. */
GTF_API const char *gtf_whisper_language_name  (const char *code);
/* Of a code, a name or a further name, in lower case: the code. NULL where there is none. */
GTF_API const char *gtf_whisper_language_code  (const char *language);
/* All codes, or all names, for the message about a language that is none of them. (transfer full) */
GTF_API char       *gtf_whisper_languages_list (gboolean codes);

G_END_DECLS
