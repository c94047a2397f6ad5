/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where the bytes of a weight file come from: a file, bytes in memory, or whatever can answer "these bytes from there" (ranges of
 * a remote file). The readers of headers work on this alone.
 */
#pragma once

#include "base/error.h"

G_BEGIN_DECLS

typedef struct _GtfByteSource GtfByteSource;

/* Reads @length bytes at @offset, which lie inside the size that was given. May be called from several threads at a time. */
typedef gboolean (*GtfByteSourceRead) (gpointer data, const char *path, guint64 offset, gpointer to, gsize length, GError **error);

/* A regular file, kept open. */
GTF_API GtfByteSource *gtf_byte_source_open      (const char *path, GError **error);
/* Bytes in memory, under a name for messages. */
GTF_API GtfByteSource *gtf_byte_source_new_bytes (const char *path, GBytes *bytes);
/* Anything else. Of a source that is made so only headers are read; asking for the data of its tensors is an error. */
GTF_API GtfByteSource *gtf_byte_source_new       (const char *path, guint64 size, GtfByteSourceRead read, gpointer data, GDestroyNotify destroy);
GTF_API void           gtf_byte_source_free      (GtfByteSource *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfByteSource, gtf_byte_source_free)

GTF_API const char *gtf_byte_source_get_path     (const GtfByteSource *self);
GTF_API guint64     gtf_byte_source_get_size     (const GtfByteSource *self);
GTF_API gboolean    gtf_byte_source_has_data     (const GtfByteSource *self);    /* not headers alone */
/* Bytes that lie outside are an error that says so. */
GTF_API gboolean    gtf_byte_source_read         (const GtfByteSource *self, guint64 offset, gpointer to, gsize length, GError **error);
/* A file still has the size that it had when it was opened. */
GTF_API gboolean    gtf_byte_source_check_size   (const GtfByteSource *self, GError **error);

G_END_DECLS
