#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes core/model/imagenet-names.inc.c: what the thousand classes of ImageNet are called by timm, whose repositories leave these names out of config.json.

    pip install timm==1.0.31
    python3 data/labels/make.py > core/model/imagenet-names.inc.c

LICENSE.md beside this says whose words they are.
"""
from timm.data import ImageNetInfo


def main():
    info = ImageNetInfo("imagenet-1k")
    print("/* SPDX-License-Identifier: LGPL-2.1-or-later")
    print(" *")
    print(" * Made by data/labels/make.py: the words of WordNet (data/labels/LICENSE.md) for the classes of ImageNet, class after class; do not edit. timm.c includes it.")
    print(" */")
    print("static const char *const imagenet_names[] = {")
    for name in info.label_descriptions():
        print(f'  "{name}",')
    print("};")


main()
