# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Models of timm with the blocks of their kind but few of them and few channels, where no argument of timm.create_model () makes them so.
import contextlib
import copy

from timm.models import efficientnet, hardcorenas, mobilenetv3, regnet


def slim_blocks(block_args):
    stages = copy.deepcopy(block_args)
    most = 12 if any(block["block_type"] == "uir" for stage in stages for block in stage) else 1000
    for stage in stages:
        kinds = [(block["block_type"], block.get("dw_kernel_size_mid")) for block in stage]
        stage[:] = [block for i, block in enumerate(stage) if i < 2 or kinds[i] not in kinds[:i]]
        for block in stage:
            block["out_chs"] = min(most, max(4, block["out_chs"] // 16 * 2))
            if "exp_ratio" in block:
                block["exp_ratio"] = min(block["exp_ratio"], 3)
            if "key_dim" in block:
                block["key_dim"] = block["value_dim"] = 4
    return stages


def of_effnet(kwargs):
    kwargs.pop("pruned", None)          # to sizes of their own
    kwargs.update(block_args=slim_blocks(kwargs["block_args"]), stem_size=6, fix_stem=True, round_chs_fn=lambda channels: channels)
    if kwargs.get("num_features"):
        kwargs["num_features"] = 20


def of_regnet(kwargs):
    cfg = kwargs["model_cfg"]
    kwargs["model_cfg"] = regnet.RegNetCfg(depth=6, w0=8, wa=4.0, wm=1.6, group_size=4, se_ratio=cfg.se_ratio, downsample=cfg.downsample, linear_out=cfg.linear_out,
                                           act_layer=cfg.act_layer, stem_width=8)


@contextlib.contextmanager
def slim():
    saved = [(module, module.build_model_with_cfg) for module in (efficientnet, hardcorenas, mobilenetv3, regnet)]

    def wrap(build):
        def slimmer(model_cls, variant, pretrained, **kwargs):
            (of_regnet if "model_cfg" in kwargs else of_effnet)(kwargs)
            return build(model_cls, variant, pretrained, **kwargs)
        return slimmer

    for module, build in saved:
        module.build_model_with_cfg = wrap(build)
    yield
    for module, build in saved:
        module.build_model_with_cfg = build
