# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scenes of drawn things on made-up backgrounds, with boxes and masks (README.md says of what).

    scenes.py sprites FOLDER-OF-ICON-SETS OUT.npz      draws the icons by rsvg-convert
    scenes.py sheet SPRITES.npz OUT.png                a contact sheet of scenes
"""
import io
import json
import math
import pathlib
import subprocess
import sys

import numpy as np
from PIL import Image, ImageFilter

TRAIN = ("noto", "twemoji", "fluent-emoji", "fluent-emoji-flat")
TEST = ("emojione",)

# label: (what the segmenter calls it, the icons that show it)
KINDS = {
    "person": ("person", "person-standing man-standing woman-standing person-walking man-walking woman-walking person-running man-running "
                         "woman-running man-dancing woman-dancing"),
    "bicycle": ("vehicle", "bicycle"),
    "car": ("vehicle", "automobile sport-utility-vehicle taxi"),
    "motorcycle": ("vehicle", "motorcycle motor-scooter"),
    "airplane": ("vehicle", "airplane small-airplane"),
    "bus": ("vehicle", "bus trolleybus"),
    "train": ("vehicle", "locomotive"),
    "truck": ("vehicle", "delivery-truck articulated-lorry"),
    "boat": ("vehicle", "sailboat motor-boat"),
    "traffic light": ("thing", "vertical-traffic-light"),
    "bird": ("animal", "bird eagle dove duck parrot"),
    "cat": ("animal", "cat black-cat"),
    "dog": ("animal", "dog guide-dog service-dog poodle"),
    "horse": ("animal", "horse"),
    "sheep": ("animal", "ewe ram"),
    "cow": ("animal", "cow ox water-buffalo"),
    "elephant": ("animal", "elephant"),
    "fish": ("animal", "fish tropical-fish"),
    "butterfly": ("animal", "butterfly"),
    "umbrella": ("thing", "umbrella"),
    "sports ball": ("thing", "soccer-ball basketball"),
    "bottle": ("thing", "bottle-with-popping-cork"),
    "cup": ("thing", "hot-beverage"),
    "banana": ("food", "banana"),
    "apple": ("food", "red-apple green-apple"),
    "pizza": ("food", "pizza"),
    "cake": ("food", "birthday-cake shortcake"),
    "chair": ("thing", "chair"),
    "laptop": ("thing", "laptop"),
    "cell phone": ("thing", "mobile-phone"),
    "book": ("thing", "open-book closed-book green-book"),
    "clock": ("thing", "alarm-clock"),
    "tree": ("plant", "evergreen-tree deciduous-tree palm-tree"),
    "flower": ("plant", "tulip rose sunflower"),
    "house": ("building", "house house-with-garden"),
}
LABELS = list(KINDS)
CLASSES = ["background", "person", "animal", "vehicle", "thing", "food", "plant", "building"]
CLASS_OF = np.array([CLASSES.index(KINDS[label][0]) for label in LABELS])


# ---- sprites --------------------------------------------------------------------------------------------------------

def draw(body, width, height, size):
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{size}" height="{size}" viewBox="0 0 {width} {height}">{body}</svg>'
    drawn = subprocess.run(["rsvg-convert", "-f", "png"], input=svg.encode(), stdout=subprocess.PIPE)
    if drawn.returncode != 0:
        return None
    return Image.open(io.BytesIO(drawn.stdout)).convert("RGBA")


def make_sprites(folder, out, size=128):
    arrays = {}
    for style in TRAIN + TEST:
        icons = json.loads((pathlib.Path(folder) / style / "icons.json").read_text())
        for label, (_, names) in KINDS.items():
            for name in names.split():
                alias = icons.get("aliases", {}).get(name)
                icon = icons["icons"].get(alias["parent"] if alias else name)
                if icon is None:
                    continue
                picture = draw(icon["body"], icon.get("width", icons.get("width", 16)), icon.get("height", icons.get("height", 16)), size)
                if picture is None:     # an icon that rsvg-convert cannot draw
                    print(f"{style}/{name}: not drawn")
                    continue
                arrays[f"{style}/{label}/{name}"] = np.asarray(picture.crop(picture.getbbox()))
    np.savez_compressed(out, **arrays)
    print(f"{len(arrays)} sprites")


class Sprites:
    """by_label[i]: the pictures of label i in the styles asked for."""

    def __init__(self, path, styles):
        archive = np.load(path)
        self.by_label = [[] for _ in LABELS]
        for key in archive.files:
            style, label, _ = key.split("/")
            if style in styles:
                self.by_label[LABELS.index(label)].append(Image.fromarray(archive[key]))
        self.drawn = [i for i, pictures in enumerate(self.by_label) if pictures]    # not every set draws everything

    def pick(self, rng, label=None):
        """A label (any, if none is asked for) and one of its pictures."""
        label = self.drawn[rng.integers(len(self.drawn))] if label is None else label
        return label, self.by_label[label][rng.integers(len(self.by_label[label]))]


# ---- scenes ---------------------------------------------------------------------------------------------------------

def colour(rng, low=0, high=255):
    return rng.integers(low, high + 1, 3).astype(np.float32)


def smooth_noise(rng, size, cells):
    grid = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
    return np.asarray(grid.resize((size, size), Image.BICUBIC), np.float32)


def background(rng, size):
    kind = rng.integers(5)
    rows = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    if kind <= 1:       # a sky over a ground, each a gradient
        horizon = rng.uniform(0.25, 0.8)
        if kind == 0:
            sky, ground = colour(rng, 130, 255) * (0.75, 0.9, 1), colour(rng, 40, 190)
        else:
            sky, ground = colour(rng), colour(rng)
        picture = np.where(rows < horizon, sky + (255 - sky) * rows * rng.uniform(0, 0.8), ground * (1 - (rows - horizon) * rng.uniform(0, 0.7)))
        picture = np.broadcast_to(picture, (size, size, 3)).copy()
    elif kind == 2:     # one colour into another
        a, b = colour(rng), colour(rng)
        picture = np.broadcast_to(a + (b - a) * rows, (size, size, 3)).copy()
        if rng.random() < 0.5:
            picture = picture.transpose(1, 0, 2)
    elif kind == 3:     # soft spots
        picture = smooth_noise(rng, size, int(rng.integers(2, 7)))
    else:               # light paper
        picture = np.full((size, size, 3), colour(rng, 200, 255), np.float32)
    picture = picture + (smooth_noise(rng, size, int(rng.integers(8, 48))) - 128) * rng.uniform(0, 0.25)
    for _ in range(rng.integers(0, 6) if rng.random() < 0.5 else 0):      # what is nothing: bars and boxes
        x, y = rng.integers(0, size, 2)
        w, h = rng.integers(2, size // 2, 2) if rng.random() < 0.5 else (size, rng.integers(1, 8))
        alpha = rng.uniform(0.2, 0.9)
        picture[y:y + h, x:x + w] = picture[y:y + h, x:x + w] * (1 - alpha) + colour(rng) * alpha
    return np.clip(picture, 0, 255)


def change(rng, sprite, side):
    """A sprite with its longer side near `side`, mirrored, stretched, turned and recoloured: (colours, alpha)."""
    if rng.random() < 0.5:
        sprite = sprite.transpose(Image.FLIP_LEFT_RIGHT)
    scale = side / max(sprite.size)
    stretch = math.exp(rng.normal(0, 0.08))
    w, h = max(3, round(sprite.width * scale * stretch)), max(3, round(sprite.height * scale / stretch))
    sprite = sprite.resize((w, h), Image.BILINEAR, reducing_gap=2.0)
    if rng.random() < 0.6:
        sprite = sprite.rotate(rng.normal(0, 9), Image.BILINEAR, expand=True)
    pixels = np.asarray(sprite, np.float32)
    colours, alpha = pixels[..., :3], pixels[..., 3:] / 255
    if rng.random() < 0.7:
        colours = colours * rng.uniform(0.6, 1.25) + rng.uniform(-25, 25)
    if rng.random() < 0.35:             # another hue: channels mixed
        mix = np.eye(3) + rng.normal(0, 0.25, (3, 3))
        colours = colours @ (mix / mix.sum(1, keepdims=True)).astype(np.float32)
    if rng.random() < 0.1:
        colours = np.broadcast_to(colours.mean(2, keepdims=True), colours.shape)
    return np.clip(colours, 0, 255), alpha


def scene(rng, sprites, size, most=7):
    """A picture [size][size][3] of uint8, labels [n], boxes [n][4] (corners in pixels, of what is seen), and which thing each pixel shows (0: none)."""
    picture = background(rng, size)
    shown = np.zeros((size, size), np.int16)
    count = int(rng.integers(1, most + 1)) if rng.random() < 0.97 else 0
    labels, areas = [], []
    for _ in range(count):
        label, sprite = sprites.pick(rng, None if rng.random() < 0.9 else 0)      # persons more often than the rest
        side = size * float(np.exp(rng.uniform(np.log(0.12), np.log(0.75 if count < 4 else 0.45))))
        colours, alpha = change(rng, sprite, side)
        h, w = alpha.shape[:2]
        x, y = (int(rng.uniform(-0.15 * extent, size - 0.85 * extent)) for extent in (w, h))
        x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, size), min(y + h, size)
        if x1 - x0 < 6 or y1 - y0 < 6:
            continue
        part = np.s_[y0 - y:y1 - y, x0 - x:x1 - x]
        picture[y0:y1, x0:x1] += (colours[part] - picture[y0:y1, x0:x1]) * alpha[part]
        labels.append(label)
        shown[y0:y1, x0:x1][alpha[part][..., 0] > 0.5] = len(labels)
        areas.append((alpha[..., 0] > 0.5).sum())
    keep, boxes = [], []
    for i, area in enumerate(areas, 1):
        ys, xs = np.nonzero(shown == i)
        if len(ys) < max(20, 0.25 * area):      # hidden: not asked for
            continue
        keep.append(i)
        boxes.append((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1))
    picture = (picture - 128) * rng.uniform(0.75, 1.15) + 128 + rng.uniform(-20, 20)
    if rng.random() < 0.3:
        picture = picture + rng.normal(0, rng.uniform(2, 10), picture.shape)
    out = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    if rng.random() < 0.25:
        out = out.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0)))
    kinds = [labels[i - 1] for i in keep]
    order = np.zeros(len(labels) + 1, np.int16)
    order[1:] = labels
    return np.asarray(out), np.array(kinds, np.int64), np.array(boxes, np.float32).reshape(-1, 4), shown, order


def classes(shown, order):
    """The segmenter's class of each pixel."""
    table = CLASS_OF[order].astype(np.int64)
    table[0] = 0
    return table[shown]


