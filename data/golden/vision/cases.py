# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The cases of make.py: family -> name -> what is made. "size" is the height and width of the pictures.

import torch

SMALL = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, image_size=24, patch_size=8)
SQUARE = (24, 24)
WIDE = (17, 41)


def case(prefix, head, kwargs, size, **more):
    return {"config": prefix + "Config", "class": more.pop("model", prefix + head), "kwargs": kwargs, "size": size, **more}


def family(prefix, kwargs, own_size, **more):
    """The two heads; another size where the family takes any."""
    return {"model": case(prefix, "Model", kwargs, own_size, states=True, **more),
            "classifier": case(prefix, "ForImageClassification", {**kwargs, "num_labels": 5}, own_size, **more)}


def in_order(n):
    """By this noise MAE keeps all patches where they are."""
    return torch.arange(n).float().repeat(2, 1)


def small_router(model):
    """The reference's classifier takes 128 features, whatever the config says: such a file would be large."""
    model.metric_head.mlp_classifier = type(model.metric_head.mlp_classifier)(16, 2)


def stages(prefix, kwargs, size, **more):
    """Likewise, of models whose states have no common shape."""
    heads = family(prefix, kwargs, size, **more)
    heads["model"].pop("states")
    return heads


DINO = {k: v for k, v in SMALL.items() if k != "intermediate_size"} | {"mlp_ratio": 2, "layerscale_value": 0.5}
TEXT = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=20)
SHAPED = {k: v for k, v in SMALL.items() if k != "image_size"} | {"patch_size": 4, "num_patches": 16}
RESNET = dict(embedding_size=8, hidden_sizes=[8, 12, 20], depths=[1, 2, 1])
BEIT = {**SMALL, "layer_scale_init_value": 0.1}
SWIN = dict(embed_dim=8, depths=[2, 2], num_heads=[2, 4], window_size=3, patch_size=4, image_size=40, mlp_ratio=2.0)
PYRAMID = dict(num_encoder_blocks=3, depths=[1, 2, 1], hidden_sizes=[8, 12, 16], num_attention_heads=[1, 2, 2], mlp_ratios=[2, 2, 1], patch_sizes=[4, 2, 2], strides=[4, 2, 2])
PVT_V2 = {**PYRAMID, "patch_sizes": [7, 3, 3], "sr_ratios": [3, 2, 1]}
NECK = dict(neck_hidden_sizes=[4, 6, 8], reassemble_factors=[2, 1, 0.5], fusion_hidden_size=6)
DPT = {**SMALL, **NECK, "num_hidden_layers": 3, "backbone_out_indices": [0, 1, 2], "image_size": 32}
DINO_BACKBONE = {**DINO, "num_hidden_layers": 3, "out_indices": [1, 2, 3], "reshape_hidden_states": False}
BINS = [{"n_bins": 9, "min_depth": 0.5, "max_depth": 10.0, "name": "indoors"}, {"n_bins": 12, "min_depth": 0.001, "max_depth": 80.0, "name": "out_doors"}]
ZOE = {**NECK, "bottleneck_features": 6, "num_relative_features": 5, "bin_embedding_dim": 8, "num_attractors": [6, 4, 3, 1], "bin_configurations": BINS[1:], "min_temp": 0.1,
       "backbone_config": {**BEIT, "model_type": "beit", "num_hidden_layers": 3, "use_relative_position_bias": True, "out_indices": [1, 2, 3], "reshape_hidden_states": False}}
ROUTED = {**ZOE, "bin_configurations": BINS, "num_patch_transformer_layers": 4, "patch_transformer_hidden_size": 16, "patch_transformer_intermediate_size": 24,
          "patch_transformer_num_attention_heads": 2}
RF_DETR = dict(d_model=16, hidden_expansion=0.5, c2f_num_blocks=2, decoder_ffn_dim=12, decoder_layers=2, decoder_self_attention_heads=2, decoder_cross_attention_heads=4, decoder_n_points=2,
               num_queries=5, group_detr=2, num_labels=4, intermediate_size=20, mask_downsample_ratio=4, activation_function="silu",
               backbone_config={**DINO, "model_type": "rf_detr_dinov2", "num_hidden_layers": 5, "image_size": 48, "num_windows": 2, "out_features": ["stage1", "stage3"]})
RF_OTHER = {**RF_DETR, "hidden_expansion": 0.75, "decoder_activation_function": "gelu", "segmentation_head_activation_function": "silu", "attention_bias": False, "layer_norm_eps": 1e-3, "mask_downsample_ratio": 3,
            "backbone_config": {**RF_DETR["backbone_config"], "use_swiglu_ffn": True, "num_windows": 1, "apply_layernorm": False, "out_features": ["stage2", "stage4", "stage5"]}}
ANYTHING = {**NECK, "patch_size": 8, "reassemble_hidden_size": 16, "head_hidden_size": 5}
CONVNEXT = dict(hidden_sizes=[8, 12, 20], depths=[1, 2, 1], num_stages=3, layer_scale_init_value=0.5)
EFFICIENTNET = dict(width_coefficient=0.25, depth_coefficient=1.2, depth_divisor=4, in_channels=[32, 16, 24], out_channels=[16, 24, 40], kernel_sizes=[3, 3, 5],
                    strides=[1, 2, 2], num_block_repeats=[1, 1, 2], expand_ratios=[1, 6, 4], hidden_dim=320)
