/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What an error message quotes of a file or a request.
 */
#pragma once

#include "base/defs.h"

G_BEGIN_DECLS

/* The first 60 characters of @text, of @length bytes (-1: NUL-terminated); what is no UTF-8 becomes U+FFFD. (transfer full) */
GTF_API char *gtf_quote (const char *text, gssize length);

G_END_DECLS
