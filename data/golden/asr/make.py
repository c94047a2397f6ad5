#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the golden cases of automatic-speech-recognition: a tiny Whisper repository with random weights, and what the pipeline
of transformers 5.23 answers for it (float32, on a CPU).

    python3 make.py                   # needs: torch, transformers==5.23.*, tokenizers, numpy
    python3 make.py probabilities     # only probabilities.json, from the repository that is there

The windows are 5 s long instead of 30 s (chunk_length, max_source_positions), so that long sound is short. Weights are stored in
F16, the answers are computed in F32. Sounds are made from a formula that the test knows too: see sound ().
A case is kept only if its answer stays the same when all weights move by one part in 10^4, so that none hangs on a near tie.
"""
import copy
import json
import os
import shutil
import sys

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration, logging, pipeline)
from transformers.models.whisper.tokenization_whisper import _combine_tokens_into_words

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.join(HERE, "repo")
SECONDS = 5
STATES = SECONDS * 50
LANGUAGES = ["en", "zh", "de", "fr"]
TEXT = ["It was the best of times, it was the worst of times. The quick brown fox jumps over the lazy dog!",
        " and the and of in to is that (was) \"for\" on it's at by - this? with as", "今天天气很好。我们去公园", "Guten Tag, schöne Welt"]


def sound(seconds, seed):
    """Tones of a quarter of a second, every fifth of them silent; 16-bit samples at 16 kHz."""
    n = int(seconds * 16000)
    out = np.zeros(n)
    state = seed
    for start in range(0, n, 4000):
        state = (state * 1103515245 + 12345) % 2147483648
        frequency = 100 + state // 65536 % 3000
        amplitude = 0 if state // 256 % 5 == 0 else 0.1 + state // 1024 % 8 * 0.1
        t = np.arange(start, min(start + 4000, n)) / 16000
        out[start:start + 4000] = amplitude * np.sin(2 * np.pi * frequency * t)
    return (np.floor(out * 32767 + 0.5) / 32768).astype(np.float32)


def make_tokenizer():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=330, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False)
    tokenizer.train_from_iterator(TEXT, trainer)
    special = ["<|endoftext|>", "<|startoftranscript|>"] + [f"<|{code}|>" for code in LANGUAGES] + \
              ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.add_tokens([AddedToken("<|%.2f|>" % (i * 0.02), special=False, normalized=False) for i in range(STATES + 1)])
    tokenizer.save(os.path.join(REPO, "tokenizer.json"))
    config = {"tokenizer_class": "WhisperTokenizer", "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
              "pad_token": "<|endoftext|>", "additional_special_tokens": special, "clean_up_tokenization_spaces": False,
              "add_prefix_space": False, "errors": "replace", "model_max_length": 1024, "processor_class": "WhisperProcessor"}
    with open(os.path.join(REPO, "tokenizer_config.json"), "w") as file:
        json.dump(config, file, indent=1)
    return tokenizer


def make_model(tokenizer):
    torch.manual_seed(11)
    ids = {token: tokenizer.token_to_id(token) for token in
           ["<|endoftext|>", "<|startoftranscript|>", "<|translate|>", "<|transcribe|>", "<|startofprev|>", "<|notimestamps|>", "<|startoflm|>"]}
    end = ids["<|endoftext|>"]
    config = WhisperConfig(vocab_size=tokenizer.get_vocab_size(), num_mel_bins=80, d_model=32, encoder_layers=1, decoder_layers=2,
                           encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=48,
                           max_source_positions=STATES, max_target_positions=64, pad_token_id=end, bos_token_id=end, eos_token_id=end,
                           decoder_start_token_id=ids["<|startoftranscript|>"], suppress_tokens=None, begin_suppress_tokens=None)
    model = WhisperForConditionalGeneration(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() >= 2 and "embed_positions" not in name:
                weight.copy_(torch.randn_like(weight) * (1.6 / weight[0].numel() ** 0.5))
            elif "bias" in name:
                weight.copy_(torch.randn_like(weight) * 0.1)
        embedding = model.model.decoder.embed_tokens.weight
        embedding.copy_(torch.randn_like(embedding) * 0.55)
        embedding[ids["<|notimestamps|>"] + 1:] *= 0.85
        for token, index in tokenizer.get_vocab().items():      # more text, fewer halves of characters
            if len(token) == 1 and not token.isascii():
                embedding[index] *= 0.6
        model.model.decoder.embed_positions.weight.mul_(3)
        for layer in model.model.decoder.layers:
            layer.encoder_attn.q_proj.weight.mul_(2.5)
            layer.encoder_attn.out_proj.weight.mul_(2.0)
        for weight in model.parameters():
            weight.copy_(weight.half().float())
    model.generation_config = GenerationConfig(
        alignment_heads=[[0, 1], [1, 0], [1, 2]], begin_suppress_tokens=[220, end], bos_token_id=end, eos_token_id=end, pad_token_id=end,
        decoder_start_token_id=ids["<|startoftranscript|>"], is_multilingual=True, max_length=40, max_initial_timestamp_index=50,
        lang_to_id={f"<|{code}|>": tokenizer.token_to_id(f"<|{code}|>") for code in LANGUAGES}, no_timestamps_token_id=ids["<|notimestamps|>"],
        prev_sot_token_id=ids["<|startofprev|>"], return_timestamps=False,
        suppress_tokens=[1, 2, 7, ids["<|startoftranscript|>"], ids["<|translate|>"], ids["<|transcribe|>"], ids["<|startoflm|>"],
                         ids["<|startofprev|>"], ids["<|notimestamps|>"] - 1],
        task_to_id={"transcribe": ids["<|transcribe|>"], "translate": ids["<|translate|>"]})
    model.half().save_pretrained(REPO)
    WhisperFeatureExtractor(feature_size=80, chunk_length=SECONDS).save_pretrained(REPO)


def requests():
    """Inputs "@SECONDS:SEED" are sounds."""
    g = {"num_beams": 1, "language": "en"}
    word = {"return_timestamps": "word"}
    stamps = {"return_timestamps": True}
    out = []
    for seed in (1, 2, 3):
        out += [("@3:%d" % seed, {"generate_kwargs": g}), ("@4.3:%d" % seed, {**stamps, "generate_kwargs": g}),
                ("@4.3:%d" % seed, {**word, "generate_kwargs": g}), ("@3.7:%d" % seed, {"max_new_tokens": 9, "generate_kwargs": {"num_beams": 1}}),
                ("@3.1:%d" % seed, {**word, "generate_kwargs": {"num_beams": 3, "language": "fr"}}), ("@2:%d" % seed, {}),
                ("@2:%d" % seed, {**stamps}),
                ("@13:%d" % seed, {**stamps, "generate_kwargs": g}), ("@13:%d" % seed, {**word, "generate_kwargs": g}),
                ("@17.2:%d" % seed, {**stamps, "return_language": True, "generate_kwargs": {"num_beams": 1}}),
                ("@11:%d" % seed, {**stamps, "generate_kwargs": {"num_beams": 2, "language": "de", "task": "translate", "length_penalty": 0.6}}),
                ("@13:%d" % seed, {**stamps, "chunk_length_s": 5, "generate_kwargs": g}),
                ("@13:%d" % seed, {**word, "chunk_length_s": 4, "stride_length_s": [1, 0.5], "generate_kwargs": g}),
                ("@9:%d" % seed, {"chunk_length_s": 3, "stride_length_s": 0.6, "return_language": True, "generate_kwargs": {"num_beams": 1}}),
                ("@12:%d" % seed, {**stamps, "generate_kwargs": {**g, "condition_on_prev_tokens": True}}),
                ("@12:%d" % seed, {**word, "generate_kwargs": {**g, "condition_on_prev_tokens": True, "max_new_tokens": 20}})]
    out += [
        (["@3:4", "@4:5"], {"generate_kwargs": g}), (["@3:4", "@12:5", "@7:6"], {**stamps, "batch_size": 1, "generate_kwargs": g}),
        ("@14:7", {**stamps, "generate_kwargs": {**g, "temperature": [0.0], "compression_ratio_threshold": 1.2, "logprob_threshold": -20.0}}),
        ("@14:7", {**stamps, "generate_kwargs": {**g, "temperature": [0.0], "logprob_threshold": -0.5, "no_speech_threshold": 0.0005}}),
        ("@14:8", {**stamps, "generate_kwargs": {**g, "temperature": [0.0], "logprob_threshold": 0.0, "no_speech_threshold": 0.00001}}),
        ("@4:8", {"generate_kwargs": {**g, "prompt_ids": [80, 81, 300, 301]}}),
        ("@12:8", {**stamps, "generate_kwargs": {**g, "prompt_ids": [80, 81, 300, 301]}}),
        ("@12:8", {**stamps, "generate_kwargs": {**g, "prompt_ids": [80, 81, 300, 301], "condition_on_prev_tokens": True}}),
        ("@12:8", {**word, "generate_kwargs": {**g, "prompt_ids": [80, 81, 300], "condition_on_prev_tokens": True,
                                               "prompt_condition_type": "all-segments", "max_new_tokens": 20}}),
        ("@4:9", {**stamps, "generate_kwargs": {**g, "max_initial_timestamp_index": 5, "suppress_tokens": [5, 6], "begin_suppress_tokens": [70]}}),
        ("@4:9", {"generate_kwargs": {**g, "repetition_penalty": 1.5, "no_repeat_ngram_size": 2, "min_new_tokens": 8}}),
        ("@4:9", {"generate_kwargs": {"num_beams": 1, "forced_decoder_ids": [[1, None], [2, 343]]}}),
        ("@4:9", {**word, "return_language": True, "generate_kwargs": {"num_beams": 1, "language": "chinese"}}),
        ("@4:10", {"generate_kwargs": {"num_beams": 1, "language": "<|de|>", "return_timestamps": True}}),
        ("@4:10", {"generate_kwargs": {"num_beams": 1, "language": "Mandarin", "task": "transcribe"}}),
        ({"raw": "@4:10", "sampling_rate": 16000, "stride": [8000, 4000], "note": "kept", "n": 3}, {**stamps, "generate_kwargs": g}),
        ("@0.001:1", {"generate_kwargs": g}), ("@0.015:1", {**word, "generate_kwargs": g}), ("@0.5:1", {**word, "generate_kwargs": {**g, "max_new_tokens": 1}}),
        ("@0.5:1", {**word, "generate_kwargs": {**g, "max_new_tokens": 2}}), ("@5:1", {**stamps, "generate_kwargs": g}),
        # errors: some word of the message
        ("@1:1", {"return_timestamps": "char"}), ("@1:1", {"generate_kwargs": {"language": "xx"}}), ("@1:1", {"generate_kwargs": {"language": "klingon"}}),
        ("@1:1", {"generate_kwargs": {"language": "it"}}), ("@1:1", {"generate_kwargs": {"task": "sing"}}), ("@1:1", {"generate_kwargs": {"max_new_tokens": 100}}),
        ("@1:1", {"generate_kwargs": {"is_multilingual": False, "language": "en"}}), ("@1:1", {"generate_kwargs": {"no_such_thing": 1}}),
        ("@1:1", {"generate_kwargs": {"prompt_condition_type": "sometimes"}}), ("@1:1", {"generate_kwargs": {"prompt_condition_type": "all-segments"}}),
        ("@9:1", {"chunk_length_s": 2, "stride_length_s": 1}),
    ]
    return out


def resolve(value):
    if isinstance(value, str) and value.startswith("@"):
        seconds, seed = value[1:].split(":")
        return sound(float(seconds), int(seed))
    if isinstance(value, list):
        return [resolve(item) for item in value]
    if isinstance(value, dict):
        return {key: resolve(item) for key, item in value.items()}
    return value


def ask(pipe, inputs, parameters):
    parameters = copy.deepcopy(parameters)
    kwargs = parameters.get("generate_kwargs", {})
    if "prompt_ids" in kwargs:
        kwargs["prompt_ids"] = torch.tensor(kwargs["prompt_ids"])
    try:
        return json.loads(json.dumps(pipe(resolve(inputs), **parameters)))
    except Exception as error:      # which one is the reference's business; that there is one is what counts
        return {"error": f"{type(error).__name__}: {error}"[:200]}


def make_probabilities(pipe):
    """How sure the model is of each word: the mean of softmax (scores) over its tokens, which the pipeline does not return."""
    model, tokenizer = pipe.model, pipe.tokenizer
    first_timestamp = tokenizer.convert_tokens_to_ids("<|notimestamps|>") + 1
    out = []
    for seed, language, stamps in ((1, "en", False), (2, "de", False), (6, "zh", False), (4, "en", True), (7, "de", True)):
        inputs = pipe.feature_extractor(sound(4.3, seed), sampling_rate=16000, return_tensors="pt")
        with torch.no_grad():
            answer = model.generate(inputs.input_features, num_beams=1, language=language, return_timestamps=stamps, output_scores=True,
                                    return_dict_in_generate=True, force_unique_generate_call=True)
        n = len(answer.scores)
        ids = answer.sequences[0][-n:].tolist()
        probabilities = [torch.softmax(scores[0].float(), -1)[i].item() for scores, i in zip(answer.scores, ids)]
        text = [(i, p) for i, p in zip(ids, probabilities) if i not in tokenizer.all_special_ids and i < first_timestamp]
        words, _, indices = _combine_tokens_into_words(tokenizer, [i for i, _ in text], {"zh": "chinese"}.get(language, "english"))
        found = [[word, round(float(np.mean([text[k][1] for k in index])), 5)] for word, index in zip(words, indices)]
        rest = tokenizer.decode([i for i, _ in text])[len("".join(words)):]
        found += [[rest, -1]] if rest else []      # half a character is no word
        out.append({"inputs": "@4.3:%d" % seed, "parameters": {"num_beams": 1, "language": language, "return_timestamps": stamps, "force_unique_generate_call": True},
                    "words": found})
    with open(os.path.join(HERE, "probabilities.json"), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in out) + "\n]\n")


def main():
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    if sys.argv[1:] == ["probabilities"]:
        make_probabilities(pipeline("automatic-speech-recognition", REPO, dtype="float32", device="cpu"))
        return
    shutil.rmtree(REPO, ignore_errors=True)
    os.makedirs(REPO)
    make_model(make_tokenizer())
    pipe = pipeline("automatic-speech-recognition", REPO, dtype="float32", device="cpu")
    moved = pipeline("automatic-speech-recognition", REPO, dtype="float32", device="cpu")
    torch.manual_seed(5)
    with torch.no_grad():
        for weight in moved.model.parameters():
            weight.mul_(1 + torch.randn_like(weight) * 1e-4)
    cases = []
    for inputs, parameters in requests():
        expected = ask(pipe, inputs, parameters)
        if "error" in expected or expected == ask(moved, inputs, parameters):
            cases.append({"inputs": inputs, "parameters": parameters, "expected": expected})
        else:
            print("near tie, left out:", inputs, parameters)
    with open(os.path.join(HERE, "cases.json"), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n")
    print(len(cases), "cases")
    make_probabilities(pipe)


main()
