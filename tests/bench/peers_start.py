# SPDX-License-Identifier: LGPL-2.1-or-later
"""From the start of a process to the label of one sentence: the command line beside a script that one would write with ONNX Runtime.

DistilBERT of its usual size with random weights, a WordPiece tokenizer trained on this project's README. Files are in the page cache.
"""
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

SENTENCE = "A pipeline that reads speech, pictures and text as they come, and says what is in them."

SCRIPT = """
import sys
import numpy
import onnxruntime
from tokenizers import Tokenizer
ids = Tokenizer.from_file(sys.argv[1] + "/tokenizer.json").encode(sys.argv[2]).ids
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(sys.argv[3])
session = onnxruntime.InferenceSession(sys.argv[1] + "/model.onnx", options, providers=["CPUExecutionProvider"])
ids = numpy.array([ids], dtype=numpy.int64)
print(session.run(None, {"input_ids": ids, "attention_mask": numpy.ones_like(ids)})[0].argmax())
"""


def folder():
    return os.path.join(tempfile.gettempdir(), "gtf-bench-distilbert")


def make():
    """The repository, and its ONNX graph beside it."""
    done = os.path.join(folder(), "done")
    if os.path.exists(done):
        return
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertTokenizerFast, DistilBertConfig, DistilBertForSequenceClassification
    torch.manual_seed(0)
    model = DistilBertForSequenceClassification(DistilBertConfig(attn_implementation="eager")).eval()
    model.save_pretrained(folder())
    tokenizer = BertWordPieceTokenizer()
    tokenizer.train([os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../README.md")], vocab_size=2000)
    tokenizer.save_model(folder())
    BertTokenizerFast(os.path.join(folder(), "vocab.txt")).save_pretrained(folder())

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, ids, mask):
            return self.model(input_ids=ids, attention_mask=mask).logits
    ids = torch.ones(1, 16, dtype=torch.int64)
    axes = {"input_ids": {1: "tokens"}, "attention_mask": {1: "tokens"}}
    with torch.no_grad():
        torch.onnx.export(Logits(), (ids, ids), os.path.join(folder(), "model.onnx"), dynamo=False, opset_version=17, dynamic_axes=axes, input_names=list(axes),
                          output_names=["logits"])
    open(done, "w").close()


def processes(command, runs):
    """{"ms": of each process, "peak_mb": of the largest}"""
    ms = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        ms.append((time.perf_counter() - start) * 1e3)
    return {"ms": ms[1:], "peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024}


def main():
    """peers_start.py ours|onnxruntime BUILD THREADS RUNS: prints what compare.py reads."""
    side, build, threads, runs = sys.argv[1:]
    program = os.path.join(build, "core/tools/gtransformers")
    command = {"ours": [program, "run", "text-classification", SENTENCE, "--model", folder()],
               "onnxruntime": [sys.executable, "-c", SCRIPT, folder(), SENTENCE, threads]}[side]
    print(json.dumps(processes(command, int(runs))))


if __name__ == "__main__":
    main()
