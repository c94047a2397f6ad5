/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Mask2Former: Cheng et al., "Masked-attention Mask Transformer for Universal Image Segmentation" (2021).
 *
 * Learnt queries look at the feature maps of a pixel decoder, each where its mask is so far, and become masks with a class each; all of that is
 * core/layers/query-masks.c. docs/models/mask2former.md tells what is easily got wrong.
 */
#include <gtf/gtf.h>

typedef struct
{
  GtfQueryMaskWeights masks;
  const GtfTensor *first;               /* the queries before the first layer: [Q][D] */
} Weights;

#define BACKBONE "{\"model_type\": \"swin\", \"depths\": [2, 2, 18, 2], \"out_features\": [\"stage1\", \"stage2\", \"stage3\", \"stage4\"]}"

static const GtfConfigField config_fields[] = {
  GTF_QUERY_MASK_CONFIG_FIELDS (BACKBONE, "activation_function"),
  GTF_CONFIG_INT_FIELD (GtfQueryMaskConfig, n_queries, "num_queries", 1, 1 << 16, 100),
  GTF_CONFIG_FLOAT_FIELD (GtfQueryMaskConfig, eps, "", 0, 1, 1e-5),
  GTF_CONFIG_FIELDS_END
};

#define LINEAR(field, name, out, in) GTF_QUERY_LINEAR (GtfQueryLayer, field, name, out, in)
#define NORM(field, name) GTF_QUERY_NORM (GtfQueryLayer, field, name, hidden_size)

static const GtfWeight layer[] = {
  GTF_FUSED_ATTENTION (GtfQueryLayer, cross, "cross_attn"),
  NORM (cross_norm, "cross_attn_layer_norm"),
  GTF_DETECTION_ATTENTION (GtfQueryLayer, self, "self_attn", GtfQueryMaskConfig, hidden_size),
  NORM (self_norm, "self_attn_layer_norm"),
  LINEAR (up, "fc1", inner_size, hidden_size),
  LINEAR (down, "fc2", hidden_size, inner_size),
  NORM (output_norm, "final_layer_norm"),
  { GTF_WEIGHT_END }
};

#define QUERIES(field, name) { GTF_WEIGHT_TENSOR, name, G_STRUCT_OFFSET (Weights, field), 0, { GTF_QUERY_DIM (n_queries), GTF_QUERY_DIM (hidden_size) } }
#define PROJECTION(i)                                                                                                              \
  GTF_QUERY_LINEAR (GtfQueryMaskWeights, projections[i], "transformer_module.input_projections." #i, projection_size, pixel_size)
#define EMBED(i, out)                                                                                                              \
  GTF_QUERY_LINEAR (GtfQueryMaskWeights, embed[i], "transformer_module.decoder.mask_predictor.mask_embedder." #i ".0", out, hidden_size)

static const GtfWeight weights[] = {
  GTF_QUERY_MASK_PIXELS,
  QUERIES (masks.queries, "transformer_module.queries_embedder.weight"),
  QUERIES (first, "transformer_module.queries_features.weight"),
  PROJECTION (0), PROJECTION (1), PROJECTION (2),
  GTF_QUERY_TENSOR (levels, "transformer_module.level_embed.weight", GTF_DIM_CONST (GTF_QUERY_LEVELS), hidden_size),
  { GTF_WEIGHT_GROUP, "transformer_module.decoder.layers.%d", .offset = G_STRUCT_OFFSET (GtfQueryMaskWeights, layers), .group = layer,
    .group_size = sizeof (GtfQueryLayer), .count = GTF_QUERY_DIM (n_layers) },
  GTF_QUERY_NORM (GtfQueryMaskWeights, norm, "transformer_module.decoder.layernorm", hidden_size),
  EMBED (0, hidden_size), EMBED (1, hidden_size), EMBED (2, mask_size),
  { GTF_WEIGHT_END }
};

static const GtfWeight classes[] = {
  GTF_QUERY_LINEAR (GtfQueryMaskWeights, classes, "class_predictor", n_classes, hidden_size),
  { GTF_WEIGHT_END }
};

static const GtfHead heads[] = {
  { "ForUniversalSegmentation", gtf_segmentation_tasks, classes, "model" },
  { "Model", gtf_vision_base_tasks, NULL, "model" },
  { NULL }
};

static void
forward (GtfContext *c, const GtfForward *f)
{
  const GtfQueryMaskConfig *config = f->config;
  const Weights *w = f->weights;
  GtfPixelMaps maps;
  GtfTensor *x;

  if (!gtf_decode_pixels (c, config, &w->masks, &maps))
    return;
  x = gtf_repeat_rows (c, w->first, gtf_dim (maps.masks, 0));
  gtf_output (c, "transformer_decoder_last_hidden_state", gtf_decode_queries (c, config, &w->masks, &maps, x));
}

static const char *const model_types[] = { "mask2former", NULL };

static const GtfArchitecture mask2former = {
  .struct_size = sizeof (GtfArchitecture), .config_size = sizeof (GtfQueryMaskConfig), .weights_size = sizeof (Weights), .derive = gtf_query_masks_derive,
  .model_types = model_types, .config = config_fields, .weights = weights, .heads = heads, .ignored = "criterion.*|class_predictor.*", .forward = forward
};

GTF_TEXT_PLUGINS (mask2former, "mask2former", "Mask2Former: queries that look where their masks are", &mask2former)
