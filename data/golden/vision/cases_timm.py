# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Cases of make.py: models of timm as repositories of their own ("timm_wrapper") and as backbones ("timm_backbone").
from cases import case

SLIM = dict(dims=(8, 12, 16, 20), depths=(1, 1, 2, 1))
NARROW = dict(embed_dim=16, depth=2, num_heads=2, mlp_ratio=2.0, img_size=24, patch_size=8)


def wrapper(name, size, head="ForImageClassification", model_args=None, num_channels=None, **more):
    kwargs = {"architecture": name, "model_args": model_args}
    if head != "Model":
        kwargs["num_labels"] = 5
    if num_channels:
        kwargs["num_channels"] = num_channels
    return case("TimmWrapper", head, kwargs, size, **more)


def vit(name, size=(24, 24), head="ForImageClassification", stored=None, renamed=None, **more):
    changes = {"stored": stored, "renamed": renamed} if stored else {}
    return wrapper(name, size, head, {**NARROW, **more}, **changes)


def backbone(name, indices, size=(64, 70), **more):
    """Its maps are what a segmenter looks at. (A detector like DETR would freeze timm's normalisations and so lose their activations.)"""
    config = {"model_type": "timm_backbone", "backbone": name, "out_indices": indices}
    return case("UperNet", "ForSemanticSegmentation", {"backbone_config": config, "hidden_size": 8, "pool_scales": [1, 2], "use_auxiliary_head": False, "num_labels": 3}, size, **more)


def as_timm_stores(config):
    """A repository of timm, which names no class of transformers; nor do its weights."""
    return {**{key: config[key] for key in ("architecture", "num_classes", "model_args")}, "pretrained_cfg": {"input_size": [3, 24, 24]}}


def as_timm_names(weights):
    return {name.removeprefix("timm_model."): weight for name, weight in weights.items()}


