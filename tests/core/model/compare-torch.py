#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random files of torch.save() in every form that it has had, converted by us and read back by safetensors, against torch.load().

    compare-torch.py BUILD [N [SEED]]        needs a Python with torch and safetensors

Protocols 2 to 5, zip archives and what torch wrote before 1.6, numbers of every type, strided, shared and empty tensors, parameters, buffers, nested dictionaries and lists,
checkpoints of trainers, shards with an index.
"""
import collections
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file

BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()
TOOL = BUILD / "core/tools/gtransformers"
N = int(sys.argv[2]) if len(sys.argv) > 2 else 60
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1
TYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]


def tensor(rnd):
    dtype = rnd.choice(TYPES)
    shape = [rnd.choice((0, 1, 2, 3, 5, 17)) if rnd.random() < 0.1 else rnd.randint(1, 9) for _ in range(rnd.randint(0, 4))]
    data = torch.randn(shape, dtype=torch.float64) * 50
    return data > 0 if dtype == torch.bool else data.abs().to(dtype) if dtype == torch.uint8 else data.to(dtype)


def reshaped(rnd, t):
    """Another view of the same storage."""
    if t.dim() == 0:
        return t.expand(3) if rnd.random() < 0.3 else t
    way = rnd.randrange(6)
    dim = rnd.randrange(t.dim())
    if way == 0:
        return t.transpose(dim, rnd.randrange(t.dim()))
    if way == 1:
        return t.narrow(dim, t.shape[dim] // 2, t.shape[dim] - t.shape[dim] // 2)
    if way == 2:
        return t[tuple(slice(None, None, 2) if i == dim else slice(None) for i in range(t.dim()))]
    if way == 3:
        return t.unsqueeze(dim).expand(*t.shape[:dim], 2, *t.shape[dim:])
    if way == 4:
        return t.reshape(-1) if t.is_contiguous() else t.permute(*reversed(range(t.dim())))
    return t


def state(rnd, depth=0):
    """name -> tensor, as a state dict; some of them share storage."""
    out, all_of = collections.OrderedDict(), []
    for i in range(rnd.randint(1, 8)):
        base = rnd.choice(all_of) if all_of and rnd.random() < 0.3 else tensor(rnd)
        value = reshaped(rnd, base) if rnd.random() < 0.5 else base
        all_of.append(base)
        if value.is_floating_point() and rnd.random() < 0.3:
            value = torch.nn.Parameter(value, requires_grad=rnd.random() < 0.5)
        out[rnd.choice(("layer.%d.weight", "a b.%d", "\u00e9.%d.bias", "%d")) % i] = value
    return out


def wrapped(rnd, tensors):
    """(what is saved, name -> tensor that is expected): as trainers wrap it."""
    way = rnd.randrange(5)
    if way == 0:
        return {"state_dict": tensors, "epoch": 3, "global_step": 1 << 40, "pytorch-lightning_version": "2.0", "optimizer_states": [{"lr": 0.1, "betas": (0.9, 0.999)}]}, tensors
    if way == 1:
        return dict(tensors), tensors
    if way == 2:
        return {"model": dict(tensors), "args": {"name": "x", "sizes": [1, 2.5, None, True, -1, 1 << 70]}}, tensors
    return tensors, tensors


def save(rnd, path, data):
    new = rnd.random() < 0.7
    torch.save(data, path, pickle_protocol=rnd.choice((2, 3, 4, 5)), _use_new_zipfile_serialization=new)
    return "zip" if new else "before 1.6"


def raw(t):
    return t.detach().reshape(-1).clone(memory_format=torch.contiguous_format).view(torch.uint8)


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(raw(a), raw(b))


def run(path, to):
    return subprocess.run([TOOL, "convert", str(path), "--output", str(to), "--quiet"], capture_output=True, text=True)


def one(rnd, folder):
    path, to = folder / ("model" + rnd.choice((".bin", ".pt", ".pth", ".ckpt"))), folder / "out.safetensors"
    data, expected = wrapped(rnd, state(rnd))
    form = save(rnd, path, data)
    loaded = torch.load(path, weights_only=False, map_location="cpu")
    loaded = loaded.get("state_dict", loaded.get("model", loaded))
    done = run(path, to)
    if done.returncode:
        return form, done.stderr.strip()
    found = load_file(to)
    if sorted(found) != sorted(loaded):
        return form, f"names {sorted(found)} {sorted(loaded)}"
    wrong = [name for name in loaded if not same(found[name], loaded[name])]
    return form, f"values of {wrong}" if wrong else ""


def sharded(rnd, folder):
    """A repository of .bin shards with an index."""
    source, to = folder / "source", folder / "converted"
    source.mkdir()
    parts = [{f"part{i}.{name}": t for name, t in state(rnd).items()} for i in range(3)]
    names = [f"pytorch_model-0000{i + 1}-of-00003.bin" for i in range(3)]
    for name, part in zip(names, parts):
        save(rnd, source / name, part)
    (source / "config.json").write_text('{"model_type": "bert"}')
    (source / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": {k: n for n, p in zip(names, parts) for k in p}}))
    done = run(source, to)
    if done.returncode:
        return "shards", done.stderr.strip()
    found = {}
    for path in to.glob("*.safetensors"):
        found.update(load_file(path))
    expected = {k: v for p in parts for k, v in p.items()}
    wrong = [name for name in expected if name not in found or not same(found[name], expected[name])]
    return "shards", f"values of {wrong}" if wrong else ""


def main():
    failures, forms = 0, collections.Counter()
    for i in range(N):
        rnd = random.Random(SEED * 100003 + i)
        torch.manual_seed(SEED * 100003 + i)
        with tempfile.TemporaryDirectory() as folder:
            form, why = (sharded if i % 10 == 9 else one)(rnd, Path(folder))
        forms[form] += 1
        failures += bool(why)
        if why:
            print(f"FAIL {i} (seed {SEED}, {form}): {why}")
    print(", ".join(f"{n} {form}" for form, n in sorted(forms.items())))
    print(f"{failures} failed")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
