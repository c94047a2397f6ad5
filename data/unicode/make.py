#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Generates core/text/unicode-tables.inc.c by asking the `tokenizers` library about every code point.

    pip install tokenizers==0.23.3
    python data/unicode/make.py > core/text/unicode-tables.inc.c

The library's parts stand on several Unicode versions at once (its regular expressions, Rust's char methods, the crates behind
its normalizers), and none of them is that of a C library. So nothing here comes from a table of Unicode's: each bit is what
the library answers. Only three things cannot be asked and are taken from how it is written: Hangul syllables are composed by
arithmetic, the two-letter names of scripts do not exist, and the order of the general categories is ours.
"""
import sys
from tokenizers import Regex, normalizers as N, pre_tokenizers as P

LAST = 0x110000
CPS = [c for c in range(LAST) if not 0xD800 <= c < 0xE000]
ALL = "".join(map(chr, CPS))
GC = "Cn Cc Cf Co Cs Ll Lm Lo Lt Lu Mc Me Mn Nd Nl No Pc Pd Pe Pf Pi Po Ps Sc Sk Sm So Zl Zp Zs".split()


def cp_of(i): return i if i < 0xD800 else i + 0x800


def matched(pre):
    """The code points that a pre-tokenizer which removes what it matches takes out of the string of all of them."""
    keep = bytearray(LAST)
    for _, (b, e) in pre.pre_tokenize_str(ALL):
        for i in range(b, e): keep[cp_of(i)] = 1
    return [c for c in CPS if not keep[c]]


def regex(pattern): return matched(P.Split(Regex(pattern), "removed"))


def ranges(cps):
    out = []
    for c in cps:
        if out and out[-1][1] == c - 1: out[-1][1] = c
        else: out.append([c, c])
    return out


def each(normalizer):
    """What a normalizer makes of each code point alone."""
    f = normalizer.normalize_str
    return {c: f(chr(c)) for c in CPS}


def removed(normalizer):
    return [c for c, s in each(normalizer).items() if s == ""]


SCRIPTS = """Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo Brahmi Braille
Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret
Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati
Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi
Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu
Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui
Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong
Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya
Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham
SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil
Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Unknown Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square""".split()
BINARY = """Alphabetic Uppercase Lowercase White_Space Ideographic Hex_Digit Emoji Emoji_Presentation Emoji_Modifier Emoji_Modifier_Base Emoji_Component
Extended_Pictographic Diacritic Math Dash Quotation_Mark Terminal_Punctuation Sentence_Terminal Variation_Selector Default_Ignorable_Code_Point
ID_Start ID_Continue XID_Start XID_Continue Cased Case_Ignorable Noncharacter_Code_Point Unified_Ideograph Regional_Indicator Pattern_White_Space Pattern_Syntax
Join_Control Extender Grapheme_Base Grapheme_Extend Soft_Dotted Radical Logical_Order_Exception""".split()
POSIX = "Alnum Alpha Blank Cntrl Digit Graph Lower Print Punct Space Upper XDigit Word".split()


def two_stage(name, kind, values):
    blocks, index, data = {}, [], []
    for b in range(0, LAST, 256):
        key = tuple(values[b:b + 256])
        if key not in blocks:
            blocks[key] = len(blocks)
            data.extend(key)
        index.append(blocks[key])
    table(name + "_index", "guint16" if len(blocks) > 255 else "guint8", index)
    table(name + "_data", kind, data)


def table(name, kind, values):
    print("static const %s %s[%d] =\n{" % (kind, name, len(values)))
    for i in range(0, len(values), 24): print("  " + ",".join(map(str, values[i:i + 24])) + ",")
    print("};\n")


def word_class():
    """\\w of the regex crate: what Whitespace keeps in one piece with a letter."""
    f = P.Whitespace().pre_tokenize_str
    return [c for c in CPS if len(f("a" + chr(c) + "a")) == 1]


def flags():
    """One guint32 for each code point: what the parts of the library ask about it."""
    values = [0] * LAST
    def mark(bit, cps):
        for c in cps: values[c] |= 1 << bit
    for i, gc in enumerate(GC):
        if i and gc != "Cs":
            for c in regex(r"\p{%s}" % gc): values[c] |= i
    for c in range(0xD800, 0xE000): values[c] |= GC.index("Cs")
    mark(5, regex(r"\s"))
    mark(6, regex(r"\w"))
    mark(7, matched(P.WhitespaceSplit()))
    digits = P.Digits(individual_digits=True).pre_tokenize_str
    mark(8, [c for c in CPS if len(digits("a" + chr(c) + "a")) == 3])
    mark(9, matched(P.Punctuation("removed")))
    bert = P.BertPreTokenizer().pre_tokenize_str
    mark(10, [c for c in CPS if [p for p, _ in bert("a" + chr(c) + "a")] == ["a", chr(c), "a"]])
    clean = each(N.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False))
    mark(11, [c for c in CPS if clean[c] == ""])
    mark(12, [c for c in CPS if clean[c] == " "])
    mark(13, removed(N.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)))
    mark(14, removed(N.StripAccents()))
    chinese = each(N.BertNormalizer(clean_text=False, handle_chinese_chars=True, strip_accents=False, lowercase=False))
    mark(15, [c for c in CPS if len(chinese[c]) == 3])
    mark(16, word_class())
    mark(17, removed(N.Strip()))
    return values


def combining():
    """Canonical combining classes, found out by where NFD puts a mark before or after marks whose class is known."""
    probes = [(1, 0x334), (6, 0x16FF0), (7, 0x93C), (8, 0x3099), (9, 0x94D), (10, 0x5B0), (11, 0x5B1), (12, 0x5B2), (13, 0x5B3), (14, 0x5B4), (15, 0x5B5), (16, 0x5B6), (17, 0x5B7),
              (18, 0x5B8), (19, 0x5B9), (20, 0x5BB), (21, 0x5BC), (22, 0x5BD), (23, 0x5BF), (24, 0x5C1), (25, 0x5C2), (26, 0xFB1E), (27, 0x64B), (28, 0x64C), (29, 0x64D), (30, 0x64E),
              (31, 0x64F), (32, 0x650), (33, 0x651), (34, 0x652), (35, 0x670), (36, 0x711), (84, 0xC55), (91, 0xC56), (103, 0xE38), (107, 0xE48), (118, 0xEB8), (122, 0xEC8),
              (129, 0xF71), (130, 0xF72), (132, 0xF74), (202, 0x327), (214, 0x1DCE), (216, 0x31B), (218, 0x302A), (220, 0x316), (222, 0x59A), (224, 0x302E), (226, 0x1D16D),
              (228, 0x5AE), (230, 0x300), (232, 0x315), (233, 0x35C), (234, 0x35D), (240, 0x345)]
    nfd = N.NFD().normalize_str
    alone = each(N.NFD())
    known = [(k, c) for k, c in probes if nfd(chr(c) + chr(0x334)) != chr(c) + chr(0x334) or k == 1]
    out = {}
    for c in CPS:
        s = chr(c)
        if alone[c] != s: continue
        after = nfd("\u0345" + s) != "\u0345" + s            # moves before 240: its class is 1 ... 239
        before = nfd(s + "\u0334") != s + "\u0334"           # is passed by 1: its class is above 1
        if not (after or before): continue
        below = [k for k, p in known if nfd(s + chr(p)) != s + chr(p)]
        at_most = [k for k, p in known if nfd(chr(p) + s) == chr(p) + s]
        out[c] = max(at_most) if at_most else max(below) + 1
    out[0x334] = 1
    return out


def mapping(name, pairs):
    """Sorted keys, offsets into one array of code points."""
    keys, starts, pool = [], [0], []
    for c, s in pairs:
        keys.append(c); pool.extend(map(ord, s)); starts.append(len(pool))
    table(name + "_keys", "guint32", keys); table(name + "_starts", "guint16", starts); table(name + "_pool", "guint32", pool)


def charsmap(pairs):
    """A precompiled charsmap of SentencePiece: u32 size of a darts double array in bytes, the array, texts that end with NUL."""
    texts, keys = b"", {}
    for key, text in pairs.items():
        keys[key], texts = len(texts), texts + text + b"\0"
    units, used = [0], {0}

    def put(at, value):
        units.extend([0] * (at + 1 - len(units))); units[at] = value

    def place(node, prefix, low):
        children = sorted({k[len(prefix)] for k in keys if len(k) > len(prefix) and k.startswith(prefix)})
        labels = [0] * (prefix in keys) + children
        base = next(b for b in range(1 if not node else 256, 1 << 20) if all(b ^ l not in used for l in labels) and (b ^ node) < 1 << 21)
        used.update(base ^ l for l in labels)
        put(node, low | (base ^ node) << 10 | (prefix in keys) << 8)
        if prefix in keys: put(base, keys[prefix] | 1 << 31)
        for c in children: place(base ^ c, prefix + bytes([c]), c)

    place(0, b"", 0)
    units.extend([0] * (-len(units) % 256 + 256))
    return (4 * len(units)).to_bytes(4, "little") + b"".join(u.to_bytes(4, "little") for u in units) + texts


def graphemes():
    """What decides where Precompiled sees the borders of graphemes. With a map in which each byte is a key it makes one X of a
    grapheme of less than 6 bytes, and an X of each character of a longer one: their number tells what was joined. (Regional
    indicators cannot be told apart so, nor Hangul's medial vowels among the characters of 4 bytes from its initial ones.)"""
    f = N.Precompiled(charsmap({bytes([b]): b"X" for b in range(1, 256)})).normalize_str
    n = lambda s: len(f(s))
    values = [0] * LAST
    for c in CPS[1:]:
        s = chr(c)
        joins = n("a" + s) == 1
        before_v, before_t, after_l, after_v = (n(t) == 3 for t in (s + "\u1161\u0300", s + "\u11A8\u0300", "\u1100" + s + "\u0300", "\u1161" + s + "\u0300"))
        wide = c > 0xFFFF
        if c in (13, 10): kind = 2 if c == 13 else 3
        elif n(s + "\u0300\u0301") == 2: kind = 1
        elif joins: kind = 5 if c == 0x200D else 4 if n("\u00A9" + s + "\u200D\u00A9\u0300") == 5 else 6
        elif n(s + "a") == 1: kind = 7
        elif c < 0x800: kind = 0
        elif wide and before_v and before_t: kind = 9
        elif not wide and after_l and before_v: kind = 8 if not before_t else 9 if after_v else 11
        elif not wide and after_l: kind = 12 if before_t else 0
        elif not wide and after_v and before_t: kind = 10
        else: kind = 0
        if 0x1F1E6 <= c <= 0x1F1FF: kind = 13
        if kind == 0 and n("\u00A9\u200D" + s) == 3: kind = 14
        if kind == 0 and n(s + "\u094D\u0915\u0300") == 4: kind = 15
        linker = joins and n("\u0915" + s + "\u0915\u0300") == 4
        values[c] = kind | (joins and n("\u0915\u094D" + s + "\u0915\u0300") == 5) << 4 | linker << 5
    values[0] = 1
    return values


def scripts():
    """UnicodeScripts: which characters may stand together in a piece; 0 goes with everything."""
    f = P.UnicodeScripts().pre_tokenize_str
    values, found, last = [0] * LAST, [], None
    one = lambda a, b: len(f(a + b)) == 1
    for c in CPS:
        s = chr(c)
        if one("a", s) and one("\u6F22", s): continue
        if last is None or not one(found[last], s):
            last = next((i for i, r in enumerate(found) if one(r, s)), len(found))
            if last == len(found): found.append(s)
        values[c] = last + 1
    return values


def hangul(c): return 0xAC00 <= c < 0xD7A4


def main():
    print("/* SPDX-License-Identifier: LGPL-2.1-or-later\n *\n * Made by data/unicode/make.py; do not edit. unicode.c includes it and says what the tables are.\n */\n")
    nfd, nfkd, nfc = each(N.NFD()), each(N.NFKD()), N.NFC().normalize_str
    lower, ccc, values = each(N.Lowercase()), combining(), flags()
    pairs = []
    for c, s in nfd.items():
        if len(s) < 2 or hangul(c) or nfc(s) != chr(c): continue
        first = nfc(s[:-1])
        if len(first) == 1: pairs.append((ord(first), ord(s[-1]), c))
    second = {b for a, b, c in pairs} | set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))
    for c in CPS:                           # what most characters do not have, so that tables need not be searched for them
        values[c] |= (nfd[c] != chr(c)) << 18 | (nfkd[c] != chr(c)) << 19 | (lower[c] != chr(c)) << 20 | (c in ccc) << 21 | (c in second) << 22
    two_stage("flags", "guint32", values)
    two_stage("grapheme", "guint8", graphemes())
    two_stage("script", "guint8", scripts())
    mapping("nfd", [(c, s) for c, s in nfd.items() if s != chr(c) and not hangul(c)])
    mapping("nfkd", [(c, s) for c, s in nfkd.items() if s != nfd[c] and not hangul(c)])
    mapping("lower", [(c, s) for c, s in lower.items() if s != chr(c)])
    runs = []
    for c in sorted(ccc):
        if runs and runs[-1][1] == c - 1 and runs[-1][2] == ccc[c]: runs[-1][1] = c
        else: runs.append([c, c, ccc[c]])
    table("ccc_runs", "guint32", [v for r in runs for v in r])
    table("compose", "guint32", [v for p in sorted(pairs) for v in p])
    names, starts, pool = [], [0], []
    for group, form in ((SCRIPTS + BINARY, r"\p{%s}"), (POSIX, r"[[:%s:]]")):
        for n in group:
            try: r = ranges(regex(form % (n if form[0] == "\\" else n.lower())))
            except Exception: print("no property %s" % n, file=sys.stderr); continue
            names.append(n.replace("_", "").lower()); pool.extend(v for p in r for v in p); starts.append(len(pool))
    print("static const char *const class_names[%d] =\n{" % len(names))
    for i in range(0, len(names), 8): print("  " + " ".join('"%s",' % n for n in names[i:i + 8]))
    print("};\n")
    table("class_starts", "guint32", starts); table("class_pool", "guint32", pool)


main()
