#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes a small picture and what the pipelines of transformers answer for it, on repositories of ../vision to which an image processor is added
# here (preprocessor_config.json beside the others' files). Run it with transformers 5.x (and torch, torchvision, pillow):
#   python3 make.py
import base64
import functools
import io
import json
import pathlib

import numpy
import timm
import tokenizers
import torch
import transformers
from PIL import Image

HERE = pathlib.Path(__file__).parent
PROCESSOR = {"image_processor_type": "ViTImageProcessor", "do_resize": True, "size": {"height": 24, "width": 24}, "resample": 2, "do_rescale": True,
             "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
DETECTOR = {**PROCESSOR, "image_processor_type": "YolosImageProcessor", "size": {"shortest_edge": 24, "longest_edge": 40}, "do_pad": True, "format": "coco_detection"}
DETECTORS = {"detr": {**DETECTOR, "image_processor_type": "DetrImageProcessor"}, "conditional_detr": {**DETECTOR, "image_processor_type": "ConditionalDetrImageProcessor"},
             "rf_detr": {**DETECTOR, "image_processor_type": "RfDetrImageProcessor", "size": {"height": 48, "width": 64}, "pad_size": {"height": 48, "width": 80}},
             "rt_detr": {**DETECTOR, "image_processor_type": "RTDetrImageProcessor", "size": {"height": 64, "width": 96}}}
PATCHED = {"image_processor_type": "Siglip2ImageProcessor", "patch_size": 4, "max_num_patches": 30}
QUERIES = {**{k: v for k, v in PROCESSOR.items() if k != "size"}, "image_processor_type": "EomtImageProcessor"}
SEGMENTERS = {"universal": {**QUERIES, "size": {"shortest_edge": 24, "longest_edge": 24}, "do_pad": True},
              "instance": DETECTORS["rf_detr"],
             "plain": {**QUERIES, "size": {"shortest_edge": 24, "longest_edge": None}, "do_split_image": True}}
SEGMENTER = {**PROCESSOR, "image_processor_type": "SegformerImageProcessor", "size": {"height": 32, "width": 32}, "do_reduce_labels": False}
OWL = {**PROCESSOR, "do_pad": True, "do_center_crop": False}
CLASSIFY, FEATURES, DETECT = "image-classification", "image-feature-extraction", "object-detection"
SEGMENT = "image-segmentation"
ZERO = "zero-shot-image-classification"
DEPTH = "depth-estimation"
ZERO_DETECT = "zero-shot-object-detection"
ESTIMATOR = {**PROCESSOR, "image_processor_type": "DPTImageProcessor", "size": {"height": 24, "width": 24}, "keep_aspect_ratio": True, "ensure_multiple_of": 8, "resample": 3}
MIRROR = {**ESTIMATOR, "image_processor_type": "ZoeDepthImageProcessor", "size": {"height": 40, "width": 56}}
LABELS = {"candidate_labels": ["cat", "tall building", "cat"]}
WORDS = ["<unk>", "<pad>", "<s>", "cat", "dog", "</s>", "this", "is", "a", "photo", "of", "tall", "building", ".", "red", "house", "picture"]
CASES = [
    (CLASSIFY, "vit/classifier", {}), (CLASSIFY, "vit/classifier", {"top_k": 2}), (CLASSIFY, "vit/classifier", {"top_k": 100}),
    (CLASSIFY, "vit/classifier", {"top_k": -2}), (CLASSIFY, "vit/classifier", {"top_k": 0}), (CLASSIFY, "vit/classifier", {"function_to_apply": "Sigmoid"}),
    (CLASSIFY, "timm_wrapper/classifier", {}), (CLASSIFY, "vit/classifier", {"function_to_apply": "none", "top_k": 3}), (CLASSIFY, "vit/classifier", {"function_to_apply": "tanh"}),
    (FEATURES, "beit/model", {}), (FEATURES, "dinov2/model", {"pool": True}), (FEATURES, "vit/other-size", {"pool": True}),
    (DETECT, "yolos/detection", {"threshold": 0.1}), (DETECT, "yolos/detection", {}), (DETECT, "yolos/detection", {"threshold": 1}),
    (DETECT, "yolos/base-size", {"threshold": 0.2}), (DETECT, "yolos/base-size", {"threshold": -3}),
    *((DETECT, repository, {"threshold": threshold}) for repository in ("detr/detection", "conditional_detr/detection", "rt_detr/detection", "rf_detr/detection") for threshold in (0.3, 0)),
    (SEGMENT, "segformer/semantic", {}), (SEGMENT, "segformer/semantic", {"subtask": "semantic", "threshold": 2}), (SEGMENT, "segformer/semantic", {"subtask": "panoptic"}),
    *((SEGMENT, "eomt/universal", {"subtask": subtask, "threshold": threshold, "mask_threshold": 0.4, "overlap_mask_area_threshold": 0.2})
      for subtask, threshold in (("panoptic", 0.2), ("instance", 0.1), ("semantic", 0))),
    *((SEGMENT, "rf_detr/instance", parameters) for parameters in ({"threshold": 0.2}, {"threshold": 0.2, "subtask": "instance", "mask_threshold": -0.5}, {"subtask": "panoptic"})),
    (SEGMENT, "eomt/universal", {}), (SEGMENT, "eomt/plain", {"subtask": "semantic"}),
    (DEPTH, "depth_anything/relative", {}), (DEPTH, "zoedepth/single", {}), (CLASSIFY, "siglip2/classifier", {}),
    *((ZERO, repository, parameters) for repository in ("clip/both", "clip/both-highest", "siglip/both") for parameters in (
        LABELS, {**LABELS, "hypothesis_template": "a red {}"}, {"candidate_labels": "ab"},
        {"candidate_labels": ["dog"], "hypothesis_template": "{}"}, {"candidate_labels": []}, {})),
    *((ZERO_DETECT, repository, parameters) for repository in ("owlvit/detection", "owlv2/detection") for parameters in (
        {**LABELS, "threshold": 0.5}, {**LABELS, "threshold": 0, "top_k": 5}, {"candidate_labels": "a red house,dog", "top_k": -14}, {"candidate_labels": "cat", "threshold": 0.9})),
    (ZERO, "clip/both", {**LABELS, "hypothesis_template": "{1}"}), (ZERO, "clip/both", {"candidate_labels": ["dog " * 80]}),
]


def write_tokenizer(folder):
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 5)])
    tokenizer.save(str(folder / "tokenizer.json"))
    names = ["input_ids"] if folder.parent.name == "siglip" else ["input_ids", "attention_mask"]
    config = {"tokenizer_class": "TokenizersBackend", "unk_token": "<unk>", "pad_token": "<pad>", "eos_token": "</s>", "model_input_names": names}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")


