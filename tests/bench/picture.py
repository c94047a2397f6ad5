# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A JPEG from its bytes to pixel_values, by bench-picture and by transformers with torchvision, on one thread, turn about in one run, for the processors of DETR,
# SegFormer and ViT as their classes set them: python -P picture.py BENCH-PICTURE [ROUNDS]. The peer decodes by torchvision or Pillow, whichever is faster.
import io, os, subprocess, sys, tempfile, time
import numpy as np, torch, torchvision
from PIL import Image
from transformers import DetrImageProcessor, SegformerImageProcessor, ViTImageProcessor

torch.set_num_threads(1)
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 6
rng = np.random.default_rng(1)
coarse = Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).resize((640, 480), Image.BICUBIC)     # as smooth as a photograph, with some grain
picture = Image.fromarray(np.clip(np.asarray(coarse, np.int16) + rng.normal(0, 3, (480, 640, 3)), 0, 255).astype(np.uint8))
folder = tempfile.mkdtemp()
path = os.path.join(folder, "picture.jpg")
picture.save(path, quality=75)
data = open(path, "rb").read()
raw = torch.frombuffer(bytearray(data), dtype=torch.uint8)


def by_torchvision(processor):
    start = time.perf_counter()
    image = torchvision.io.decode_jpeg(raw, mode=torchvision.io.ImageReadMode.RGB)
    decoded = time.perf_counter()
    processor(images=image, return_tensors="pt")
    return decoded - start, time.perf_counter() - start


def by_pillow(processor):
    start = time.perf_counter()
    image = Image.open(io.BytesIO(data)).convert("RGB")
    decoded = time.perf_counter()
    processor(images=image, return_tensors="pt")
    return decoded - start, time.perf_counter() - start


for cls in (DetrImageProcessor, SegformerImageProcessor, ViTImageProcessor):
    processor = cls()
    processor.save_pretrained(folder)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append([float(x) for x in subprocess.run([sys.argv[1], folder, path, "30"], check=True, capture_output=True, text=True).stdout.split()])
        for _ in range(30):
            theirs += [by_torchvision(processor), by_pillow(processor)]
    decode, whole = min(x[0] for x in ours), min(x[1] for x in ours)
    their_decode, their_whole = min(x[0] for x in theirs) * 1e3, min(x[1] for x in theirs) * 1e3
    print("%s: gtransformers %.2f ms (of these %.2f of decoding), transformers %.2f (%.2f), ratio %.2f (least times)"
          % (cls.__name__, whole, decode, their_whole, their_decode, whole / their_whole), flush=True)
