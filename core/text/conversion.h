/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A repository without tokenizer.json: which tokenizer class it has, and the tokenizer that the class makes of its files.
 */
#pragma once

#include "text/tokenizer-private.h"

G_BEGIN_DECLS

/* Reads the folder's files into @self, all but gtf_tokenizer_seal(). GTF_ERROR_NOT_FOUND where it has no tokenizer. */
gboolean gtf_tokenizer_convert        (GtfTokenizer *self, GError **error);
/* The target side of a tokenizer whose tokenizer.json, at @path, was read. */
gboolean gtf_tokenizer_convert_target (GtfTokenizer *self, const char *path, GError **error);

G_END_DECLS
