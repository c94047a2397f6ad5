/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A digest that is made on a thread of its own, while the next bytes arrive and are written.
 */
#pragma once

#include <glib.h>
#include "base/digest.h"

G_BEGIN_DECLS

typedef struct _GtfHubHasher GtfHubHasher;

/* (nullable): NULL where there is no thread to be had. @digest is the hasher's until it is finished; buffers have @size bytes. */
GtfHubHasher *gtf_hub_hasher_new    (GtfDigest *digest, gsize size);
/* A buffer to fill, once one is free: the caller's until it is put. */
guint8       *gtf_hub_hasher_take   (GtfHubHasher *self);
/* Hashes @n bytes of a buffer that was taken, behind what was put before; 0: nothing of it. */
void          gtf_hub_hasher_put    (GtfHubHasher *self, guint8 *buffer, gsize n);
/* All that was put is in the digest then. */
void          gtf_hub_hasher_finish (GtfHubHasher *self);

G_END_DECLS
