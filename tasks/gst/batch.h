/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures of several elements that have the same model, computed together. Whoever has a picture waits until each of those that use the model has one, or a
 * deadline by the pipeline's clock has come, or, where a batch is under way, until that is done; then one thread computes what there is for all.
 */
#pragma once

#include <gst/gst.h>
#include <gtf/gtf.h>

G_BEGIN_DECLS

typedef struct _GtfBatcher GtfBatcher;

/* (transfer full): the batcher of a pipeline, one more user of it; gtf_batcher_leave() ends that. */
GtfBatcher *gtf_batcher_join  (GtfPipeline *pipeline);
void        gtf_batcher_leave (GtfBatcher *self);
/* As gtf_pipeline_run_image(), no later than @window after now unless a batch is under way: (transfer full). @clock: (nullable): without one, and with a
 * @window of 0, nobody is waited for. */
GtfResult  *gtf_batcher_run   (GtfBatcher *self, const GtfImage *image, const char *parameters, GstClock *clock, GstClockTime window, GCancellable *cancellable, GError **error);

G_END_DECLS
