/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Transformers over videos: some frames cut into patches, or into tubelets, patches that reach through several frames; each is a token in the
 * encoder of vision transformers (layers/vision.h).
 *
 * Input of the call: `pixel_values` F32 [B][frames][C][H][W]. Outputs: `last_hidden_state` [B][T][D], `logits` [B][labels], and `hidden_states`,
 * `attentions` where they are wanted.
 */
#pragma once

#include "layers/vision.h"

G_BEGIN_DECLS

/**
 * GtfVideoConfig:
 * @n_frames: of a video
 * @tubelet: frames that a patch reaches through
 *
 * What such models have in common; a family's config begins with it.
 */
typedef struct
{
  GtfVisionConfig vision;
  gint64 n_frames, tubelet;
} GtfVideoConfig;

/* As gtf_vision_config_patches (), for tubelets: patch_features and n_positions are those of all frames. */
GTF_API gboolean gtf_video_config_patches (GtfVideoConfig *config, GError **error);

/* The checked input: [B][frames][C][H][W], of the size that the config says where @fixed, of so many frames that a tubelet fits. */
GTF_API const GtfTensor *gtf_video_pixels (GtfContext *c, const GtfVideoConfig *config, gboolean fixed);
/* All tubelets, frame by frame and row by row, projected: [B][frames / tubelet * patches][D]. */
GTF_API GtfTensor *gtf_video_patches (GtfContext *c, const GtfVideoConfig *config, const GtfLinear *w, const GtfTensor *pixels);
/* Whether there is a position for each token; FALSE after the sticky error, which says how many frames the model takes. */
GTF_API gboolean gtf_video_check_positions (GtfContext *c, const GtfVideoConfig *config, const GtfTensor *pixels, gint64 n_tokens, gint64 n_positions);
/* Sinusoids of positions 0 .. n - 1, each sine beside its cosine: [n][features]. */
GTF_API GtfTensor *gtf_interleaved_sinusoids (GtfContext *c, gint64 n, gint64 features);

/* The fields, with names that all families share; the vision fields of GTF_VISION_CONFIG_FIELDS come before them. */
#define GTF_VIDEO_CONFIG_FIELDS(frames)                                                                                            \
  GTF_VISION_CONFIG_FIELDS,                                                                                                        \
  GTF_CONFIG_INT_FIELD (GtfVideoConfig, n_frames, "num_frames", 1, 1 << 16, frames),                                               \
  GTF_CONFIG_INT_FIELD (GtfVideoConfig, tubelet, "", 1, 1, 1)

GTF_API const char *const gtf_video_base_tasks[];               /* none */
GTF_API const char *const gtf_video_classification_tasks[];

G_END_DECLS
