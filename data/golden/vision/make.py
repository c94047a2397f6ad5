#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes tiny vision models with random weights and what transformers computes with them, in float32: one folder a case with config.json,
# model.safetensors and golden.safetensors (pixel_values and other inputs by their names, outputs as out.NAME). cases.py and its like list them.
# Run it with transformers 5.x (pip install transformers torch safetensors timm):
#   python3 make.py [FAMILY[/CASE]...]
import contextlib
import functools
import json
import pathlib
import shutil
import sys

import timm
import torch
import transformers
from safetensors.torch import load_file, save_file

import cases
import cases_prompts
import cases_segmentation
import cases_timm
import cases_video
import slim_timm

HERE = pathlib.Path(__file__).parent
NAMES = ["last_hidden_state", "pooler_output", "logits", "pred_boxes", "image_embeds", "logits_per_image", "predicted_depth", "domain_logits", "pred_masks", "iou_scores", "object_score_logits", "image_embeddings", "high_resolution_features.0", "high_resolution_features.1", "encoder_last_hidden_state",
         "pixel_decoder_last_hidden_state", "transformer_decoder_last_hidden_state", "transformer_decoder_object_queries", "class_queries_logits", "masks_queries_logits"]


def random_weights(model, matrices=0.4):
    torch.manual_seed(20)
    with torch.no_grad():
        for name, p in model.named_parameters():
            norm = p.dim() == 1 and name.endswith("weight")
            spread = 0.3 if p.dim() == 1 else min(0.4, 1.2 / max(p[0].numel(), 1) ** 0.5) if p.dim() > 2 else matrices
            p.copy_((torch.randn(p.shape) * spread + (1.0 if norm else 0.0)).half().float())
        for name, b in model.named_buffers():
            if name.endswith("running_mean"):
                b.copy_((torch.randn(b.shape) * 0.2).half().float())
            elif name.endswith("running_var"):
                b.copy_((torch.rand(b.shape) + 0.5).half().float())
            elif name.endswith("positional_embedding"):
                b.copy_(b.half().float())


@contextlib.contextmanager
def narrow_timm(kwargs):
    """Models of timm with few channels: their config does not tell the width, the tensors do."""
    create = timm.create_model
    timm.create_model = functools.partial(create, **kwargs)
    yield
    timm.create_model = create


def make(folder, case):
    shutil.rmtree(folder, ignore_errors=True)
    config = getattr(transformers, case["config"])(**case["kwargs"])
    if not case.get("best"):            # the text encoder's mask is made for the attention that is taken by itself
        config._attn_implementation = "eager"
    with slim_timm.slim() if case.get("slim") else narrow_timm(case.get("timm", {})):
        model = getattr(transformers, case["class"])(config)
    case.get("edit", lambda model: None)(model)         # what no switch of the config can change
    model.eval()
    random_weights(model, case.get("matrices", 0.4))
    generator = torch.Generator().manual_seed(7)
    sized = getattr(config, "vision_config", getattr(config, "backbone_config", None) or config)
    frames = [case["frames"]] if "frames" in case else []
    pixels = torch.rand(case.get("batch", 2), *frames, getattr(sized, "num_channels", 3), *case["size"], generator=generator) * 2 - 1
    inputs = {"pixel_values": pixels.half().float()}
    if case.get("shapes"):              # patches, those of a picture first
        inputs["pixel_values"] = torch.rand(len(case["shapes"]), case["size"][0], sized.num_channels * sized.patch_size**2, generator=generator).half().float() * 2 - 1
        inputs["spatial_shapes"] = torch.tensor(case["shapes"], dtype=torch.int64)
        inputs["pixel_attention_mask"] = (torch.arange(case["size"][0]) < inputs["spatial_shapes"].prod(-1, keepdim=True)).int()
    for i, (height, width) in enumerate(case.get("seen", [])):
        mask = inputs.setdefault("pixel_mask", torch.zeros(pixels.shape[0], *pixels.shape[2:], dtype=torch.int64))
        mask[i, :height, :width] = 1
    if case.get("texts"):
        inputs["input_ids"] = torch.tensor(case["texts"], dtype=torch.int32)
    if case.get("task"):
        inputs["task_inputs"] = torch.tensor(case["task"], dtype=torch.int32)
    inputs.update(case.get("prompts", dict)())
    options = {"interpolate_pos_encoding": True} if case.get("interpolate") else {}
    if case.get("states"):
        options.update(output_hidden_states=True, output_attentions=True)
    with torch.no_grad():
        out = (getattr(model, case["within"]) if "within" in case else model)(**inputs, **options, return_dict=True)
        if not any(out.get(name) is not None for name in NAMES):        # a head that nothing asks for
            out = model.base_model(**inputs, **options, return_dict=True)
    if hasattr(model, "get_image_embeddings"):
        *fine, out["image_embeddings"] = found if isinstance(found := model.get_image_embeddings(inputs["pixel_values"]), list) else [found]
        for i, x in enumerate(fine):
            out[f"high_resolution_features.{i}"] = x
    results = {"out." + name: out[name].float().contiguous() for name in NAMES if out.get(name) is not None}
    if case.get("best"):
        results.pop("out.last_hidden_state")
        results["out.logits"] = results["out.logits"].max(-1, keepdim=True).values      # of all tokens
    if case.get("texts"):
        results.pop("out.image_embeds", None)         # of length 1 there
    if case.get("states"):
        for name in ("hidden_states", "attentions"):
            if out.get(name):
                results["out." + name] = torch.cat([s.float() for s in out[name]]).contiguous()
    if case.get("interpolate"):
        inputs["interpolate_pos_encoding"] = torch.ones(1, dtype=torch.int32)
    model.save_pretrained(folder)
    for extra in folder.glob("generation_config.json"):
        extra.unlink()
    if case.get("stored"):                      # as other versions write it
        path = folder / "config.json"
        path.write_text(json.dumps(case["stored"](json.loads(path.read_text())), indent=2) + "\n")
    weights = case.get("renamed", dict)(load_file(folder / "model.safetensors"))
    save_file({k: v.half() if v.is_floating_point() else v for k, v in weights.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    save_file({**inputs, **results}, folder / "golden.safetensors")
    print(folder.parent.name, folder.name, {k: list(v.shape) for k, v in results.items()})


def main():
    for family, table in [*cases.FAMILIES.items(), *cases_prompts.FAMILIES.items(), *cases_segmentation.FAMILIES.items(), *cases_timm.FAMILIES.items(), *cases_video.FAMILIES.items()]:
        for name, case in table.items():
            if not sys.argv[1:] or family in sys.argv[1:] or f"{family}/{name}" in sys.argv[1:]:
                make(HERE / family / name, case)


main()