FAMILIES = {
    "timm_resnet": {
        "eca": wrapper("ecaresnet26t.ra2_in1k", (45, 50), timm=dict(channels=(4, 6, 8, 10), stem_width=8)),
        "eca-groups": wrapper("ecaresnext26t_32x4d", (33, 70), "Model", timm=dict(channels=(4, 4, 4, 8), stem_width=8, cardinality=2, base_width=32)),
        "smooth": wrapper("resnetaa50d.sw_in12k_ft_in1k", (64, 32), timm=dict(channels=(2, 3, 4, 5), stem_width=8)),
        "smooth-plain": wrapper("resnetaa34d", (64, 32), "Model", {"output_stride": 16}, timm=dict(channels=(2, 2, 3, 4), stem_width=8)),
        "rs": wrapper("resnetrs50", (45, 50), timm=dict(channels=(2, 2, 3, 4), stem_width=4)),
    },
    "timm_convnext": {
        "classifier": wrapper("convnext_nano.in12k_ft_in1k", (64, 50), timm=SLIM),
        "model": wrapper("convnextv2_pico", (33, 70), "Model", timm=SLIM),
        "hidden": wrapper("convnext_large_mlp", (64, 64), timm=dict(SLIM, head_hidden_size=10)),
        "first": wrapper("convnext_tiny_hnf", (64, 64), model_args={"output_stride": 16}, timm=SLIM),
        "overlap": wrapper("convnext_atto_ols", (45, 50), "Model", {"output_stride": 8, "in_chans": 1}, 1, timm=SLIM),
        "backbone": backbone("convnext_tiny.fb_in1k", [1, 2], timm=SLIM),
    },
    "timm_vit": {
        "classifier": vit("vit_tiny_patch16_224.augreg_in21k"),
        "own": vit("vit_small_patch16_224.augreg_in21k", stored=as_timm_stores, renamed=as_timm_names),
        "model": vit("deit3_small_patch16_224", (24, 16), "Model", img_size=[24, 16], init_values=0.1),
        "distilled": vit("deit_tiny_distilled_patch16_224"),
        "distilled-model": vit("deit_tiny_distilled_patch16_224", head="Model"),
        "means": vit("vit_medium_patch16_reg4_gap_256"),
        "tower": vit("vit_base_patch32_clip_quickgelu_224.openai"),
        "asked": vit("vit_so400m_patch16_siglip_256.v2_webli", head="Model"),
        "gated": vit("vit_giant_patch14_reg4_dinov2.lvd142m", head="Model", init_values=0.1, mlp_ratio=3),
        "dynamic": vit("vit_small_patch16_224", (40, 16), dynamic_img_size=True, class_token=False, global_pool="avg", reg_tokens=2, qk_norm=True),
        "aim": vit("aimv2_large_patch14_224", head="Model"),
        "scaled": vit("beit3_base_patch16_224"),
        "backbone": backbone("vit_small_patch16_224.augreg_in21k", [0, 1], (24, 24), timm={**NARROW, "num_heads": 1}),
    },
    "timm_eva": {
        "classifier": vit("eva02_tiny_patch14_224.mim_in22k", (24, 16), img_size=[24, 16], num_heads=1),
        "large": vit("eva02_large_patch14_448.mim_m38m_ft_in22k_in1k", (24, 16), img_size=[24, 16]),
        "tower": vit("eva02_base_patch16_clip_224", head="Model"),
        "first": vit("eva_giant_patch14_224.clip_ft_in1k"),
        "enormous": vit("eva02_enormous_patch14_clip_224", head="Model"),
        "dinov3": vit("vit_small_patch16_dinov3_qkvb.lvd1689m", (40, 16), head="Model"),
        "dinov3-plus": vit("vit_huge_plus_patch16_dinov3", (16, 32)),
        "grouped": vit("vit_base_patch16_sapiens2", (16, 24), head="Model", embed_dim=32, num_heads=4, num_kv_heads=[4, 2]),
        "registers": vit("vit_betwixt_patch16_rope_reg4_gap_256.sbb_in1k", (16, 24), img_size=[16, 24]),
        "rope": vit("vit_small_patch16_rope_ape_224.naver_in1k", (16, 24), img_size=[16, 24]),
        "mixed": vit("vit_base_patch16_rope_mixed_224.naver_in1k", (16, 24), img_size=[16, 24], num_heads=1),
        "core": vit("vit_pe_core_base_patch16_224.fb", (16, 24), img_size=[16, 24]),
        "spatial": vit("vit_pe_spatial_gigantic_patch14_448.fb", (16, 24), head="Model", img_size=[16, 24], init_values=0.1),
        "backbone": backbone("vit_small_patch16_dinov3.lvd1689m", [0, -1], (24, 32), timm={**NARROW, "num_heads": 1}),
    },
    "timm_efficientnet": {
        "classifier": wrapper("efficientnet_b0.ra_in1k", (45, 50), slim=True),
        "edge": wrapper("efficientnet_em.ra2_in1k", (33, 50), slim=True),
        "pruned": wrapper("efficientnet_b1_pruned.in1k", (33, 50), "Model", slim=True),
        "tf": wrapper("tf_efficientnetv2_s.in21k", (45, 50), "Model", slim=True),
        "v3": wrapper("mobilenetv3_large_100", (64, 50), slim=True),
        "small": wrapper("tf_mobilenetv3_small_100", (33, 50), "Model", slim=True),
        "lc": wrapper("lcnet_050", (33, 40), "Model", slim=True),
        "v4": wrapper("mobilenetv4_conv_small.e2400_r224_in1k", (33, 50), slim=True),
        "v4-blur": wrapper("mobilenetv4_conv_blur_medium", (45, 38), slim=True),
        "v4-mean": wrapper("mobilenetv4_conv_aa_large", (45, 38), "Model", slim=True),
        "v4-hybrid": wrapper("mobilenetv4_hybrid_large.e600_r384_in1k", (45, 38), slim=True),
        "v4-backbone": backbone("mobilenetv4_conv_medium.e500_r256_in1k", [1, -2], (33, 40), slim=True),
        "hardcore": wrapper("hardcorenas_a", (33, 50), slim=True),
        "dilated": wrapper("mobilenetv2_100", (64, 50), model_args={"output_stride": 16}, slim=True),
        "backbone": backbone("tf_efficientnet_lite0", [2, -1], slim=True),
        "backbone-small": backbone("mobilenetv3_small_100", [3], slim=True),
    },
    "timm_regnet": {
        "classifier": wrapper("regnety_002.pycls_in1k", (45, 50), slim=True),
        "model": wrapper("regnetx_004", (33, 70), "Model", {"output_stride": 8}, slim=True),
        "backbone": backbone("regnety_004", [1, 3], slim=True),
    },
}
