#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The genuine huggingface_hub and ours upload the same folder to two servers of the tests; the requests that came are compared one by one, and what is in the
repositories then.

    compare-upload.py BUILD        needs a Python with huggingface_hub 2.4
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()
OURS = [str(BUILD / "core/tools/gtransformers")]
# Without hf_xet huggingface_hub uploads as we do; HF_HUB_DISABLE_XET makes it so.
THEIRS = [sys.executable, "-c", "import sys; from huggingface_hub.cli.hf import main; sys.argv = ['hf'] + sys.argv[1:]; main()"]
TOKEN = "hf_test_0123456789abcdefghij"
CHUNK = 1_000_000
failures = 0


def check(name, good, why=""):
    global failures
    print(("ok   " if good else "FAIL ") + name, "" if good else why)
    failures += not good


def make_folder(root):
    files = {
        ".gitignore": b"*.log\n",
        "README.md": b"---\nlicense: mit\n---\n# A model\n",
        "config.json": b'{"model_type": "bert"}',
        "empty.txt": b"",
        "noise.log": b"not for others",
        "model.safetensors": bytes(range(256)) * 10_000,
        "small.bin": b"\0" * 1000,
        "sub/d\u00e9ep/a b.txt": b"a name with a space",
        ".git/config": b"never",
        ".cache/huggingface/x": b"never",
    }
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / "link.json").symlink_to("config.json")


# (arguments behind "upload", whether it must succeed); one after the other into the same repositories.
CASES = [
    (["tester/model", "FOLDER"], True),
    (["tester/model", "FOLDER", "--exclude", "*.log"], True),      # what is ignored makes theirs commit nothing
    (["tester/model", "FOLDER/config.json"], True),
    (["tester/model", "FOLDER/config.json", "other/name.json"], True),
    (["tester/model", "FOLDER", "below/here", "--include", "*.json", "--exclude", "link*"], True),
    (["tester/model", "FOLDER", ".", "--include", "config.json", "--delete", "other/*"], True),
    (["tester/model", "FOLDER/small.bin", "twice.bin", "--commit-message", "A message", "--commit-description", "And more"], True),
    (["tester/model", "FOLDER/config.json", "next.json", "--revision", "next"], True),
    (["tester/model", "FOLDER/config.json", "next2.json", "--revision", "next"], True),
    (["tester/model", "FOLDER/config.json", "proposed.json", "--create-pr"], True),
    (["tester/model", "FOLDER", "proposed", "--create-pr", "--include", "*.bin"], True),
    (["tester/private", "FOLDER/config.json", "--private"], True),
    (["tester/public", "FOLDER/config.json", "--no-private"], True),
    (["alone", "FOLDER/config.json"], True),
    (["tester/data", "FOLDER", "--repo-type", "dataset"], True),
    (["datasets/tester/data", "FOLDER/small.bin", "x.bin"], True),
    (["hf://tester/model@next/a", "FOLDER", "--include", "*.json"], True),
    (["foreign/none", "FOLDER"], False),
    (["tester/model", "FOLDER/none"], False),
    (["tester/model", "FOLDER/config.json", "../up.json"], False),
    (["tester/model"], False),
    (["tester/model", "FOLDER/*.json", "x"], False),
    (["tester/model", "FOLDER/config.json", "--type", "thing"], False),
]


class Server:
    def __init__(self, folder, name):
        self.record = folder / (name + ".jsonl")
        self.process = subprocess.Popen([BUILD / "tests/core/hub/hub-server", "", str(self.record), str(CHUNK)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.endpoint = self.process.stdout.readline().strip()
        self.env = dict(os.environ, HF_ENDPOINT=self.endpoint, HF_HOME=str(folder / ("home-" + name)), HF_TOKEN=TOKEN, HF_HUB_DISABLE_XET="1",
                        HF_HUB_DISABLE_TELEMETRY="1", no_proxy="127.0.0.1")
        self.env.pop("HF_HUB_OFFLINE", None)
        self.seen = 0

    def requests(self):
        """Those since the last call."""
        lines = self.record.read_text(encoding="utf-8").splitlines() if self.record.exists() else []
        new = [normal(json.loads(line)) for line in lines[self.seen:]]
        self.seen = len(lines)
        return [r for i, r in enumerate(new) if r is not None and r not in (new[:i] if r["path"] == "/api/validate-yaml" else [])]     # theirs asks twice


def normal(request):
    """Without what may differ: the order of keys, who says it, spaces of JSON."""
    if request["path"] == "/api/agent-harnesses":
        return None
    body = request["body"]
    if "json" in (request["type"] or ""):
        body = [json.loads(line) for line in body.splitlines()] if "ndjson" in request["type"] else json.loads(body)
    body = json.loads(re.sub("huggingface_hub|gtransformers", "SOMEBODY", json.dumps(body)))
    kind = request["type"] if request["method"] != "PUT" else None
    return {"method": request["method"], "path": request["path"], "query": request["query"], "type": kind, "token": request["token"], "cdn": request["cdn"], "body": body}


def differences(a, b):
    out = []
    for i in range(max(len(a), len(b))):
        left, right = (json.dumps(x[i], sort_keys=True)[:600] if i < len(x) else "-" for x in (a, b))
        if left != right:
            out.append(f"ours:   {left}\ntheirs: {right}")
    return "\n".join(out)


def sorted_transfers(requests):
    """Parts and large files go at once, in any order."""
    out, run = [], []
    for request in requests:
        if request["cdn"] or request["path"].startswith(("/complete/", "/verify/")):
            run.append(request)
            continue
        out += sorted(run, key=lambda r: json.dumps(r, sort_keys=True)) + [request]
        run = []
    return out + run


def needed(requests):
    """Without questions about large files that no commit follows: what is there already huggingface_hub may ask for once more."""
    commits = any("/commit/" in r["path"] for r in requests)
    return [r for r in requests if commits or not r["path"].endswith("/objects/batch")]


def upload(tool, server, args):
    run = subprocess.run([*tool, "upload", *args, "--format", "quiet"], env=server.env, capture_output=True, text=True)
    return run.returncode, run.stdout.strip().split("\n")[-1].replace(server.endpoint, ""), run.stderr


def main():
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        make_folder(scratch / "folder")
        ours, theirs = Server(scratch, "ours"), Server(scratch, "theirs")
        for args, good in CASES:
            name = " ".join(args)
            args = [a.replace("FOLDER", str(scratch / "folder")) for a in args]
            a, b = upload(OURS, ours, args), upload(THEIRS, theirs, args)
            check(f"{name}: exit status", a[0] == b[0] and (a[0] == 0) == good, f"{a} {b}")
            if good:
                check(f"{name}: address", a[1] == b[1], f"{a[1]!r} {b[1]!r}")
            left, right = (needed(sorted_transfers(s.requests())) for s in (ours, theirs))
            if good:
                check(f"{name}: requests", left == right, differences(left, right))
        for server in (ours, theirs):
            server.process.stdin.close()
            server.process.wait()
    print(f"{failures} failed")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
