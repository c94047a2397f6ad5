#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes what models for segmentation might give, at random, and what the image processors of transformers make of it: cases.json. "how" names the
# processor, "classes" how many of the votes of a query count (0: none, planes are classes), "map" has for each pixel of the picture the index of its segment, plus 1; 0: none. Also numbers and their torch.topk (sorted=False).
# Run it with transformers 5.x (and torch, torchvision):
#   python3 make.py
import json
import pathlib

import torch
import transformers
from transformers.image_transforms import get_size_with_aspect_ratio
from transformers.utils import ModelOutput

HERE = pathlib.Path(__file__).parent
FEW, MANY = 5, 70           # classes: torch.topk selects otherwise among many
LOOSE = {"overlap_mask_area_threshold": 0.3}
CASES = [
    # processor, kind, picture, classes (0: no queries), thresholds
    ("Segformer", "semantic", (23, 31), 0, {}), ("Segformer", "semantic", (5, 4), 0, {}),
    *((name, kind, picture, classes, {"threshold": threshold, **more}) for name in ("MaskFormer", "Mask2Former", "OneFormer", "Detr", "ConditionalDetr", "Eomt")
      for kind, picture, classes, threshold, more in (
          ("semantic", (23, 31), FEW, 0, {}), ("semantic", (6, 5), FEW, 0, {}), ("panoptic", (23, 31), FEW, 0.3, LOOSE), ("panoptic", (6, 5), FEW, 0.3, LOOSE),
          ("panoptic", (23, 31), FEW, 0.4, {"mask_threshold": 0.2, "overlap_mask_area_threshold": 0.1}), ("panoptic", (9, 9), FEW, 1.0, {}),
          ("panoptic", (6, 5), MANY, 0.1, LOOSE), ("instance", (23, 31), FEW, 0.3, LOOSE), ("instance", (6, 5), MANY, 0.2, {}), ("instance", (9, 9), FEW, 0.0, {"overlap_mask_area_threshold": 0.0}))),
    *(("RfDetr", "instance", picture, classes, thresholds) for picture, classes, thresholds in (
        ((23, 31), FEW, {"threshold": 0.3, "mask_threshold": 0.5}), ((6, 5), MANY, {"threshold": 0.2, "mask_threshold": -1.5}), ((9, 9), 1, {"threshold": 0, "mask_threshold": 0}),
        ((7, 9), FEW, {"threshold": 1, "mask_threshold": 0.5}))),
]


def rounded(t):
    return [round(x, 4) for x in t.flatten().tolist()]


def segment_map(output, kind):
    if kind == "semantic":
        labels = torch.unique(output).tolist()
        return sum((output == label) * (i + 1) for i, label in enumerate(labels)), [{"label": label, "score": None} for label in labels]
    info = output["segments_info"]
    whole = torch.zeros(output["segmentation"].shape, dtype=torch.int64)
    for i, segment in enumerate(info):
        whole[output["segmentation"] == segment["id"]] = i + 1
    return whole, [{"label": segment["label_id"], "score": segment["score"]} for segment in info]


def case(name, kind, picture, n_classes, thresholds, planes, votes):
    one = {"how": name, "kind": kind, "picture": picture, "classes": n_classes, **thresholds}
    if n_classes:
        classes = votes[:, :, :n_classes]
        outputs = ModelOutput(logits=classes, pred_masks=planes, class_queries_logits=classes, masks_queries_logits=planes)
    else:
        outputs = ModelOutput(logits=planes)
    processor = getattr(transformers, name + "ImageProcessor")
    processor = processor(**({"size": {"shortest_edge": 24, "longest_edge": 30}} if name == "Eomt" else {}))
    if name == "Eomt":                              # the size of its masks, and of what is picture in them
        one["size"] = [24, 30, *(min(seen, size) for seen, size in zip(get_size_with_aspect_ratio(picture, 24, 30), (24, 30)))]
        outputs["patch_offsets"] = []
        if kind == "instance":
            thresholds = {"threshold": thresholds["threshold"]}
    processor.class_info_file = "other.json"        # OneFormer looks for a word in its name
    function = getattr(processor, f"post_process_{kind}_segmentation")
    output = function(outputs, target_sizes=[picture], **({} if kind == "semantic" else thresholds))[0]
    whole, one["segments"] = segment_map(output, kind)
    return {**one, "map": "".join(map(str, whole.flatten().tolist()))}


def best(generator, n, k, steps):
    x = torch.rand(n, generator=generator)
    x = torch.tensor(rounded((x * steps).round() / steps if steps else x))
    return {"x": rounded(x), "best": x.topk(k, sorted=False)[1].tolist()}


def main():
    generator = torch.Generator().manual_seed(3)
    planes = torch.nn.functional.interpolate(torch.randn(1, 6, 3, 4, generator=generator) * 4, size=(11, 13), mode="bicubic")
    planes = torch.tensor(rounded(planes)).view(1, 6, 11, 13)
    votes = torch.tensor(rounded(torch.randn(1, 6, MANY, generator=generator) * 2.5)).view(1, 6, MANY)
    cases = [case(*row, planes, votes) for row in CASES]
    largest = [best(generator, n, k, steps) for n, k, steps in ((1, 1, 0), (3, 2, 0), (40, 7, 0), (40, 40, 6), (200, 3, 0), (200, 100, 9), (129, 2, 3))]
    (HERE / "cases.json").write_text(json.dumps({"planes": rounded(planes), "votes": rounded(votes), "cases": cases, "best": largest}, separators=(",", ":")) + "\n")


main()
