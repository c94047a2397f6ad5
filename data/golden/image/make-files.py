#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small pictures of every kind that Pillow writes, what convert("RGB") makes of them, and which colour then stands for transparency:
data/golden/image/files.json.

    pip install pillow numpy tifffile imagecodecs
    python3 data/golden/image/make-files.py
"""
import base64
import io
import json
import os

import numpy as np
import tifffile
from PIL import Image, ImageOps

HERE = os.path.dirname(os.path.abspath(__file__))
y, x = np.mgrid[0:11, 0:17]
rgb = np.stack([x * 15, y * 23, (x * y) % 256], -1).astype(np.uint8)
alpha = (x * 14 + 8).astype(np.uint8)
picture = Image.fromarray(rgb)
cases = []


def add(name, data):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    cases.append({"name": name, "file": base64.b64encode(data).decode(), "width": image.width, "height": image.height,
                  "rgb": base64.b64encode(image.tobytes()).decode(), "transparent": image.info.get("transparency")})


def pillow(name, image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    add(name, out.getvalue())


def tiff(name, array, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, array, metadata=None, **options)
    add(name, out.getvalue())


turned = Image.Exif()
turned[0x112] = 6
planes = np.moveaxis(rgb, -1, 0)
pillow("png-rgb", picture, "PNG")
pillow("png-alpha", Image.fromarray(np.dstack([rgb, alpha])), "PNG")
pillow("png-palette", picture.convert("P", palette=Image.ADAPTIVE, colors=13), "PNG")
few = picture.convert("P", palette=Image.ADAPTIVE, colors=13)
pillow("png-palette-transparent", few, "PNG", transparency=4)
pillow("png-palette-alpha", few, "PNG", transparency=bytes([255, 0, 128]))
pillow("png-rgb-transparent", picture, "PNG", transparency=(15, 23, 1))
pillow("png-grey-transparent", picture.convert("L"), "PNG", transparency=90)
pillow("gif-transparent", few, "GIF", transparency=4)
pillow("png-bits", picture.convert("1"), "PNG")
pillow("png-grey-16", Image.fromarray((x * 30).astype(np.uint16)), "PNG")
pillow("jpeg", picture, "JPEG", quality=85)
pillow("jpeg-progressive-420", picture, "JPEG", progressive=True, subsampling=2)
pillow("jpeg-grey", picture.convert("L"), "JPEG")
pillow("jpeg-cmyk", picture.convert("CMYK"), "JPEG")
pillow("jpeg-turned", picture, "JPEG", exif=turned)
pillow("webp-lossless", Image.fromarray(np.dstack([rgb, alpha])), "WEBP", lossless=True)
pillow("gif", picture, "GIF")
pillow("bmp", picture, "BMP")
for compression in ["raw", "tiff_lzw", "tiff_deflate", "packbits", "jpeg"]:
    pillow("tiff-" + compression.removeprefix("tiff_"), picture, "TIFF", compression=compression)
pillow("tiff-group4", picture.convert("1"), "TIFF", compression="group4")
pillow("tiff-palette", picture.convert("P", palette=Image.ADAPTIVE, colors=13), "TIFF")
pillow("tiff-cmyk", picture.convert("CMYK"), "TIFF")
pillow("tiff-grey-alpha", picture.convert("LA"), "TIFF")
pillow("tiff-turned", picture, "TIFF", tiffinfo={274: 6})
pillow("tiff-strips", picture, "TIFF", compression="tiff_lzw", tiffinfo={278: 3})
tiff("tiff-tiled", rgb, photometric="rgb", tile=(16, 16))
tiff("tiff-planes", planes, photometric="rgb", planarconfig="separate")
tiff("tiff-planes-tiled", planes, photometric="rgb", planarconfig="separate", tile=(16, 16), compression="zlib")
tiff("tiff-rgb-16-big-endian", rgb.astype(np.uint16) * 200, photometric="rgb", byteorder=">")
tiff("tiff-white-is-0", rgb[..., 0], photometric="miniswhite")
tiff("tiff-premultiplied", np.dstack([rgb // 2, np.maximum(alpha, 128)]), photometric="rgb", extrasamples=["assocalpha"])
tiff("tiff-big", rgb, photometric="rgb", bigtiff=True)
tiff("tiff-predictor", rgb, photometric="rgb", compression="zlib", predictor=True)
tiff("tiff-floats", rgb[..., 0].astype(np.float32) * 1.7 - 20, photometric="minisblack")
tiff("tiff-grey-16", (x * 30).astype(np.uint16), photometric="minisblack")

with open(os.path.join(HERE, "files.json"), "w", encoding="utf-8") as f:
    f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
