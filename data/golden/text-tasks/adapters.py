#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the golden cases of adapters: PEFT's LoRA in several forms on the tiny repositories beside it, with random weights, and what transformers' pipelines answer
with them (float32, on a CPU): adapters/, cases-adapters.json.

    python3 adapters.py        # torch, transformers==5.24.*, peft==0.21.*
"""
import json
import os
import shutil

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer, pipeline

HERE = os.path.dirname(os.path.abspath(__file__))
TEXTS = ["The old harbour of Lisbon was full of ships.", "Nobody at the museum knew who had painted the green door."]
CASES = [
    # name, base, class, task, texts, arguments of the pipeline, LoraConfig
    ("sequence", "multi", AutoModelForSequenceClassification, "text-classification", TEXTS, {"top_k": None},
     dict(task_type="SEQ_CLS", r=3, lora_alpha=5, target_modules=["query", "value"])),
    ("stabilised", "masked", AutoModelForMaskedLM, "fill-mask", ["The old [MASK] of Lisbon was full of ships."], {"top_k": 4},
     dict(r=4, lora_alpha=6, use_rslora=True, target_modules=["query", "key", "dense", "word_embeddings"], alpha_pattern={"layer.0.output.dense": 20, "key": 3},
          rank_pattern={"attention.output.dense": 2})),
    ("directions", "masked", AutoModelForTokenClassification, "token-classification", TEXTS, {},
     dict(task_type="TOKEN_CLS", r=2, lora_alpha=9, use_dora=True, target_modules=["query", "dense"], bias="lora_only")),
]


def main():
    cases = []
    for name, base, cls, task, texts, arguments, config in CASES:
        torch.manual_seed(len(cases) + 11)
        folder, repository = os.path.join(HERE, "adapters", name), os.path.join(HERE, base)
        shutil.rmtree(folder, ignore_errors=True)
        model = get_peft_model(cls.from_pretrained(repository, dtype=torch.float32), LoraConfig(**config)).eval()
        with torch.no_grad():       # PEFT begins with B = 0: nothing would change
            for key, weight in model.named_parameters():
                if weight.requires_grad and "magnitude" not in key:
                    weight.add_(torch.randn_like(weight) * 0.3)
                elif weight.requires_grad:
                    weight.mul_(torch.rand_like(weight) + 0.5)
        model.save_pretrained(folder)
        os.remove(os.path.join(folder, "README.md"))
        settings = json.load(open(os.path.join(folder, "adapter_config.json")))
        settings["base_model_name_or_path"] = base
        json.dump(settings, open(os.path.join(folder, "adapter_config.json"), "w"), indent=1)
        run = pipeline(task, model=model.merge_and_unload(), tokenizer=AutoTokenizer.from_pretrained(repository))
        answers = [run(text, **arguments) for text in texts]
        for answer in answers:
            for item in answer:
                for key, value in list(item.items()):
                    if hasattr(value, "item"):
                        item[key] = value.item()
        cases.append({"task": task, "repository": base, "adapter": "adapters/" + name,
                      "cases": [{"inputs": text, "parameters": arguments, "expected": answer} for text, answer in zip(texts, answers)]})
    json.dump(cases, open(os.path.join(HERE, "cases-adapters.json"), "w"), indent=1)


main()
