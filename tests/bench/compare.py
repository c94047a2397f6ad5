#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Speech recognition against its peers: what `./dev bench` runs.

    compare.py --build DIR --model DIR [--threads N] [--rounds N] [WORK ...]

Each work is timed with ours and with each peer that is installed, turn by turn in the same minutes, each turn a process of its own;
best and median of all runs of all turns, and the ratio of the medians: below 1 ours is faster. --model is a Whisper repository.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

# name: what is timed, [(peer, dtype of ours, dtype of the peer)], and the goal for ours / fastest peer.
# "states" are those of the encoder alone: what the decoder makes of them (its keys and values) is nobody's part of it.
WORKS = {
    "mel": ("mel", [("transformers", "float32", "float32")], 0.4),
    "encoder": ("states", [("openvino", "float32", "f32"), ("ctranslate2", "float32", "float32"), ("torch", "float32", "float32")], 0.9),
    "encoder-bf16": ("states", [("openvino", "bfloat16", "bf16"), ("torch", "bfloat16", "bfloat16")], 0.93),
    "tokens": ("tokens", [("ctranslate2", "float32", "float32"), ("torch", "float32", "float32")], 0.8),
    "tokens-int8": ("tokens", [("ctranslate2", "int8", "int8")], 0.7),
    "load": ("load", [("ctranslate2", "float32", "float32")], 0.7),
}
TOKENS = 100


# ---- a peer, in a process of its own: prints {"ms": [...], "peak_mb": n}

def timed(function, runs):
    function()
    out = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        out.append((time.perf_counter() - start) * 1e3)
    return out


def noise(rate=16000, seconds=30):
    import numpy
    return (numpy.random.default_rng(0).random(rate * seconds, dtype=numpy.float32) - 0.5) * 0.1


def features(model):
    from transformers import WhisperFeatureExtractor
    return WhisperFeatureExtractor.from_pretrained(model)(noise(), sampling_rate=16000, return_tensors="np").input_features


def peer_transformers(work, dtype, model, threads, runs):
    import torch
    from transformers import WhisperFeatureExtractor
    torch.set_num_threads(threads)
    extractor, sound = WhisperFeatureExtractor.from_pretrained(model), noise()
    return timed(lambda: extractor(sound, sampling_rate=16000, return_tensors="np"), runs)


def peer_torch(work, dtype, model, threads, runs):
    import torch
    from transformers import WhisperForConditionalGeneration
    torch.set_num_threads(threads)
    whisper = WhisperForConditionalGeneration.from_pretrained(model, dtype=getattr(torch, dtype)).eval()
    x = torch.from_numpy(features(model)).to(getattr(torch, dtype))
    with torch.inference_mode():
        if work == "states":
            return timed(lambda: whisper.model.encoder(x), runs)
        start = torch.tensor([[whisper.config.decoder_start_token_id]])

        def decode():
            state, token, cache = whisper.model.encoder(x), start, None
            for _ in range(TOKENS):
                out = whisper(encoder_outputs=state, decoder_input_ids=token, past_key_values=cache, use_cache=True)
                token, cache = out.logits[:, -1].argmax(-1, keepdim=True), out.past_key_values
        return timed(decode, runs)


def peer_openvino(work, dtype, model, threads, runs):
    import openvino
    import torch
    from transformers import WhisperModel
    x = torch.from_numpy(features(model))
    encoder = WhisperModel.from_pretrained(model, dtype=torch.float32).eval().encoder
    encoder.config.return_dict = False
    converted = openvino.convert_model(encoder, example_input=x)
    compiled = openvino.Core().compile_model(converted, "CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": dtype, "PERFORMANCE_HINT": "LATENCY"})
    request, array = compiled.create_infer_request(), x.numpy()
    return timed(lambda: request.infer({0: array}), runs)


def peer_ctranslate2(work, dtype, model, threads, runs):
    import ctranslate2
    folder = os.path.join(tempfile.gettempdir(), "gtf-bench-ct2-" + os.path.basename(os.path.abspath(model)))
    if not os.path.isdir(folder):
        ctranslate2.converters.TransformersConverter(model).convert(folder, force=True)

    def load():
        return ctranslate2.models.Whisper(folder, device="cpu", compute_type=dtype, intra_threads=threads)
    if work == "load":
        return timed(load, runs)
    whisper, x = load(), ctranslate2.StorageView.from_array(features(model))
    if work == "states":
        return timed(lambda: whisper.encode(x, to_cpu=True), runs)
    config = json.load(open(os.path.join(model, "generation_config.json")))
    prompt = [config["decoder_start_token_id"]]
    return timed(lambda: whisper.generate(x, [prompt], beam_size=1, max_length=TOKENS + 1, suppress_blank=False, suppress_tokens=[config.get("eos_token_id", 50257)]), runs)


def be_peer(a):
    name, work, dtype = a.peer.split(":")
    ms = globals()["peer_" + name](work, dtype, a.model, a.threads, a.runs)
    with open("/proc/self/status") as status:
        peak = [int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM")][0]
    print(json.dumps({"ms": ms, "peak_mb": peak}))


# ---- turns

def turn(command, environment):
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    if run.returncode:
        return None, (run.stderr.strip().split("\n") or ["?"])[-1][:160]
    return json.loads(run.stdout.strip().split("\n")[-1]), None


def compare(a, name):
    work, peers, goal = WORKS[name]
    environment = dict(os.environ, GTF_THREADS=str(a.threads), OMP_NUM_THREADS=str(a.threads))
    sides = {"ours": [os.path.join(a.build, "tests/bench/bench-speech"), a.model, peers[0][1], work, str(a.runs)]}
    for peer, _, dtype in peers:
        sides[peer] = [sys.executable, os.path.abspath(__file__), "--peer", "%s:%s:%s" % (peer, work, dtype), "--model", a.model, "--threads", str(a.threads), "--runs", str(a.runs)]
    times, peak, missing = {side: [] for side in sides}, {}, {}
    for _ in range(a.rounds):
        for side, command in sides.items():
            if side in missing:
                continue
            answer, why = turn(command, environment)
            if answer is None:
                missing[side] = why
                continue
            times[side] += answer["ms"]
            peak[side] = max(peak.get(side, 0), answer["peak_mb"])
    print("\n%s (%s)" % (name, peers[0][1]))
    for side, ms in times.items():
        if ms:
            print("  %-14s best %9.2f ms   median %9.2f ms   %4d runs   peak %5d MB" % (side, min(ms), statistics.median(ms), len(ms), peak[side]))
        else:
            print("  %-14s -- %s" % (side, missing.get(side, "no run")))
    rivals = {side: statistics.median(ms) for side, ms in times.items() if ms and side != "ours"}
    if times["ours"] and rivals:
        best = min(rivals, key=rivals.get)
        ratio = statistics.median(times["ours"]) / rivals[best]
        print("  ours / %s: %.2f (of the best runs %.2f); goal %.2f%s" % (best, ratio, min(times["ours"]) / min(times[best]), goal, "" if ratio <= goal else ", not met"))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("works", nargs="*", help=", ".join(WORKS))
    ap.add_argument("--build", default="build-release")
    ap.add_argument("--model", required=True, help="folder of a Whisper repository")
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    ap.add_argument("--runs", type=int, default=5)
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--peer", help=argparse.SUPPRESS)
    a = ap.parse_args()
    if a.peer:
        be_peer(a)
        return
    print("%d threads, load %.1f" % (a.threads, os.getloadavg()[0]))
    for name in a.works or WORKS:
        compare(a, name)


main()
