#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Repositories without tokenizer.json, one a tokenizer class, and what transformers makes of them.

    make.py PYTHON-WITH-TRANSFORMERS-4.57 [NAME ...]

With names, the vocabularies stay, and so do the answers of all other repositories.

Runs under a Python with transformers 5.24 (5.23 for most of it, as "by" says; they differ in what has no class of its own), tokenizers, sentencepiece and sacremoses. Writes the vocabularies that the repositories share
(trained here on a few sentences of our own) and cases.json: for each repository its files, and texts with their ids, offsets
and decoded forms. Where 5.23 cannot load a class without tokenizer.json, or leaves something of it out, the answer is 4.57's
(`"by": "4.57"`; docs/decisions/0046).
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

CORPUS = """The grey heron waits by the river, and the small boats pass it slowly.
Is it ten to nine, or nine to ten? It's 9:50, so don't run; we've time.
Un garçon a mangé la crêpe près de l'église. Der Fluß ist schön und groß.
Река течёт тихо. 小さな船が川を下る。 中文 也 在 这里。
Prices: $3.50, 12% off, 1,200 pieces (or [more] {less}) -- e.g. a/b, c_d, #1 & 2*3=6.
while x < 10:\tx = x + 1  # counts  to ten
the the the and and to to of of in in it it is is a a boats boat river rivers small smaller slowly slow
""".splitlines()

TEXTS = ["It's the river, isn't it?", "  Small   boats ", "crêpe Fluß ÀÉ 小さな船 Река ½ ﬁ", "tab\tnew\nline 12,5 ☃☃ 😀 ``so''", "a [MASK] b<mask> c <s></s> [SEP]<|endoftext|>"]
SPACED = ["the rivers.\nThe 'boats'\n(slowly),small!! it's\tslow\n\nis", "..the?!(boat)", "ririver rive </s> boat", "a@@ b the@@"]
PHONEMES = ["\x1caɪ \u3000 n  \t ə\x1f", "aɪ ɹ iː v ə", " t t tʃ  x n | aɪ | n n", "<s> ə <pad> ə </s>n", "ʃ\tn t"]
PAIR = ["the boat", "is slow"]
MOSES = ["Mr. Smith lives at No. 5, i.e. here. Art. 7 ends. U.S. boats.", "wait... a.b. (no) \"so,\" he said.\" ... 1,200, 5 % and 5\u00a0000", "l'église d'un garçon, aujourd'hui\u00a0? «\u00a0Oui\u00a0» nº\u00a05 ``x'' p. ex. etc. fin.",
         "ΟΔΟΣ ΣΑΣ. Σ İ Éa ½ ﬁ", "ｆull： １２％ 。 、（x）【y】… DOTMULTI DOTDOTMULTI", "tab\tnew\r\n\u200bzero <b>bold</b> a@b.c #x $5 a-b -- a/b", "'tis 5's the boys' 'x' .'", "中文 也 <special1> the </s> boat<special0>"]
JOINED = ["a well-known small-boat's x-y-z -a b- 1-2", "He said \"the 'boats' are\" slow, the boys' boat isn't ``so''.", "$5 (or [6] {7}) 50% & a|b <c> \u20ac 9 \u00bfno? \u00a1so!", "\u4e2d\u6587 \u4e5f abc \u5728 \u201cx\u201d \u201ey\u201c",
          "&amp; &lt;x&gt; &#91; @-@ a @-@ b", "x\x01y\x07 \x1c z\u00a0w"]

BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def wordpiece(specials):
    letters = sorted(set("".join(CORPUS)) - set(" \t"))
    lower = [c.lower() for c in letters if len(c.lower()) == 1 and c.lower() not in letters]
    words = ["the", "river", "boat", "small", "it", "is", "slow", "cr", "to"]
    lines = specials + letters + lower + ["##" + c for c in letters + lower] + words + ["##s", "##ly", "##er", "##epe"]
    return "\n".join(dict.fromkeys(lines)) + "\n"


def byte_pairs(specials, size, suffix=None, bytes=True):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    suffixed = {"end_of_word_suffix": suffix} if suffix else {}
    t = Tokenizer(models.BPE() if bytes else models.BPE(unk_token="<unk>", **suffixed))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False) if bytes else pre_tokenizers.BertPreTokenizer()
    if not bytes:
        t.normalizer = normalizers.Lowercase()
    extra = {"initial_alphabet": sorted(pre_tokenizers.ByteLevel.alphabet())} if bytes else {}
    t.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=size, special_tokens=specials, show_progress=False, **extra, **suffixed))
    model = json.loads(t.to_str())["model"]
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    return json.dumps(model["vocab"], ensure_ascii=False), "#version: 0.2\n" + "\n".join(merges) + "\n"


def sentencepiece(path, **options):
    import io
    import sentencepiece as spm
    model, here = io.BytesIO(), os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)      # so that the model, which names the file of its rules, names no path
        rules = options.pop("rules", None)
        if rules:
            with open("rules.tsv", "w", encoding="utf-8") as f:
                f.writelines(" ".join("%X" % ord(c) for c in a) + "\t" + " ".join("%X" % ord(c) for c in b) + "\n" for a, b in rules)
            options["normalization_rule_tsv"] = "rules.tsv"
        else:
            options["normalization_rule_name"] = "identity"
        spm.SentencePieceTrainer.train(sentence_iterator=iter(CORPUS * 3), model_writer=model, hard_vocab_limit=False, character_coverage=0.985, minloglevel=2, num_threads=1, **options)
        os.chdir(here)
    with open(path, "wb") as f:
        f.write(model.getvalue())


