/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GtfCall: one request of a pipeline, checked and ready to run. Not installed.
 */
#pragma once

#include "pipeline/pipeline-private.h"

G_BEGIN_DECLS

typedef struct
{
  JsonNode *inputs;
  JsonObject *parameters;
  GtfAudio *audio;
  const GtfImage *image;        /* borrowed, or own_image */
  GtfImage *own_image;
  const GtfImage *const *images;        /* borrowed */
  guint n_images;
  const GtfImage *const *frames;        /* frame_list */
  guint n_frames;
  const GtfImage **frame_list;  /* borrowed ones, and own_frames */
  GPtrArray *own_frames;        /* of GtfImage */
  GTask *task;                  /* (nullable): whose main context pieces go to */
  GtfPipeline *pipeline;        /* borrowed */
} GtfCall;

void     gtf_call_free        (gpointer call);
/* (transfer full): a request; NULL with an error: a bad one. Pictures are borrowed, samples are copied. */
GtfCall *gtf_call_for_json    (GtfPipeline *self, const char *inputs, const char *parameters, GError **error);
GtfCall *gtf_call_for_file    (GtfPipeline *self, const char *path, const char *parameters, GError **error);
GtfCall *gtf_call_for_samples (GtfPipeline *self, const float *samples, gsize n_samples, guint sampling_rate, const char *parameters, GError **error);
GtfCall *gtf_call_for_image   (GtfPipeline *self, const GtfImage *image, const char *parameters, GError **error);
GtfCall *gtf_call_for_frames  (GtfPipeline *self, const GtfImage *const *frames, guint n_frames, const char *parameters, GError **error);

G_END_DECLS
