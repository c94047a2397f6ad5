# SPDX-License-Identifier: LGPL-2.1-or-later
"""The built-in segmenter: a small UperNet that says of each pixel what kind of thing it shows.   train.py SPRITES.npz [STEPS [RATE]]

Its backbone begins with what ../pictures has learnt: train that first. With a RATE of learning, what is in model/ is trained on."""
import math
import pathlib
import sys

import numpy as np
import torch
from transformers import ResNetConfig, ResNetForImageClassification, UperNetConfig, UperNetForSemanticSegmentation

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "pictures-common"))
import scenes  # noqa: E402

SIZE, BATCH = 192, 16


def batch(rng, sprites, count):
    pictures, maps = [], []
    for _ in range(count):
        picture, _, _, shown, order = scenes.scene(rng, sprites, SIZE, 5)
        pictures.append(picture)
        maps.append(scenes.classes(shown, order))
    return scenes.tensor(pictures).to(memory_format=torch.channels_last), torch.from_numpy(np.stack(maps))


def judge(model, sprites, count=96):
    """Mean over the classes of intersection over union."""
    rng = np.random.default_rng(7)
    model.eval()
    both, either = np.zeros(len(scenes.CLASSES)), np.zeros(len(scenes.CLASSES))
    with torch.no_grad():
        for _ in range(count // 16):
            x, y = batch(rng, sprites, 16)
            found = model(x).logits.argmax(1)
            for i in range(len(scenes.CLASSES)):
                both[i] += ((found == i) & (y == i)).sum().item()
                either[i] += ((found == i) | (y == i)).sum().item()
    model.train()
    return (both / either).mean()


def main():
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    sprites, other_hand = scenes.Sprites(sys.argv[1], scenes.TRAIN), scenes.Sprites(sys.argv[1], scenes.TEST)
    classifier = ResNetForImageClassification.from_pretrained(here.parent / "pictures" / "model", dtype=torch.float32)
    backbone = ResNetConfig(**{key: getattr(classifier.config, key) for key in ("embedding_size", "hidden_sizes", "depths", "layer_type")},
                            out_features=["stage1", "stage2", "stage3", "stage4"])
    model = UperNetForSemanticSegmentation(UperNetConfig(
        backbone_config=backbone, hidden_size=40, pool_scales=[1, 2, 3, 6], use_auxiliary_head=False,
        id2label=dict(enumerate(scenes.CLASSES)), label2id={label: i for i, label in enumerate(scenes.CLASSES)}))
    model.to(memory_format=torch.channels_last)
    print(model.backbone.load_state_dict(classifier.resnet.state_dict(), strict=False))
    rate = 1.5e-3
    if len(sys.argv) > 3:
        rate = float(sys.argv[3])
        model = UperNetForSemanticSegmentation.from_pretrained(here / "model", dtype=torch.float32)
        rng = np.random.default_rng(1)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} million parameters", flush=True)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1, (s + 1) / 200) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1, s / steps)))))
    weight = torch.tensor([0.3] + [1.0] * (len(scenes.CLASSES) - 1))
    for step in range(steps):
        x, y = batch(rng, sprites, BATCH)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(x).logits
        # Most pixels are background: things count more. The answer is judged at half of the picture's size.
        loss = torch.nn.functional.cross_entropy(logits.float()[..., ::2, ::2], y[:, ::2, ::2], weight=weight)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 250 == 249 or step == steps - 1:
            print(f"{step + 1}: loss {loss.item():.3f}, mean IoU on another hand's drawings {judge(model, other_hand):.3f}, on the same hands' {judge(model, sprites, 48):.3f}", flush=True)
    scenes.save(model, here, scenes.processor("SegformerImageProcessor", SIZE, do_reduce_labels=False))


main()
