#!/usr/bin/env python3
"""Word error rates by transformers' pipeline: evaluate.py model"""
import glob, sys
import numpy as np, soundfile, soxr, torch
from transformers import pipeline
import common, train
torch.set_num_threads(1)
p = pipeline("automatic-speech-recognition", model=sys.argv[1], device="cpu", dtype=torch.float32)
run = lambda x, **k: p({"raw": x.astype(np.float32).copy(), "sampling_rate": 16000}, **k)
# Held-back clips exist as mel only, so these go through the model of train.py (the same weights).
tok = common.Tokens(); m = p.model; net = train.Net(m, len(train.PHONES) + 1); net.bf16 = False
for stamps in False, True:
    for name, clips in train.data()[3].items():
        refs = [" ".join(w for w, _, _ in c[2]) for c in clips]
        hyps = train.transcribe(net, tok, [c[1].astype(np.float32) for c in clips], stamps)
        e = [train.errors(r, h) for r, h in zip(refs, hyps)]
        print(f"{name} timestamps={stamps}: {sum(b for _, b in e)} words, error rate {sum(a for a, _ in e) / sum(b for _, b in e):.3f}")
total = {k: [0, 0] for k in ("plain", "stamps", "word")}
for f in sorted(glob.glob("/usr/share/sounds/alsa/*.wav")):
    x, sr = soundfile.read(f, dtype="float32")
    x = soxr.resample(x, sr, 16000)
    ref = f.split("/")[-1][:-4].lower().replace("_", " ").replace("noise", "")
    row = [run(x), run(x, return_timestamps=True), run(x, return_timestamps="word")]
    for k, r in zip(total, row):
        a, b = train.errors(ref, r["text"]); total[k][0] += a; total[k][1] += b
    print(f.split("/")[-1], [r["text"] for r in row], [(c["text"], c["timestamp"]) for c in row[2]["chunks"]])
print("alsa", total)
rng = np.random.default_rng(0); bad = n = 0
t = np.arange(64000) / 16000
for i in range(40):
    x = [np.zeros(64000), rng.normal(size=64000) * 10 ** rng.uniform(-4, -0.7),
         0.2 * sum(np.sin(2 * np.pi * f * t) for f in rng.uniform(100, 1500, 3)),
         np.cumsum(rng.normal(size=64000)) * 1e-3][i % 4]
    for k in {}, {"return_timestamps": True}:
        n += 1; bad += bool(run(x, **k)["text"].strip())
print(f"text on silence, noise, tones: {bad} of {n}")
