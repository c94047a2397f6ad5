/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * VideoMAE: Tong et al., "VideoMAE: Masked Autoencoders are Data-Efficient Learners for Self-Supervised Video Pre-Training" (2022).
 *
 * A ViT over tubelets of two frames, without [CLS]; positions are sinusoids that are in no file, keys have no bias. docs/models/video.md tells
 * what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfVideoConfig video;
  gboolean means;
  gint64 norm_size, mean_norm_size;     /* either the tokens are normalised or their mean is: the other is 0 */
} Config;

static const GtfConfigField config_fields[] = {
  GTF_VIDEO_CONFIG_FIELDS (16),
  GTF_CONFIG_INT_FIELD (GtfVideoConfig, tubelet, "tubelet_size", 1, 1 << 10, 2),
  GTF_CONFIG_INT_FIELD (GtfVisionConfig, n_first, "", 0, 0, 0),
  GTF_CONFIG_BOOL_FIELD (Config, means, "use_mean_pooling", TRUE),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  GtfVisionConfig *v = &config->video.vision;
  gint64 *size = config->means ? &config->mean_norm_size : &config->norm_size;

  *size = v->encoder.hidden_size;
  return gtf_vision_read_sides (v->patch_sizes, "patch_size", 16, &v->patch_height, &v->patch_width, error) && gtf_video_config_patches (&config->video, error);
}

typedef struct
{
  GtfVisionWeights vision;
  const GtfNorm *mean_norm;             /* fc_norm */
} Weights;

static const GtfWeight weights[] = {
  GTF_VISION_PATCHES ("embeddings.patch_embeddings.projection"),
  GTF_VISION_LAYERS ("encoder.layer.%d", gtf_vit_layer),
  { GTF_WEIGHT_NORM, "layernorm", GTF_VISION_FIELD (norm), 0, { GTF_DIM (Config, norm_size) } },
  { GTF_WEIGHT_END }
};

static const GtfWeight classifier[] = {
  { GTF_WEIGHT_NORM, "fc_norm", G_STRUCT_OFFSET (Weights, mean_norm), 0, { GTF_DIM (Config, mean_norm_size) } },
  GTF_VISION_CLASSIFIER (classifier, "classifier", GTF_VISION_DIM (encoder.hidden_size)),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForVideoClassification", gtf_video_classification_tasks, classifier, "videomae" },
  { "ForPreTraining", gtf_video_base_tasks, NULL, "videomae" },
  { "Model", gtf_video_base_tasks, NULL, "videomae" },
  { NULL }
};

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const GtfVisionConfig *v = &config->video.vision;
  const Weights *w = f->weights;
  const GtfTensor *pixels = gtf_video_pixels (c, &config->video, TRUE);
  GtfTensor *x = pixels != NULL ? gtf_video_patches (c, &config->video, w->vision.embeddings.patches, pixels) : NULL, *pooled;

  if (x == NULL || !gtf_video_check_positions (c, &config->video, pixels, gtf_dim (x, 1), v->n_positions))
    return;
  x = gtf_add (c, x, gtf_interleaved_sinusoids (c, v->n_positions, v->encoder.hidden_size));
  x = gtf_vision_encode (c, v, w->vision.layers, x, NULL, NULL);
  if (w->vision.norm != NULL)
    x = gtf_layer_norm (c, w->vision.norm, x, (float) v->encoder.eps);
  gtf_output (c, "last_hidden_state", x);
  if (w->vision.classifier == NULL)
    return;
  pooled = config->means ? gtf_layer_norm (c, w->mean_norm, gtf_mean_steps (c, x), 1e-5f) : gtf_vision_token (c, x, 0);
  gtf_output (c, "logits", gtf_linear (c, w->vision.classifier, pooled));
}

static const char *const model_types[] = { "videomae", NULL };

static const GtfArchitecture videomae = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive, .model_types = model_types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "mask_token|decoder.*|encoder_to_decoder.*|*position_embeddings|classifier.*|fc_norm.*",
  .forward = forward
};

GTF_TEXT_PLUGINS (videomae, "videomae", "VideoMAE: videos as tubelets", &videomae)