def portrait(rng, sprites, size):
    """One thing, large: (picture, label)."""
    picture = background(rng, size)
    label, sprite = sprites.pick(rng)
    colours, alpha = change(rng, sprite, size * rng.uniform(0.45, 0.98))
    h, w = alpha.shape[:2]
    x, y = (int((size - extent) * rng.uniform(0.1, 0.9)) for extent in (w, h))
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, size), min(y + h, size)
    part = np.s_[y0 - y:y1 - y, x0 - x:x1 - x]
    picture[y0:y1, x0:x1] += (colours[part] - picture[y0:y1, x0:x1]) * alpha[part]
    picture = (picture - 128) * rng.uniform(0.7, 1.2) + 128 + rng.uniform(-25, 25)
    if rng.random() < 0.4:
        picture = picture + rng.normal(0, rng.uniform(2, 12), picture.shape)
    out = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    if rng.random() < 0.3:
        out = out.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
    return np.asarray(out), label


# ---- what the three recipes do alike ----------------------------------------------------------------------------------

def tensor(pictures):
    """[n][3][h][w] between -1 and 1, as the preprocessors below give it."""
    import torch
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def save(model, here, processor):
    """The folder that goes into the installation: half-precision weights, config, preprocessor, card, licence."""
    out = pathlib.Path(here) / "model"
    model.half().save_pretrained(out)
    (out / "preprocessor_config.json").write_text(json.dumps(processor, indent=2) + "\n")
    for source, target in (("card.md", "README.md"), ("LICENSE.md", "LICENSE.md")):
        (out / target).write_text((pathlib.Path(here) / source).read_text())


def processor(kind, size, **more):
    return {"image_processor_type": kind, "do_resize": True, "size": {"height": size, "width": size}, "resample": 2, "do_rescale": True,
            "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], **more}


def sheet(sprites, out, size=192, columns=6, rows=4):
    rng = np.random.default_rng(1)
    picture = Image.new("RGB", (columns * size, rows * size))
    for i in range(columns * rows):
        picture.paste(Image.fromarray(scene(rng, sprites, size)[0]), (i % columns * size, i // columns * size))
    picture.save(out)


if __name__ == "__main__":
    if sys.argv[1] == "sprites":
        make_sprites(sys.argv[2], sys.argv[3])
    else:
        sheet(Sprites(sys.argv[2], TRAIN), sys.argv[3])
