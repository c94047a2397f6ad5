/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ViViT: Arnab et al., "ViViT: A Video Vision Transformer" (2021), its first model: all tubelets attend to all.
 *
 * A ViT over tubelets. docs/models/video.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfVideoConfig video;
  const char *tubelet_sizes;            /* frames, height, width */
} Config;

static const GtfConfigField config_fields[] = {
  GTF_VIDEO_CONFIG_FIELDS (32),
  GTF_CONFIG_LIST_FIELD (Config, tubelet_sizes, "tubelet_size"),
  GTF_CONFIG_FLOAT_FIELD (GtfVisionConfig, encoder.eps, "layer_norm_eps", 0, 1, 1e-6),
  GTF_CONFIG_ACTIVATION_FIELD (GtfVisionConfig, encoder.activation, "hidden_act", "gelu_fast"),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  GtfVisionConfig *v = &config->video.vision;
  const char *sizes = config->tubelet_sizes ? config->tubelet_sizes : "2|16|16";

  if (gtf_config_list_size (sizes) == 3 && gtf_config_list_int (sizes, 0, 1, 1 << 10, &config->video.tubelet)
      && gtf_config_list_int (sizes, 1, 1, 1 << 16, &v->patch_height) && gtf_config_list_int (sizes, 2, 1, 1 << 16, &v->patch_width))
    return gtf_video_config_patches (&config->video, error);
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "tubelet_size: expected three numbers (frames, height, width), found %.60s", sizes);
  return FALSE;
}

static const GtfWeight weights[] = {
  GTF_VISION_TOKENS (cls, "embeddings.cls_token", 0, GTF_DIM_CONST (1)),
  GTF_VISION_TOKENS (positions, "embeddings.position_embeddings", 0, GTF_VISION_DIM (n_positions)),
  GTF_VISION_PATCHES ("embeddings.patch_embeddings.projection"),
  GTF_VISION_LAYERS ("encoder.layer.%d|layers.%d", gtf_vit_layer),
  GTF_VISION_NORM (norm, "layernorm"),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForVideoClassification", gtf_video_classification_tasks, gtf_vision_classifier, "vivit" },
  { "Model", gtf_video_base_tasks, gtf_vit_pooler, "vivit" },
  { NULL }
};

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const GtfVisionConfig *v = &config->video.vision;
  const GtfVisionWeights *w = f->weights;
  const gint64 d = v->encoder.hidden_size;
  const GtfTensor *pixels = gtf_video_pixels (c, &config->video, TRUE);
  GtfTensor *x = pixels != NULL ? gtf_video_patches (c, &config->video, w->embeddings.patches, pixels) : NULL;

  if (x == NULL)
    return;
  x = gtf_prepend (c, gtf_reshape (c, w->embeddings.cls, 2, (gint64[]){ 1, d }), x);
  if (!gtf_video_check_positions (c, &config->video, pixels, gtf_dim (x, 1), v->n_positions))
    return;
  x = gtf_add (c, x, gtf_reshape (c, w->embeddings.positions, 2, (gint64[]){ v->n_positions, d }));
  x = gtf_layer_norm (c, w->norm, gtf_vision_encode (c, v, w->layers, x, NULL, NULL), (float) v->encoder.eps);
  gtf_output (c, "last_hidden_state", x);
  if (w->pooler != NULL)
    gtf_output (c, "pooler_output", gtf_linear_act (c, w->pooler, gtf_vision_token (c, x, 0), v->pooler_activation));
  if (w->classifier != NULL)
    gtf_output (c, "logits", gtf_linear (c, w->classifier, gtf_vision_token (c, x, 0)));
}

static const char *const model_types[] = { "vivit", NULL };

static const GtfArchitecture vivit = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (GtfVisionWeights), .derive = derive, .model_types = model_types,
  .config = config_fields, .weights = weights, .heads = heads, .ignored = "classifier.*|*pooler.*", .forward = forward
};

GTF_TEXT_PLUGINS (vivit, "vivit", "ViViT: videos as tubelets", &vivit)
