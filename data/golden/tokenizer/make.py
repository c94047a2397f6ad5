#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Goldens for tests/core/text/tokenizer.c: small tokenizers and what the `tokenizers` library makes of some texts.

    pip install tokenizers==0.23.3
    python data/golden/tokenizer/make.py [--train]

The library's trainers of WordPiece and Unigram order what is equal by a hash with a random key, so that no two runs give the same
vocabulary: the files of `bert` and `unigram-nfkd` are kept, and only asked again, unless --train wants new ones. Writes NAME/tokenizer.json and NAME/cases.txt here: for each text a line with the text (JSON), one with the ids, one with the offsets.
"""
import json, os, sys
from tokenizers import Tokenizer, AddedToken, Regex, models as M, normalizers as N, pre_tokenizers as P, decoders as D, processors as S, trainers as T

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = ["The quick brown fox jumps over the lazy dog. It's 2026, isn't it? We'll see.", "Straße, naïve café, ÅNGSTRÖM; ﬁne e\u0301lan Ｆｕｌｌ 漢字かな 한국어 🙂🙂",
          "hello hello world worlds worldly  spaces   and\ttabs\nand lines", "12345 67 8.90 $5 50% (x) [y] {z} a_b c-d"]
TEXTS = CORPUS + ["", " ", "a", "  lead and trail  ", "<mask>", "x <mask> y", "<s>a</s>", "don't <mask>  stop", "e\u0301\u0323 \u1E9B\u0323 \uAC01 \u1100\u1161", "\u00AD\u200B\uFEFFx",
                  "ΑΣ İstanbul", "日本語 text", "\U0001F468\u200D\U0001F469", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbb", "\u0301start", "\r\n\r\n x\r\n"]

MORE = {"gemma-like": ["<b> </b>", "a> </a", "> </", ">  </b", "a > </ b>", "b>\u2581</b", "\u00e9> </b> </b> > a", "> > </", "<0x3E>\u2581</", "<unk> </b", "a b  a b"]}


def train(tok, kind, **more):
    tok.train_from_iterator(CORPUS * 4, kind(vocab_size=400, show_progress=False, special_tokens=["<unk>", "<s>", "</s>", "<pad>", "<mask>"], **more))
    tok.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True), AddedToken("<s>", special=True)])
    tok.add_tokens([AddedToken("lazy", single_word=True, normalized=True)])


def make():
    out = {}
    t = out["byte-bpe"] = Tokenizer(M.BPE()); t.pre_tokenizer = P.ByteLevel(add_prefix_space=False); t.decoder = D.ByteLevel(); t.post_processor = S.ByteLevel(trim_offsets=True)
    train(t, T.BpeTrainer, initial_alphabet=P.ByteLevel.alphabet())
    t = out["nfc-split-bpe"] = Tokenizer(M.BPE(byte_fallback=False, unk_token="<unk>")); t.normalizer = N.NFC()
    t.pre_tokenizer = P.Sequence([P.Split(Regex(r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), "isolated"), P.ByteLevel(add_prefix_space=True, use_regex=False)])
    t.decoder = D.ByteLevel(); train(t, T.BpeTrainer, initial_alphabet=P.ByteLevel.alphabet())
    t = out["bert"] = Tokenizer(M.WordPiece(unk_token="<unk>")); t.normalizer = N.BertNormalizer(); t.pre_tokenizer = P.BertPreTokenizer(); t.decoder = D.WordPiece()
    train(t, T.WordPieceTrainer); t.post_processor = S.BertProcessing(("</s>", 2), ("<s>", 1))
    t = out["unigram-nfkd"] = Tokenizer(M.Unigram()); t.normalizer = N.Sequence([N.NFKD(), N.StripAccents(), N.Lowercase(), N.Replace(Regex(" {2,}"), " ")]); t.pre_tokenizer = P.Metaspace(); t.decoder = D.Metaspace()
    train(t, T.UnigramTrainer, unk_token="<unk>")
    t = out["llama-like"] = Tokenizer(M.BPE(unk_token="<unk>", fuse_unk=True)); t.normalizer = N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")])
    t.decoder = D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)]); train(t, T.BpeTrainer, max_token_length=8)
    t.post_processor = S.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B:1", special_tokens=[("<s>", 1)])
    t = out["gemma-like"] = Tokenizer(M.BPE(gemma_vocab(), GEMMA, unk_token="<unk>", fuse_unk=True, byte_fallback=True)); t.normalizer = N.Replace(" ", "▁"); t.pre_tokenizer = P.Split(" ", "merged_with_previous")
    t.decoder = D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse()])
    t = out["word-level"] = Tokenizer(M.WordLevel(unk_token="<unk>")); t.normalizer = N.NFKC(); t.pre_tokenizer = P.Sequence([P.Whitespace(), P.Digits(individual_digits=True), P.Punctuation("contiguous")])
    train(t, T.WordLevelTrainer)
    t = out["charsmap"] = Tokenizer(M.WordLevel(unk_token="<unk>")); t.normalizer = N.Precompiled(charsmap()); t.pre_tokenizer = P.WhitespaceSplit()
    train(t, T.WordLevelTrainer)
    t = out["scripts"] = Tokenizer(M.WordLevel(unk_token="<unk>")); t.pre_tokenizer = P.Sequence([P.UnicodeScripts(), P.WhitespaceSplit()])
    train(t, T.WordLevelTrainer)
    return out


# One token has the mark for a space after another character, as Gemma's vocabulary has it.
GEMMA = [("▁", "▁"), ("<", "/"), ("▁", "</"), (">", "▁</"), ("▁", "a"), ("▁", "b"), ("▁</", "b"), ("b", ">")]


def gemma_vocab():
    tokens = ["<unk>"] + ["<0x%02X>" % b for b in range(256)] + list("▁<>/ab") + [a + b for a, b in GEMMA]
    return {token: i for i, token in enumerate(tokens)}


def charsmap():
    """Some rules in SentencePiece's form, by the writer of data/unicode/make.py: letters, what has a longer key too, a grapheme of two, nothing."""
    source, scope = open(os.path.join(HERE, "../../unicode/make.py"), encoding="utf-8").read(), {}
    exec(source[source.index("def charsmap"):source.index("def graphemes")], scope)
    rules = {"ﬁ": "fi", "ß": "ss", "Å": "A", "e\u0301": "é", "\t": " ", "\n": " ", "\u00AD": "", "\u200B": " ", "\uFEFF": "", "ï": "i", "é": "e", "日": "day", "日本": "Japan",
             "\u1100\u1161": "\uAC00", "\U0001F642": ":)", "\r\n": " "}
    rules |= {chr(c): chr(c - 0xFEE0) for c in range(0xFF01, 0xFF5F)}
    return scope["charsmap"]({k.encode(): v.encode() for k, v in rules.items()})


for name, tok in make().items():
    folder = os.path.join(HERE, name); os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "tokenizer.json")
    if name in ("bert", "unigram-nfkd") and os.path.exists(path) and "--train" not in sys.argv[1:]:
        tok = Tokenizer.from_file(path)
    else:
        tok.save(path, pretty=False)
    with open(os.path.join(folder, "cases.txt"), "w", encoding="utf-8") as f:
        for text in TEXTS + MORE.get(name, []):
            e = tok.encode(text)
            f.write("%s\n%s\n%s\n%s\n" % (json.dumps(text), " ".join(map(str, e.ids)), " ".join("%d-%d" % o for o in e.offsets), json.dumps(tok.decode(e.ids, skip_special_tokens=True))))
