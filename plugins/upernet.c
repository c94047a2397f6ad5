/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * UPerNet: Xiao et al., "Unified Perceptual Parsing for Scene Understanding" (2018).
 *
 * The feature maps of a backbone of any family, and a head (core/layers/uper.c) that finds a class for each pixel. docs/models/upernet.md tells
 * what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  const GtfInnerModel *backbone;
  gint64 n_channels, n_labels, n_scales, scales[GTF_UPER_SCALES];
  const char *pool_scales;
} Config;

typedef struct
{
  const GtfInnerModel *backbone;
  GtfUperHead head;
} Weights;

#define BACKBONE "{\"model_type\": \"resnet\", \"out_features\": [\"stage1\", \"stage2\", \"stage3\", \"stage4\"]}"

static const GtfConfigField config_fields[] = {
  GTF_CONFIG_MODEL_FIELD (Config, backbone, "backbone_config", BACKBONE),
  GTF_CONFIG_INT_FIELD (Config, n_channels, "backbone_config.num_channels", 1, 1 << 12, 3),
  GTF_CONFIG_COUNT_FIELD (Config, n_labels, "id2label|num_labels", 0, 1 << 20, 2),
  GTF_CONFIG_LIST_FIELD (Config, pool_scales, "pool_scales"),
  GTF_CONFIG_FIELDS_END
};

static gboolean
derive (gpointer data, GError **error)
{
  Config *config = data;
  const gint64 n = gtf_backbone_n_maps (config->backbone);

  if (!gtf_uper_scales (config->pool_scales, config->scales, &config->n_scales, error))
    return FALSE;
  if (n >= 1 && n <= GTF_UPER_MAPS)
    return TRUE;
  g_set_error (error, GTF_ERROR, GTF_ERROR_INVALID_DATA, "backbone_config: expected a model that gives 1 to %d feature maps (out_features), found %" G_GINT64_FORMAT, GTF_UPER_MAPS, n);
  return FALSE;
}

static const GtfWeight weights[] = {
  { GTF_WEIGHT_MODEL, "backbone", G_STRUCT_OFFSET (Weights, backbone), .count = GTF_DIM (Config, backbone) },
  GTF_UPER_HEAD (Weights, head, GTF_DIM (Config, n_labels)),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = { { "ForSemanticSegmentation", gtf_segmentation_tasks, NULL, NULL }, { NULL } };

static void
forward (GtfContext *c, const GtfForward *f)
{
  const Config *config = f->config;
  const Weights *w = f->weights;
  const GtfTensor *pixels = gtf_vision_pixels (c, config->n_channels);
  const gint64 n = gtf_backbone_n_maps (w->backbone);
  GtfTensor *maps[GTF_MAX_MAPS], *x;

  if (pixels == NULL || !gtf_backbone_maps (c, w->backbone, pixels, maps, n))
    return;
  x = gtf_uper_classes (c, &w->head, maps, n, config->scales, config->n_scales);
  gtf_output (c, "logits", gtf_pixels_first (c, gtf_resize (c, x, gtf_dim (pixels, 2), gtf_dim (pixels, 3), GTF_RESIZE_BILINEAR)));
}

static const char *const model_types[] = { "upernet", NULL };

static const GtfArchitecture upernet = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (Config), .weights_size = sizeof (Weights), .derive = derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads, .ignored = "*.num_batches_tracked|auxiliary_head.*", .forward = forward
};

GTF_TEXT_PLUGINS (upernet, "upernet", "UPerNet: classes of pixels from all feature maps of a backbone", &upernet)