ALIGN = {k: v for k, v in EFFICIENTNET.items()} | {"hidden_dim": 24, "out_channels": [16, 24, 96], "in_channels": [32, 16, 24]}
HIERA = dict(embed_dim=8, image_size=[64, 64], depths=[1, 2, 1], num_heads=[1, 2, 4], num_query_pool=2, masked_unit_size=[4, 4], masked_unit_attention=[True, True, False], mlp_ratio=2.0)
REGNET = dict(embedding_size=8, hidden_sizes=[8, 16, 24], depths=[1, 2, 1], groups_width=4)
HGNET = dict(stem_channels=[3, 8, 12], stage_in_channels=[12, 16, 24], stage_mid_channels=[8, 8, 12], stage_out_channels=[16, 24, 32], stage_num_blocks=[1, 2, 1], depths=[1, 2, 1],
             hidden_sizes=[16, 24, 32], stage_downsample=[False, True, True], stage_downsample_strides=[2, 2, 2], stage_light_block=[False, False, True], stage_kernel_size=[3, 3, 5],
             stage_numb_of_layers=[2, 2, 3], embedding_size=12)
POOLFORMER = dict(hidden_sizes=[8, 12, 20], depths=[1, 2, 1], num_encoder_blocks=3, patch_sizes=[7, 3, 3], strides=[4, 2, 2], padding=[2, 1, 1], mlp_ratio=2.0)
SWIFTFORMER = dict(depths=[2, 1, 3, 1], embed_dims=[6, 8, 8, 12], downsamples=[True, False, True, True], mlp_ratio=2, layer_scale_init_value=0.5)
LEVIT = dict(image_size=64, patch_size=16, hidden_sizes=[16, 24, 32], num_attention_heads=[2, 3, 4], depths=[1, 1, 1], key_dim=[4, 4, 4])
MOBILEVIT = dict(hidden_sizes=[8, 8, 12], neck_hidden_sizes=[4, 8, 8, 12, 12, 16, 20], num_attention_heads=2, expand_ratio=2.0)
MOBILEVIT2 = dict(width_multiplier=0.05, n_attn_blocks=[1, 2, 1], patch_size=1)
BIT = dict(embedding_size=8, hidden_sizes=[16, 24, 32], depths=[1, 2, 1], num_groups=4)
FOCAL = dict(image_size=32, embed_dim=8, depths=[1, 2, 1], focal_levels=[2, 1, 2], focal_windows=[3, 3, 3], mlp_ratio=2.0)
GROUNDING = dict(
    backbone_config={**SWIN, "model_type": "swin", "out_indices": [1, 2], "image_size": 64}, text_config={**TEXT, "model_type": "bert", "vocab_size": 1030, "hidden_size": 8, "max_position_embeddings": 12}, d_model=32,
    num_feature_levels=3, num_queries=7, encoder_layers=1, decoder_layers=2, encoder_ffn_dim=16, decoder_ffn_dim=12, encoder_attention_heads=4, decoder_attention_heads=2, encoder_n_points=2,
    decoder_n_points=3)
CVT = dict(patch_sizes=[7, 3], patch_stride=[4, 2], patch_padding=[2, 1], embed_dim=[8, 12], num_heads=[1, 3], depth=[1, 2], mlp_ratio=[2.0, 1.5], attention_drop_rate=[0.0, 0.0],
           drop_rate=[0.0, 0.0], drop_path_rate=[0.0, 0.0], qkv_bias=[True, True], cls_token=[False, True], qkv_projection_method=["dw_bn", "dw_bn"], kernel_qkv=[3, 3],
           padding_kv=[1, 1], stride_kv=[2, 2], padding_q=[1, 1], stride_q=[1, 1])
YOLOS = {**SMALL, "num_hidden_layers": 3, "image_size": [32, 24], "num_detection_tokens": 4, "hidden_act": "relu"}

INNER = {"model_type": "resnet", **RESNET, "layer_type": "basic", "out_features": ["stage3"]}
DETR = dict(backbone_config=INNER, d_model=16, num_queries=5, encoder_layers=2, encoder_ffn_dim=24, encoder_attention_heads=2, decoder_layers=2, decoder_ffn_dim=20,
            decoder_attention_heads=4, num_labels=3)
DAB = {k: v for k, v in DETR.items() if k != "d_model"} | {"hidden_size": 16}
DEFORMABLE = {**DETR, "backbone_config": {**INNER, "out_features": ["stage2", "stage3"]}, "d_model": 32, "encoder_n_points": 2, "decoder_n_points": 3, "num_feature_levels": 4,
              "encoder_layers": 1, "disable_custom_kernels": True}
SEEN = [(30, 21), (45, 50)]     # of pictures of 45 x 50
RT_INNER = dict(model_type="rt_detr_resnet", embedding_size=8, hidden_sizes=[8, 12, 12, 16], depths=[1, 1, 1, 1], layer_type="basic", out_indices=[2, 3, 4])
RT_DETR = dict(backbone_config=RT_INNER, encoder_hidden_dim=16, encoder_in_channels=[12, 12, 16], encoder_ffn_dim=20, encoder_attention_heads=2, d_model=16, num_queries=7,
               decoder_in_channels=[16, 16, 16], decoder_ffn_dim=20, decoder_n_points=2, decoder_layers=2, decoder_attention_heads=4, num_labels=3, hidden_expansion=0.5,
               num_denoising=0)
