#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the golden cases of the tasks over text: tiny BERT repositories with random weights, and what the reference answers for them
(float32, on a CPU).

    python3 make.py                       # torch, transformers==5.23.*, tokenizers, sentence-transformers==6.2.*
    python3 make.py question-answering    # afterwards, with transformers==4.57.*: 5 dropped this pipeline

Weights are stored in F16, the answers are computed in F32. A case is kept only if its answer stays the same when all weights move by
one part in 10^4, so that none hangs on a near tie. {"error": true} is expected where the reference raises.
"""
import copy
import json
import os
import shutil
import sys

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (BertConfig, BertForMaskedLM, BertForQuestionAnswering, BertForSequenceClassification, BertForTokenClassification,
                          BertModel, logging, pipeline)

HERE = os.path.dirname(os.path.abspath(__file__))
TEXT = ["The old harbour of Lisbon was full of ships, and Maria counted forty of them before noon.",
        "Nobody at the museum knew who had painted the green door; Ivan thought it was Anna.",
        "We don't sell umbrellas in winter!", "Über den Wolken fliegt ein Zug nach Zürich.", "He paid 12.50 for tea, bread and two plums in Oslo."]
LONG = " ".join(TEXT * 2)
ODD = ["", " ", "\t\n", "ships", "éa\u0301 \u65e5\u672c 🙂", "a" * 50, "[MASK] [SEP] Maria", "Maria,Ivan", "  two  spaces  "]


def wordpiece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(TEXT, trainers.WordPieceTrainer(vocab_size=170, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def byte_level():
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=330, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
                                                            special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def repository(name, cls, seed, tokenizer=wordpiece, max_length=48, config=None, tokenizer_config=None):
    """A folder with a model of random weights. Returns its path."""
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    vocabulary = tokenizer()
    vocabulary.save(os.path.join(folder, "tokenizer.json"), pretty=False)
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": max_length, "unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]",
                "sep_token": "[SEP]", "mask_token": "[MASK]", "clean_up_tokenization_spaces": False, "add_prefix_space": True if tokenizer is byte_level else None, **(tokenizer_config or {})}
    json.dump({k: v for k, v in settings.items() if v is not None}, open(os.path.join(folder, "tokenizer_config.json"), "w"), indent=1)
    torch.manual_seed(seed)
    values = BertConfig(vocab_size=vocabulary.get_vocab_size(), hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24,
                        max_position_embeddings=64, **(config or {}))
    model = cls(values).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() >= 2:
                weight.copy_(torch.randn_like(weight) * (2.0 / weight.shape[-1] ** 0.5))
            else:
                weight.add_(torch.randn_like(weight) * 0.2)
    model.half().save_pretrained(folder)
    return folder


def write(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    json.dump(value, open(path, "w"), indent=1)


# ---- what is asked -------------------------------------------------------------------------------------------------------------------

def classification():
    out = []
    pair = {"text": TEXT[0], "text_pair": TEXT[2]}
    for inputs in (TEXT[0], TEXT, [TEXT[1]], pair, [pair, {"text": "tea"}], [[[TEXT[3], "Oslo"]]], ["tea", pair]):
        for parameters in ({}, {"top_k": None}, {"top_k": 1}, {"top_k": 2}):
            out.append((inputs, parameters))
    out += [(text, {"top_k": None, "truncation": True}) for text in ODD + [LONG]]
    out += [(TEXT[0], {"top_k": k}) for k in (0, -1, -2, 7)] + [(TEXT[0], {"function_to_apply": f, "top_k": None}) for f in ("SOFTMAX", "sigmoid", "none")]
    out += [(LONG, {"truncation": True, "max_length": n}) for n in (2, 3, 9)] + [(pair, {"truncation": t, "max_length": 20, "top_k": None}) for t in (True, "only_first", "only_second", "longest_first")]
    out += [(pair, {"truncation": "only_second", "max_length": 8}), (TEXT[0], {"padding": "max_length", "max_length": 40, "truncation": True, "top_k": None}),
            (TEXT, {"padding": True, "top_k": None, "batch_size": 3}), (TEXT[0], {"add_special_tokens": False, "top_k": None}), (LONG, {}),
            ([], {}), (5, {}), ([["a", "b"]], {}), ({"text_pair": "b"}, {}), (TEXT[0], {"function_to_apply": "tanh"})]
    return out


def tokens():
    strategies = ("none", "simple", "first", "average", "max")
    out = [(text, {"aggregation_strategy": s}) for s in strategies for text in [TEXT[0], TEXT[3]] + ODD[3:]]
    out += [(LONG, {"aggregation_strategy": "max"})]
    out += [(LONG, {"aggregation_strategy": s, "stride": n, "ignore_labels": []}) for s in strategies[1:] for n in (0, 3, 11)]
    out += [(LONG, {"stride": 4}), (TEXT, {"aggregation_strategy": "simple"}), ([TEXT[1]], {}), (TEXT[1], {"ignore_labels": []}), (TEXT[1], {"ignore_labels": ["B-PER", "O"]}),
            (TEXT[1], {"aggregation_strategy": "simple", "ignore_labels": ["PER"]}), (TEXT[1], {"aggregation_strategy": "FIRST", "ignore_labels": ["O", "ORG"]})]
    words = TEXT[0].split()
    for parameters in ({}, {"aggregation_strategy": "simple"}, {"aggregation_strategy": "first", "delimiter": "--"}, {"delimiter": "", "ignore_labels": []},
                       {"aggregation_strategy": "max", "stride": 2}):
        out += [(words, {"is_split_into_words": True, **parameters}), ([words, ["Züri", "ch"]], {"is_split_into_words": True, **parameters})]
    out += [([w for t in TEXT * 2 for w in t.split()], {"is_split_into_words": True, "aggregation_strategy": "average", "stride": 5})]
    out += [([], {}), (7, {}), (TEXT[0], {"is_split_into_words": True}), ([words], {}), (TEXT[0], {"aggregation_strategy": "median"}),
            (TEXT[0], {"aggregation_strategy": "none", "stride": 2}), (TEXT[0], {"aggregation_strategy": "simple", "stride": 48}), ("", {"aggregation_strategy": "simple"})]
    return out


def masks():
    out = [(t.replace("old", "[MASK]").replace("at", "[MASK]", 1).replace("sell", "[MASK]"), p) for t in (TEXT[0], TEXT[2])
           for p in ({}, {"top_k": 3}, {"top_k": 0}, {"targets": ["sea", "green", "of", "of"]}, {"targets": "tea"}, {"targets": ["tea", "Oslo"], "top_k": 1},
                     {"targets": ["tea", "zzz", "🙂"], "top_k": 9})]
    out += [("[MASK] ships [MASK] Oslo [MASK]", p) for p in ({}, {"top_k": 2}, {"targets": ["the", "and", "in"]})]
    out += [(["The [MASK] door"], {"top_k": 2}), (["The [MASK] door", "[MASK]"], {"top_k": 2}), (["a [MASK]", "[MASK] and [MASK]"], {"top_k": 1}),
            ("[MASK] " + LONG, {"top_k": 2, "tokenizer_kwargs": {"truncation": True}}), ("The [MASK]", {"top_k": 2, "tokenizer_kwargs": {"padding": "max_length", "max_length": 9}}),
            ("no mask", {}), ("", {}), (["a [MASK]", "none"], {}), ("a [MASK]", {"targets": []}), ("a [MASK]", {"top_k": 5000}),
            (LONG + " [MASK]", {"tokenizer_kwargs": {"truncation": True}}), (3, {})]
    return out


def zero_shot():
    labels = ["ships", "tea", "painting"]
    out = [(t, {"candidate_labels": labels, **p}) for t in (TEXT[0], TEXT[1], [TEXT[2], TEXT[4]], LONG, ODD[4])
           for p in ({}, {"multi_label": True}, {"hypothesis_template": "Es geht um {}."}, {"hypothesis_template": "{0}, {{{0}}}", "multi_label": True})]
    out += [(TEXT[0], {"candidate_labels": "ships, tea ,,  winter"}), (TEXT[0], {"candidate_labels": "ships"}), (TEXT[0], {"candidate_labels": ["tea"], "multi_label": False}),
            ([TEXT[0]], {"candidate_labels": ["tea", "tea", "ships"]}), (TEXT[0], {"candidate_labels": ["x " * 60, "tea"]}),
            (TEXT[0], {}), (TEXT[0], {"candidate_labels": []}), ("", {"candidate_labels": labels}), (TEXT[0], {"candidate_labels": labels, "hypothesis_template": "nothing"}),
            (TEXT[0], {"candidate_labels": labels, "hypothesis_template": "{} {}"})]
    return out


def features():
    return [(TEXT[2], {}), (["tea", "Oslo ships"], {}), ([TEXT[2]], {}), (LONG, {"truncation": True}), (TEXT[0], {"tokenize_kwargs": {"max_length": 5, "truncation": True}}),
            ("tea", {"tokenize_kwargs": {"padding": "max_length", "max_length": 6}}), ("tea", {"tokenize_kwargs": {"add_special_tokens": False}}), ("", {}),
            (LONG, {}), ([], {}), ("a", {"truncation": True, "tokenize_kwargs": {"truncation": True}})]


def questions():
    q, c = "Who counted the ships?", TEXT[0]
    one = {"question": q, "context": c}
    out = [(one, p) for p in ({}, {"top_k": 3}, {"topk": 2}, {"align_to_words": False, "top_k": 4}, {"max_answer_len": 2, "top_k": 2}, {"handle_impossible_answer": True, "top_k": 3},
                              {"handle_impossible_answer": True}, {"max_seq_len": 30, "doc_stride": 5, "top_k": 3}, {"max_seq_len": 24}, {"padding": "max_length"}, {"padding": True})]
    out += [({"question": q, "context": LONG}, p) for p in ({}, {"top_k": 5}, {"max_seq_len": 33, "doc_stride": 11, "top_k": 4, "align_to_words": False},
                                                            {"max_seq_len": 40, "doc_stride": 0, "handle_impossible_answer": True, "top_k": 2})]
    out += [({"question": "Wo?", "context": t}, {"top_k": 2}) for t in TEXT[1:] + ODD[3:]]
    out += [([one, {"question": "What?", "context": TEXT[4]}], {}), ([one, {"question": "What?", "context": TEXT[4]}], {"top_k": 2}), ([one], {"top_k": 2}), ([one], {}),
            ({"question": q, "context": ""}, {}), ({"question": "", "context": c}, {}), ({"question": q}, {}), ({"question": q, "context": None}, {}), ({"question": 5, "context": c}, {}),
            (one, {"top_k": 0}), (one, {"max_answer_len": 0}), (one, {"doc_stride": 60, "max_seq_len": 50}), (one, {"max_seq_len": 8}), ("text", {}), ([], {}),
            ({"question": LONG, "context": c}, {})]
    return out


# ---- asking ----------------------------------------------------------------------------------------------------------------------------

def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, float):
        return float("%.5g" % value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return value


def near(a, b):
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(near(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(near, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= 0.01 * max(1, abs(a))
    return a == b and type(a) is type(b)


def nudge(pipe):
    moved = copy.deepcopy(pipe.model)
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in moved.parameters():
            weight.mul_(1 + 1e-4 * torch.randn_like(weight))
    return moved


def ask(call, inputs, parameters):
    try:
        return plain(call(copy.deepcopy(inputs), **copy.deepcopy(parameters)))
    except BaseException as error:      # a panic of tokenizers is no Exception
        if isinstance(error, KeyboardInterrupt):
            raise
        return {"error": True}


def cases(folder, task, requests, call=None):
    pipe = pipeline(task, model=folder, dtype=torch.float32, device="cpu")
    model, moved = pipe.model, nudge(pipe)
    out = []
    for inputs, parameters in requests:
        pipe.model = model
        expected = ask(pipe, inputs, parameters)
        pipe.model = moved
        if near(expected, ask(pipe, inputs, parameters)):
            out.append({"inputs": inputs, "parameters": parameters, "expected": expected})
    print(task, os.path.basename(folder), len(out), "of", len(requests), sum(c["expected"] == {"error": True} for c in out), "errors")
    return {"repository": os.path.basename(folder), "task": task, "cases": out}


def save(name, groups):
    with open(os.path.join(HERE, name), "w") as file:
        json.dump(groups, file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")


# ---- sentence-transformers -----------------------------------------------------------------------------------------------------------------

def sentence_repository(name, seed, pooling, more=(), config=None, **settings):
    folder = repository(name, BertModel, seed, max_length=60)
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    write(os.path.join(folder, "1_Pooling", "config.json"), {"word_embedding_dimension": 16, **pooling})
    torch.manual_seed(seed)
    for index, (kind, values, tensors) in enumerate(more):
        at = "%d_%s" % (index + 2, kind)
        modules.append((at, kind))
        if values:
            write(os.path.join(folder, at, "config.json"), values)
            from safetensors.torch import save_file
            save_file({k: torch.randn(shape) * 0.4 for k, shape in tensors.items()}, os.path.join(folder, at, "model.safetensors"))
    write(os.path.join(folder, "modules.json"), [{"idx": i, "name": str(i), "path": at, "type": "sentence_transformers.models." + kind} for i, (at, kind) in enumerate(modules)])
    write(os.path.join(folder, "config_sentence_transformers.json"), config or {})
    write(os.path.join(folder, "sentence_bert_config.json"), {"max_seq_length": 20, "do_lower_case": False, **settings})
    return folder


def sentences(folder):
    from sentence_transformers import SentenceTransformer
    model = SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": torch.float32})
    names = {"normalize": "normalize_embeddings", "dimensions": "truncate_dim"}
    out = []
    for inputs, parameters in [(t, {}) for t in [TEXT[0], TEXT, LONG, [""], ODD[4], "Maria"]] + [(TEXT[1], {"normalize": True}), (TEXT[:2], {"dimensions": 5}),
                               (TEXT[1], {"dimensions": 3, "normalize": True}), (TEXT[1], {"prompt": "query: "}), (TEXT, {"prompt_name": "query"}), (TEXT[0], {"prompt_name": "other"})]:
        expected = ask(lambda i, **p: model.encode(i, **{names.get(k, k): v for k, v in p.items()}), inputs, parameters)
        out.append({"inputs": inputs, "parameters": parameters, "expected": expected})
    alike = [{"inputs": {"source_sentence": s, "sentences": TEXT[:3]}, "parameters": {},
              "expected": plain(model.similarity(model.encode([s]), model.encode(TEXT[:3]))[0])} for s in (TEXT[4], TEXT[0])]
    return [{"repository": os.path.basename(folder), "task": "sentence-embedding", "cases": out}, {"repository": os.path.basename(folder), "task": "sentence-similarity", "cases": alike}]


def ranking(folder):
    from sentence_transformers import CrossEncoder
    model = CrossEncoder(folder, device="cpu", model_kwargs={"dtype": torch.float32})

    def rank(query, texts, **parameters):
        return [{"index": r["corpus_id"], "score": float(r["score"]), **({"text": r["text"]} if "text" in r else {})} for r in model.rank(query, texts, **parameters)]
    out = []
    for query, texts, parameters in (("Who sells tea?", TEXT, {}), ("Who sells tea?", TEXT, {"top_k": 2, "return_documents": True}), (LONG, TEXT[:2], {}), ("ships", [LONG, "sea"], {})):
        out.append({"inputs": {"query": query, "texts": texts}, "parameters": parameters, "expected": plain(rank(query, texts, **parameters))})
    return {"repository": os.path.basename(folder), "task": "text-ranking", "cases": out}


# ---- the repositories ------------------------------------------------------------------------------------------------------------------------

def labels(*names):
    return {"id2label": dict(enumerate(names)), "label2id": {n: i for i, n in enumerate(names)}}


def main():
    tags = labels("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "LOC", "X-Y-Z")
    groups = [
        cases(repository("classes", BertForSequenceClassification, 1, config=labels("bad", "so-so", "good")), "text-classification", classification()),
        cases(repository("multi", BertForSequenceClassification, 2, config={"problem_type": "multi_label_classification", "num_labels": 4}), "text-classification", classification()[:12]),
        cases(repository("regression", BertForSequenceClassification, 3, config={"problem_type": "regression", "num_labels": 1}), "text-classification", classification()[:12]),
        cases(repository("one", BertForSequenceClassification, 4, config={**labels("yes"), "sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}),
              "text-classification", classification()[:12]),
        cases(repository("tags", BertForTokenClassification, 5, config=tags), "token-classification", tokens()),
        cases(repository("tags-bytes", BertForTokenClassification, 6, byte_level, config=tags), "token-classification", tokens()[::2]),
        cases(repository("masked", BertForMaskedLM, 7), "fill-mask", masks()),
        cases(repository("masked-bytes", BertForMaskedLM, 8, byte_level), "fill-mask", masks()[::2]),
        cases(repository("nli", BertForSequenceClassification, 9, config=labels("Entailment", "neutral", "contradiction")), "zero-shot-classification", zero_shot()),
        cases(os.path.join(HERE, "classes"), "zero-shot-classification", zero_shot()[:8]),
        cases(os.path.join(HERE, "masked"), "feature-extraction", features()),
    ]
    repository("answers", BertForQuestionAnswering, 10, max_length=60)
    repository("answers-left", BertForQuestionAnswering, 11, byte_level, max_length=60, tokenizer_config={"padding_side": "left"})
    dense = {"in_features": 16, "out_features": 8, "bias": True, "activation_function": "torch.nn.modules.activation.GELU"}
    groups += sentences(sentence_repository("sentences", 12, {"pooling_mode_weightedmean_tokens": True, "include_prompt": False},
                                            [("Dense", dense, {"linear.weight": (8, 16), "linear.bias": (8,)}), ("LayerNorm", {"dimension": 8}, {"norm.weight": (8,), "norm.bias": (8,)})],
                                            {"prompts": {"query": "Who is Maria, ", "document": ""}, "default_prompt_name": None, "similarity_fn_name": "euclidean"}))
    groups += sentences(sentence_repository("sentences-two", 13, {"pooling_mode": ["lasttoken", "cls", "max"]}, [("Normalize", None, None)],
                                            {"prompts": {"query": "Who: "}, "default_prompt_name": "query"}, do_lower_case=True))
    groups += sentences(os.path.join(HERE, "masked"))
    groups += [ranking(os.path.join(HERE, "one")), ranking(os.path.join(HERE, "regression"))]
    save("cases.json", groups)


def main_457():
    save("cases-457.json", [cases(os.path.join(HERE, name), "question-answering", questions()) for name in ("answers", "answers-left")])


if __name__ == "__main__":
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    main_457() if "question-answering" in sys.argv[1:] else main()
