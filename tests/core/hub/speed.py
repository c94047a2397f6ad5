#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast the Hub's files come, over loopback, as ratios of what was timed in turns (the least of each).

    speed.py BUILD [REPETITIONS]     needs a Python with huggingface_hub, curl and openssl; a release build for numbers that count

A file of 1 GB beside curl and OpenSSL's SHA-256; 20 small files beside huggingface_hub; the start with a model out of the cache beside one from a folder.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()
TIMES = int(sys.argv[2]) if len(sys.argv) > 2 else 3
TOOL = BUILD / "core/tools/gtransformers"
GOLDEN = Path(__file__).resolve().parents[3] / "data/golden/text-tasks/masked"
SIZE = 1 << 30


def seconds(command, env, home=None):
    if home:
        shutil.rmtree(home, ignore_errors=True)
    start = time.perf_counter()
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def in_turns(commands, times):
    """The least of each, timed one after the other."""
    best = [float("inf")] * len(commands)
    for _ in range(times):
        for i, command in enumerate(commands):
            best[i] = min(best[i], command())
    return best


def sha256_rate():
    text = subprocess.run(["openssl", "speed", "-seconds", "1", "-bytes", "1048576", "-evp", "sha256"], capture_output=True, text=True).stdout
    return float(re.findall(r"([0-9.]+)k", text)[-1]) * 1000


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder, home = Path(folder), Path(folder) / "home"
        for name, data in [("big/model.safetensors", os.urandom(1 << 20) * (SIZE >> 20))] + [(f"small/file{i}.json", b"%d" % i) for i in range(20)]:
            path = folder / "repositories/org" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        shutil.copytree(GOLDEN, folder / "repositories/org/model")
        server = subprocess.Popen([BUILD / "tests/core/hub/hub-server", folder / "repositories"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        endpoint = server.stdout.readline().strip()
        env = dict(os.environ, HF_ENDPOINT=endpoint, HF_HOME=str(home), HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1", no_proxy="127.0.0.1,127.0.0.2")
        env.pop("HF_HUB_OFFLINE", None)

        def ours(repo):
            return lambda: seconds([TOOL, "download", repo, "--quiet"], env, home)

        curl, big = in_turns([lambda: seconds(["curl", "-sLo", folder / "copy", f"{endpoint}/org/big/resolve/main/model.safetensors"], env), ours("org/big")], TIMES)
        rate, bound = SIZE / big, min(SIZE / curl, sha256_rate())
        print(f"1 GB: {rate / 1e6:.0f} MB/s; curl {SIZE / curl / 1e6:.0f}, sha256 bound {bound / 1e6:.0f} MB/s: {rate / bound:.2f} of the slower")
        code = "from huggingface_hub import snapshot_download; snapshot_download('org/small')"
        theirs, small = in_turns([lambda: seconds([sys.executable, "-c", code], env, home), ours("org/small")], 2 * TIMES)
        print(f"20 small files: {small * 1000:.0f} ms; huggingface_hub {theirs * 1000:.0f} ms: {theirs / small:.1f} times as fast")
        seconds([TOOL, "download", "org/model", "--quiet"], env, home)
        snapshot = next((home / "hub/models--org--model/snapshots").iterdir())
        cached, plain = in_turns([lambda m=m: seconds([TOOL, "tokenize", "--model", m, "a"], env) for m in ("org/model", str(snapshot))], 30 * TIMES)
        print(f"start out of the cache: {cached * 1000:.2f} ms, from a folder {plain * 1000:.2f} ms: {(cached - plain) * 1000:.2f} ms more")
        server.stdin.close()
        server.wait()


if __name__ == "__main__":
    main()
