/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reading and writing whole files with errors that name them.
 */
#pragma once

#include <gio/gio.h>
#include "base/error.h"

G_BEGIN_DECLS

/* Reads a regular file (no device, no pipe, no folder) of at most @max bytes; *contents ends with an extra NUL.
 * Missing: GTF_ERROR_NOT_FOUND; not regular, too big or changed while it was read: GTF_ERROR_INVALID_DATA; else GTF_ERROR_IO. */
GTF_API gboolean gtf_file_load (const char *path, gsize max, char **contents, gsize *length, GError **error);
/* Opens a regular file for reading; its size in *size. -1 with an error as above. */
GTF_API int      gtf_file_open (const char *path, gsize *size, GError **error);
/* A GError for errno of a system call on a file: "PATH: WHAT: No space left on device". */
GTF_API void     gtf_file_fail (GError **error, const char *path, const char *what, int errnum);

/**
 * GtfFileWriter:
 *
 * A file that appears whole or not at all: it is written without a name (or, where the file system cannot do that, under a
 * hidden one), and gets its name by a rename in gtf_file_writer_commit(). Freed without a commit it leaves nothing behind. What is
 * no regular file (a pipe, /dev/stdout) is written to directly.
 */
typedef struct _GtfFileWriter GtfFileWriter;

GTF_API GtfFileWriter *gtf_file_writer_new    (const char *path, GError **error);
GTF_API gboolean       gtf_file_writer_write  (GtfFileWriter *self, gconstpointer data, gsize length, GError **error);
GTF_API gboolean       gtf_file_writer_commit (GtfFileWriter *self, GError **error);
GTF_API void           gtf_file_writer_free   (GtfFileWriter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfFileWriter, gtf_file_writer_free)

/* Writes a file whole or not at all. */
GTF_API gboolean gtf_file_save       (const char *path, gconstpointer data, gsize length, GError **error);
/* Copies a regular file of any size, whole or not at all. */
GTF_API gboolean gtf_file_copy       (const char *from, const char *to, GError **error);
/* Copies the file @name of one folder into another; where there is none, nothing is done. */
GTF_API gboolean gtf_file_copy_named (const char *from, const char *to, const char *name, GError **error);

G_END_DECLS
