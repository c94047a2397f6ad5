# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Recipe of cases.json: what transformers' feature extractors make of a signal that tests/preprocessors/audio.c makes too.
#   pip install transformers==5.23.0 torch numpy; python make.py > cases.json
# Each tensor is kept as its shape and every stride-th value of the flat array.
import json
import numpy as np
import transformers


def signal(n):
    """Noise of a linear congruential generator, exact in float32; samples 1000 ... 2999 are silent."""
    state, out = 1, np.zeros(n, np.float32)
    for i in range(n):
        state = (state * 1664525 + 1013904223) % 2**32
        out[i] = 0 if 1000 <= i < 3000 else ((state >> 16) - 32768) / 65536
    return out


def kept(a):
    flat = a.reshape(-1)
    stride = max(1, flat.size // 211)
    stride += 1 - stride % 2
    return {"shape": list(a.shape), "stride": stride, "values": [float("%.7g" % v) for v in flat[::stride]]}


W, V, S = "WhisperFeatureExtractor", "Wav2Vec2FeatureExtractor", "SpeechT5FeatureExtractor"
CASES = [
    ("80 bins", W, {}, {}, 50000, False),
    ("128 bins, nested in processor_config.json", W, {"feature_size": 128}, {}, 50000, True),
    ("longer than a chunk", W, {"chunk_length": 2}, {}, 50000, False),
    ("chunk of 5 s, hop of 100", W, {"chunk_length": 5, "hop_length": 100}, {}, 30001, False),
    ("odd n_fft", W, {"n_fft": 401, "hop_length": 100, "chunk_length": 2}, {}, 20000, False),
    ("n_fft with a large prime", W, {"n_fft": 254, "chunk_length": 2}, {}, 20000, False),
    ("n_fft of 512", W, {"n_fft": 512, "chunk_length": 2}, {"return_attention_mask": True}, 20000, False),
    ("not truncated, longest", W, {"chunk_length": 2}, {"truncation": False, "padding": "longest", "return_attention_mask": True}, 50001, True),
    ("longest, short", W, {}, {"padding": "longest", "return_attention_mask": True}, 7999, False),
    ("to a multiple", W, {}, {"padding": "longest", "pad_to_multiple_of": 4096, "return_attention_mask": True}, 7999, False),
    ("max_length", W, {}, {"max_length": 12345, "return_attention_mask": True}, 9000, False),
    ("mask wanted by the config", W, {"return_attention_mask": True, "chunk_length": 2}, {}, 9000, False),
    ("normalized", W, {"chunk_length": 2}, {"do_normalize": True}, 9000, False),
    ("padded by a number", W, {"padding_value": 0.125, "chunk_length": 2}, {}, 9000, False),
    ("one sample", W, {"chunk_length": 1}, {}, 1, False),
    ("no sample", W, {"chunk_length": 1}, {"return_attention_mask": True}, 0, False),
    ("samples", V, {}, {}, 9000, False),
    ("samples as they are, with mask", V, {"do_normalize": False, "return_attention_mask": True}, {}, 9000, True),
    ("samples to max_length", V, {}, {"padding": "max_length", "max_length": 12000, "return_attention_mask": True}, 9000, False),
    ("samples cut", V, {}, {"truncation": True, "max_length": 5000}, 9000, False),
    ("samples of SpeechT5", S, {}, {}, 9000, False),
    ("samples of SpeechT5, normalized", S, {"do_normalize": True, "mel_floor": 1e-10}, {}, 9000, False),
]

cases = []
for name, kind, config, call, n, nested in CASES:
    extractor = getattr(transformers, kind)(**config)
    out = extractor(signal(n), sampling_rate=16000, return_tensors="np", **call)
    config = dict(config, feature_extractor_type=kind)
    cases.append({"name": name, "config": config, "nested": nested, "call": call, "n": n, "tensors": {k: kept(v) for k, v in out.items()}})
print("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]")
