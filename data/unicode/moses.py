#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Generates core/text/moses-tables.inc.c: which characters are letters, numbers, small letters and currencies to sacremoses, whose lists are of an
older Unicode than any library's, and the abbreviations of its languages that transformers uses.

    pip install sacremoses==0.2.0
    python data/unicode/moses.py > core/text/moses-tables.inc.c
"""
from sacremoses.tokenize import MosesDetokenizer, MosesTokenizer

KINDS = [set(map(ord, s)) for s in (MosesTokenizer.IsAlpha, MosesTokenizer.IsAlnum, MosesTokenizer.IsN, MosesTokenizer.IsLower, MosesDetokenizer.IsSc, MosesDetokenizer.IsAlpha)]


def main():
    starts, last = [], 0
    for c in range(0x110000):
        flags = sum(1 << i for i, kind in enumerate(KINDS) if c in kind)
        if flags != last:
            starts.append("0x%X" % (flags << 24 | c))
        last = flags
    print("/* SPDX-License-Identifier: LGPL-2.1-or-later\n *\n * Made by data/unicode/moses.py; do not edit. moses.c includes it.\n */\n")
    print("/* Where kinds change: 1 letter, 2 letter or number, 4 number, 8 small, 16 currency, 32 letter to the detokenizer, in the upper byte; the code point from which on they hold below. */")
    print("static const guint32 kinds[] =\n{")
    for i in range(0, len(starts), 14):
        print("  " + ", ".join(starts[i:i + 14]) + ",")
    print("};")
    for language in ("de", "en", "fr", "ru"):
        tokenizer = MosesTokenizer(lang=language)
        numeric = tokenizer.NUMERIC_ONLY_PREFIXES
        words = sorted(w for w in tokenizer.NONBREAKING_PREFIXES if "#" not in w and w not in numeric)
        for name, list_of in ("%s_prefixes" % language, words), ("%s_numeric_prefixes" % language, sorted(numeric)):
            print("\nstatic const char *const %s[] =\n{" % name)
            line = " "
            for w in list_of:
                item = ' "%s",' % w
                if len(line) + len(item) > 150:
                    print(line)
                    line = " "
                line += item
            print(line + " NULL\n};")


if __name__ == "__main__":
    main()
