#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The genuine huggingface_hub and ours against one server and one cache, compared file by file.

    compare.py BUILD [PEERS]        needs a Python with huggingface_hub 2.4; PEERS: what peers.sh made (./dev hub)

Each side downloads into a cache of its own (the trees must be equal: names, contents, links), each completes and reads offline what the
other wrote, both download into one cache at the same time. With PEERS also huggingface_hub 1.x and @huggingface/hub (clients.py).
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import clients

BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()
TOOL = BUILD / "core/tools/gtransformers"
PEERS = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
failures = 0


def check(name, good, why=""):
    global failures
    print(("ok   " if good else "FAIL ") + name, "" if good else why)
    failures += not good


def make_repositories(root):
    files = {
        "org/model/config.json": b'{"model_type": "bert"}',
        "org/model/tokenizer.json": b"{}",
        "org/model/model.safetensors": os.urandom(3_000_000),
        "org/model/pytorch_model.bin": os.urandom(2_000),
        "org/model/onnx/model.onnx": os.urandom(5_000),
        "org/model/sub/dir/\u00e9t\u00e9 %41.txt": b"name with a space",
        "org/model/empty.txt": b"",
        "org/model@v1/config.json": b'{"model_type": "old"}',
        "org/model@v1/tokenizer.json": b"{}",
    }
    # what every client can fetch: @huggingface/hub asks for the first byte also of an empty file, and does not escape a "%" in a name
    files.update({name.replace("org/model/", "org/whole/"): data for name, data in files.items() if data and "%" not in name and name.startswith("org/model/")})
    for i in range(20):
        files[f"org/small/file{i}.json"] = b"%d" % i
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def tree(cache):
    """Names with contents or where links lead; without locks and what only one side keeps in memory."""
    out = {}
    for path in sorted(cache.rglob("*")):
        name = str(path.relative_to(cache))
        if name.startswith(".locks") or path.is_dir():
            continue
        out[name] = "-> " + os.readlink(path) if path.is_symlink() else path.read_bytes()
        if "/trees/" in name:
            out[name] = json.loads(out[name])
    return out


