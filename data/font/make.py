#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes core/drawing/font-outlines.inc.c: the outlines of the letters that pictures are labelled with.

    apt-get install fonts-dejavu-extra; pip install fonttools==4.68.0
    ./make.py /usr/share/fonts/truetype/dejavu/DejaVuSansCondensed-Bold.ttf

The font is DejaVu Sans Condensed Bold 2.37 (LICENSE.md beside this). Its curves are quadratic; they are kept as they are, in 1/256 of an em.
"""
import os
import sys

from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont

UNITS = 256
RANGES = [(0x20, 0x7E), (0xA1, 0xAC), (0xAE, 0x17F), (0x386, 0x386), (0x388, 0x38A), (0x38C, 0x38C), (0x38E, 0x3A1), (0x3A3, 0x3CE), (0x401, 0x40C), (0x40E, 0x44F),
          (0x451, 0x45C), (0x45E, 0x45F), (0x1E9E, 0x1E9E), (0x2013, 0x2014), (0x2018, 0x201A), (0x201C, 0x201E), (0x2022, 0x2022), (0x2026, 0x2026), (0x20AC, 0x20AC),
          (0x2190, 0x2193), (0xFFFD, 0xFFFD)]


def contours(font, name):
    """Of each contour its points, (x, y, whether it is on the curve), begun with one that is."""
    pen = DecomposingRecordingPen(font.getGlyphSet())
    font.getGlyphSet()[name].draw(pen)
    scale = UNITS / font["head"].unitsPerEm
    result, points = [], []
    for verb, args in pen.value:
        if verb == "moveTo":
            points = [(args[0], True)]
        elif verb == "lineTo":
            points.append((args[0], True))
        elif verb == "qCurveTo" and args[-1] is None:
            # no point of it is on the curve: begin in the middle of two
            off = args[:-1]
            start = ((off[0][0] + off[-1][0]) / 2, (off[0][1] + off[-1][1]) / 2)
            points = [(start, True)] + [(p, False) for p in off]
        elif verb == "qCurveTo":
            points += [(p, False) for p in args[:-1]] + [(args[-1], True)]
        elif verb in ("closePath", "endPath"):
            if len(points) > 1 and points[0] == points[-1]:
                points.pop()
            result.append([(round(p[0] * scale), round(p[1] * scale), on) for p, on in points])
    return result


def main():
    font = TTFont(sys.argv[1])
    names = font.getBestCmap()
    glyphs, numbers = [], []
    for first, last in RANGES:
        for code in range(first, last + 1):
            advance = round(font["hmtx"][names[code]][0] * UNITS / font["head"].unitsPerEm)
            glyphs.append((code, advance, len(numbers)))
            for contour in contours(font, names[code]):
                numbers.append(len(contour))
                for x, y, on in contour:
                    numbers += [x * 2 + on, y]
            numbers.append(0)
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "..", "..", "core", "drawing", "font-outlines.inc.c"), "w", encoding="utf-8") as out:
        out.write("/* SPDX-License-Identifier: LGPL-2.1-or-later\n *\n * Made by data/font/make.py from DejaVu Sans Condensed Bold (data/font/LICENSE.md); do not edit. font.c includes it and\n"
                  " * says what the tables are.\n */\n\n")
        out.write("static const FontGlyph glyphs[%d] =\n{\n" % len(glyphs))
        for at in range(0, len(glyphs), 8):
            out.write("  " + ",".join("{%d,%d,%d}" % g for g in glyphs[at:at + 8]) + ",\n")
        out.write("};\n\nstatic const gint16 outlines[%d] =\n{\n" % len(numbers))
        for at in range(0, len(numbers), 32):
            out.write("  " + ",".join(map(str, numbers[at:at + 32])) + ",\n")
        out.write("};\n")


main()
