# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The families whose heads are for segmentation; the form of cases.py.

from torch import nn

from cases import case

SEGFORMER = dict(num_encoder_blocks=3, depths=[1, 2, 1], sr_ratios=[4, 2, 1], hidden_sizes=[8, 12, 16], patch_sizes=[7, 3, 3], strides=[4, 2, 2],
                 num_attention_heads=[1, 2, 4], mlp_ratios=[2, 2, 2], decoder_hidden_size=10)
MOBILENET = dict(depth_multiplier=0.02, depth_divisible_by=2, min_depth=4, finegrained_output=False)


def narrow(model):
    """DeepLabV3+ with 6 channels instead of 256, which its class does not let a config choose."""
    head, width = model.segmentation_head, 6
    for layer in (head.conv_pool, head.conv_aspp, head.conv_projection):
        inputs = 2 * width if layer is head.conv_projection else layer.convolution.in_channels
        layer.convolution = nn.Conv2d(inputs, width, 1, bias=False)
        layer.normalization = nn.BatchNorm2d(width, eps=layer.normalization.eps)
    head.classifier.convolution = nn.Conv2d(width, model.config.num_labels, 1)


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
}
