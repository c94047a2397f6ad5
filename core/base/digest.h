/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The two hashes by which the Hub names contents: SHA-256 (large files) and git's SHA-1 of a blob (all others).
 */
#pragma once

#include "base/defs.h"

G_BEGIN_DECLS

typedef struct _GtfDigest GtfDigest;

GTF_API GtfDigest  *gtf_digest_new_sha256   (void);
/* SHA-1 over "blob @size\0" and the data, which must be @size bytes. */
GTF_API GtfDigest  *gtf_digest_new_git_blob (guint64 size);
GTF_API void        gtf_digest_update       (GtfDigest *self, gconstpointer data, gsize length);
/* In hexadecimal digits; nothing can be added afterwards. (transfer none) */
GTF_API const char *gtf_digest_get          (GtfDigest *self);
GTF_API void        gtf_digest_free         (GtfDigest *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfDigest, gtf_digest_free)

G_END_DECLS
