# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The features of 30 s of noise by bench-mel and by transformers, turn about in one run: python mel.py BENCH-MEL DIRECTORY [ROUNDS]
import subprocess, sys, time
import numpy as np, torch
from transformers import WhisperFeatureExtractor

torch.set_num_threads(2)
extractor = WhisperFeatureExtractor.from_pretrained(sys.argv[2])
x = np.random.default_rng(1).uniform(-.3, .3, 480000).astype(np.float32)
ours, theirs = [], []
for _ in range(int(sys.argv[3]) if len(sys.argv) > 3 else 4):
    ours.append(float(subprocess.run([sys.argv[1], sys.argv[2], "40"], check=True, capture_output=True, text=True).stdout.split()[0]))
    for _ in range(40):
        start = time.perf_counter()
        extractor(x, sampling_rate=16000, return_tensors="np")
        theirs.append((time.perf_counter() - start) * 1e3)
print("gtransformers %.2f ms, transformers %.2f ms, ratio %.2f (least times)" % (min(ours), min(theirs), min(ours) / min(theirs)))
