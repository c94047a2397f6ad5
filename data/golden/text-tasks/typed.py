#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the golden cases of token types that a tokenizer hands over although all of them are 0, cases-typed.json: in XLM they are rows of the table of words.

    python3 typed.py       # torch, transformers 5.x
"""
import os
import shutil

import torch
from transformers import XLMConfig, XLMForSequenceClassification, logging

import make


def repository(name, seed):
    folder = os.path.join(make.HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    vocabulary = make.wordpiece()
    vocabulary.save(os.path.join(folder, "tokenizer.json"), pretty=False)
    make.write(os.path.join(folder, "tokenizer_config.json"),
               {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 48, "unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]",
                "mask_token": "[MASK]", "model_input_names": ["input_ids", "token_type_ids", "attention_mask"]})
    torch.manual_seed(seed)
    model = XLMForSequenceClassification(XLMConfig(vocab_size=vocabulary.get_vocab_size(), emb_dim=8, n_layers=1, n_heads=2, max_position_embeddings=50, num_labels=3))
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn_like(weight) * 0.5) if weight.dim() >= 2 else weight.add_(torch.randn_like(weight) * 0.2)
    model.half().save_pretrained(folder)
    return folder


def main():
    folder = repository("typed", 3)
    text, pair = make.TEXT[2], {"text": make.TEXT[0], "text_pair": make.TEXT[2]}
    make.save("cases-typed.json", [make.cases(folder, "text-classification", [(inputs, {"top_k": None, "function_to_apply": "none"}) for inputs in (text, [text, "tea"], pair)]),
                                   make.cases(folder, "feature-extraction", [("tea", {}), (text, {})])])


if __name__ == "__main__":
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    main()