HGNET = dict(model_type="hgnet_v2", stem_channels=[3, 4, 8], hidden_sizes=[8, 8, 12, 16], depths=[1, 1, 1, 1], stage_in_channels=[8, 8, 8, 12], stage_mid_channels=[4, 4, 4, 4],
             stage_out_channels=[8, 8, 12, 16], stage_num_blocks=[1, 1, 1, 1], stage_numb_of_layers=[1, 1, 1, 1], out_indices=[2, 3, 4])
D_FINE = {**RT_DETR, "backbone_config": HGNET, "encoder_in_channels": [8, 12, 16], "depth_mult": 0.34, "max_num_bins": 8, "lqe_hidden_dim": 10}
OF_TIMM = {k: v for k, v in DETR.items() if k != "backbone_config"} | {"encoder_layers": 1, "decoder_layers": 1}
NARROW = dict(channels=(4, 6, 8, 10))
PRETRAINED = {"input_size": [3, 33, 33], "interpolation": "bilinear", "crop_pct": 0.9, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3]}


def of_timm(name, seen=(), timm=NARROW, slim=False, **kwargs):
    return case("Detr", "ForObjectDetection", {**OF_TIMM, "backbone": name, **kwargs}, (45, 50), timm=timm, seen=seen, slim=slim)


def without_type(config):
    """As the first hybrids were stored: their backbone is a BiT without being told."""
    return {**config, "backbone_config": {key: value for key, value in config["backbone_config"].items() if key != "model_type"}}


