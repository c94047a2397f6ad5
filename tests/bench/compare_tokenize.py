#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tokenizers against the `tokenizers` library, one thread each: what `./dev bench tokenize` runs.

    compare_tokenize.py --build DIR [--text FILE] [--folder DIR] [--rounds N] [--vocab N] [KIND ...]

Trains a tokenizer of each kind on the text (once: they stay in --folder), then times encoding of its lines and loading, ours and
the library's turn by turn. Prints MB/s, the ratio of the medians (above 1 ours is faster), and fails where ids differ.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SPECIAL = ["<unk>", "<s>", "</s>"]
KINDS = ["wordpiece", "byte-bpe", "spm-bpe", "unigram"]


def build(kind, lines, size):
    if kind == "wordpiece":
        t = Tokenizer(models.WordPiece(unk_token="<unk>")); t.normalizer = normalizers.BertNormalizer(); t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=SPECIAL, show_progress=False)
    elif kind == "byte-bpe":
        t = Tokenizer(models.BPE()); t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False); t.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    elif kind == "spm-bpe":
        t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True)); t.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=SPECIAL + ["<0x%02X>" % b for b in range(256)], show_progress=False)
    else:
        t = Tokenizer(models.Unigram()); t.normalizer = normalizers.NFKC(); t.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=size, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False)
    t.train_from_iterator(lines, trainer)
    if kind == "spm-bpe":      # as Llama has it: the whole text is one piece
        t.pre_tokenizer = None; t.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", t.token_to_id("<s>")), ("</s>", t.token_to_id("</s>"))])
    return t


def ours(program, folder, text, *more):
    return json.loads(subprocess.run([program, folder, text, "3", *more], check=True, capture_output=True, text=True).stdout)


def timed(function, runs=3):
    out = []
    for _ in range(runs):
        start = time.perf_counter(); result = function(); out.append((time.perf_counter() - start) * 1e3)
    return out, result


def main():
    p = argparse.ArgumentParser()
    p.add_argument("kinds", nargs="*", default=KINDS); p.add_argument("--build", required=True); p.add_argument("--text"); p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--folder", default=os.path.join(tempfile.gettempdir(), "gtf-bench-tokenize")); p.add_argument("--vocab", type=int, default=16000)
    a = p.parse_args()
    a.text = a.text or __file__
    program = os.path.join(a.build, "tests", "bench", "bench-tokenize")
    lines = open(a.text, encoding="utf-8").read().split("\n")
    bad = 0
    for kind in a.kinds or KINDS:
        folder = os.path.join(a.folder, kind); path = os.path.join(folder, "tokenizer.json")
        if not os.path.exists(path):
            os.makedirs(folder, exist_ok=True); build(kind, lines, a.vocab).save(path)
        reference = Tokenizer.from_file(path)
        mine, theirs, load_mine, load_theirs = [], [], [], []
        for _ in range(a.rounds):
            r = ours(program, folder, a.text); mine += r["ms"]
            ms, n = timed(lambda: sum(len(reference.encode(l).ids) for l in lines)); theirs += ms
            load_mine += ours(program, folder, a.text, "load")["ms"]
            load_theirs += timed(lambda: Tokenizer.from_file(path), 1)[0]
        x, y, lx, ly = map(statistics.median, (mine, theirs, load_mine, load_theirs))
        size = r["bytes"] / 1e3
        print("%-10s ours %6.1f MB/s  library %6.1f MB/s  ratio %5.2f   load %6.1f ms  library %6.1f ms  ratio %5.2f%s" % (kind, size / x, size / y, y / x, lx, ly, ly / lx, "" if n == r["tokens"] else "  DIFFERENT: %d and %d tokens" % (r["tokens"], n)), flush=True)
        bad |= n != r["tokens"]
    return bad


if __name__ == "__main__":
    sys.exit(main())
