#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes processors.json: rows of logits before and after the logits processors of transformers 5.x, for each parameter.
#   pip install transformers torch; python3 make.py > processors.json
import json

import torch
from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

VOCAB = 40
S = dict(do_sample=True, top_k=0)
CASES = [
    dict(repetition_penalty=1.5), dict(repetition_penalty=0.6), dict(no_repeat_ngram_size=1), dict(no_repeat_ngram_size=2), dict(no_repeat_ngram_size=3),
    dict(bad_words_ids=[[1], [2, 5], [9, 2, 7], [3]]), dict(sequence_bias=[[[4], 2.5], [[9, 2, 7], -1.5], [[2, 4], 0.25], [[1, 8], 3.0]]),
    dict(min_length=9), dict(min_length=5), dict(min_new_tokens=4), dict(min_new_tokens=3), dict(forced_eos_token_id=3, max_new_tokens=4),
    dict(forced_eos_token_id=[3, 11], max_new_tokens=4), dict(forced_eos_token_id=3, max_new_tokens=9), dict(exponential_decay_length_penalty=[1, 1.5]),
    dict(suppress_tokens=[0, 7, 39, 100]), dict(begin_suppress_tokens=[0, 7], at_begin=True), dict(begin_suppress_tokens=[0, 7]), dict(renormalize_logits=True),
    dict(S, temperature=0.7), dict(S, temperature=2.5), dict(S, top_k=5), dict(S, top_k=100), dict(S, top_p=0.8), dict(S, top_p=0.05), dict(S, min_p=0.1),
    dict(S, typical_p=0.6), dict(S, typical_p=0.95), dict(S, epsilon_cutoff=0.02), dict(S, eta_cutoff=0.02), dict(S, eta_cutoff=0.2), dict(S, top_h=0.4),
    dict(S, top_p=0.05, num_beams=3), dict(S, min_p=0.9, num_beams=3), dict(S, epsilon_cutoff=0.9, num_beams=2), dict(S, top_k=1, num_beams=2),
    dict(do_sample=True, temperature=0.8, top_k=10, top_p=0.7, repetition_penalty=1.2, renormalize_logits=True),
]


def main():
    model = WhisperForConditionalGeneration(WhisperConfig(vocab_size=VOCAB, d_model=4, encoder_layers=1, decoder_layers=1, encoder_attention_heads=1,
                                                          decoder_attention_heads=1, encoder_ffn_dim=4, decoder_ffn_dim=4, max_source_positions=2, pad_token_id=3))
    torch.manual_seed(5)
    rows = []
    for case in CASES:
        kwargs = dict(case)
        ids = [4, 9, 2, 7, 9, 2, 1] if not kwargs.pop("at_begin", False) else [4, 9, 2, 7]
        config = GenerationConfig(eos_token_id=[3, 11], pad_token_id=3, **kwargs)
        config._eos_token_tensor = torch.tensor([3, 11])
        if config.max_new_tokens:
            config.max_length = config.max_new_tokens + 4
        if config.min_new_tokens:
            config.min_length = config.min_new_tokens + 4
        logits = (torch.randn(1, VOCAB) * 3).round(decimals=4)
        processors = model._get_logits_processor(config, input_ids_seq_length=4, device="cpu")
        out = processors(torch.tensor([ids]), logits.clone())[0].tolist()
        rows.append({"kwargs": kwargs, "n_prompt": 4, "ids": ids, "logits": [round(x, 4) for x in logits[0].tolist()],
                     "processed": [None if x == float("-inf") else round(x, 6) for x in out]})
    print("[" + ",\n".join(json.dumps(row) for row in rows) + "]")


if __name__ == "__main__":
    main()