TEXTS = [[1, 3, 7, 5, 2, 0], [4, 8, 2, 3, 5, 6], [1, 9, 3, 5, 5, 9]]
FAMILIES = {
    "vit": {
        **family("ViT", SMALL, SQUARE),
        "other-size": case("ViT", "Model", {**SMALL, "qkv_bias": False, "pooler_output_size": 10, "pooler_act": "relu"}, (32, 41), interpolate=True),
        "oblong": case("ViT", "ForImageClassification", {**SMALL, "image_size": [16, 36], "patch_size": [4, 12], "num_channels": 1, "hidden_act": "gelu_new"}, (16, 36)),
        "masked": case("ViT", "ForMaskedImageModeling", {**SMALL, "encoder_stride": 8}, SQUARE),
    },
    "deit": {
        **family("DeiT", SMALL, SQUARE),
        "teacher": case("DeiT", "ForImageClassificationWithTeacher", {**SMALL, "num_labels": 4}, SQUARE),
        "other-size": case("DeiT", "Model", SMALL, (40, 16), interpolate=True),
    },
    "vit_msn": family("ViTMSN", SMALL, SQUARE),
    "vit_mae": {"model": case("ViTMAE", "Model", {**SMALL, "mask_ratio": 0.0}, SQUARE, states=True, prompts=lambda: {"noise": in_order(9)}),
                "trained": case("ViTMAE", "ForPreTraining", {**SMALL, "mask_ratio": 0.0, "decoder_hidden_size": 8, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2,
                                                             "decoder_intermediate_size": 8}, WIDE, within="vit", interpolate=True, prompts=lambda: {"noise": in_order(10)})},
    "ijepa": family("IJepa", SMALL, SQUARE),
    "dinov2": {
        **family("Dinov2", DINO, SQUARE),
        "wide": case("Dinov2", "ForImageClassification", {**DINO, "num_labels": 3}, WIDE),
        "gated": case("Dinov2", "Model", {**DINO, "use_swiglu_ffn": True, "use_mask_token": False}, (48, 32)),
    },
    "dinov2_with_registers": {
        **family("Dinov2WithRegisters", {**DINO, "num_register_tokens": 3}, SQUARE),
        "large": case("Dinov2WithRegisters", "ForImageClassification", {**DINO, "num_register_tokens": 2}, (56, 40)),
        "small": case("Dinov2WithRegisters", "Model", {**DINO, "image_size": 56, "use_swiglu_ffn": True}, (24, 32)),
    },
    "dinov3_vit": {
        "model": case("DINOv3ViT", "Model", {**SMALL, "num_register_tokens": 3}, WIDE),
        "gated": case("DINOv3ViT", "Model", {**SMALL, "use_gated_mlp": True, "proj_bias": False, "mlp_bias": False, "key_bias": True, "rope_theta": 7.0, "hidden_act": "silu"}, (24, 40)),
    },
    "beit": {
        **family("Beit", {**BEIT, "use_relative_position_bias": True}, SQUARE),
        "shared": case("Beit", "ForImageClassification", {**BEIT, "use_shared_relative_position_bias": True, "use_mean_pooling": False}, SQUARE),
        "wide": case("Beit", "Model", {**BEIT, "use_relative_position_bias": True, "use_absolute_position_embeddings": True}, WIDE),
        "masked": case("Beit", "ForMaskedImageModeling", {**BEIT, "use_relative_position_bias": True, "use_mask_token": True, "vocab_size": 11, "layer_scale_init_value": 0.0}, SQUARE),
    },
    "data2vec-vision": family("Data2VecVision", {**BEIT, "use_relative_position_bias": True}, SQUARE),
    "yolos": {
        "detection": case("Yolos", "ForObjectDetection", {**YOLOS, "num_labels": 3}, (40, 24)),
        "base-size": case("Yolos", "ForObjectDetection", {**YOLOS, "num_labels": 2, "use_mid_position_embeddings": False, "qkv_bias": False}, (32, 24)),
        "model": case("Yolos", "Model", YOLOS, (25, 37), batch=3),
    },
    "detr": {
        "detection": case("Detr", "ForObjectDetection", DETR, (45, 50), seen=SEEN),
        "learned": case("Detr", "ForObjectDetection", {**DETR, "position_embedding_type": "learned", "auxiliary_loss": True, "activation_function": "gelu"}, (50, 40)),
        "model": case("Detr", "Model", {**DETR, "num_channels": 3}, (45, 50), batch=3),
        "segmentation": case("Detr", "ForSegmentation", {**DETR, "backbone_config": {**INNER, "hidden_sizes": [8, 8, 12, 16], "depths": [1, 1, 1, 1], "out_features": [
            "stage1", "stage2", "stage3", "stage4"]}, "d_model": 32, "encoder_attention_heads": 8, "num_queries": 3}, (45, 50), seen=SEEN),
        "timm": of_timm("resnet18", SEEN),
        "timm-dilated": of_timm("resnet26d.bt_in1k", dilation=True),
        "timm-tiered": of_timm("resnet14t", timm={**NARROW, "stem_width": 8}),
        "timm-groups": of_timm("seresnext26t_32x4d", timm=dict(channels=(16, 16, 16, 16), stem_width=8)),
        "timm-bare": of_timm("tf_efficientnet_b0", slim=True),
        "timm-bare-v3": of_timm("mobilenetv3_small_100", slim=True),
        "timm-bare-v2": of_timm("mobilenetv2_050", slim=True),
        "timm-bare-regnet": of_timm("regnety_002", slim=True),
        "timm-indices": case("Detr", "ForObjectDetection", {**DETR, "backbone_config": {"model_type": "timm_backbone", "backbone": "resnet10t", "out_indices": [2, -2],
                                                                                         "output_stride": 8}}, (45, 50), timm={**NARROW, "stem_width": 8}),
    },
    "conditional_detr": {
        "detection": case("ConditionalDetr", "ForObjectDetection", DETR, (45, 50), seen=SEEN),
        "learned": case("ConditionalDetr", "ForObjectDetection", {**DETR, "position_embedding_type": "learned", "auxiliary_loss": True, "decoder_layers": 3}, (33, 50)),
    },
    "dab-detr": {
        "detection": case("DabDetr", "ForObjectDetection", DAB, (45, 50), batch=1, seen=SEEN[:1]),
        "patterns": case("DabDetr", "ForObjectDetection", {**DAB, "num_patterns": 2, "keep_query_pos": True, "normalize_before": True, "activation_function": "relu", "temperature_height": 30,
                                                           "temperature_width": 7, "sine_position_embedding_scale": 3.0, "decoder_layers": 3}, (33, 50), batch=1),
        "model": case("DabDetr", "Model", DAB, (45, 50), batch=1),
    },
    "d_fine": {
        "detection": case("DFine", "ForObjectDetection", D_FINE, (64, 64)),
        "projected": case("DFine", "ForObjectDetection", {**D_FINE, "d_model": 24, "decoder_n_points": [1, 2, 3], "decoder_offset_scale": 0.8, "lqe_layers": 3, "top_prob_values": 2,
                                                          "reg_scale": 3.0, "up": 0.7, "normalize_before": True, "activation_function": "relu"}, (96, 64), batch=1),
    },
    "deformable_detr": {
        "detection": case("DeformableDetr", "ForObjectDetection", DEFORMABLE, (45, 50), seen=SEEN),
        "refine": case("DeformableDetr", "ForObjectDetection", {**DEFORMABLE, "with_box_refine": True, "num_feature_levels": 2}, (45, 50), seen=SEEN),
        "two-stage": case("DeformableDetr", "ForObjectDetection", {**DEFORMABLE, "with_box_refine": True, "two_stage": True, "two_stage_num_proposals": 6}, (45, 50), seen=SEEN),
        "one-level": case("DeformableDetr", "ForObjectDetection", {**DEFORMABLE, "backbone_config": INNER, "num_feature_levels": 1, "position_embedding_type": "learned"}, (60, 50)),
    },
    "rt_detr": {
        "detection": case("RTDetr", "ForObjectDetection", RT_DETR, (64, 96), batch=1),
        "bottleneck": case("RTDetr", "ForObjectDetection", {**RT_DETR, "backbone_config": {**RT_INNER, "layer_type": "bottleneck", "depths": [1, 1, 2, 1]}, "num_feature_levels": 4,
                                                            "normalize_before": True, "encode_proj_layers": [1, 2], "hidden_expansion": 1.0,
                                                            "activation_function": "relu"}, (64, 64), batch=1),
        "model": case("RTDetr", "Model", {**RT_DETR, "eval_size": 64, "encoder_layers": 2, "layer_norm_eps": 1e-3, "batch_norm_eps": 1e-2}, (96, 64), batch=1),
    },
    "rt_detr_v2": {
        "detection": case("RTDetrV2", "ForObjectDetection", {**RT_DETR, "decoder_offset_scale": 0.75}, (64, 64)),
        "discrete": case("RTDetrV2", "ForObjectDetection", {**RT_DETR, "decoder_method": "discrete"}, (64, 64), batch=1),
    },
    "table-transformer": {
        "detection": case("TableTransformer", "ForObjectDetection", DETR, (45, 50), seen=SEEN),
        "learned": case("TableTransformer", "ForObjectDetection", {**DETR, "position_embedding_type": "learned", "auxiliary_loss": True}, (33, 50), batch=1),
    },
    "resnet": {
        "model": case("ResNet", "Model", RESNET, (37, 50)),
        "classifier": case("ResNet", "ForImageClassification", {**RESNET, "layer_type": "basic", "num_labels": 5, "downsample_in_first_stage": True, "hidden_act": "gelu"}, (65, 40)),
        "early": case("ResNet", "ForImageClassification", {**RESNET, "downsample_in_bottleneck": True, "num_labels": 3, "num_channels": 1}, (33, 32)),
    },
    "convnext": {
        **stages("ConvNext", CONVNEXT, (37, 50)),
        "unscaled": case("ConvNext", "ForImageClassification", {**CONVNEXT, "layer_scale_init_value": 0.0, "num_labels": 3, "hidden_act": "relu", "patch_size": [2, 3], "num_channels": 1}, (33, 40)),
    },
    "convnextv2": stages("ConvNextV2", CONVNEXT, (37, 50)),
    "mobilenet_v1": {
        **stages("MobileNetV1", {"depth_multiplier": 0.05, "min_depth": 4}, (65, 40)),
        "even": case("MobileNetV1", "ForImageClassification", {"depth_multiplier": 0.05, "tf_padding": False, "hidden_act": "silu", "num_labels": 3, "num_channels": 1}, (48, 37)),
    },
    "efficientnet": {
        **stages("EfficientNet", EFFICIENTNET, (65, 40)),
        "evenly": case("EfficientNet", "ForImageClassification", {**EFFICIENTNET, "depthwise_padding": [1, 2], "pooling_type": "max", "hidden_act": "relu", "num_labels": 3}, (48, 37)),
    },
    "regnet": {
        **stages("RegNet", REGNET, (37, 50)),
        "x": case("RegNet", "ForImageClassification", {**REGNET, "layer_type": "x", "downsample_in_first_stage": False, "hidden_act": "gelu", "num_labels": 3}, (33, 40)),
    },
    "hgnet_v2": {
        "classifier": case("HGNetV2", "ForImageClassification", {**HGNET, "num_labels": 5}, (65, 40)),
        "affine": case("HGNetV2", "ForImageClassification", {**HGNET, "use_learnable_affine_block": True, "hidden_act": "gelu", "num_labels": 3}, (37, 50)),
    },
    "poolformer": {
        **stages("PoolFormer", POOLFORMER, (37, 50)),
        "unscaled": case("PoolFormer", "ForImageClassification", {**POOLFORMER, "use_layer_scale": False, "pool_size": 5, "num_labels": 3, "hidden_act": "relu"}, (40, 33)),
    },
    "swiftformer": {
        **stages("SwiftFormer", SWIFTFORMER, (45, 50), batch=1),
        "unscaled": case("SwiftFormer", "ForImageClassification", {**SWIFTFORMER, "depths": [1, 2, 1], "embed_dims": [8, 8, 10], "downsamples": [False, True, True], "use_layer_scale": False,
                                                                   "down_patch_size": [3, 2], "down_stride": 3, "down_pad": 2, "hidden_act": "relu", "num_labels": 3,
                                                                   "batch_norm_eps": 0.1, "num_channels": 1}, (33, 40)),
    },
    "levit": {
        **stages("Levit", LEVIT, (64, 64), matrices=0.15),
        "teacher": case("Levit", "ForImageClassificationWithTeacher", {**LEVIT, "num_labels": 3, "mlp_ratio": [0, 2, 1], "depths": [2, 1, 1]}, (64, 64), matrices=0.15),
    },
    "mobilevitv2": {
        **stages("MobileViTV2", MOBILEVIT2, (64, 96)),
        "odd": case("MobileViTV2", "ForImageClassification", {**MOBILEVIT2, "patch_size": 2, "hidden_act": "relu", "output_stride": 16, "num_labels": 3}, (70, 45)),
        "segments": case("MobileViTV2", "ForSemanticSegmentation", {**MOBILEVIT2, "output_stride": 8, "atrous_rates": [1, 2, 3], "aspp_out_channels": 6, "num_labels": 4}, (64, 48)),
    },
    "mobilevit": {
        **stages("MobileViT", MOBILEVIT, (64, 96)),
        "odd": case("MobileViT", "ForImageClassification", {**MOBILEVIT, "qkv_bias": False, "patch_size": 3, "hidden_act": "relu", "output_stride": 16, "num_labels": 3}, (70, 45)),
        "segments": case("MobileViT", "ForSemanticSegmentation", {**MOBILEVIT, "output_stride": 8, "atrous_rates": [1, 2, 3], "aspp_out_channels": 6, "num_labels": 4}, (64, 48)),
    },
    "bit": {
        **stages("Bit", BIT, (37, 50)),
        "behind": case("Bit", "ForImageClassification", {**BIT, "layer_type": "bottleneck", "global_padding": "same", "output_stride": 8, "hidden_act": "gelu", "num_labels": 3}, (40, 33)),
        "early": case("Bit", "Model", {**BIT, "layer_type": "bottleneck", "depths": [1, 1], "hidden_sizes": [16, 24], "embedding_dynamic_padding": True}, (50, 67)),
    },
    "focalnet": {
        **stages("FocalNet", FOCAL, (32, 32)),
        "odd": case("FocalNet", "ForImageClassification", {**FOCAL, "use_layerscale": True, "layerscale_value": 0.5, "use_post_layernorm": True, "use_post_layernorm_in_modulation": True,
                                                           "normalize_modulator": True, "hidden_act": "relu", "num_labels": 3}, (33, 42)),
        "overlapping": case("FocalNet", "Model", {**FOCAL, "use_conv_embed": True, "focal_windows": [5, 3, 3]}, (45, 31)),
    },
    "timm_wrapper": {
        "classifier": case("TimmWrapper", "ForImageClassification", {"architecture": "resnet18d", "num_labels": 5, "pretrained_cfg": PRETRAINED}, (45, 50), timm=NARROW),
        "model": case("TimmWrapper", "Model", {"architecture": "resnet26t"}, (37, 50), timm=NARROW),
        "dilated": case("TimmWrapper", "ForImageClassification", {"architecture": "seresnet50", "num_labels": 3, "num_channels": 1, "model_args": {"output_stride": 16, "in_chans": 1}}, (40, 33), timm=NARROW),
    },
    "swin": {
        "classifier": case("Swin", "ForImageClassification", {**SWIN, "num_labels": 5}, (40, 40)),
        "model": case("Swin", "Model", {**SWIN, "qkv_bias": False, "hidden_act": "relu", "layer_norm_eps": 1e-3}, (33, 46), batch=3),
        "no-shift": case("Swin", "Model", {**SWIN, "window_size": 5, "depths": [3, 1], "num_channels": 1}, (40, 37)),
        "positions": case("Swin", "Model", {**SWIN, "use_absolute_embeddings": True}, (40, 40)),
        "interpolated": case("Swin", "ForImageClassification", {**SWIN, "use_absolute_embeddings": True, "num_labels": 3}, (44, 32), interpolate=True),
        "masked": case("Swin", "ForMaskedImageModeling", {**SWIN, "encoder_stride": 8}, (40, 40)),
        "oblong": case("Swin", "Model", {**SWIN, "image_size": [24, 48], "patch_size": [2, 4], "depths": [1, 2, 1], "num_heads": [1, 2, 2], "window_size": 2}, (25, 50)),
    },
    "swinv2": {
        "classifier": case("Swinv2", "ForImageClassification", {**SWIN, "num_labels": 5}, (40, 40)),
        "model": case("Swinv2", "Model", {**SWIN, "pretrained_window_sizes": [4, 0], "qkv_bias": False, "hidden_act": "relu"}, (33, 46), batch=3),
        "no-shift": case("Swinv2", "Model", {**SWIN, "window_size": 7, "pretrained_window_sizes": [2, 6]}, (37, 61)),
    },
    "cvt": {
        "classifier": case("Cvt", "ForImageClassification", {**CVT, "num_labels": 5}, (45, 62)),
        "model": case("Cvt", "Model", {**CVT, "kernel_qkv": [3, 5], "padding_q": [1, 2], "padding_kv": [0, 1], "stride_kv": [1, 3], "num_channels": 1}, (33, 48), batch=3),
    },
    "pvt": {
        "classifier": case("Pvt", "ForImageClassification", {**PYRAMID, "sequence_reduction_ratios": [4, 2, 1], "image_size": 32, "num_labels": 5}, (32, 32)),
        "model": case("Pvt", "Model", {**PYRAMID, "sequence_reduction_ratios": [2, 1, 1], "image_size": 32, "qkv_bias": False, "hidden_act": "relu"}, (32, 32), batch=1),
    },
    "pvt_v2": {
        "classifier": case("PvtV2", "ForImageClassification", {**PVT_V2, "num_labels": 5}, (45, 62)),
        "model": case("PvtV2", "Model", {**PVT_V2, "linear_attention": True, "qkv_bias": False}, (64, 40)),
    },
    "dpt": {
        "depth": case("DPT", "ForDepthEstimation", DPT, (32, 32), batch=1),
        "other-size": case("DPT", "ForDepthEstimation", {**DPT, "readout_type": "add", "use_batch_norm_in_fusion_residual": True, "head_in_index": -2}, (48, 48), batch=1),
        "classes": case("DPT", "ForSemanticSegmentation", {**DPT, "num_labels": 3, "readout_type": "ignore"}, (32, 32), batch=1),
        "backbone": case("DPT", "ForDepthEstimation", {**NECK, "backbone_config": {**DINO_BACKBONE, "model_type": "dinov2"}}, (48, 32)),
        "beit": case("DPT", "ForDepthEstimation", {**NECK, "backbone_config": {**BEIT, "model_type": "beit", "num_hidden_layers": 3, "use_relative_position_bias": True, "out_indices": [1, 2, 3],
                                                                               "reshape_hidden_states": False}}, (32, 24), batch=1),
        "hybrid": case("DPT", "ForDepthEstimation", {**DPT, "is_hybrid": True, "image_size": 64, "patch_size": 16, "neck_hidden_sizes": [8, 16, 6, 8], "reassemble_factors": [1, 1, 1, 0.5], "num_hidden_layers": 3,
                                                     "backbone_out_indices": [0, 1, 0, 2], "backbone_featmap_shape": [1, 24, 4, 4], "backbone_config": {
                                                         "model_type": "bit", "embedding_size": 8, "hidden_sizes": [8, 16, 24], "depths": [1, 1, 1], "num_groups": 4, "global_padding": "same",
                                                         "embedding_dynamic_padding": True, "out_features": ["stage1", "stage2", "stage3"]}}, (64, 64), batch=1, stored=without_type),
        "swinv2": case("DPT", "ForDepthEstimation", {**NECK, "neck_hidden_sizes": [8, 16], "backbone_config": {**SWIN, "model_type": "swinv2", "out_features": ["stage1", "stage2"]}}, (32, 48), batch=1),
        "model": case("DPT", "Model", DPT, (40, 24), batch=1),
    },
    "depth_anything": {
        "relative": case("DepthAnything", "ForDepthEstimation", {**ANYTHING, "backbone_config": {**DINO_BACKBONE, "model_type": "dinov2"}}, (27, 40)),
        "metric": case("DepthAnything", "ForDepthEstimation", {**ANYTHING, "backbone_config": {**DINO_BACKBONE, "apply_layernorm": False, "model_type": "dinov2"},
                                                               "depth_estimation_type": "metric", "max_depth": 20, "head_in_index": 1}, (16, 32)),
    },
    "prompt_depth_anything": {
        "relative": case("PromptDepthAnything", "ForDepthEstimation", {**ANYTHING, "backbone_config": {**DINO_BACKBONE, "model_type": "dinov2"}, "head_in_index": 1, "max_depth": 7}, (27, 40), batch=1),
        "metric": case("PromptDepthAnything", "ForDepthEstimation", {**ANYTHING, "backbone_config": {**DINO_BACKBONE, "apply_layernorm": False, "model_type": "dinov2"},
                                                                     "depth_estimation_type": "metric"}, (16, 32), batch=1),
    },
    "rf_detr": {
        "detection": case("RfDetr", "ForObjectDetection", RF_DETR, (48, 48), matrices=0.3),
        "padded": case("RfDetr", "ForObjectDetection", RF_DETR, (32, 48), seen=[(32, 48), (20, 31)], matrices=0.3),
        "other": case("RfDetr", "ForInstanceSegmentation", RF_OTHER, (40, 33), batch=1, matrices=0.3),
        "instance": case("RfDetr", "ForInstanceSegmentation", RF_DETR, (48, 32), batch=1, matrices=0.3),
        "model": case("RfDetr", "Model", RF_OTHER, (24, 56), batch=1, matrices=0.3),
    },
    "zoedepth": {
        "single": case("ZoeDepth", "ForDepthEstimation", ZOE, (32, 24)),
        "normed": case("ZoeDepth", "ForDepthEstimation", {**ZOE, "bin_centers_type": "normed", "attractor_kind": "sum", "use_batch_norm_in_fusion_residual": True, "head_in_index": 1}, (24, 40), batch=1),
        "domains": case("ZoeDepth", "ForDepthEstimation", ROUTED, (32, 24), edit=small_router),
        "domains-normed": case("ZoeDepth", "ForDepthEstimation", {**ROUTED, "bin_centers_type": "normed", "bin_configurations": BINS[::-1]}, (24, 24), batch=1, edit=small_router),
    },
    "glpn": {
        "depth": case("GLPN", "ForDepthEstimation", {**PVT_V2, "decoder_hidden_size": 12, "max_depth": 7}, (64, 32)),
        "early": case("GLPN", "ForDepthEstimation", {**PVT_V2, "decoder_hidden_size": 7, "head_in_index": 1}, (32, 64), batch=1),
        "model": case("GLPN", "Model", {**PVT_V2, "hidden_act": "relu"}, (37, 50)),
    },
    "clip": {
        "both": case("CLIP", "Model", {"vision_config": SMALL, "text_config": {**TEXT, "eos_token_id": 5}, "projection_dim": 6}, SQUARE, texts=TEXTS),
        "both-highest": case("CLIP", "Model", {"vision_config": SMALL, "text_config": {**TEXT, "eos_token_id": 2}, "projection_dim": 6}, SQUARE, texts=TEXTS),
        "vision": case("CLIPVision", "", SMALL, SQUARE, model="CLIPVisionModel", states=True),
        "projection": case("CLIPVision", "", {**SMALL, "projection_dim": 6}, (32, 40), model="CLIPVisionModelWithProjection", interpolate=True),
        "classifier": case("CLIP", "ForImageClassification", {"vision_config": SMALL, "text_config": TEXT, "num_labels": 5}, SQUARE),
    },
    "owlvit": {
        "detection": case("OwlViT", "ForObjectDetection", {"vision_config": SMALL, "text_config": TEXT, "projection_dim": 16}, SQUARE, texts=TEXTS, batch=1),
        "interpolated": case("OwlViT", "ForObjectDetection", {"vision_config": {**SMALL, "hidden_act": "gelu"}, "text_config": TEXT, "projection_dim": 16}, (32, 40), texts=TEXTS + [[0, 3, 4, 0, 0, 0]], batch=1, interpolate=True),
    },
    "owlv2": {"detection": case("Owlv2", "ForObjectDetection", {"vision_config": SMALL, "text_config": TEXT, "projection_dim": 16}, SQUARE, texts=TEXTS, batch=1)},
    "grounding-dino": {
        "detection": case("GroundingDino", "ForObjectDetection", GROUNDING, (48, 40), texts=[[1, 101, 7, 102, 2, 5]], batch=1, best=True, matrices=0.2),
        "separate": case("GroundingDino", "ForObjectDetection", {**GROUNDING, "decoder_bbox_embed_share": False, "position_embedding_type": "learned", "tie_word_embeddings": False}, (36, 40),
                         texts=[[101, 7, 9, 1012, 4, 1029, 5, 102]], batch=1, best=True, matrices=0.2),
        "padded": case("GroundingDino", "ForObjectDetection", GROUNDING, (45, 52), texts=[[101, 7, 9, 1012, 4, 1012, 102]], batch=1, best=True, matrices=0.2, seen=[(33, 38)]),
    },
    "chinese_clip": {
        "both": case("ChineseCLIP", "Model", {"vision_config": SMALL, "text_config": TEXT, "projection_dim": 12}, SQUARE, texts=TEXTS),
        "vision": case("ChineseCLIPVision", "", SMALL, SQUARE, model="ChineseCLIPVisionModel", states=True),
    },
    "altclip": {
        "both": case("AltCLIP", "Model", {"vision_config": SMALL, "text_config": {**TEXT, "type_vocab_size": 2, "pad_token_id": 0, "project_dim": 10}, "projection_dim": 12}, SQUARE, texts=TEXTS),
    },
    "clipseg": {
        "both": case("CLIPSeg", "Model", {"vision_config": SMALL, "text_config": {**TEXT, "eos_token_id": 5}, "projection_dim": 6}, (24, 40), texts=TEXTS),
        "segmenter": case("CLIPSeg", "ForImageSegmentation", {"vision_config": {**SMALL, "num_hidden_layers": 2}, "text_config": {**TEXT, "eos_token_id": 2}, "projection_dim": 6, "extract_layers": [1], "reduce_dim": 4,
                                                              "decoder_num_attention_heads": 1, "decoder_intermediate_size": 4}, SQUARE, texts=TEXTS, within="clip"),
    },
    "align": {
        "both": case("Align", "Model", {"vision_config": ALIGN, "text_config": TEXT, "projection_dim": 24}, (45, 50), texts=TEXTS),
        "vision": case("AlignVision", "", {**ALIGN, "pooling_type": "max"}, (40, 70), model="AlignVisionModel"),
    },
    "hiera": {
        **stages("Hiera", HIERA, (64, 64)),
        "other": case("Hiera", "ForImageClassification", {**HIERA, "masked_unit_attention": [True, False, False], "num_query_pool": 1, "query_stride": [2, 1], "masked_unit_size": [4, 2],
                                                          "num_labels": 4, "hidden_act": "relu"}, (64, 64)),
        "wide": case("Hiera", "Model", HIERA, (64, 96), interpolate=True),
    },
    "donut-swin": stages("DonutSwin", {**SWIN, "num_labels": 3}, (40, 40)),
    "dinov3_convnext": {"model": case("DINOv3ConvNext", "Model", {"hidden_sizes": [8, 12, 20], "depths": [1, 2, 1], "layer_norm_eps": 1e-3, "layer_scale_init_value": 0.5}, (45, 70))},
    "mm-grounding-dino": {
        "detection": case("MMGroundingDino", "ForObjectDetection", GROUNDING, (64, 96), texts=[[101, 4, 7, 1012, 102]], batch=1, best=True, matrices=0.2),
        "own-heads": case("MMGroundingDino", "ForObjectDetection", {**GROUNDING, "decoder_bbox_embed_share": False, "decoder_cls_embed_share": False}, (64, 96),
                          texts=[[101, 4, 7, 1012, 102]], batch=1, best=True, matrices=0.2),
    },
    "metaclip_2": {
        "both": case("MetaClip2", "Model", {"vision_config": SMALL, "text_config": {**TEXT, "eos_token_id": 2}, "projection_dim": 12}, SQUARE, texts=TEXTS),
        "classifier": case("MetaClip2", "ForImageClassification", {"vision_config": SMALL, "text_config": TEXT, "num_labels": 5}, SQUARE),
    },
    "siglip2": {
        "both": case("Siglip2", "Model", {"vision_config": SHAPED, "text_config": TEXT}, (12,), texts=TEXTS, shapes=[(3, 4), (1, 5)]),
        "vision": case("Siglip2Vision", "", SHAPED, (30,), model="Siglip2VisionModel", states=True, shapes=[(5, 6), (7, 2)]),
        "headless": case("Siglip2Vision", "", {**SHAPED, "vision_use_head": False}, (6,), model="Siglip2VisionModel", shapes=[(2, 3)]),
        "classifier": case("Siglip2", "ForImageClassification", {"vision_config": SHAPED, "text_config": TEXT, "num_labels": 5}, (15,), shapes=[(3, 5), (4, 3), (1, 1)]),
    },
    "siglip": {
        "both": case("Siglip", "Model", {"vision_config": SMALL, "text_config": TEXT}, SQUARE, texts=TEXTS),
        "vision": case("SiglipVision", "", SMALL, SQUARE, model="SiglipVisionModel", states=True),
        "headless": case("SiglipVision", "", {**SMALL, "vision_use_head": False}, (40, 24), model="SiglipVisionModel", interpolate=True),
        "classifier": case("Siglip", "ForImageClassification", {"vision_config": {**SMALL, "vision_use_head": False}, "text_config": TEXT, "num_labels": 5}, SQUARE),
    },
}
