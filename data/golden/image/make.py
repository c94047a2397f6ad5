# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Recipe of cases.json: what transformers' image processors make of a picture that tests/preprocessors/image-golden.c makes too.
#   pip install transformers==5.23.0 torch torchvision pillow numpy; python make.py > cases.json
# Each tensor is kept as its shape and every stride-th value of the flat array.
import json
import numpy as np
import torch
import transformers
from PIL import Image


def picture(width, height):
    """Noise of a linear congruential generator on a slope."""
    state, out = 1, np.zeros(width * height * 3, np.uint8)
    for i in range(out.size):
        state = (state * 1664525 + 1013904223) % 2**32
        out[i] = ((state >> 24) + i * 7 // 3) % 256
    return Image.fromarray(out.reshape(height, width, 3))


def kept(a):
    flat = a.reshape(-1)
    stride = max(1, flat.size // 149)
    stride += 1 - stride % 2
    return {"shape": list(a.shape), "stride": stride, "values": [float("%.7g" % v) for v in flat[::stride]]}


E = {"shortest_edge": 33, "longest_edge": 51}
CASES = [
    ("ViTImageProcessor", {"size": 23}), ("ViTImageProcessor", {"size": 91, "resample": 3}),
    ("ViTImageProcessor", {"size": {"height": 19, "width": 50}, "resample": 0}), ("ViTImageProcessor", {"size": [31, 12], "resample": 1}),
    ("ViTImageProcessor", {"size": 30, "do_normalize": False}), ("ViTImageProcessor", {"size": 30, "do_rescale": False}),
    ("DeiTImageProcessor", {"size": 30, "crop_size": 25}), ("CLIPImageProcessor", {"size": 20, "crop_size": 27}),
    ("BitImageProcessor", {"size": {"shortest_edge": 29}, "crop_size": 20}), ("SiglipImageProcessor", {"size": {"height": 21, "width": 22}}),
    ("BeitImageProcessor", {"size": 29, "do_center_crop": True, "crop_size": 22}), ("MobileNetV2ImageProcessor", {"size": 31, "crop_size": 24}),
    ("ConvNextImageProcessor", {"size": {"shortest_edge": 25}}), ("LevitImageProcessor", {"size": 25, "crop_size": 24}),
    ("PoolFormerImageProcessor", {"size": 25, "crop_size": 24}), ("PoolFormerImageProcessor", {"size": {"height": 24, "width": 24}, "crop_size": 24, "crop_pct": 0.7}),
    ("MobileViTImageProcessor", {"size": 25, "crop_size": 24}), ("EfficientNetImageProcessor", {"size": 25, "rescale_offset": True}),
    ("DPTImageProcessor", {"size": 33, "keep_aspect_ratio": True, "ensure_multiple_of": 4}), ("DPTImageProcessor", {"size": 33, "ensure_multiple_of": 7}),
    ("SegformerImageProcessor", {"size": 26}), ("DetrImageProcessor", {"size": E}), ("DetrImageProcessor", {"size": {"max_height": 22, "max_width": 60}}),
    ("DetrImageProcessor", {"size": E, "pad_size": {"height": 60, "width": 70}}), ("YolosImageProcessor", {"size": E}),
    ("RTDetrImageProcessor", {"size": {"height": 32, "width": 32}}), ("MaskFormerImageProcessor", {"size": E, "size_divisor": 8}),
    ("Mask2FormerImageProcessor", {"size": E, "size_divisor": 8}), ("OneFormerImageProcessor", {"size": E}), ("ViltImageProcessor", {"size": {"shortest_edge": 40}, "size_divisor": 8}),
    ("TextNetImageProcessor", {"size": {"shortest_edge": 30}, "size_divisor": 8}), ("Idefics2ImageProcessor", {"size": E}),
    ("Owlv2ImageProcessor", {"size": {"height": 17, "width": 17}}), ("Owlv2ImageProcessor", {"size": {"height": 90, "width": 70}}),
    ("Siglip2ImageProcessor", {"patch_size": 6, "max_num_patches": 20}), ("Siglip2ImageProcessor", {"patch_size": 4, "max_num_patches": 300, "do_normalize": False}),
    ("EomtImageProcessor", {"size": {"shortest_edge": 33, "longest_edge": 45}, "do_pad": True}), ("EomtImageProcessor", {"size": {"shortest_edge": 31}, "do_split_image": True}),
    ("EomtImageProcessor", {"size": {"shortest_edge": 20, "longest_edge": None}, "do_split_image": True}), ("EomtImageProcessor", {"size": E, "do_normalize": False}),
    ("GLPNImageProcessor", {"size_divisor": 16}), ("GLPNImageProcessor", {}),
    ("ZoeDepthImageProcessor", {"size": {"height": 40, "width": 56}, "ensure_multiple_of": 16}), ("ZoeDepthImageProcessor", {"size": {"height": 31, "width": 37}}),
    ("ZoeDepthImageProcessor", {"size": {"height": 50, "width": 130}, "keep_aspect_ratio": False, "resample": 3, "ensure_multiple_of": 4, "do_normalize": False}),
    ("RfDetrImageProcessor", {"size": {"height": 35, "width": 84}}), ("RfDetrImageProcessor", {"size": E, "resample": 3, "pad_size": {"height": 60, "width": 70}}),
    ("RfDetrImageProcessor", {"size": {"height": 90, "width": 30}, "resample": 0, "do_normalize": False}), ("RfDetrImageProcessor", {"size": E, "do_pad": False}),
    ("ZoeDepthImageProcessor", {"do_resize": False, "image_mean": [0.1, 0.2, 0.3]}), ("ZoeDepthImageProcessor", {"size": {"height": 33, "width": 21}, "do_pad": False}),
    ("Sam2ImageProcessor", {"size": {"height": 33, "width": 27}}), ("Sam2ImageProcessor", {"size": 21, "do_normalize": False}),
    ("ConvNextImageProcessor", {"size": {"shortest_edge": 25}, "do_center_crop": True, "crop_size": 12}), ("YolosImageProcessor", {"size": 30}), ("DetrImageProcessor", {"size": 900}),
    ("MobileViTImageProcessor", {"size": 25, "crop_size": 24, "do_normalize": True, "image_mean": 0.4, "image_std": 0.3}), ("ViTImageProcessor", {"size": 30, "image_mean": [0.4], "image_std": [0.3]}),
    ("ConvNextImageProcessor", {"size": {"shortest_edge": 26}, "do_resize": False, "do_center_crop": True, "crop_size": 33}),
]
cases = []
for i, (kind, config) in enumerate(CASES):
    width, height = [(67, 45), (41, 73)][i % 2]
    out = getattr(transformers, kind)(**config)(picture(width, height), return_tensors="pt")
    if out.get("patch_offsets"):            # a list of them; without it another way to say nothing
        out["patch_offsets"] = torch.stack(list(out["patch_offsets"]))
    cases.append({"config": dict(config, image_processor_type=kind), "width": width, "height": height,
                  "tensors": {k: kept(v.numpy().astype(np.float64)) for k, v in out.items() if k.startswith(("pixel", "spatial", "patch")) and len(v)}})
# What core/model/timm.c makes of a config of timm stands in the case: timm's own transform is asked.
for i, (size, percent, mean) in enumerate([(24, 1.0, [0.5, 0.2, 0.7]), (31, 0.8, [0.485, 0.456, 0.406])]):
    width, height = [(67, 45), (41, 73)][i % 2]
    cfg = {"input_size": [3, size, size], "crop_pct": percent, "crop_mode": "border", "interpolation": "bicubic", "mean": mean, "std": [0.3, 0.25, 0.2]}
    out = transformers.TimmWrapperImageProcessor(pretrained_cfg=cfg)(picture(width, height), return_tensors="pt")
    scaled = int(size / percent)
    config = {"image_processor_type": "TimmWrapperImageProcessor", "size": [scaled, scaled], "crop_size": size, "do_border": True, "resample": 3, "image_mean": mean, "image_std": cfg["std"]}
    cases.append({"config": config, "width": width, "height": height, "tensors": {"pixel_values": kept(out["pixel_values"].numpy().astype(np.float64))}})
for i, (size, percent) in enumerate([((24, 31), 0.9), ((40, 18), 0.8)]):      # no squares
    width, height = [(67, 45), (41, 73)][i % 2]
    cfg = {"input_size": [3, *size], "crop_pct": percent, "crop_mode": "center", "interpolation": "bilinear", "mean": [0.5, 0.2, 0.7], "std": [0.3, 0.25, 0.2]}
    out = transformers.TimmWrapperImageProcessor(pretrained_cfg=cfg)(picture(width, height), return_tensors="pt")
    config = {"image_processor_type": "TimmWrapperImageProcessor", "size": [int(side / percent) for side in size], "crop_size": size, "do_cover": True, "resample": 2, "image_mean": cfg["mean"], "image_std": cfg["std"]}
    cases.append({"config": config, "width": width, "height": height, "tensors": {"pixel_values": kept(out["pixel_values"].numpy().astype(np.float64))}})
print(json.dumps(cases, separators=(",", ":")).replace('{"config"', '\n{"config"'))
