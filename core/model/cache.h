/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The key/value cache of a session, as the session drives it; what a forward pass sees of it is in tensor/ops.h.
 */
#pragma once

#include "base/error.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

/* @size: features of one key (all heads); @positions: the longest sequence */
GtfCache *gtf_cache_new  (gint64 n_layers, gint64 size, gint64 positions);
void      gtf_cache_free (GtfCache *self);
/* Before encode: nothing decoded, nothing encoded. The buffers stay. */
void      gtf_cache_reset (GtfCache *self);
/* Before decode: makes room for @n_steps more of @n_rows rows. */
gboolean  gtf_cache_begin (GtfCache *self, gint64 n_rows, gint64 n_steps, GError **error);
/* After a decode that succeeded: the steps count as past. */
void      gtf_cache_end   (GtfCache *self);
/* Row i continues what row parents[i] held; @n_rows may differ from the rows before. */
gboolean  gtf_cache_reorder  (GtfCache *self, const guint *parents, gint64 n_rows, GError **error);
void      gtf_cache_truncate (GtfCache *self, gint64 n_steps);
gsize     gtf_cache_get_size (const GtfCache *self);          /* bytes held */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfCache, gtf_cache_free)

G_END_DECLS
