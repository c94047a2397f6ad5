#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes tiny Whisper repositories with random weights and what transformers computes with them: encoder states, logits,
# cross-attention weights, and the ids of greedy and beam search. Run it once with transformers 4.57 and once with 5.x
# (pip install transformers torch safetensors): each writes the repositories that are to have its file layout.
#   python3 make.py [FOLDER]
import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file
from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration
from transformers.generation.utils import GenerationMixin

MAJOR = int(transformers.__version__.split(".")[0])
BASE = dict(d_model=12, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=20,
            decoder_ffn_dim=20, num_mel_bins=8, vocab_size=51, max_source_positions=12, max_target_positions=24, pad_token_id=3, bos_token_id=3,
            eos_token_id=3, decoder_start_token_id=4, suppress_tokens=None, begin_suppress_tokens=None)
REPOSITORIES = {
    # name: (transformers, differences)
    "multilingual": (4, {}),
    "english": (5, dict(d_model=8, vocab_size=50, decoder_start_token_id=3, activation_function="gelu_new", scale_embedding=True)),
    "mel128": (5, dict(d_model=8, num_mel_bins=128, encoder_layers=1, decoder_layers=1, activation_function="relu")),
    "distilled": (5, dict(encoder_layers=3, decoder_layers=1, encoder_ffn_dim=28, decoder_ffn_dim=16)),
    "odd-heads": (4, dict(d_model=14, encoder_attention_heads=7, decoder_attention_heads=2, encoder_layers=1, decoder_layers=1)),
}
CASES = [
    dict(),
    dict(repetition_penalty=1.4),
    dict(no_repeat_ngram_size=2, min_new_tokens=6),
    dict(forced_eos_token_id=3, suppress_tokens=[7, 9], begin_suppress_tokens=[11, 30]),
    dict(exponential_decay_length_penalty=[3, 1.3]),
    dict(num_beams=3),
    dict(num_beams=4, num_return_sequences=3, length_penalty=2.0),
    dict(num_beams=3, num_return_sequences=3, early_stopping=True),
    dict(num_beams=3, early_stopping="never", length_penalty=0.5),
    dict(num_beams=2, length_penalty=-1.0, early_stopping="never", eos_token_id=[3, 12, 20]),
    dict(num_beams=5, repetition_penalty=1.3, no_repeat_ngram_size=3),
    dict(num_beams=3, sequence_bias=[[[8], -4.0], [[10, 14], 3.0]], bad_words_ids=[[6], [5, 5]]),
]


def tiny_model(differences):
    config = WhisperConfig(**{**BASE, **differences})
    torch.manual_seed(20)
    model = WhisperForConditionalGeneration(config).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "encoder.embed_positions" in name:
                continue
            scale = 0.2 if p.dim() == 1 else 0.6 if "embed_positions" in name else 0.35 if "embed_tokens" in name else 0.3
            p.copy_(torch.randn(p.shape) * scale + (1.0 if "layer_norm.weight" in name else 0.0))
    model.generation_config = GenerationConfig(max_length=19, pad_token_id=3, bos_token_id=3, eos_token_id=[3],
                                               decoder_start_token_id=config.decoder_start_token_id)
    return config, model


def choose_end_tokens(model, encoder_outputs, prompt):
    """The rarer tokens of what beams write: so that beams end at different times, and some of them early."""
    out = GenerationMixin.generate(model, encoder_outputs=encoder_outputs, decoder_input_ids=prompt, num_beams=6, num_return_sequences=6, eos_token_id=None)
    tokens = out[:, prompt.shape[1] + 2:].flatten().tolist()
    return [3] + sorted(set(tokens), key=lambda t: (tokens.count(t), t))[:4]


def generate(model, encoder_outputs, prompt, kwargs):
    out = GenerationMixin.generate(model, encoder_outputs=encoder_outputs, decoder_input_ids=prompt, return_dict_in_generate=True,
                                   output_scores=True, **kwargs)
    rows = []
    eos = kwargs.get("eos_token_id", model.generation_config.eos_token_id)
    for i, sequence in enumerate(out.sequences.tolist()):
        new = sequence[prompt.shape[1]:]
        end = next((k + 1 for k, t in enumerate(new) if t in eos), len(new))
        rows.append({"ids": new[:end], "score": float(out.sequences_scores[i]) if kwargs.get("num_beams", 1) > 1 else None})
    return rows


def make(folder, differences):
    config, model = tiny_model(differences)
    model.save_pretrained(folder)
    batch = 1 if config.num_mel_bins == 128 else 2
    features = torch.randn(batch, config.num_mel_bins, 2 * config.max_source_positions)
    ids = torch.randint(5, config.vocab_size, (batch, 6))
    prompt = torch.tensor([[config.decoder_start_token_id, 5, 6]] * batch)
    with torch.no_grad():
        model.set_attn_implementation("eager")
        encoded = model.model.encoder(features)
        out = model(encoder_outputs=encoded, decoder_input_ids=ids, output_attentions=True)
        copy = lambda: type(encoded)(last_hidden_state=encoded.last_hidden_state.clone())
        model.generation_config.eos_token_id = choose_end_tokens(model, copy(), prompt)
        model.generation_config.save_pretrained(folder)
        cases = [{"kwargs": kwargs, "sequences": generate(model, copy(), prompt, kwargs)}
                 for kwargs in CASES]
    save_file({"input_features": features, "decoder_input_ids": ids.to(torch.int32), "encoder_last_hidden_state": encoded.last_hidden_state.contiguous(),
               "logits": out.logits.contiguous(), "cross_attentions": torch.cat(out.cross_attentions).contiguous()}, folder / "golden.safetensors")
    (folder / "golden.json").write_text(json.dumps({"transformers": transformers.__version__, "prompt": prompt.tolist(), "cases": cases}) + "\n")


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    for name, (major, differences) in REPOSITORIES.items():
        if major == MAJOR:
            (target / name).mkdir(exist_ok=True)
            make(target / name, differences)
