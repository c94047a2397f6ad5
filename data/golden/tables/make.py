#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes what TapasTokenizer makes of tables and questions: cases.json with settings of tokenizer_config.json, tables, and ids and types of each question.

    python3 make.py [SEED [COUNT [FOLDER]]]     # transformers 5.x, pandas; with arguments: more cases, into another folder
"""
import json
import os
import random
import sys

import pandas
from transformers import TapasTokenizer

import words

HERE = os.path.dirname(os.path.abspath(__file__))
SETTINGS = [{}, {"do_lower_case": False, "strip_column_names": True, "max_question_length": 12}, {"cell_trim_length": 2, "min_question_length": 3},
            {"max_row_id": 5, "max_column_id": 4, "tokenize_chinese_chars": False, "strip_accents": False}, {"do_basic_tokenize": False}]


def encode(tokenizer, names, rows, question, drop_rows):
    try:
        e = tokenizer(pandas.DataFrame(rows, columns=names), question, truncation="drop_rows_to_fit" if drop_rows else "do_not_truncate")
        return {"ids": e["input_ids"], "types": [t for row in e["token_type_ids"] for t in row]}
    except ValueError:      # too many rows or columns
        return {"error": True}


def tables(rng, count):
    """First all odd cells, a column each; then random ones."""
    odd = [(["name"], [[cell] for cell in words.CELLS[i:i + 8]]) for i in range(0, len(words.CELLS), 8)]
    return (odd + [words.random_table(rng, rng.choice([3, 6, 12])) for _ in range(count)])[:max(count, len(odd))]


def main(seed, count, folder):
    rng = random.Random(seed)
    groups = []
    for i, settings in enumerate(SETTINGS):
        path = os.path.join(folder, str(i))
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, "vocab.txt"), "w") as file:
            file.writelines(word + "\n" for word in words.vocabulary())
        with open(os.path.join(path, "tokenizer_config.json"), "w") as file:
            json.dump({"tokenizer_class": "TapasTokenizer", "model_max_length": 64, "additional_special_tokens": ["[EMPTY]"], **settings}, file)
        tokenizer = TapasTokenizer.from_pretrained(path)
        cases = []
        for names, rows in tables(rng, count):
            drop = rng.random() < 0.8
            question = words.random_question(rng)
            cases.append({"names": names, "rows": rows, "question": question, "drop_rows": drop, **encode(tokenizer, names, rows, question, drop)})
        groups.append({"repository": str(i), "cases": cases})
    with open(os.path.join(folder, "cases.json"), "w") as file:
        json.dump(groups, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main(int(sys.argv[1] if len(sys.argv) > 1 else 1), int(sys.argv[2] if len(sys.argv) > 2 else 16), sys.argv[3] if len(sys.argv) > 3 else HERE)
