/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What configs of vision models (data/golden/vision) cannot say.
 */
#define REPOSITORIES "vision"
#include "wrong-configs.h"

static const WrongConfig wrong[] = {
  { "segformer/semantic", "depths", "[1, 2]", "depths: expected 3 numbers" },
  { "segformer/semantic", "strides", "[4, 0, 2]", "strides: expected 3 numbers from 1" },
  { "segformer/semantic", "hidden_sizes", "\"many\"", "hidden_sizes: expected 3 numbers" },
  { "segformer/semantic", "num_encoder_blocks", "9", "num_encoder_blocks" },
  { "segformer/semantic", "decoder_hidden_size", "-1", "decoder_hidden_size" },
  { "mobilenet_v2/classifier", "output_stride", "\"small\"", "output_stride" },
  { "mobilenet_v2/classifier", "hidden_act", "\"swosh\"", "hidden_act" },
  { "maskformer/instance", "backbone_config.out_features", "[\"stage4\"]", "expected a model that gives 2 to 9 feature maps" },
  { "maskformer/instance", "backbone_config.out_features", "[\"stage9\"]", "out_features" },
  { "maskformer/instance", "backbone_config.model_type", "\"bert\"", "model_type" },
  { "maskformer/instance", "backbone_config", "7", "\"backbone_config\": expected an object" },
  { "maskformer/instance", "fpn_feature_size", "30", "fpn_feature_size (30) must be a multiple of 32" },
  { "maskformer/instance", "decoder_config.decoder_attention_heads", "3", "decoder_attention_heads (3)" },
  { "maskformer/instance", "decoder_config.decoder_layers", "0", "decoder_layers" },
  { "mask2former/universal", "feature_strides", "[4, 512, 1024, 2048]", "feature strides" },
  { "mask2former/universal", "feature_strides", "[2, 2, 2, 2]", "feature strides" },
  { "mask2former/universal", "feature_size", "40", "pixel decoder's features (40) must be a multiple of 32" },
  { "mask2former/universal", "num_attention_heads", "5", "num_attention_heads (5)" },
  { "mask2former/universal", "num_queries", "0", "num_queries" },
  { "eomt/universal", "num_blocks", "5", "num_blocks (5) must not be above num_hidden_layers (4)" },
  { "eomt/universal", "num_blocks", "0", "num_blocks" },
  { "eomt/universal", "mlp_ratio", "1e6", "mlp_ratio" },
  { "eomt/universal", "patch_size", "32", "patch_size (32 x 32) is larger than image_size (24 x 24)" },
  { "eomt/universal", "num_attention_heads", "3", "num_attention_heads" },
  { "oneformer/universal", "conv_dim", "64", "conv_dim (64) must be hidden_dim (32)" },
  { "oneformer/universal", "enforce_input_proj", "true", "enforce_input_proj false" },
  { "oneformer/universal", "task_seq_len", "0", "task_seq_len" },
  { "upernet/semantic", "pool_scales", "[1, 0]", "pool_scales: expected 1 to 8 numbers from 1" },
  { "upernet/semantic", "pool_scales", "[1, 2, 3, 4, 5, 6, 7, 8, 9]", "pool_scales: expected 1 to 8 numbers" },
  { "beit/semantic", "pool_scales", "[1.5]", "pool_scales" },
  { "dab-detr/detection", "hidden_size", "18", "hidden_size (18) must be a multiple of 4" },
  { "dab-detr/detection", "decoder_attention_heads", "3", "decoder_attention_heads (3)" },
  { "dab-detr/detection", "activation_function", "\"gelu\"", "expected \"prelu\" or \"relu\"" },
  { "dab-detr/detection", "decoder_layers", "0", "decoder_layers" },
  { "dab-detr/detection", "num_patterns", "-1", "num_patterns" },
  { "dab-detr/detection", "temperature_width", "0", "temperature_width" },
  { "dpt/hybrid", "is_hybrid", "3", "is_hybrid" },
  { "dpt/hybrid", "backbone_config", "{\"out_features\": [\"stage9\"]}", "of a model of the type \"bit\"" },
  { "dpt/hybrid", "backbone_config.depths", "[1, 0, 1]", "depths" },
  { "zoedepth/single", "bin_configurations", "[{\"n_bins\": 0, \"min_depth\": 0, \"max_depth\": 1}]", "bin_configurations: expected objects with" },
  { "zoedepth/single", "bin_configurations", "[{\"n_bins\": 5, \"min_depth\": 2, \"max_depth\": 1}]", "a \"max_depth\" above it" },
  { "zoedepth/single", "bin_configurations", "[5]", "\"bin_configurations\" must be an array" },
  { "zoedepth/domains", "bin_configurations", "[{\"n_bins\": 5, \"min_depth\": 0, \"max_depth\": 1}, {\"n_bins\": 5, \"min_depth\": 0, \"max_depth\": 1}]", "a \"name\" in each" },
  { "zoedepth/domains", "num_patch_transformer_layers", "3", "num_patch_transformer_layers: expected 4 or more" },
  { "zoedepth/domains", "patch_transformer_num_attention_heads", "3", "patch_transformer_hidden_size: expected an even multiple" },
  { "zoedepth/single", "bin_centers_type", "\"hybrid2\"", "bin_centers_type: expected" },
  { "zoedepth/single", "attractor_kind", "\"max\"", "attractor_kind: expected" },
  { "zoedepth/single", "num_attractors", "[3]", "num_attractors: expected four" },
  { "zoedepth/single", "bottleneck_features", "7", "bottleneck_features: expected the same as fusion_hidden_size" },
  { "zoedepth/single", "min_temp", "0", "min_temp" },
  { "upernet/beit-pyramid", "backbone_config.add_fpn", "2", "add_fpn" },
  { "hiera/classifier", "num_heads", "[3, 2, 4]", "3 heads do not divide the 8 features of stage 1" },
  { "hiera/classifier", "query_stride", "[2]", "query_stride: expected 2 numbers" },
  { "siglip2/both", "vision_config.num_patches", "0", "num_patches" },
  { "timm_convnext/classifier", "architecture", "\"convnext_zepto_rms\"", "with layer normalisation" },
  { "timm_convnext/first", "model_args.output_stride", "12", "expected 8, 16 or 32" },
  { "timm_convnext/first", "model_args.global_pool", "\"max\"", "that takes means" },
  { "timm_vit/classifier", "architecture", "\"vit_pwee_patch16_reg1_gap_256\"", "expected the name of a ViT" },
  { "timm_vit/classifier", "architecture", "\"vit_base_patch16_xp_224\"", "expected the name of a ViT" },
  { "timm_efficientnet/v3", "architecture", "\"efficientnet_cc_b0_4e\"", "EfficientNet or MobileNet" },
  { "timm_efficientnet/v3", "architecture", "\"mixnet_s\"", "expected the name of a ResNet" },
  { "timm_regnet/classifier", "architecture", "\"regnety_032_sgn\"", "expected the name of a RegNet" },
  { "videomae/classifier", "tubelet_size", "5", "tubelet_size (5) is larger than num_frames (4)" },
  { "videomae/classifier", "num_frames", "0", "num_frames" },
  { "videomae/classifier", "patch_size", "[8, 32]", "patch_size (8 x 32) is larger" },
  { "timesformer/classifier", "attention_type", "\"time_only\"", "attention_type: expected divided_space_time" },
  { "vivit/classifier", "tubelet_size", "[2, 8]", "tubelet_size: expected three numbers" },
  { "vivit/classifier", "tubelet_size", "[2, 8, 0]", "tubelet_size: expected three numbers" },
  { "sam/points", "vision_config.num_pos_feats", "9", "twice num_pos_feats (9)" },
  { "sam/points", "mask_decoder_config.num_attention_heads", "3", "num_attention_heads (3)" },
  { "sam/points", "mask_decoder_config.num_multimask_outputs", "4", "num_multimask_outputs" },
  { "sam/points", "vision_config.image_size", "[40, 48]", "expected square pictures" },
};

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_wrong_configs (wrong, G_N_ELEMENTS (wrong));
  return g_test_run ();
}
