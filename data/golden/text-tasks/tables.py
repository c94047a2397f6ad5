#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the golden cases of table-question-answering, cases-tables.json: tiny TAPAS repositories with random weights, and what the pipeline answers.

    python3 tables.py       # torch, transformers 5.x, pandas
"""
import json
import os
import random
import sys

import torch
from transformers import TapasConfig, TapasForQuestionAnswering, logging

import make

sys.path.insert(0, os.path.join(make.HERE, "..", "tables"))
import words

TABLE = {"actor": ["brad pitt", "leonardo di caprio", "george clooney"], "age": ["56", "45", "59"], "movies": ["87", "53", "69"],
         "born": ["7 february 1967", "10 june 1996", "28 november 1967"]}
QUESTION = "how many movies has george clooney played in?"
LABELS = dict(num_aggregation_labels=4, aggregation_labels={0: "NONE", 1: "SUM", 2: "AVERAGE", 3: "COUNT"}, no_aggregation_label_index=0)


def repository(name, seed, **config):
    folder = os.path.join(make.HERE, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "vocab.txt"), "w") as file:
        file.writelines(word + "\n" for word in words.vocabulary())
    make.write(os.path.join(folder, "tokenizer_config.json"), {"tokenizer_class": "TapasTokenizer", "model_max_length": 96, "additional_special_tokens": ["[EMPTY]"]})
    torch.manual_seed(seed)
    model = TapasForQuestionAnswering(TapasConfig(vocab_size=len(words.vocabulary()), hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24,
                                                  max_position_embeddings=24, type_vocab_sizes=[3, 32, 32, 2, 32, 32, 10], max_num_rows=16, max_num_columns=8, **config))
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if weight.dim() >= 2:
                weight.copy_(torch.randn_like(weight) * (1.5 / weight.shape[-1] ** 0.5))
            elif key.endswith("output_weights"):
                weight.copy_(torch.randn_like(weight))
            else:
                weight.add_(torch.randn_like(weight) * 0.2)
    model.half().save_pretrained(folder)
    return folder


def requests(seed):
    rng = random.Random(seed)
    one = {"table": TABLE, "query": QUESTION}
    rows = [dict(zip(TABLE, cells)) for cells in zip(*TABLE.values())]
    several = [QUESTION, "who is less than 59?", "of these, how many in june 1996?"]
    out = [(one, p) for p in ({}, {"truncation": False}, {"truncation": True}, {"truncation": "do_not_truncate"}, {"padding": "max_length"}, {"padding": False}, {"sequential": True},
                              {"truncation": "longest_first"}, {"padding": "both"})]
    out += [({"table": TABLE, "query": several}, p) for p in ({}, {"sequential": True}, {"padding": "longest"})]
    out += [({"table": rows, "query": QUESTION}, {}), ([one], {}), ([one, {"table": rows, "query": several[1:]}], {}), ([one, one], {"sequential": True}), ({"table": TABLE, "query": [QUESTION]}, {})]
    out += [({"table": {"a": "x", "b": ["1", "2"]}, "query": "?"}, {}), ({"table": {"a": ["x", "y"], "b": ["1"]}, "query": "?"}, {}), ({"table": {"a": "x"}, "query": "?"}, {}),
            ({"table": {}, "query": "?"}, {}), ({"table": {"a": []}, "query": "?"}, {}), ({"table": TABLE, "query": ""}, {}), ({"table": TABLE}, {}), ({"query": "?"}, {}), ([], {}),
            ({"table": {"a": [1, 2]}, "query": "?"}, {}), ({"table": {"a": [None]}, "query": "?"}, {}), ("text", {}),
            ({"table": [{"a": "x"}, {"b": "y"}], "query": "?"}, {}), ({"table": {"a": {"0": "x"}}, "query": "?"}, {}), ({"table": 5, "query": "?"}, {}),
            ({"table": ["x", "y"], "query": QUESTION}, {}), ({"table": [["56"], ["45"], "59"], "query": "who is less than 59?"}, {}), ({"table": [["x", "y"], ["1", "2"]], "query": "?"}, {}),
            ({"table": [[]], "query": "?"}, {}), ({"table": {"": ["", ""]}, "query": "?"}, {}), ({"table": {"a": [""]}, "query": "?"}, {}), ({"table": {" ": [" "]}, "query": "?"}, {})]
    for _ in range(24):
        names, cells = words.random_table(rng, 9)
        query = [words.random_question(rng) for _ in range(rng.randint(1, 3))]
        out.append(({"table": {name: [row[i] for row in cells] for i, name in enumerate(names)}, "query": query}, {"sequential": True} if rng.random() < 0.4 else {}))
    return out


def main():
    make.save("cases-tables.json", [make.cases(repository("tables", 1, **LABELS), "table-question-answering", requests(1)),
                                    make.cases(repository("tables-talk", 2, temperature=0.5), "table-question-answering", requests(2))])


if __name__ == "__main__":
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    main()
