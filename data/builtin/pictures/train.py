# SPDX-License-Identifier: LGPL-2.1-or-later
"""The built-in classifier: a small ResNet that names the thing in a drawn picture.   train.py SPRITES.npz [STEPS]"""
import math
import pathlib
import sys

import numpy as np
import torch
from transformers import ResNetConfig, ResNetForImageClassification

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "pictures-common"))
import scenes  # noqa: E402

SIZE, BATCH = 112, 32


def batch(rng, sprites, count):
    pictures, labels = zip(*(scenes.portrait(rng, sprites, SIZE) for _ in range(count)))
    return scenes.tensor(pictures).to(memory_format=torch.channels_last), torch.tensor(labels)


def judge(model, sprites, count=700):
    rng = np.random.default_rng(7)
    model.eval()
    right = 0
    with torch.no_grad():
        for _ in range(count // 50):
            x, y = batch(rng, sprites, 50)
            right += (model(x).logits.argmax(-1) == y).sum().item()
    model.train()
    return right / count


def main():
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    sprites, other_hand = scenes.Sprites(sys.argv[1], scenes.TRAIN), scenes.Sprites(sys.argv[1], scenes.TEST)
    model = ResNetForImageClassification(ResNetConfig(
        embedding_size=24, hidden_sizes=[32, 64, 128, 192], depths=[1, 1, 1, 1], layer_type="basic",
        id2label=dict(enumerate(scenes.LABELS)), label2id={label: i for i, label in enumerate(scenes.LABELS)}))
    model.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1, s / 200) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1, s / steps)))))
    for step in range(steps):
        x, y = batch(rng, sprites, BATCH)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(x).logits
        loss = torch.nn.functional.cross_entropy(logits.float(), y, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 250 == 249 or step == steps - 1:
            print(f"{step + 1}: loss {loss.item():.3f}, another hand's drawings {judge(model, other_hand):.3f}, the same hands' {judge(model, sprites, 200):.3f}", flush=True)
    scenes.save(model, here, scenes.processor("ViTImageProcessor", SIZE))


main()
