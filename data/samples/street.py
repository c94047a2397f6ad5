# SPDX-License-Identifier: LGPL-2.1-or-later
"""The clip street.webm and the picture street.png: drawings of Noto Emoji that move along a road.   street.py SPRITES.npz

SPRITES.npz is made by ../builtin/pictures-common/scenes.py. The clip is written by GStreamer (vp8enc, webmmux)."""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

here = pathlib.Path(__file__).resolve().parent
WIDTH, HEIGHT, RATE, SECONDS = 320, 240, 15, 6

# icon, its height in pixels, where its foot is at the beginning, pixels a second, mirrored
STILL = [("house/house-with-garden", 90, (60, 150), False), ("tree/deciduous-tree", 84, (150, 152), False), ("tree/evergreen-tree", 70, (285, 150), False)]
MOVING = [("bird/dove", 36, (330, 50), (-52, 2), False), ("bus/trolleybus", 78, (-70, 182), (62, 0), True), ("car/automobile", 62, (370, 208), (-70, 0), False),
          ("person/woman-walking", 84, (40, 226), (24, 0), True), ("dog/dog", 44, (98, 232), (24, 0), True), ("bicycle/bicycle", 50, (250, 236), (-20, 0), False)]


def paste(picture, sprite, height, foot, mirrored):
    sprite = sprite.resize((round(sprite.width * height / sprite.height), height), Image.LANCZOS)
    if mirrored:
        sprite = sprite.transpose(Image.FLIP_LEFT_RIGHT)
    picture.paste(sprite, (round(foot[0] - sprite.width / 2), round(foot[1] - height)), sprite)


def main():
    archive = np.load(sys.argv[1])
    sprite = lambda name: Image.fromarray(archive["noto/" + name])
    rows = np.arange(HEIGHT)[:, None, None]
    ground = np.where(rows < 145, np.array([150, 200, 240]) + rows * 0.4, np.where(rows < 165, [120, 170, 90], np.where(rows < 214, [110, 110, 115], [190, 185, 170])))
    ground = np.broadcast_to(np.clip(ground, 0, 255), (HEIGHT, WIDTH, 3)).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        for i in range(RATE * SECONDS):
            picture = Image.fromarray(ground)
            for name, height, foot, mirrored in STILL:
                paste(picture, sprite(name), height, foot, mirrored)
            for name, height, foot, speed, mirrored in MOVING:
                at = [foot[k] + speed[k] * i / RATE for k in (0, 1)]
                if name.startswith("person"):       # it bobs as it walks
                    at[1] -= abs((i % 8) - 4) * 0.6
                paste(picture, sprite(name), height, at, mirrored)
            picture.save(f"{folder}/{i:03}.png")
            if i == 40:
                picture.quantize(128).save(here / "street.png", optimize=True)
        subprocess.run(["gst-launch-1.0", "-q", "multifilesrc", f"location={folder}/%03d.png", f"caps=image/png,framerate={RATE}/1", "!", "pngdec", "!", "videoconvert", "!",
                        "video/x-raw,format=I420", "!", "vp8enc", "deadline=1", "end-usage=cq", "cq-level=14", "target-bitrate=400000", "keyframe-max-dist=90", "!", "webmmux", "!", "filesink", f"location={here}/street.webm"], check=True)


main()
