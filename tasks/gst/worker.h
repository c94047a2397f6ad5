/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GtfWorker: a thread for an element's inference, and what waits for it. The streaming thread gives jobs; for a live source it never
 * waits, and what has become too old is dropped, oldest first, and counted.
 */
#pragma once

#include <gst/gst.h>
#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _GtfWorker GtfWorker;

/* On the worker's thread. A result of a job whose @cancellable is cancelled belongs to nobody. */
typedef void (*GtfWorkerFunc) (gpointer job, GCancellable *cancellable, gpointer owner);

typedef struct
{
  guint64 in, done, dropped, time_total, time_max, lag;     /* jobs; ns */
} GtfWorkerStats;

GtfWorker *gtf_worker_new   (const char *name, GtfWorkerFunc func, gpointer owner, GDestroyNotify free_job);
/* What waits is dropped, the job under way is cancelled, the thread has ended. */
void       gtf_worker_free  (GtfWorker *self);
/* @job: (transfer full). @time: the stream time at which it became known. Live: jobs older than @max_lag before @time are dropped;
 * otherwise this waits while several wait. FALSE: flushed meanwhile. */
gboolean   gtf_worker_push  (GtfWorker *self, gpointer job, GstClockTime time, gboolean live, GstClockTime max_lag);
/* Waits until all is done. FALSE: flushed meanwhile. */
gboolean   gtf_worker_drain (GtfWorker *self);
/* Drops what waits and cancels the job under way; nothing is taken until gtf_worker_resume(). */
void       gtf_worker_flush (GtfWorker *self);
/* Takes jobs again; the job that was cancelled has ended. */
void       gtf_worker_resume (GtfWorker *self);
void       gtf_worker_get_stats (GtfWorker *self, GtfWorkerStats *stats);

G_END_DECLS