def environment(endpoint, home, **more):
    env = dict(os.environ, HF_ENDPOINT=endpoint, HF_HOME=str(home), HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1", no_proxy="127.0.0.1,127.0.0.2", **more)
    for name in ("HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE"):
        if name not in more:
            env.pop(name, None)
    return env


def ours(args, env):
    run = subprocess.run([TOOL, "download", *args], env=env, capture_output=True, text=True)
    return run.returncode, run.stdout.strip().split("\n")[-1], run.stderr


def theirs(args, env):
    code = "import sys; from huggingface_hub.cli.hf import main; sys.argv = ['hf'] + sys.argv[1:]; main()"
    run = subprocess.run([sys.executable, "-c", code, "download", *args, "--format", "quiet"], env=env, capture_output=True, text=True)
    return run.returncode, run.stdout.strip().split("\n")[-1], run.stderr


CASES = [
    ["org/model"],
    ["org/model", "--revision", "v1"],
    ["org/model", "config.json"],
    ["org/model", "model.safetensors"],
    ["org/model", "config.json", "tokenizer.json"],
    ["org/model", "--include", "*.json", "--exclude", "tok*"],
    ["org/model", "sub/"],
    ["org/small"],
    ["org/model", "nothing.json"],
    ["org/model", "--revision", "none"],
    ["org/none"],
]


def compare_cases(endpoint, folder):
    for i, args in enumerate(CASES):
        name = " ".join(args)
        results = []
        for who, run in (("ours", ours), ("theirs", theirs)):
            home = folder / f"case{i}-{who}"
            status, path, stderr = run(args, environment(endpoint, home))
            results.append((status, path.replace(str(home), ""), tree(home / "hub") if (home / "hub").exists() else {}, stderr))
        (a, b) = results
        check(f"{name}: exit status", a[0] == b[0], f"{a[0]} {b[0]}: {a[3]}\n{b[3]}")
        if a[0] == 0:
            check(f"{name}: path", a[1] == b[1], f"{a[1]!r} {b[1]!r}")
        check(f"{name}: cache", a[2] == b[2], "\n".join(n for n in sorted(set(a[2]) | set(b[2])) if a[2].get(n) != b[2].get(n)))


def compare_local(endpoint, folder):
    results = []
    for who, run in (("ours", ours), ("theirs", theirs)):
        home, local = folder / f"local-{who}", folder / f"dir-{who}"
        status, path, stderr = run(["org/model", "--local-dir", str(local)], environment(endpoint, home))
        names = {n: v for n, v in tree(local).items() if not n.endswith((".lock", ".metadata"))}
        notes = {n: v.split(b"\n")[:2] for n, v in tree(local).items() if n.endswith(".metadata")}
        results.append((status, path == str(local), names, notes))
    check("--local-dir", results[0] == results[1], str([r[:2] for r in results]) + str(set(results[0][2]) ^ set(results[1][2])))


def exchange(endpoint, folder):
    for first, second, name in ((ours, theirs, "ours, then theirs"), (theirs, ours, "theirs, then ours")):
        home = folder / name.replace(" ", "-")
        first(["org/model", "--include", "*.json"], environment(endpoint, home))
        status, path, stderr = second(["org/model"], environment(endpoint, home))
        check(f"{name}: completes", status == 0 and len(list(Path(path).rglob("*.*"))) >= 7, stderr)
        for who, run in (("ours", ours), ("theirs", theirs)):
            status, offline, stderr = run(["org/model"], environment("http://127.0.0.1:9", home, HF_HUB_OFFLINE="1"))
            check(f"{name}: {who} offline", status == 0 and offline == path, stderr)


def incomplete_offline(endpoint, folder):
    """Offline a snapshot that lacks what is asked for is an error, and one that has it is not."""
    home = folder / "incomplete"
    ours(["org/model", "--include", "*.json"], environment(endpoint, home))
    for args in (["org/model"], ["org/model", "--include", "*.json"], ["org/model", "config.json"], ["org/model", "empty.txt"]):
        a, b = (run(args, environment("http://127.0.0.1:9", home, HF_HUB_OFFLINE="1")) for run in (ours, theirs))
        check("offline: " + " ".join(args), a[0] == b[0], f"{a} {b}")


def together(endpoint, folder):
    home = folder / "together"
    env = environment(endpoint, home)
    code = "from huggingface_hub import snapshot_download; snapshot_download('org/model')"
    running = [subprocess.Popen([TOOL, "download", "org/model"], env=env, stdout=subprocess.DEVNULL) for _ in range(3)]
    running += [subprocess.Popen([sys.executable, "-c", code], env=env, stderr=subprocess.DEVNULL)]
    check("together: all end well", all(p.wait() == 0 for p in running))
    check("together: nothing incomplete", not list(home.rglob("*.incomplete")))


def command(tool, args, env):
    run = subprocess.run([*tool, *args], env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return run.returncode, run.stdout


OURS = [str(TOOL)]
THEIRS = [sys.executable, "-c", "import sys; from huggingface_hub.cli.hf import main; sys.argv = ['hf'] + sys.argv[1:]; main()"]

# What is asked of one cache by both, in this order: (arguments, whether standard output must be the same).
COMMANDS = [
    (["cache", "ls", "--format", "json"], True),
    (["cache", "ls", "-q"], True),
    (["cache", "ls", "--revisions", "--format", "json"], True),
    (["cache", "ls", "--revisions", "-q", "--sort", "size"], True),
    (["cache", "ls", "-q", "--filter", "size>1MB"], True),
    (["cache", "ls", "-q", "--filter", "refs=v1"], True),
    (["cache", "ls", "-q", "--filter", "accessed<1h", "--limit", "1", "--sort", "name:desc"], True),
    (["cache", "ls", "--filter", "color=red"], False),
    (["cache", "ls", "--sort", "color"], False),
    (["cache", "rm", "model/none"], True),
    (["cache", "rm", "model/org/small", "--dry-run", "--format", "json"], True),
    (["cache", "rm", "model/org/small"], False),
    (["cache", "verify", "org/model", "--format", "json"], True),
    (["cache", "verify", "org/none"], False),
    (["cache", "verify", "org/model", "--revision", "none"], False),
    (["cache", "rm", "model/org/small", "--yes", "--format", "json"], True),
    (["cache", "rm", "hf://models/org/model/onnx/model.onnx", "-y"], False),
    (["cache", "ls", "--format", "json"], True),
    (["cache", "verify", "org/model", "--fail-on-missing-files"], False),
    (["cache", "prune"], True),
    (["cache", "rm", "model/org/model", "-y"], False),
    (["cache", "ls", "-q"], True),
    (["auth", "whoami"], False),
    (["auth", "login", "--token", "hf_wrong"], False),
    (["auth", "login", "--token", "hf_test_0123456789abcdefghij"], False),
    (["auth", "whoami", "--format", "json"], True),
    (["auth", "token"], False),
    (["auth", "switch", "--token-name", "none"], False),
    (["auth", "logout"], False),
    (["auth", "logout"], False),
]


def compare_commands(endpoint, folder):
    homes = [folder / "commands-ours", folder / "commands-theirs"]
    for home in homes:
        for args in (["org/model"], ["org/model", "--revision", "v1"], ["org/small"]):
            ours(args, environment(endpoint, home))
    for args, same in COMMANDS:
        a, b = (command(tool, args, environment(endpoint, home)) for tool, home in zip((OURS, THEIRS), homes))
        said = [re.sub(r"[0-9]+ (second|minute)s? ago", "a few seconds ago", out).replace("-ours", "-theirs") for _, out in (a, b)]
        left = [{name: data for name, data in tree(home).items() if not name.startswith(".check_for")} for home in homes]
        check(" ".join(args), a[0] == b[0] and (not same or said[0] == said[1]), f"{a} {b}")
        check(" ".join(args) + ": what is left", left[0] == left[1], str(set(left[0]) ^ set(left[1])))


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        make_repositories(folder / "repositories")
        server = subprocess.Popen([BUILD / "tests/core/hub/hub-server", folder / "repositories"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        endpoint = server.stdout.readline().strip()
        compare_cases(endpoint, folder)
        compare_local(endpoint, folder)
        exchange(endpoint, folder)
        incomplete_offline(endpoint, folder)
        compare_commands(endpoint, folder)
        together(endpoint, folder)
        if PEERS:
            clients.compare(check, ours, TOOL, environment, endpoint, folder, PEERS)
        server.stdin.close()
        server.wait()
    print(f"{failures} failed")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
