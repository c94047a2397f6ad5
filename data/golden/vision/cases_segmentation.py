# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The families whose heads are for segmentation; the form of cases.py.

import torch
import transformers
from torch import nn

from cases import BEIT, HIERA, SQUARE, case

SEGFORMER = dict(num_encoder_blocks=3, depths=[1, 2, 1], sr_ratios=[4, 2, 1], hidden_sizes=[8, 12, 16], patch_sizes=[7, 3, 3], strides=[4, 2, 2],
                 num_attention_heads=[1, 2, 4], mlp_ratios=[2, 2, 2], decoder_hidden_size=10)
MOBILENET = dict(depth_multiplier=0.02, depth_divisible_by=2, min_depth=4, finegrained_output=False)

STAGES = ["stage1", "stage2", "stage3", "stage4"]
RESNET = dict(embedding_size=8, hidden_sizes=[8, 12, 16, 20], depths=[1, 1, 1, 1], layer_type="basic", num_channels=1, out_features=STAGES)
SWIN = dict(embed_dim=4, depths=[1, 2, 1, 1], num_heads=[1, 1, 2, 2], window_size=3, mlp_ratio=1.0, image_size=32, num_channels=1)
DETR = dict(d_model=16, decoder_layers=2, decoder_attention_heads=2, decoder_ffn_dim=12, num_queries=5)
MASKFORMER = dict(fpn_feature_size=32, mask_feature_size=6, num_labels=4)
MASK2FORMER = dict(feature_size=32, mask_feature_size=6, hidden_dim=16, encoder_feedforward_dim=20, encoder_layers=2, decoder_layers=5, num_attention_heads=2, dim_feedforward=12,
                   num_queries=5, num_labels=4)
EOMT = dict(hidden_size=16, num_hidden_layers=4, num_attention_heads=2, mlp_ratio=2, image_size=24, patch_size=8, num_blocks=3, num_queries=5, num_register_tokens=3, layerscale_value=0.5,
            num_labels=4)
ONEFORMER = dict(conv_dim=32, mask_dim=32, hidden_dim=32, encoder_feedforward_dim=20, encoder_layers=1, decoder_layers=3, num_attention_heads=2, dim_feedforward=12, num_queries=5,
                 num_labels=4, task_seq_len=7, query_dec_layers=2)
EOMT_DINOV3 = {**{k: v for k, v in EOMT.items() if k != "mlp_ratio"}, "intermediate_size": 20}
TASK = [[9, 3, 0, 21, 4, 1, 1]]


def backbone(kind="ResNet", **more):
    """A config within a config."""
    return getattr(transformers, kind + "Config")(**more)


def of_the_hub(config):
    """MaskFormer's published files: a Swin whose stages nothing asks for."""
    own = {key: value for key, value in config["backbone_config"].items() if key not in ("out_features", "out_indices", "stage_names")}
    return {**config, "backbone_config": {**own, "model_type": "swin"}}


def narrow(model):
    """DeepLabV3+ with 6 channels instead of 256, which its class does not let a config choose."""
    head, width = model.segmentation_head, 6
    for layer in (head.conv_pool, head.conv_aspp, head.conv_projection):
        inputs = 2 * width if layer is head.conv_projection else layer.convolution.in_channels
        layer.convolution = nn.Conv2d(inputs, width, 1, bias=False)
        layer.normalization = nn.BatchNorm2d(width, eps=layer.normalization.eps)
    head.classifier.convolution = nn.Conv2d(width, model.config.num_labels, 1)


def masked(*probabilities):
    """In which of EoMT's last blocks queries keep to their masks: a buffer that training changes."""
    def edit(model):
        model.attn_mask_probs.copy_(torch.tensor(probabilities))
    return edit


def upernet(backbone, size=(64, 64), **more):
    return case("UperNet", "ForSemanticSegmentation", {"backbone_config": backbone, "hidden_size": 8, "pool_scales": [1, 2], "use_auxiliary_head": False, "num_labels": 3}, size, **more)


