# SPDX-License-Identifier: LGPL-2.1-or-later
#
# More cases of make.py: pictures with prompts, points and boxes.
import torch

from cases import case

VISION = dict(hidden_size=16, num_hidden_layers=3, num_attention_heads=2, mlp_dim=20, image_size=40, patch_size=8, window_size=3, global_attn_indexes=[1], output_channels=16, num_pos_feats=8)
PROMPTS = dict(hidden_size=16, image_size=40, patch_size=8, mask_input_channels=8)
DECODER = dict(hidden_size=16, mlp_dim=12, num_attention_heads=2, iou_head_hidden_dim=10)


def points(pictures=1, prompts=5, n=1, labels=None):
    generator = torch.Generator().manual_seed(3)
    given = {"input_points": (torch.rand(pictures, prompts, n, 2, generator=generator) * 40).round()}
    given["input_labels"] = torch.ones(pictures, prompts, n, dtype=torch.int32) if labels is None else torch.tensor(labels, dtype=torch.int32).expand(pictures, prompts, n).contiguous()
    return given


def boxes(prompts=2):
    return {"input_boxes": torch.tensor([[[1.0, 2, 30, 33], [5, 5, 6, 39]]])[:, :prompts].contiguous()}


def mask():
    return {**points(prompts=2), "input_masks": torch.rand(1, 1, 20, 20, generator=torch.Generator().manual_seed(5)) * 4 - 2}


def sam(vision={}, decoder={}, prompts={}):
    return {"vision_config": {**VISION, **vision}, "prompt_encoder_config": {**PROMPTS, **prompts}, "mask_decoder_config": {**DECODER, **decoder}}


EYE = dict(model_type="sam2_hiera_det_model", hidden_size=4, image_size=[64, 64], blocks_per_stage=[1, 2, 2, 1], embed_dim_per_stage=[4, 6, 8, 12], num_attention_heads_per_stage=[1, 2, 2, 3],
           window_size_per_stage=[8, 4, 3, 2], global_attention_blocks=[2], window_positional_embedding_background_size=[5, 3], mlp_ratio=1.5)


def sam2(eye={}, vision={}, decoder={}, prompts={}):
    eye = {**EYE, **eye}
    sizes = {"backbone_channel_list": eye["embed_dim_per_stage"][::-1], "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]], "fpn_hidden_size": 16}
    return {"vision_config": {"backbone_config": eye, **sizes, **vision}, "prompt_encoder_config": {**PROMPTS, "image_size": 64, "patch_size": 16, **prompts}, "mask_decoder_config": {**DECODER, **decoder}}


# Three stages, the last of which looks in windows that are larger than the picture.
THREE = dict(blocks_per_stage=[1, 2, 2], embed_dim_per_stage=[4, 5, 6], num_attention_heads_per_stage=[2, 1, 3], window_size_per_stage=[4, 2, 5], hidden_act="relu", patch_kernel_size=[5, 3],
             patch_padding=[2, 1], layer_norm_eps=1e-3, global_attention_blocks=[0])

FAMILIES = {
    "sam": {
        "points": case("Sam", "Model", sam(), (40, 40), batch=1, prompts=points),
        "boxes": case("Sam", "Model", sam({"use_abs_pos": False, "qkv_bias": False}, {"iou_head_depth": 4, "num_hidden_layers": 1}), (40, 40), batch=1,
                      prompts=lambda: {**points(prompts=2, n=4, labels=[1, 0, -1, -10]), **boxes()}),
        "mask": case("Sam", "Model", sam({"use_rel_pos": False, "window_size": 0, "global_attn_indexes": []}, {"iou_head_depth": 2, "attention_downsample_rate": 4}), (40, 40), batch=1, prompts=mask),
        "two": case("Sam", "Model", sam({"hidden_act": "relu"}, {"num_hidden_layers": 3}), (40, 40), prompts=lambda: points(2, 3, 2, [1, 0])),
    },
    "sam2": {
        "points": case("Sam2", "Model", sam2(), (64, 64), batch=1, prompts=points),
        "boxes": case("Sam2", "Model", sam2(THREE, {"fpn_top_down_levels": [0]}, {"iou_head_depth": 2, "num_hidden_layers": 3}), (64, 64), batch=1,
                      prompts=lambda: {**points(prompts=2, n=5, labels=[1, 0, -1, -10, 3]), **boxes()}),
        "two": case("Sam2", "Model", sam2({"num_query_pool_stages": 2, "blocks_per_stage": [1, 1, 1, 1], "global_attention_blocks": [3]}, {"fpn_kernel_size": 3, "fpn_padding": 1, "fpn_top_down_levels": [0, 1]},
                                          {"num_hidden_layers": 1, "attention_downsample_rate": 4}, {"hidden_act": "relu"}), (64, 64), prompts=lambda: points(2, 3, 2, [1, 0])),
        "mask": case("Sam2", "Model", sam2({"blocks_per_stage": [1, 1, 1, 1], "global_attention_blocks": []}, {}, {"iou_head_depth": 4}), (64, 64), batch=1,
                     prompts=lambda: {**points(prompts=2), "input_masks": torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(5)) * 4 - 2}),
    },
}
