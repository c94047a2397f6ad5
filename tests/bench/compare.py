#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ours against its peers: what `./dev bench` runs.

    compare.py --build DIR [--model DIR] [--threads N] [--rounds N] [--isa avx2] [WORK ...]

Each work is timed with ours and with each peer that is installed, turn by turn in the same minutes, each turn a process of its own;
best and median of all runs of all turns, and the ratio of the medians: below 1 ours is faster. --model is a Whisper repository;
without it the works of speech are left out. --isa avx2 holds all sides to AVX2, as far as a peer can be told so.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

import peers_speech
import peers_start
import peers_text
import peers_vision

OPENVINO, ONNX = "openvino", "onnxruntime"

# name: what is timed, [(peer, dtype of ours, dtype of the peer)], and the goal for ours / fastest peer.
# "states" are those of the encoder alone: what the decoder makes of them (its keys and values) is nobody's part of it.
SPEECH = {
    "mel": ("mel", [("transformers", "float32", "float32")], 0.4),
    "encoder": ("states", [("openvino", "float32", "f32"), ("ctranslate2", "float32", "float32"), ("torch", "float32", "float32")], 0.9),
    "encoder-bf16": ("states", [("openvino", "bfloat16", "bf16"), ("torch", "bfloat16", "bfloat16")], 0.93),
    "tokens": ("tokens", [("ctranslate2", "float32", "float32"), ("whispercpp", "float32", "f16"), ("torch", "float32", "float32")], 0.8),
    "tokens-int8": ("tokens", [("ctranslate2", "int8", "int8")], 0.7),
    "load": ("load", [("ctranslate2", "float32", "float32")], 0.7),
}


def text(model, work, fp32, bf16, int8):
    """The three rows of one work on one model, with their goals."""
    name = model.split("-")[0] + "-" + work
    return {
        name: (model + ":" + work, [(OPENVINO, "float32", "f32"), (ONNX, "float32", "fp32")], fp32),
        name + "-bf16": (model + ":" + work, [(OPENVINO, "bfloat16", "bf16")], bf16),
        name + "-int8": (model + ":" + work, [(ONNX, "int8", "int8")], int8),
    }


TEXT = {**text("bert-base", "128", 0.95, 0.95, 0.95), **text("bert-base", "128x8", 0.95, 0.95, 0.95),
        **text("minilm-l6", "16", 0.85, 0.7, 0.75), **text("minilm-l6", "mixed", 0.7, 0.7, 0.7)}



def vision(model, fp32, bf16):
    """The rows of one model, with their goals."""
    work = model + ":" + peers_vision.MODELS[model][1]
    return {
        model: (work, [(OPENVINO, "float32", "f32"), ("torch", "float32", "float32")], fp32),
        model + "-bf16": (work, [(OPENVINO, "bfloat16", "bf16"), ("torch", "bfloat16", "bfloat16")], bf16),
    }


VISION = {**vision("detr-r50", 0.75, 0.9), **vision("rt-detr-r18", 0.8, 0.95), **vision("segformer-b0", 0.95, 0.95), **vision("vit-b16", 0.95, 0.95),
          **vision("resnet-50", 0.95, 0.95)}

# The works of each kind of model: its program and its peers.
PROGRAMS = [(TEXT, "bench-text", peers_text), (VISION, "bench-vision", peers_vision)]

# Whole processes.
START = {"distilbert-start": ("label", [("onnxruntime", "float32", "fp32")], 0.2)}
ALL = SPEECH | TEXT | VISION | START

# What tells each library to do without AVX-512.
AVX2 = {"GTF_ISA": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2", "CT2_FORCE_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2", "OV_CPU_MAX_ISA": "AVX2"}


# ---- a peer, in a process of its own: prints {"ms": [...], "peak_mb": n}

def be_peer(a):
    name, work, dtype = a.peer.rsplit(":", 1)[0].split(":", 1) + [a.peer.rsplit(":", 1)[1]]
    model, module = a.model, peers_speech
    if ":" in work:
        model, work = work.split(":")
        module = peers_text if model in peers_text.MODELS else peers_vision
    ms = getattr(module, "peer_" + name)(work, dtype, model, a.threads, a.runs)
    with open("/proc/self/status") as status:
        peak = [int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM")][0]
    print(json.dumps({"ms": ms, "peak_mb": peak}))


# ---- turns

def turn(command, environment):
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    if run.returncode:
        return None, (run.stderr.strip().split("\n") or ["?"])[-1][:160]
    return json.loads(run.stdout.strip().split("\n")[-1]), None


def commands(a, name):
    """{side: the command of one turn}"""
    work, peers, _ = ALL[name]
    me = os.path.dirname(os.path.abspath(__file__))
    if name in START:
        peers_start.make()
        return {side: [sys.executable, os.path.join(me, "peers_start.py"), side, a.build, str(a.threads), str(a.runs)] for side in ["ours"] + [p[0] for p in peers]}
    program, model, what = "bench-speech", a.model, work
    for works, its_program, module in PROGRAMS:
        if name in works:
            model, what = work.split(":")
            module.make(model)
            program, model = its_program, module.folder(model, "hf")
    sides = {"ours": [os.path.join(a.build, "tests/bench", program), model, peers[0][1], what, str(a.runs)]}
    for peer, _, dtype in peers:
        sides[peer] = [sys.executable, os.path.join(me, "compare.py"), "--peer", "%s:%s:%s" % (peer, work, dtype), "--model", model, "--threads", str(a.threads),
                       "--runs", str(a.runs)]
    return sides


def compare(a, name):
    _, peers, goal = ALL[name]
    goal = 1.0 if a.isa else goal
    environment = dict(os.environ, GTF_THREADS=str(a.threads), OMP_NUM_THREADS=str(a.threads), **(AVX2 if a.isa == "avx2" else {}))
    sides = commands(a, name)
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
    ap.add_argument("works", nargs="*", help=", ".join(ALL))
    ap.add_argument("--build", default="build-release")
    ap.add_argument("--model", help="folder of a Whisper repository")
    ap.add_argument("--isa", choices=["avx2"])
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    ap.add_argument("--runs", type=int, default=5)
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--peer", help=argparse.SUPPRESS)
    a = ap.parse_args()
    if a.peer:
        be_peer(a)
        return
    print("%s%d threads, load %.1f" % (a.isa + ", " if a.isa else "", a.threads, os.getloadavg()[0]))
    for name in a.works or [name for name in ALL if a.model or name not in SPEECH]:
        compare(a, name)


main()