FAMILIES = {
    "segformer": {
        "model": case("Segformer", "Model", SEGFORMER, (37, 50), batch=1),
        "classifier": case("Segformer", "ForImageClassification", {**SEGFORMER, "num_labels": 5, "reshape_last_stage": False, "hidden_act": "relu", "num_channels": 1}, (33, 32)),
        "semantic": case("Segformer", "ForSemanticSegmentation", {**SEGFORMER, "num_labels": 4, "layer_norm_eps": 0.3}, (37, 50), batch=1),
        "square": case("Segformer", "ForSemanticSegmentation", {**SEGFORMER, "num_labels": 3, "strides": [2, 2, 1], "patch_sizes": [4, 3, 3], "sr_ratios": [2, 1, 1],
                                                                "reshape_last_stage": False}, (13, 13)),
    },
    "mobilenet_v2": {
        "model": case("MobileNetV2", "Model", MOBILENET, (37, 50), batch=1),
        "classifier": case("MobileNetV2", "ForImageClassification", {**MOBILENET, "num_labels": 5, "tf_padding": False, "first_layer_is_expansion": False, "hidden_act": "silu",
                                                                     "expand_ratio": 2.5, "layer_norm_eps": 0.1}, (33, 40), batch=1),
        "semantic": case("MobileNetV2", "ForSemanticSegmentation", {**MOBILENET, "num_labels": 4, "output_stride": 8}, (41, 50), batch=1, edit=narrow),
        "wide-windows": case("MobileNetV2", "ForSemanticSegmentation", {**MOBILENET, "num_labels": 3, "output_stride": 4, "tf_padding": False}, (33, 32), batch=1, edit=narrow),
    },
    "maskformer": {
        "instance": case("MaskFormer", "ForInstanceSegmentation", {**MASKFORMER, "backbone_config": backbone(**RESNET), "decoder_config": backbone("MaskFormerDetr", **DETR)}, (41, 70), batch=1),
        "swin": case("MaskFormer", "ForInstanceSegmentation", {**MASKFORMER, "backbone_config": backbone("Swin", **SWIN), "decoder_config": backbone("MaskFormerDetr", **DETR)}, (41, 70), batch=1, stored=of_the_hub),
        "hiera": case("MaskFormer", "ForInstanceSegmentation", {**MASKFORMER, "backbone_config": backbone("Hiera", **HIERA, num_channels=1, out_features=["stage1", "stage2", "stage3"]), "decoder_config": backbone("MaskFormerDetr", **DETR)}, (64, 64), batch=1),
        "plain": case("MaskFormer", "ForInstanceSegmentation", {**MASKFORMER, "backbone_config": backbone(**{**RESNET, "out_features": ["stage2", "stage4"]}), "decoder_config":
                                                                backbone("MaskFormerDetr", **{**DETR, "d_model": 20, "auxiliary_loss": True, "activation_function": "gelu"})}, (33, 40)),
    },
    "mask2former": {
        "universal": case("Mask2Former", "ForUniversalSegmentation", {**MASK2FORMER, "backbone_config": backbone(**RESNET)}, (41, 70), batch=1),
        "norm-first": case("Mask2Former", "ForUniversalSegmentation", {**MASK2FORMER, "backbone_config": backbone(**RESNET), "pre_norm": True, "hidden_dim": 32, "decoder_layers": 3, "activation_function": "gelu",
                                                                       "common_stride": 8}, (33, 40)),
        "projected": case("Mask2Former", "ForUniversalSegmentation", {**MASK2FORMER, "backbone_config": backbone(**RESNET), "hidden_dim": 32, "enforce_input_projection": True,
                                                                      "decoder_layers": 1, "encoder_layers": 0}, (33, 40), batch=1),
    },
    "eomt": {
        "universal": case("Eomt", "ForUniversalSegmentation", EOMT, SQUARE, edit=masked(0, 0, 0)),
        "masked": case("Eomt", "ForUniversalSegmentation", {**EOMT, "num_channels": 1, "hidden_act": "relu", "layer_norm_eps": 0.1}, SQUARE, edit=masked(1, 0, 1)),
        "gated": case("Eomt", "ForUniversalSegmentation", {**EOMT, "use_swiglu_ffn": True, "num_upscale_blocks": 1, "num_register_tokens": 0, "num_blocks": 4, "image_size": 30, "patch_size": 7},
                      (30, 30), batch=1, edit=masked(1, 1, 0, 1)),
        "plain": case("Eomt", "ForUniversalSegmentation", {**EOMT, "num_upscale_blocks": 0, "num_blocks": 1}, SQUARE, batch=1, edit=masked(1)),
    },
    "eomt_dinov3": {
        "universal": case("EomtDinov3", "ForUniversalSegmentation", EOMT_DINOV3, SQUARE, edit=masked(0, 1, 0)),
        "gated": case("EomtDinov3", "ForUniversalSegmentation", {**EOMT_DINOV3, "use_gated_mlp": True, "hidden_act": "relu", "key_bias": True, "proj_bias": False, "mlp_bias": False,
                                                                 "num_channels": 1, "num_register_tokens": 0, "num_upscale_blocks": 1, "num_blocks": 4, "layer_norm_eps": 0.1,
                                                                 "rope_parameters": {"rope_type": "default", "rope_theta": 7.0}, "image_size": 30, "patch_size": 7}, (30, 30), batch=1,
                      edit=masked(1, 0, 1, 1)),
    },
    "oneformer": {
        "universal": case("OneFormer", "ForUniversalSegmentation", {**ONEFORMER, "backbone_config": backbone(**RESNET)}, (41, 70), batch=1, task=TASK),
        "norm-first": case("OneFormer", "ForUniversalSegmentation", {**ONEFORMER, "backbone_config": backbone(**RESNET), "pre_norm": True, "use_task_norm": False, "layer_norm_eps": 0.01}, (33, 40),
                           task=TASK + [[5, 1, 1, 2, 3, 0, 0]]),
    },
    "upernet": {
        "hiera": upernet({"model_type": "hiera", **HIERA, "out_features": ["stem", "stage2", "stage3"]}),
        "beit-pyramid": upernet({"model_type": "beit", **BEIT, "num_hidden_layers": 4, "use_relative_position_bias": True, "add_fpn": True, "out_indices": [0, 1, 3, 4]}, (24, 32), batch=1),
        "dinov3-convnext": upernet({"model_type": "dinov3_convnext", "hidden_sizes": [8, 12, 20], "depths": [1, 2, 1], "out_features": ["stage1", "stage3"]}),
        "semantic": case("UperNet", "ForSemanticSegmentation", {"backbone_config": backbone(**RESNET), "hidden_size": 8, "num_labels": 4, "auxiliary_channels": 4}, (37, 50), batch=1),
        "other-scales": case("UperNet", "ForSemanticSegmentation", {"backbone_config": backbone(**{**RESNET, "out_features": ["stage2", "stage3"]}), "hidden_size": 8, "num_labels": 3,
                                                                    "pool_scales": [1, 4, 7], "use_auxiliary_head": False}, (49, 34)),
    },
    "beit": {
        "semantic": case("Beit", "ForSemanticSegmentation", {**BEIT, "num_hidden_layers": 4, "use_relative_position_bias": True, "out_indices": [1, 2, 3, 4], "num_labels": 4,
                                                             "use_auxiliary_head": False, "pool_scales": [1, 2]}, (24, 32), batch=1),
    },
    "data2vec-vision": {
        "semantic": case("Data2VecVision", "ForSemanticSegmentation", {**BEIT, "num_hidden_layers": 4, "use_shared_relative_position_bias": True, "out_indices": [1, 2, 3, 4],
                                                                       "num_labels": 3, "auxiliary_channels": 2, "pool_scales": [1, 3]}, (24, 24), batch=1),
    },
}
