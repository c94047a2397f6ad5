# SPDX-License-Identifier: LGPL-2.1-or-later
"""The built-in detector: a small RT-DETR that finds drawn things in a scene.   train.py SPRITES.npz [STEPS [RATE]]

Its backbone begins with what ../pictures has learnt: train that first. With a RATE of learning, what is in model/ is trained on."""
import math
import pathlib
import sys

import numpy as np
import torch
from transformers import ResNetConfig, ResNetForImageClassification, RTDetrConfig, RTDetrForObjectDetection

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "pictures-common"))
import scenes  # noqa: E402

SIZE, BATCH = 192, 16


def batch(rng, sprites, count):
    pictures, targets = [], []
    for _ in range(count):
        picture, labels, boxes, _, _ = scenes.scene(rng, sprites, SIZE)
        x0, y0, x1, y1 = boxes.T / SIZE
        pictures.append(picture)
        targets.append({"class_labels": torch.from_numpy(labels), "boxes": torch.from_numpy(np.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], 1))})
    return scenes.tensor(pictures).to(memory_format=torch.channels_last), targets


def overlap(a, b):
    """IoU of each box of a with each of b, corners."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.prod(np.clip(high - low, 0, None), -1)
    return both / (np.prod(a[:, 2:] - a[:, :2], -1)[:, None] + np.prod(b[:, 2:] - b[:, :2], -1)[None] - both)


def judge(model, sprites, count=96, threshold=0.5):
    """Precision and recall at a score of 0.5: right is the same label and half the area in common."""
    rng = np.random.default_rng(7)
    model.eval()
    found = right = there = 0
    with torch.no_grad():
        for _ in range(count // 16):
            x, targets = batch(rng, sprites, 16)
            out = model(x)
            scores, kinds = out.logits.sigmoid().max(-1)
            for score, kind, box, target in zip(scores, kinds, out.pred_boxes, targets):
                keep = score > threshold
                corners = lambda b: np.concatenate([b[:, :2] - b[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2], 1)
                shared = overlap(corners(box[keep].numpy()), corners(target["boxes"].numpy()))
                shared *= kind[keep].numpy()[:, None] == target["class_labels"].numpy()[None]
                found += int(keep.sum())
                there += len(target["class_labels"])
                for row in np.argsort(-score[keep].numpy()):
                    if shared.shape[1] and shared[row].max() >= 0.5:
                        right += 1
                        shared[:, shared[row].argmax()] = 0
    model.train()
    return right / max(found, 1), right / there


def main():
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 6000
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    sprites, other_hand = scenes.Sprites(sys.argv[1], scenes.TRAIN), scenes.Sprites(sys.argv[1], scenes.TEST)
    classifier = ResNetForImageClassification.from_pretrained(here.parent / "pictures" / "model", dtype=torch.float32)
    backbone = ResNetConfig(**{key: getattr(classifier.config, key) for key in ("embedding_size", "hidden_sizes", "depths", "layer_type")},
                            out_features=["stage2", "stage3", "stage4"])
    model = RTDetrForObjectDetection(RTDetrConfig(
        backbone_config=backbone, use_timm_backbone=False, backbone=None, freeze_backbone_batch_norms=False, encoder_in_channels=backbone.hidden_sizes[1:], encoder_hidden_dim=64, encoder_ffn_dim=128,
        encoder_attention_heads=4, d_model=64, decoder_in_channels=[64, 64, 64], decoder_ffn_dim=128, decoder_attention_heads=4, decoder_layers=2, num_queries=40,
        num_denoising=20, hidden_expansion=0.5, id2label=dict(enumerate(scenes.LABELS)), label2id={label: i for i, label in enumerate(scenes.LABELS)}))
    print(model.model.backbone.model.load_state_dict(classifier.resnet.state_dict(), strict=False))
    rate = 1e-3
    if len(sys.argv) > 3:
        rate = float(sys.argv[3])
        model = RTDetrForObjectDetection.from_pretrained(here / "model", dtype=torch.float32)
        rng = np.random.default_rng(1)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} million parameters", flush=True)
    model.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1, (s + 1) / 300) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1, s / steps)))))
    for step in range(steps):
        x, targets = batch(rng, sprites, BATCH)
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(x, labels=targets).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 250 == 249 or step == steps - 1:
            print(f"{step + 1}: loss {loss.item():.2f}, precision and recall on another hand's drawings {'%.2f %.2f' % judge(model, other_hand)}, "
                  f"on the same hands' {'%.2f %.2f' % judge(model, sprites, 48)}", flush=True)
    scenes.save(model, here, scenes.processor("RTDetrImageProcessor", SIZE))


main()
