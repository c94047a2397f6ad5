/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The directory of a zip archive, with and without zip64: what torch.save() writes since 1.6. Entries are found in place; they must be
 * stored, not compressed, as torch writes them.
 */
#pragma once

#include "model/byte-source.h"

G_BEGIN_DECLS

typedef struct _GtfZip GtfZip;

typedef struct
{
  const char *name;
  guint64 size;
  guint64 header;       /* where its local header begins */
  guint32 crc;
} GtfZipEntry;

/* Reads the directory. The source must live as long as what is returned. */
GTF_API GtfZip *gtf_zip_open (const GtfByteSource *source, GError **error);
GTF_API void    gtf_zip_free (GtfZip *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfZip, gtf_zip_free)

GTF_API guint              gtf_zip_get_n  (const GtfZip *self);
GTF_API const GtfZipEntry *gtf_zip_get    (const GtfZip *self, guint index);
GTF_API const GtfZipEntry *gtf_zip_find   (const GtfZip *self, const char *name);      /* (nullable) */
/* Where the data of an entry begin; they lie inside the file. Reads its local header. */
GTF_API gboolean           gtf_zip_locate (const GtfZip *self, const GtfZipEntry *entry, guint64 *offset, GError **error);
/* Reads all data of an entry and compares their checksum. */
GTF_API gboolean           gtf_zip_check  (const GtfZip *self, const GtfZipEntry *entry, GError **error);

G_END_DECLS
