/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The contents of one file, from the Hub to a disk.
 */
#pragma once

#include "hub/repository.h"

G_BEGIN_DECLS

/* @bytes more have arrived; negative where some must come again. */
typedef void (*GtfHubBytesFunc) (gint64 bytes, gpointer data);

typedef struct
{
  GtfHubClient *client;
  const char *url, *what, *page;
  const GtfHubFile *file;
  GtfHubBytesFunc bytes;        /* (nullable) */
  gpointer data;
} GtfHubFetch;

/* Downloads to @path, which goes on where it ends if it exists, and checks size and hash. On failure @path stays for the next try, unless its
 * contents are wrong. */
GTF_API gboolean gtf_hub_fetch (const GtfHubFetch *fetch, const char *path, GCancellable *cancellable, GError **error);
/* Whether the file at @path has the hash of @etag (64 digits: SHA-256, 40: git's; others cannot be checked and are good). */
GTF_API gboolean gtf_hub_hash_is (const char *path, const char *etag, GCancellable *cancellable, gboolean *good, GError **error);

G_END_DECLS
