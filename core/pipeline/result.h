/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include "base/defs.h"

G_BEGIN_DECLS

#define GTF_TYPE_RESULT (gtf_result_get_type ())
GTF_API G_DECLARE_FINAL_TYPE (GtfResult, gtf_result, GTF, RESULT, GObject)

GTF_API const char *gtf_result_get_text        (GtfResult *self);
GTF_API const char *gtf_result_to_json         (GtfResult *self);
GTF_API const char *gtf_result_get_language    (GtfResult *self);
GTF_API guint       gtf_result_get_n_chunks    (GtfResult *self);
GTF_API const char *gtf_result_get_chunk_text  (GtfResult *self, guint chunk);
GTF_API double      gtf_result_get_chunk_start (GtfResult *self, guint chunk);
GTF_API double      gtf_result_get_chunk_end   (GtfResult *self, guint chunk);
GTF_API guint       gtf_result_get_n_items     (GtfResult *self);
GTF_API GtfResult  *gtf_result_get_item        (GtfResult *self, guint item);
GTF_API char       *gtf_result_render          (GtfResult *self, const char *view);

/* For those who make results (the pipeline, the live class). */
GTF_API GtfResult  *gtf_result_new             (JsonNode *node, const char *readable);
GTF_API JsonNode   *gtf_result_get_node        (GtfResult *self);
GTF_API const char *gtf_result_get_readable    (GtfResult *self);
/* @render (a task's, see task.h) makes the forms to be looked at when they are asked for; @inputs are those of the request. */
GTF_API void        gtf_result_set_render      (GtfResult *self, gpointer render, JsonNode *inputs);
/* @render (a task's render_details) gets @details too: what the answer does not say, and no JSON shows. */
GTF_API void        gtf_result_set_details     (GtfResult *self, gpointer render, JsonNode *inputs, JsonNode *details);
GTF_API JsonNode   *gtf_result_get_details     (GtfResult *self);

G_END_DECLS
