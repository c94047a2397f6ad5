#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the golden cases of a repository of sentence-transformers whose vectors the encoder of T5 makes, as Sentence-T5 and GTR have it, cases-t5.json.

    python3 t5.py       # torch, transformers 5.x, tokenizers, sentence-transformers 6.2.x
"""
import os
import shutil

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import T5Config, T5EncoderModel, T5ForTokenClassification, logging

import make


def unigram():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    tokenizer.train_from_iterator(make.TEXT, trainers.UnigramTrainer(vocab_size=120, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    return tokenizer


def repository(name, seed, model_class, **settings):
    folder = os.path.join(make.HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    vocabulary = unigram()
    vocabulary.save(os.path.join(folder, "tokenizer.json"), pretty=False)
    make.write(os.path.join(folder, "tokenizer_config.json"),
               {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>",
                "model_input_names": ["input_ids", "attention_mask"]})
    torch.manual_seed(seed)
    model = model_class(T5Config(vocab_size=vocabulary.get_vocab_size(), d_model=8, d_kv=3, d_ff=12, num_layers=2, num_heads=2, **settings)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn_like(weight) * 0.5) if weight.dim() >= 2 else weight.add_(torch.randn_like(weight) * 0.2)
    model.half().save_pretrained(folder)
    return folder


def sentence_repository():
    folder = repository("sentences-t5", 21, T5EncoderModel, feed_forward_proj="gated-gelu")
    make.write(os.path.join(folder, "1_Pooling", "config.json"), {"word_embedding_dimension": 8, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True})
    make.write(os.path.join(folder, "2_Dense", "config.json"), {"in_features": 8, "out_features": 6, "bias": False, "activation_function": "torch.nn.modules.linear.Identity"})
    save_file({"linear.weight": torch.randn(6, 8) * 0.4}, os.path.join(folder, "2_Dense", "model.safetensors"))
    modules = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense"), ("3_Normalize", "Normalize"))
    make.write(os.path.join(folder, "modules.json"), [{"idx": i, "name": str(i), "path": at, "type": "sentence_transformers.models." + kind} for i, (at, kind) in enumerate(modules)])
    make.write(os.path.join(folder, "config_sentence_transformers.json"), {"prompts": {"query": "Who: "}, "default_prompt_name": None})
    make.write(os.path.join(folder, "sentence_bert_config.json"), {"max_seq_length": 40, "do_lower_case": False})
    return folder


def main():
    groups = make.sentences(sentence_repository())
    tags = repository("tags-t5", 22, T5ForTokenClassification, **make.labels("O", "B-PER", "I-PER", "LOC"))
    groups.append(make.cases(tags, "token-classification", [(text, {"aggregation_strategy": s}) for s in ("none", "simple", "max") for text in (make.TEXT[0], make.TEXT[3])]))
    make.save("cases-t5.json", groups)


if __name__ == "__main__":
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    main()