def plain(answer):
    """Masks as base64 of a PNG, tensors as lists."""
    if isinstance(answer, torch.Tensor):
        return answer.tolist()
    if isinstance(answer, Image.Image):
        file = io.BytesIO()
        answer.save(file, "PNG")
        return base64.b64encode(file.getvalue()).decode()
    if isinstance(answer, list):
        return [plain(one) for one in answer]
    return {key: plain(value) for key, value in answer.items()} if isinstance(answer, dict) else answer


def main():
    rows = numpy.arange(30)[:, None, None]
    columns = numpy.arange(40)[None, :, None]
    pixels = (rows * numpy.array([8, 3, 5]) + columns * numpy.array([2, 6, 1])) % 256
    Image.fromarray(pixels.astype("uint8")).save(HERE / "waves.png")
    cases = []
    timm.create_model = functools.partial(timm.create_model, channels=(4, 6, 8, 10))      # as ../vision made it
    for task, repository, parameters in CASES:
        folder = HERE.parent / "vision" / repository
        config = json.loads((folder / "config.json").read_text())
        size = config.get("vision_config", config).get("image_size")
        processor = PATCHED if "siglip2" in repository else DETECTORS.get(folder.parent.name, DETECTOR) if task == DETECT else {**OWL, "image_processor_type": "Owlv2ImageProcessor" if "owlv2" in repository else "OwlViTImageProcessor"} if task == ZERO_DETECT else MIRROR if "zoedepth" in repository else ESTIMATOR if task == DEPTH else SEGMENTERS.get(folder.name, SEGMENTER) if task == SEGMENT else {**PROCESSOR, "size": {"height": size, "width": size}}
        if config["model_type"] != "timm_wrapper":      # its config.json says it
            (folder / "preprocessor_config.json").write_text(json.dumps(processor, indent=1) + "\n")
        if task in (ZERO, ZERO_DETECT):
            write_tokenizer(folder)
        for inputs in ("waves.png", ["waves.png", "waves.png"]) if task != ZERO_DETECT else ("waves.png",):      # of that its lists are of objects
            paths = [str(HERE / i) for i in inputs] if isinstance(inputs, list) else str(HERE / inputs)
            try:
                expected = plain(transformers.pipeline(task, str(folder), device="cpu")(paths, **parameters))
            except (ValueError, TypeError, IndexError, KeyError, RuntimeError) as e:
                expected = {"error": str(e)[:60]}
            cases.append({"task": task, "repository": repository, "inputs": inputs, "parameters": parameters, "expected": expected})
    text = json.dumps(cases, separators=(",", ":"))
    (HERE / "cases.json").write_text(json.dumps(json.loads(text, parse_float=lambda f: round(float(f), 6)), separators=(",", ":")) + "\n")


main()
