/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The thread pool: the one owner of compute threads. A job is cut in parts; the caller works too.
 */
#pragma once

#include "base/defs.h"

G_BEGIN_DECLS

typedef struct _GtfPool GtfPool;

/* Does part @part of @n_parts. */
typedef void (*GtfPoolFunc) (gpointer data, guint part, guint n_parts);

GTF_API GtfPool *gtf_pool_get           (guint n_threads);   /* 0: GTF_THREADS, else one a core. Never freed; one per number of threads */
guint            gtf_pool_get_default_n_threads (void);      /* what 0 stands for; makes no pool */
GTF_API guint    gtf_pool_get_n_threads (const GtfPool *self);
GTF_API void     gtf_pool_run           (GtfPool *self, guint n_parts, GtfPoolFunc func, gpointer data);   /* n_parts <= 65535 */

G_END_DECLS