def vocabularies():
    put = lambda name, text: open(os.path.join(HERE, name), "w", encoding="utf-8").write(text)
    put("bert.txt", wordpiece(BERT))
    put("mpnet.txt", wordpiece(["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]))
    put("funnel.txt", wordpiece(["<pad>", "<unk>", "<cls>", "<sep>", "<mask>", "<s>", "</s>"]))
    for name, arguments in {"roberta": (ROBERTA, 330), "gpt2": (["<|endoftext|>"], 330), "deberta": (["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"], 330),
                            "words": (ROBERTA, 200, "</w>", False)}.items():
        vocab, merges = byte_pairs(*arguments)
        put(name + ".json", vocab)
        put(name + "-merges.txt", merges)
    letters = sorted(set(json.loads(byte_pairs([], 256)[0])))
    merges = [("t", "h"), ("th", "e</w>"), ("r", "i"), ("v", "er</w>"), ("e", "r</w>"), ("ri", "ver</w>")]
    clip = letters + [c + "</w>" for c in letters] + ["er</w>"] + [a + b for a, b in merges if a + b != "er</w>"] + ["<|startoftext|>", "<|endoftext|>"]
    merges.sort(key=lambda m: m == ("v", "er</w>") or m == ("ri", "ver</w>"))
    put("clip.json", json.dumps({t: i for i, t in enumerate(clip)}, ensure_ascii=False))
    put("clip-merges.txt", "#version: 0.2\n" + "\n".join(" ".join(m) for m in merges) + "\n")
    spm = lambda name, **o: sentencepiece(os.path.join(HERE, name), **o)
    spm("unigram.model", model_type="unigram", vocab_size=150)
    spm("albert.model", model_type="unigram", vocab_size=150, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols="[CLS],[SEP],[MASK]")
    spm("t5.model", model_type="unigram", vocab_size=150, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    spm("deberta.model", model_type="unigram", vocab_size=150, pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]")
    spm("xlnet.model", model_type="unigram", vocab_size=150, control_symbols="<cls>,<sep>,<pad>,<mask>,<eod>,<eop>", user_defined_symbols="river,9:50")
    spm("bpe.model", model_type="bpe", vocab_size=250)
    spm("llama.model", model_type="bpe", vocab_size=430, byte_fallback=True, remove_extra_whitespaces=False)
    spm("gemma.model", model_type="bpe", vocab_size=430, byte_fallback=True, remove_extra_whitespaces=False, add_dummy_prefix=False, pad_id=0, eos_id=1, bos_id=2, unk_id=3,
        bos_piece="<bos>", eos_piece="<eos>", user_defined_symbols="<mask>,\t")
    spm("user.model", model_type="bpe", vocab_size=250, user_defined_symbols="river,riv,9:50,<x>")
    spm("characters.model", model_type="char")
    subwords()
    tiktoken()
    moses()
    put("esm.txt", "\n".join(["<cls>", "<pad>", "<eos>", "<unk>"] + list("LAGVSERTIDPKQNFYMHWCXBUZO.-") + ["<null_1>", "<mask>"]))
    spm("charsmap.model", model_type="unigram", vocab_size=150, pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
        rules=[("\u00bd", "1/2"), ("\ufb01", "fi"), ("\t", " "), ("\n", " "), ("\u00df", "ss"), ("E\u0301", "\u00c9"), ("\u2603", "")])


def subwords():
    """words.json and its merges in the form of subword-nmt: "ri@@" inside a word, "ver" at its end."""
    put = lambda name, text: open(os.path.join(HERE, name), "w", encoding="utf-8").write(text)
    words = [t for t in json.load(open(os.path.join(HERE, "words.json"), encoding="utf-8")) if t not in ROBERTA]
    tokens = list(dict.fromkeys(t[:-4] if t.endswith("</w>") else t + "@@" for t in words))
    put("subwords.txt", "".join("%s %d\n" % (t, 1000 - i) for i, t in enumerate(tokens)))
    put("subwords.json", json.dumps({t: i for i, t in enumerate(["__null__", "__start__", "__end__", "__unk__"] + tokens)}, ensure_ascii=False))
    merges = open(os.path.join(HERE, "words-merges.txt"), encoding="utf-8").read().splitlines()[1:]
    put("subwords.codes", "".join("%s %d\n" % (m, 900 - i) for i, m in enumerate(merges)))


def tiktoken():
    """The vocabulary of gpt2.json in tiktoken's form."""
    import base64
    letters = {chr(b) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174 else chr(256 + b if b <= 32 else 0x121 + b - 127 if b <= 160 else 0x143): b for b in range(256)}
    tokens = [t for t in json.load(open(os.path.join(HERE, "gpt2.json"), encoding="utf-8")) if t != "<|endoftext|>"]
    with open(os.path.join(HERE, "tiktoken.model"), "w", encoding="utf-8") as f:
        f.writelines("%s %d\n" % (base64.b64encode(bytes(letters[c] for c in t)).decode(), i) for i, t in enumerate(tokens))


def moses():
    """Words with </w> at their ends, merges with counts, of which the vocabulary does not have all that they make."""
    put = lambda name, text: open(os.path.join(HERE, name), "w", encoding="utf-8").write(text)
    letters = sorted(set("".join(CORPUS + MOSES)) - set(" \t\n\r\u00a0<>"))
    tokens = ["<s>", "</s>", "<pad>", "<unk>", "<special0>", "<special1>"] + letters + [c + "</w>" for c in letters] + ["the</w>", "er</w>", "ri", "boat</w>"]
    put("moses.json", json.dumps({t: i for i, t in enumerate(dict.fromkeys(tokens))}, ensure_ascii=False))
    merges = ["t h", "th e</w>", "e r</w>", "r i", "ri v", "riv er</w>", "b o", "bo a", "boa t</w>"]
    put("moses-merges.txt", "".join("%s %d\n" % (m, 900 - i) for i, m in enumerate(merges)) + "alone\n")


def japanese():
    """Lines with the spellings of a token; but one byte's."""
    lines = ["<|startoftext|>", "<|endoftext|>", "<SP>", "<BR>", "<TAB>", "<KIGOU>", "<U2000U2BFF>", "<BLOCK>"] + ["<|byte%d|>" % i for i in range(256) if i != 7]
    lines += "<|emoji1|> <|emoji2|> \u6176\u5fdc,\u6176\u61c9 \u6176 \u5fdc \u543e\u8f29 \u543e\u8f29\u306f \u306f \u732b 1,\u2460,\uff11 \u30fc < <a <ab river boa b o a , bo".split(" ")
    open(os.path.join(HERE, "japanese.txt"), "w", encoding="utf-8").write("\n".join(lines) + "\n")


def pieces(name):
    import sentencepiece as spm
    model = spm.SentencePieceProcessor(model_file=os.path.join(HERE, name))
    return [model.id_to_piece(i) for i in range(model.get_piece_size())]


def token(content, **flags):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True} | flags


def repositories():
    from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES
    list_of = []

    def add(name, model_type, files, config=None, by="5.23", special_tokens_map=None, added_tokens=None, texts=TEXTS, sides=False, model=None):
        list_of.append({"name": name, "by": by, "texts": texts, "sides": sides, "files": files, "config.json": {"model_type": model_type} | (model or {}), "tokenizer_config.json": config,
                        "special_tokens_map.json": special_tokens_map, "added_tokens.json": added_tokens})

    bert, roberta, gpt2 = {"vocab.txt": "bert.txt"}, {"vocab.json": "roberta.json", "merges.txt": "roberta-merges.txt"}, {"vocab.json": "gpt2.json", "merges.txt": "gpt2-merges.txt"}
    subword = {"vocab.txt": "subwords.txt", "bpe.codes": "subwords.codes"}
    add("phobert", "roberta", subword, {"tokenizer_class": "PhobertTokenizer"}, texts=TEXTS + SPACED + [["the", ""]])
    add("bertweet", "roberta", subword, {"tokenizer_class": "BertweetTokenizer", "normalization": False}, texts=TEXTS + SPACED)
    add("blenderbot-small", "blenderbot-small", {"vocab.json": "subwords.json", "merges.txt": "words-merges.txt"}, texts=TEXTS + SPACED)
    add("siglip", "siglip", {"spiece.model": "t5.model"}, texts=TEXTS + SPACED + ["?!.", "☃☃ river <unk>☃x", "a\x1c \x1cb</s>☃"])
    add("siglip-cased", "siglip", {"spiece.model": "charsmap.model"}, {"do_lower_case": False}, texts=TEXTS[:4] + SPACED)
    phonemes = {t: i for i, t in enumerate(["<s>", "<pad>", "</s>", "<unk>", "|", "t", "ʃ", "tʃ", "aɪ", "n", "ə", "iː", "ɹ", "v"])}
    add("phonemes", "wav2vec2", {"vocab.json": phonemes}, {"tokenizer_class": "Wav2Vec2PhonemeCTCTokenizer", "do_phonemize": False}, texts=PHONEMES)
    add("phonemes-delimiter", "wav2vec2", {"vocab.json": phonemes}, {"tokenizer_class": "Wav2Vec2PhonemeCTCTokenizer", "do_phonemize": False, "word_delimiter_token": "|"}, texts=PHONEMES)
    words = {"vocab.json": "words.json", "merges.txt": "words-merges.txt"}
    moses_files = {"vocab.json": "moses.json", "merges.txt": "moses-merges.txt"}
    add("xlm", "xlm", moses_files, texts=TEXTS + MOSES)
    add("xlm-cased", "xlm", moses_files, {"do_lowercase_and_remove_accent": False}, texts=MOSES)
    add("flaubert", "flaubert", moses_files, texts=TEXTS + MOSES)
    add("flaubert-lower", "flaubert", moses_files, {"do_lowercase": True}, texts=MOSES)
    pieces_of = list(dict.fromkeys(json.load(open(os.path.join(HERE, "moses.json"), encoding="utf-8"))))
    written = {t: i for i, t in enumerate(pieces_of[:6] + pieces_of[:5:-1])}
    for langs, lower in (["en", "de"], False), (["de", "en"], True), (["ru", "en"], False):
        add("fsmt-" + langs[0], "fsmt", {"vocab-src.json": "moses.json", "vocab-tgt.json": written, "merges.txt": "moses-merges.txt"}, {"langs": langs, "do_lower_case": lower},
            texts=MOSES[:6] + JOINED[:4] + ["z.B. Nr. 5 \"so.\" er", "т.е. г. Москва \"так,\" 5\u00a0000"], sides=True,
            model={"langs": langs, "src_vocab_size": len(written), "tgt_vocab_size": len(written)})
    add("biogpt", "biogpt", moses_files, texts=TEXTS + MOSES + JOINED)
    add("ctrl", "ctrl", {"vocab.json": "subwords.json", "merges.txt": "words-merges.txt"}, {"unk_token": "__unk__"}, texts=TEXTS + SPACED + ["x __unk__ y", "a\x1c @@b \x1fc"])
    prophetnet = {"prophetnet.tokenizer": "bert.txt"}
    add("prophetnet", "prophetnet", prophetnet, {"x_sep_token": "[CLS]"}, texts=TEXTS + MOSES)
    add("prophetnet-cased", "prophetnet", prophetnet, {"do_lower_case": False, "strip_accents": True, "x_sep_token": "[CLS]", "clean_up_tokenization_spaces": False}, texts=TEXTS + MOSES)
    add("prophetnet-words", "prophetnet", prophetnet, {"do_basic_tokenize": False, "x_sep_token": "[CLS]"}, texts=TEXTS + SPACED)
    add("bert", "bert", bert)
    add("bert-cased", "bert", bert, {"do_lower_case": False, "tokenizer_class": "BertTokenizerFast", "model_max_length": 16, "padding_side": "left"})
    add("bert-accents", "electra", bert, {"strip_accents": False, "tokenize_chinese_chars": False, "tokenizer_class": "ElectraTokenizer"})
    add("bert-map", "bert", bert, special_tokens_map={"additional_special_tokens": ["isn't", "[NEW]"]}, added_tokens={"[NEW]": 900, "[OLD]": 800})
    add("bert-decoder", "mobilebert", bert, {"added_tokens_decoder": {"4": token("[MASK]", lstrip=True), "900": token("river,", normalized=True, special=False)},
                                             "mask_token": "[MASK]", "clean_up_tokenization_spaces": True})
    add("distilbert", "distilbert", bert, {"tokenizer_class": "DistilBertTokenizer"})
    add("layoutlm", "layoutlm", bert)
    add("squeezebert", "squeezebert", bert, {"tokenizer_class": "SqueezeBertTokenizer"})
    add("mpnet", "mpnet", {"vocab.txt": "mpnet.txt"})
    add("splinter", "splinter", bert)
    add("splinter-left", "splinter", bert, {"padding_side": "left"})
    shapes = {t: i % 7 for i, t in enumerate(["[PAD]", "[CLS]", "[UNK]", "中", "文", "boat", "the", "##s", "r"])}
    sounds = {t: 3 + i % 5 for i, t in enumerate(["[PAD]", "[UNK]", "中", "boat", "is", "nowhere"])}
    add("roc_bert", "roc_bert", bert | {"word_shape.json": shapes, "word_pronunciation.json": sounds}, texts=TEXTS + ["the 中文 boats", "中 文"])
    add("funnel", "funnel", {"vocab.txt": "funnel.txt"})
    add("roberta", "roberta", roberta)
    add("roberta-prefix", "roberta", roberta, {"add_prefix_space": True, "trim_offsets": False, "mask_token": {"__type": "AddedToken"} | token("<mask>", lstrip=True, normalized=True)})
    add("bart", "bart", roberta, {"tokenizer_class": "BartTokenizer"})
    add("led", "led", roberta)
    add("blenderbot", "blenderbot", roberta)
    add("luke", "luke", roberta | {"entity_vocab.json": {"[UNK]": 0, "[PAD]": 1, "[MASK]": 2, "[MASK2]": 3}}, texts=TEXTS + ["[PAD] a[UNK]<ent>[MASK2] <ent2>[MASK]"])
    add("nougat", "nougat", roberta, {"tokenizer_class": "NougatTokenizer"})
    add("gpt2", "gpt2", gpt2)
    add("gpt2-bos", "gpt2", gpt2, {"add_bos_token": True, "add_prefix_space": True, "pad_token": "<pad>", "clean_up_tokenization_spaces": True})
    add("codegen", "codegen", gpt2, {"tokenizer_class": "CodeGenTokenizer"})
    add("gpt-neox", "gpt_neox", gpt2)
    add("cohere", "cohere", gpt2)
    add("qwen2", "qwen2", gpt2, {"tokenizer_class": "Qwen2Tokenizer", "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
                                 "added_tokens_decoder": {"1000": token("<|im_start|>"), "1001": token("<|im_end|>")}})
    whisper = ["<|startoftranscript|>", "<|en|>", "<|zh|>", "<|translate|>", "<|transcribe|>", "<|notimestamps|>"]
    add("whisper", "whisper", gpt2, added_tokens={t: 2000 + i for i, t in enumerate(whisper)})
    add("whisper-language", "whisper", gpt2, {"language": "zh", "task": "translate", "added_tokens_decoder": {str(2000 + i): token(t) for i, t in enumerate(whisper)}})
    add("whisper-language-name", "whisper", gpt2, {"language": "Mandarin", "added_tokens_decoder": {str(2000 + i): token(t) for i, t in enumerate(whisper)}})
    add("deberta", "deberta", {"vocab.json": "deberta.json", "merges.txt": "deberta-merges.txt"})
    add("clip", "clip", {"vocab.json": "clip.json", "merges.txt": "clip-merges.txt"})
    add("openai-gpt", "openai-gpt", words)
    add("herbert", "bert", words, {"tokenizer_class": "HerbertTokenizerFast"})
    bpe = "sentencepiece.bpe.model"
    add("albert", "albert", {"spiece.model": "albert.model"})
    add("albert-cased", "albert", {"spiece.model": "albert.model"}, {"do_lower_case": False, "keep_accents": True, "add_bos_token": False})
    add("fnet", "fnet", {"spiece.model": "albert.model"}, by="4.57")
    add("rembert", "rembert", {"sentencepiece.model": "unigram.model"}, by="4.57")
    add("bigbird", "big_bird", {"spiece.model": "unigram.model"})
    add("barthez", "mbart", {bpe: "unigram.model"}, {"tokenizer_class": "BarthezTokenizer"})
    add("camembert", "camembert", {bpe: "unigram.model"})
    add("xlm-roberta", "xlm-roberta", {bpe: "unigram.model"})
    add("xlm-roberta-charsmap", "xlm-roberta", {bpe: "charsmap.model"})
    add("xglm", "xglm", {bpe: "unigram.model"}, by="4.57")
    add("mbart", "mbart", {bpe: "unigram.model"})
    add("mbart50", "mbart", {bpe: "unigram.model"}, {"tokenizer_class": "MBart50Tokenizer", "src_lang": "fr_XX"})
    add("deberta-v2", "deberta-v2", {"spm.model": "deberta.model"})
    add("deberta-v2-punctuation", "deberta-v2", {"spm.model": "deberta.model"}, {"do_lower_case": True, "split_by_punct": True})
    add("pegasus", "pegasus", {"spiece.model": "t5.model"})
    add("pegasus-charsmap", "pegasus", {"spiece.model": "charsmap.model"})
    add("t5", "t5", {"spiece.model": "t5.model"})
    add("t5-few", "mt5", {"spiece.model": "t5.model"}, {"extra_ids": 5, "tokenizer_class": "T5Tokenizer"})
    add("t5-charsmap", "t5", {"spiece.model": "charsmap.model"}, {"extra_ids": 5})
    add("xlnet", "xlnet", {"spiece.model": "xlnet.model"})
    add("reformer", "reformer", {"spiece.model": "bpe.model"})
    add("nllb", "m2m_100", {bpe: "bpe.model"}, {"tokenizer_class": "NllbTokenizer", "additional_special_tokens": ["ace_Arab", "eng_Latn", "fra_Latn"], "src_lang": "fra_Latn"})
    add("nllb-legacy", "m2m_100", {bpe: "bpe.model"}, {"tokenizer_class": "NllbTokenizer", "additional_special_tokens": ["ace_Arab", "eng_Latn"], "legacy_behaviour": True})
    add("nllb-no-list", "m2m_100", {bpe: "bpe.model"}, {"tokenizer_class": "NllbTokenizer", "src_lang": "deu_Latn"})
    add("seamless", "seamless_m4t", {bpe: "bpe.model"}, {"additional_special_tokens": ["__eng__", "__fra__"]})
    llama = {"tokenizer.model": "llama.model"}
    add("llama", "llama", llama, {"tokenizer_class": "LlamaTokenizer"})
    add("llama-legacy", "llama", llama, {"tokenizer_class": "LlamaTokenizerFast", "legacy": True, "add_bos_token": True, "add_eos_token": True})
    add("llama-unnamed", "llama", llama)
    add("mistral", "mistral", llama, {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "legacy": False}, texts=TEXTS + ["the <s> boat", "a</s>it"])
    add("mistral-legacy", "mistral", llama, {"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": True, "add_eos_token": True}, texts=TEXTS + ["the <s> boat", "a</s>it"])
    add("phi3-renamed", "phi3", llama, {"tokenizer_class": "LlamaTokenizer", "added_tokens_decoder": {
        "2": token("</s>", rstrip=True), "5": token("<|user|>"), "430": token("[MASK]", normalized=True, special=False)}}, texts=TEXTS + ["<|user|> the boat</s>  it"])
    user = TEXTS + ["rivers, rivriver<x>9:509:50<x", "<x> river", "  the riv"]
    add("generic-user", "glm", {"tokenizer.model": "user.model"}, {"tokenizer_class": "PreTrainedTokenizerFast"}, texts=user)
    add("generic-user-unigram", "madeup", {"tokenizer.model": "xlnet.model"}, texts=user)
    add("code-llama", "llama", llama, {"tokenizer_class": "CodeLlamaTokenizer"})
    add("gemma", "gemma", {"tokenizer.model": "gemma.model"}, {"add_bos_token": True})
    add("generic", "glm", llama, {"tokenizer_class": "PreTrainedTokenizerFast"})
    add("generic-unigram", "glm", {"tokenizer.model": "charsmap.model"}, {"tokenizer_class": "PreTrainedTokenizerFast"})
    reserved = {"added_tokens_decoder": {"330": token("<|begin|>"), "333": token("<|end|>", lstrip=True)}, "bos_token": "<|begin|>", "eos_token": "<|end|>"}
    grouped = TEXTS[:3] + ["aa<pad>a <pad><pad> ttt -- 9:50"]
    add("parakeet", "parakeet_ctc", {"tokenizer.model": "unigram.model"}, {"tokenizer_class": "ParakeetTokenizer", "pad_token": "<pad>"}, texts=grouped)
    add("lasr", "lasr_ctc", {"spiece.model": "t5.model"}, {"tokenizer_class": "LasrTokenizer", "extra_ids": 3}, texts=grouped)
    add("videoprism", "videoprism", {"spiece.model": "t5.model"}, {"tokenizer_class": "VideoPrismTokenizer", "extra_ids": 3}, texts=TEXTS[:3] + ["a<extra_id_1> b <extra_id_2>"])
    add("tiktoken", "glm", {"tokenizer.model": "tiktoken.model"}, {"tokenizer_class": "PreTrainedTokenizerFast"}, texts=TEXTS + SPACED)
    add("tiktoken-reserved", "glm", {"tiktoken.model": "tiktoken.model"}, reserved | {"tokenizer_class": "PreTrainedTokenizerFast", "extra_special_tokens": ["<|more|>"]},
        texts=TEXTS + ["<|begin|>the <|reserved_token_331|> boats <|end|> it<|more|>"])
    add("tiktoken-bos", "glm", {"tokenizer.model": "tiktoken.model"}, reserved | {"tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": True, "add_eos_token": True})
    # What transformers runs in Python: no offsets.
    ids = lambda first, name, last: {t: i for i, t in enumerate(dict.fromkeys(first + pieces(name)[3:] + last))}
    letters = {t: i for i, t in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|"] + list("abcdefghijklmnopqrstuvwxyzITU'"))}
    add("speecht5", "speecht5", {"spm_char.model": "characters.model"})
    add("bert-generation", "bert-generation", {"spiece.model": "unigram.model"})
    add("marian", "marian", {"vocab.json": ids(["</s>", "<unk>"], "unigram.model", [">>fr<<", "<pad>"]), "source.spm": "unigram.model", "target.spm": "unigram.model"}, texts=TEXTS + [">>fr<< the river", ">>xx<<the >>fr<< boat", " >>fr<< boat", ">> the <</s>>>fr<< is"])
    # Tokenizers for translation: texts to be read and texts to be written.
    vocab = lambda *models, more: {"vocab.json": ids(["</s>", "<unk>"], models[0], [t for m in models[1:] for t in pieces(m)[3:]] + more)}
    marian_texts = TEXTS + [">>fr<< the river", ">>xx<<the >>fr<< boat", ">> the <</s>>>fr<< is"]
    add("marian-sides", "marian", vocab("unigram.model", "bpe.model", more=[">>fr<<", "<pad>"]) | {"source.spm": "unigram.model", "target.spm": "bpe.model"}, texts=marian_texts, sides=True)
    add("marian-bytes", "marian", vocab("bpe.model", "llama.model", more=["<pad>"]) | {"source.spm": "bpe.model", "target.spm": "llama.model"}, texts=marian_texts, sides=True)
    target = vocab("bpe.model", more=["<pad>"])["vocab.json"]
    add("marian-separate", "marian", vocab("unigram.model", more=[">>fr<<", "<pad>"]) | {"source.spm": "unigram.model", "target.spm": "bpe.model", "target_vocab.json": target},
        {"separate_vocabs": True}, texts=marian_texts, sides=True)
    two = TEXTS[:2] + ["", "a<mask> b</s>"]
    add("mbart-sides", "mbart", {bpe: "unigram.model"}, {"tgt_lang": "de_DE"}, texts=two, sides=True)
    add("mbart50-sides", "mbart", {bpe: "unigram.model"}, {"tokenizer_class": "MBart50Tokenizer", "src_lang": "fr_XX", "tgt_lang": "de_DE"}, texts=two, sides=True)
    add("nllb-sides", "m2m_100", {bpe: "bpe.model"}, {"tokenizer_class": "NllbTokenizer", "additional_special_tokens": ["eng_Latn", "fra_Latn"], "tgt_lang": "fra_Latn"}, texts=two, sides=True)
    add("seamless-sides", "seamless_m4t", {bpe: "bpe.model"}, {"additional_special_tokens": ["__eng__", "__fra__"]}, texts=two, sides=True)
    add("plbart-sides", "plbart", {bpe: "unigram.model"}, {"src_lang": "java", "tgt_lang": "en_XX"}, texts=two, sides=True)
    add("plbart-multi-sides", "plbart", {bpe: "unigram.model"}, {"language_codes": "multi"}, texts=two + [" it <mask> is<mask>"], sides=True)
    add("rag", "rag", {"question_encoder_tokenizer/vocab.txt": "bert.txt", "generator_tokenizer/vocab.json": "roberta.json", "generator_tokenizer/merges.txt": "roberta-merges.txt",
                       "generator_tokenizer/tokenizer_config.json": {"tokenizer_class": "BartTokenizer"}}, texts=TEXTS, sides=True,
        model={"question_encoder": {"model_type": "dpr"}, "generator": {"model_type": "bart"}})
    add("gpt-sw3", "gpt2", {"spiece.model": "llama.model"}, {"tokenizer_class": "GPTSw3Tokenizer"}, texts=TEXTS + SPACED + ["a\u00ad\u200bb\u3000c\u2009d\u0085e", "e\u0301 <s>river</s> <|endoftext|><s>boats<pad>"])
    add("gpt-sw3-pieces", "gpt2", {"spiece.model": "gemma.model"}, {"tokenizer_class": "GPTSw3Tokenizer", "pad_token": "<unk>", "bos_token": "<|endoftext|>"}, texts=TEXTS + SPACED + ["<mask> a\tb"])
    codes = ["it __java__ is <mask>__python__", "<s>a<pad> river</s>", "__go__ the <mask>"]
    add("plbart", "plbart", {bpe: "unigram.model"}, {"src_lang": "java", "tgt_lang": "en_XX"}, texts=TEXTS + codes)
    add("plbart-plain", "plbart", {bpe: "bpe.model"}, {"clean_up_tokenization_spaces": False}, texts=TEXTS + codes)
    add("plbart-multi", "plbart", {bpe: "unigram.model"}, {"language_codes": "multi"}, texts=TEXTS[:4] + codes[1:2])
    add("plbart-multi-go", "plbart", {bpe: "unigram.model"}, {"language_codes": "multi", "src_lang": "__go__"}, texts=TEXTS[:4] + codes[1:2] + ["__go__ the river__java__"])
    some = [t for i, t in enumerate(pieces("unigram.model")[3:]) if i % 3]
    put = lambda name, text: open(os.path.join(HERE, name), "w", encoding="utf-8").write(text)
    put("bartpho.txt", "".join("%s %d\n" % (t, 900 - i) for i, t in enumerate(some)))
    add("bartpho", "mbart", {bpe: "unigram.model", "dict.txt": "bartpho.txt"}, {"tokenizer_class": "BartphoTokenizer"}, texts=TEXTS + SPACED + ["a <mask> b<mask>"])
    m2m100 = {"vocab.json": ids(ROBERTA[:4], "bpe.model", ["madeupword0000"]), bpe: "bpe.model"}
    add("m2m100", "m2m_100", m2m100, {"src_lang": "fr", "additional_special_tokens": ["__%s__" % code for code in FAIRSEQ_LANGUAGE_CODES["m2m100"]]})
    add("m2m100-no-list", "m2m_100", m2m100)
    add("m2m100-sides", "m2m_100", m2m100, {"src_lang": "fr", "tgt_lang": "de"}, texts=two, sides=True)
    add("speech-to-text", "speech_to_text", {"vocab.json": ids(ROBERTA[:4], "bpe.model", []), bpe: "bpe.model"})
    add("speech-to-text-user", "speech_to_text", {"vocab.json": ids(ROBERTA[:4], "user.model", []), bpe: "user.model"}, texts=TEXTS + ["rivers, rivriver<x>9:509:50<x", "<x> river"])
    add("wav2vec2", "wav2vec2", {"vocab.json": letters})
    add("wav2vec2-language", "wav2vec2", {"vocab.json": {"eng": letters, "fra": {"<pad>": 0}}}, {"target_lang": "eng", "word_delimiter_token": "|"})
    spoken = {t: i for i, t in enumerate(["k"] + list("abcdefghijlmnopqrstuvwxyz '-\u00e9\u0163") + ["<unk>"])}
    spoken_texts = TEXTS[:4] + ["k\u021b \u021a-K <unk>\u0130 <pad>", "", " \u0001 !"]
    add("vits", "vits", {"vocab.json": spoken}, {"phonemize": False}, texts=spoken_texts)
    add("vits-ron", "vits", {"vocab.json": spoken}, {"phonemize": False, "language": "ron", "add_blank": False}, texts=spoken_texts)
    add("vits-plain", "vits", {"vocab.json": spoken}, {"phonemize": False, "normalize": False, "is_uroman": True}, texts=["the Boat <unk> is <pad>k", "K!"])
    add("vits-pad", "vits", {"vocab.json": {t: i for i, t in enumerate(["<pad>", "<unk>"] + list("abekr <>unkpd") + ["oa"])}}, {"phonemize": False}, texts=spoken_texts + ["BOATs<pad>rOAoaR<UNK>"])
    maps = {"decompose_map": {"c3 a9": "65 cc 81", "42": "1f 62", "52": "1f 72", "e4 b8 ad": "f9 01"},
            "merge_map": {"65 cc 81": "c0 01", "72 69": "c1", "1f 62 6f": "c1 02", "74 68 65": "f5 ff", "e4 b8": "f5 fe", "20 74": "f5 fd"}}
    japanese()
    add("gpt-neox-japanese", "gpt_neox_japanese", {"vocab.txt": "japanese.txt", "emoji.json": {
        "emoji": {"\U0001f600": "<|emoji1|>", "(^^)": "<|emoji2|>", "boat": "\u732b"}, "emoji_inv": {"<|emoji1|>": "\U0001f600", "<|emoji2|>": "(^^)"}}},
        texts=TEXTS[:4] + ["\u543e\u8f29\u306f\u732b\u3000\u6176\u5fdc(\u6176\u61c9)\u2014\u2212", "<ab<abx<SP><|byte65|> (^^)\r\nboa", "\u2460\uff111\u00a1\u01c0\u2016\u2500\u2f64\x07<|endoftext|>b"])
    add("myt5", "myt5", {"byte_maps.json": maps}, {"tokenizer_class": "MyT5Tokenizer"}, texts=TEXTS[:3] + ["caf\u00e9 Boat the river \u4e2d\u6587\ufffd", "</s> a <unk> b<pad>r</s>ib", "e<extra_id_3>\u0301", ["a</s>", "b"], ["a", ""]])
    add("dia", "dia", {}, {"tokenizer_class": "DiaTokenizer"}, texts=TEXTS[:4] + ["[S1] the river [S2]it<pad>\u0001"])
    add("dia-offset", "dia", {}, {"tokenizer_class": "DiaTokenizer", "offset": 3}, texts=TEXTS[:1] + ["[S1] \u00e9 [S2]it<pad>\u0001"])
    add("mgp-str", "mgp-str", {"vocab.json": {t: i for i, t in enumerate(["[GO]", "[s]"] + list("0123456789abcdefghijklmnopqrstuvwxyz"))}}, texts=TEXTS + ["river[s]9 50", "[GO]a"])
    add("esmc", "esmc", {}, {"tokenizer_class": "EsmcTokenizer"}, texts=["MKTAYIAK", " MK <mask>Q jL|ACD.-", "LLx\n<cls>|"])
    add("esm", "esm", {"vocab.txt": "esm.txt"}, texts=["MKTAYIAK", " MK <mask>Q jL", "LLx\n<cls>"])
    byt5 = TEXTS + ["a \ufffd</s>\x1c b", ["a", ""], "x </s>", "</s> a <unk> b<pad>", "é<extra_id_3> <extra_id_124>", ["a</s>", "b"]]
    add("byt5", "t5", {}, {"tokenizer_class": "ByT5Tokenizer"}, texts=byt5)
    add("byt5-list", "t5", {}, {"tokenizer_class": "ByT5Tokenizer", "extra_ids": 2, "additional_special_tokens": ["<extra_id_0>", "<extra_id_1>"],
                                "eos_token": {"__type": "AddedToken"} | token("</s>", lstrip=True, rstrip=True)}, texts=byt5)
    add("perceiver", "perceiver", {}, {"tokenizer_class": "PerceiverTokenizer"}, texts=TEXTS + ["[BOS]a[MASK] b [PAD]", "\ufffdb"])
    add("canine", "canine", {}, {"tokenizer_class": "CanineTokenizer"}, texts=TEXTS + ["hi \ue003 you\ue001", "\U0010ffff\uffff", "a\ufffdb", ["a", ""]])
    return list_of


def skipped(tokenizer, ids):
    # The phonemes' class fails where nothing is left.
    return tokenizer.decode(ids, skip_special_tokens=True) if set(ids) - set(tokenizer.all_special_ids) else ""


def write_files(folder, repository):
    for name, source in repository["files"].items():
        os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
        if isinstance(source, str):
            shutil.copy(os.path.join(HERE, source), os.path.join(folder, name))
        else:
            json.dump(source, open(os.path.join(folder, name), "w"))
    for name in ("config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"):
        if repository[name] is not None:
            json.dump(repository[name], open(os.path.join(folder, name), "w"))


def written(tokenizer, arguments):
    """The text as one that is to be written: its ids, and what each side makes of them."""
    ids = tokenizer(text_target=arguments[0], text_pair_target=arguments[1] if arguments[1:] else None)["input_ids"] if hasattr(tokenizer, "_decode") else \
        tokenizer.generator(*arguments)["input_ids"]
    case = {"target": ids, "target_decoded": tokenizer.decode(ids)}
    if hasattr(tokenizer, "_decode_use_source_tokenizer"):
        case |= {"by_source": tokenizer.decode(ids, use_source_tokenizer=True), "by_target": tokenizer.decode(ids, use_source_tokenizer=False)}
    return case


def answer(repository):
    from transformers import AutoTokenizer
    with tempfile.TemporaryDirectory() as folder:
        write_files(folder, repository)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        reader = getattr(tokenizer, "question_encoder", tokenizer)
        cases = []
        for text in repository["texts"] + [PAIR]:
            arguments = text if isinstance(text, list) else [text]
            e = tokenizer(*arguments, return_offsets_mapping=reader.is_fast, return_token_type_ids=reader.is_fast, return_special_tokens_mask=True)
            case = {"text": text, "ids": e["input_ids"], "decoded": tokenizer.decode(e["input_ids"]), "skipped": skipped(getattr(tokenizer, "generator", tokenizer), e["input_ids"])}
            if len(e["special_tokens_mask"]) == len(e["input_ids"]):      # not where </s> stood there already
                case["special"] = e["special_tokens_mask"]
            if repository["sides"]:
                case |= written(tokenizer, arguments)
            if (not repository["files"] or "emoji.json" in repository["files"]) and not reader.is_fast:
                case["tokens"] = tokenizer.convert_ids_to_tokens(e["input_ids"])
            if reader.is_fast:
                case["offsets"] = [n for pair in e["offset_mapping"] for n in pair]
                case["types"] = e["token_type_ids"]
            for name in ("input_shape_ids", "input_pronunciation_ids"):
                if name in e:
                    case[name] = e[name]
            cases.append(case)
        # M2M100 has ids for all its languages and does not count those that are not added tokens.
        uncounted = set(getattr(reader, "lang_token_to_id", {})) - set(reader.get_vocab())
        # Canine counts surrogates, which no text has.
        surrogates = 0x800 if "\ud800" in reader.get_vocab() else 0
        return {"size": len(reader) + len(uncounted) - surrogates, "cases": cases}


def main():
    if sys.argv[1] == "--answer":
        json.dump([answer(repository) for repository in json.load(sys.stdin)], sys.stdout)
        return
    (subwords(), tiktoken(), moses()) if sys.argv[2:] else vocabularies()
    all_of = repositories()
    if sys.argv[2:]:
        kept = {r["name"]: r for r in json.load(open(os.path.join(HERE, "cases.json"), encoding="utf-8"))}
        all_of = [r if r["name"] in sys.argv[2:] else kept[r["name"]] for r in all_of]
    for by, python in {"5.23": sys.executable, "4.57": sys.argv[1]}.items():
        asked = [r for r in all_of if r["by"] == by and "cases" not in r]
        if not asked:
            continue
        out = subprocess.run([python, __file__, "--answer"], input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=True)
        for repository, answered in zip(asked, json.loads(out.stdout)):
            repository |= answered
    lines = [json.dumps({k: v for k, v in r.items() if v is not None and k not in ("texts", "sides")}, ensure_ascii=False, separators=(",", ":")) for r in all_of]
    with open(os.path.join(HERE, "cases.json"), "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
