/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Models that several elements of a process have in common: whoever asks for the same one gets the same pipeline, for as long as anybody has it.
 * A pipeline works on one request at a time, so elements that share it take turns, or make one request (batch.h).
 */
#pragma once

#include <gtf/gtf.h>

G_BEGIN_DECLS

/* As gtf_pipeline_load(): (transfer full). Thread-safe; who asks for what another is loading waits for it. */
GtfPipeline *gtf_models_load (const char *task, const char *model, const char *options, GCancellable *cancellable, GError **error);

G_END_DECLS
