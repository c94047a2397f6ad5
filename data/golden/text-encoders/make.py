#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes tiny text encoders with random weights and what transformers computes with them, in float32: one folder a case with config.json,
# model.safetensors and golden.safetensors (inputs by their names, outputs as
# out.NAME; where texts packed without padding give something else, that is alone.NAME; what the bare model gives of the same weights,
# features.NAME). cases.py, relative.py, documents.py and shortened.py list them.
# Run it with transformers 4.57 and with 5.x (pip install transformers torch safetensors): each makes the cases that are to be its own.
#   python3 make.py [FAMILY...]
import json
import pathlib
import re
import shutil
import sys

import torch
import transformers
from safetensors.torch import load_file, save_file

import cases
import documents
import relative
import shortened

FAMILIES = {**cases.FAMILIES, **relative.FAMILIES, **documents.FAMILIES, **shortened.FAMILIES}
MAJOR = int(transformers.__version__.split(".")[0])
HERE = pathlib.Path(__file__).parent
# transformers' name of an output -> ours
NAMES = {"last_hidden_state": "last_hidden_state", "pooler_output": "pooler_output", "logits": "logits", "prediction_logits": "logits",
         "logits_aggregation": "logits_aggregation", "seq_relationship_logits": "seq_relationship_logits", "sop_logits": "seq_relationship_logits", "start_logits": "start_logits", "end_logits": "end_logits"}


def random_weights(model):
    torch.manual_seed(20)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "embed_positions" in name:       # sinusoids, which are read from the file, rounded as it is
                p.copy_(p.half().float())
                continue
            norm = p.dim() == 1 and name.endswith("weight")
            p.copy_((torch.randn(p.shape) * (0.3 if p.dim() == 1 else 0.4) + (1.0 if norm else 0.0)).half().float())
    model.tie_weights()


def make_inputs(case, config):
    """Two texts of different lengths, the second one padded."""
    generator = torch.Generator().manual_seed(7)
    length = case.get("length", 9)
    ids = torch.randint(5, config.get_text_config().vocab_size, (2, length), generator=generator)
    if case.get("separators"):
        ids[ids == case["separators"]["token"]] += 1
        ids[:, case["separators"]["at"]] = case["separators"]["token"]
    mask = torch.ones_like(ids)
    mask[1, length - 3:] = 0
    if case.get("left_padding"):
        mask = mask.flip(1)
    if case.get("full"):
        mask[:] = 1
    ids[mask == 0] = max(getattr(config, "pad_token_id", None) or 0, 0)
    inputs = {"input_ids": ids, "attention_mask": mask}
    if case.get("types"):
        inputs["token_type_ids"] = torch.randint(0, case["types"], ids.shape, generator=generator)
    if case.get("kinds"):
        inputs["token_type_ids"] = torch.stack([torch.randint(0, size, ids.shape, generator=generator) for size in case["kinds"]], -1)
    for name, size in case.get("more", {}).items():
        inputs[name] = torch.randint(0, size, ids.shape, generator=generator)
    if case.get("choices"):
        inputs = {k: v.reshape(1, 2, length) for k, v in inputs.items()}
    if case.get("no_mask"):
        del inputs["attention_mask"]
    return inputs


def each_alone(model, inputs):
    """What each text gives without the other and without padding: for models whose tokens see the padding next to them."""
    choices = inputs["input_ids"].dim() == 3
    ids, mask, types = ((inputs[k].flatten(0, 1) if choices else inputs[k]) if k in inputs else None for k in ("input_ids", "attention_mask", "token_type_ids"))
    results = {}
    for i in range(len(ids)):
        n = int(mask[i].sum())
        own = {"input_ids": ids[i:i + 1, :n], **({"token_type_ids": types[i:i + 1, :n]} if types is not None else {})}
        if choices:
            own = {k: v[:, None] for k, v in own.items()}
        with torch.no_grad():
            out = model(**own, return_dict=True)
        for name, ours in NAMES.items():
            if out.get(name) is not None:
                results.setdefault("alone." + ours, []).append(out[name].float().flatten())
    return {name: torch.cat(parts).contiguous() for name, parts in results.items()}


def make(folder, case):
    config_class = getattr(transformers, case["config"])
    model_class = getattr(transformers, case["class"])
    shutil.rmtree(folder, ignore_errors=True)
    config = config_class(**case["kwargs"])
    config._attn_implementation = "eager"
    model = model_class(config).eval()
    random_weights(model)
    inputs = make_inputs(case, config)
    with torch.no_grad():
        out = model(**inputs, return_dict=True, **({"output_hidden_states": True, "output_attentions": True} if case.get("states") else {}))
    golden = {k: v.to(torch.int32).contiguous() for k, v in inputs.items()}
    if case.get("skip_padding"):
        golden["skip_padding"] = torch.ones(1, dtype=torch.int32)
    for name, ours in NAMES.items():
        if out.get(name) is not None and name not in case.get("drop", []):
            golden["out." + ours] = out[name].float().contiguous()
    if case.get("states"):
        golden["out.hidden_states"] = torch.cat([h for h in out.hidden_states]).contiguous()
        golden["out.attentions"] = torch.cat([a for a in out.attentions]).contiguous()
    if case.get("features"):
        with torch.no_grad():
            golden["features.last_hidden_state"] = getattr(model, model.base_model_prefix)(**inputs, return_dict=True).last_hidden_state.contiguous()
    if case.get("alone"):
        golden.update(each_alone(model, inputs))
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    tensors = load_file(folder / "model.safetensors")
    for pattern, new in case.get("rename", {}).items():
        tensors = {re.sub(pattern, new or "", k): v for k, v in tensors.items() if new is not None or not re.search(pattern, k)}
    for name, source in case.get("add", {}).items():
        tensors[name] = tensors[source].clone()
    save_file({k: v.half() for k, v in tensors.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    save_file(golden, folder / "golden.safetensors")
    if case.get("edit"):
        path = folder / "config.json"
        data = json.loads(path.read_text())
        for key, value in case["edit"].items():
            data.pop(key, None)
            if value is not None:
                data[key] = value
        path.write_text(json.dumps(data, indent=2) + "\n")


for family, table in FAMILIES.items():
    if len(sys.argv) > 1 and family not in sys.argv[1:]:
        continue
    for name, case in table.items():
        if case.get("transformers", 5) == MAJOR:
            print(family, name)
            make(HERE / family / name, case)
