/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A session is one stream's state over a shared model: context with arena, KV cache, named inputs and outputs. Not
 * thread-safe: one thread at a time. What it allocates is kept for the next call: memory is flat in live use.
 */
#pragma once

#include "model/model.h"

G_BEGIN_DECLS

typedef struct _GtfSession GtfSession;

GTF_API GtfSession *gtf_session_new    (GtfModel *model, GError **error);
GTF_API void        gtf_session_free   (GtfSession *self);
GTF_API GtfModel   *gtf_session_get_model (GtfSession *self);
GTF_API void        gtf_session_set_cancellable (GtfSession *self, GCancellable *cancellable);   /* checked by every op */

/* Inputs of the next call. The tensor is borrowed and must stay alive until that call returns. */
GTF_API void        gtf_session_set_input  (GtfSession *self, const char *name, const GtfTensor *tensor);
GTF_API void        gtf_session_want       (GtfSession *self, const char *output);               /* for the next call only */

GTF_API gboolean    gtf_session_forward    (GtfSession *self, GError **error);
/* Encodes (input_features ...) and forgets what was decoded. */
GTF_API gboolean    gtf_session_encode     (GtfSession *self, GError **error);
/* Decodes ids, n_rows x n_steps int32, row-major, after what is in the cache. n_rows may be a multiple of the encoded rows (beams). */
GTF_API gboolean    gtf_session_decode     (GtfSession *self, const gint32 *ids, gsize n_rows, gsize n_steps, GError **error);
/* Outputs of the last call; valid until the next one. NULL if there is none of this name. */
GTF_API const GtfTensor *gtf_session_get_output (GtfSession *self, const char *name);

/* Self-attention cache: row i continues what row parents[i] held (beam search). */
GTF_API void        gtf_session_reorder    (GtfSession *self, const guint *parents, gsize n_rows);
GTF_API void        gtf_session_truncate   (GtfSession *self, gsize n_steps);    /* 0: decode anew over the same encoder states */
GTF_API gsize       gtf_session_get_past   (GtfSession *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GtfSession, gtf_session_free)

G_END_DECLS
