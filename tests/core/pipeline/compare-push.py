#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What push_to_hub() puts on the Hub of the tests is loaded by transformers, and answers as the folder does that it came from.

    compare-push.py BUILD        needs a Python with transformers 5 and torch, and another one with PyGObject (/usr/bin/python3, or GTF_GI_PYTHON)
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()
GI = os.environ.get("GTF_GI_PYTHON", "/usr/bin/python3")
TOKEN = "hf_test_0123456789abcdefghij"

PUSH = """
import sys, gi
gi.require_version("Gtf", "1.0")
from gi.repository import Gtf
folder, repository, options = sys.argv[1:4]
Gtf.Model.load(folder, None, None).push_to_hub(repository, options, None)
for kind in sys.argv[4:]:
    getattr(Gtf, kind).load(folder, None).push_to_hub(repository, None, None)
"""

ANSWER = """
import json, sys
from transformers import pipeline
from transformers.utils import logging
logging.set_verbosity_error()
task, model, inputs = sys.argv[1:4]
print(json.dumps(pipeline(task, model=model, device="cpu")(inputs)))
"""

# (task, folder, options of the model, what goes with it, input)
CASES = [
    ("fill-mask", "data/golden/text-tasks/masked", "{}", ["Tokenizer"], "The [MASK] here."),
    ("fill-mask", "data/golden/text-tasks/masked", '{"max_shard_size": "20KB"}', ["Tokenizer"], "The [MASK] here."),
    ("image-classification", "IMAGE", "{}", ["Preprocessor"], "PICTURE"),
]


def main():
    failures = 0
    server = subprocess.Popen([BUILD / "tests/core/hub/hub-server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    endpoint = server.stdout.readline().strip()
    with tempfile.TemporaryDirectory() as scratch:
        env = dict(os.environ, HF_ENDPOINT=endpoint, HF_TOKEN=TOKEN, HF_HOME=scratch + "/home", HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1", no_proxy="127.0.0.1",
                   GI_TYPELIB_PATH=str(BUILD / "core/introspection"), LD_LIBRARY_PATH=str(BUILD / "core"), GTF_PLUGIN_PATH=str(BUILD))
        env.pop("HF_HUB_OFFLINE", None)
        for i, (task, folder, options, others, inputs) in enumerate(CASES):
            name = f"{task} {folder} {options}"
            if folder == "IMAGE":
                folder, inputs = image_case()
            push = subprocess.run([GI, "-c", PUSH, str(ROOT / folder), f"org/case{i}", options, *others], env=env, capture_output=True, text=True)
            answers = []
            for model in (f"org/case{i}", str(ROOT / folder)):
                # (the library of the build folder is not for this Python)
                run = subprocess.run([sys.executable, "-c", ANSWER, task, model, inputs], env={k: v for k, v in env.items() if k != "LD_LIBRARY_PATH"}, capture_output=True, text=True)
                answers.append(json.loads(run.stdout) if run.returncode == 0 else run.stderr[-600:])
            good = push.returncode == 0 and isinstance(answers[0], list) and answers[0] == answers[1]
            print(("ok   " if good else "FAIL ") + name, "" if good else f"{push.stderr} {answers}")
            failures += not good
    server.stdin.close()
    server.wait()
    print(f"{failures} failed")
    return failures != 0


def image_case():
    """A classifier of pictures among the fixtures, and a picture."""
    for config in sorted((ROOT / "data/golden").rglob("preprocessor_config.json")):
        names = json.loads((config.parent / "config.json").read_text())["architectures"] if (config.parent / "config.json").exists() else []
        if names and names[0].endswith("ForImageClassification"):
            return str(config.parent.relative_to(ROOT)), str(next((ROOT / "data").rglob("*.png")))
    sys.exit("no classifier of pictures")


if __name__ == "__main__":
    sys.exit(main())
