# SPDX-License-Identifier: LGPL-2.1-or-later
"""The peers of text encoders, on models of well-known sizes with random weights, made by transformers.

A work is a number of tokens ("128"), tokens x texts ("128x8") or "mixed": 1,000 texts of 4 to 64 tokens, which the peers get
sorted by length, in batches of 32 padded to the longest, as one would do for them.
"""
import os
import tempfile

from timing import timed

MODELS = {
    "bert-base": dict(),
    "minilm-l6": dict(hidden_size=384, num_hidden_layers=6, intermediate_size=1536),
}
BATCH = 32


def folder(name, what):
    return os.path.join(tempfile.gettempdir(), "gtf-bench-" + name, what)


def make(name):
    """The repository of a model, and its ONNX graphs: as exported, fused by ONNX Runtime's optimizer, and both in eight bits."""
    done = os.path.join(folder(name, ""), "done")
    if os.path.exists(done):
        return
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers import optimizer
    from transformers import BertConfig, BertModel
    torch.manual_seed(0)
    model = BertModel(BertConfig(attn_implementation="eager", **MODELS[name])).eval()
    model.save_pretrained(folder(name, "hf"))
    os.makedirs(folder(name, "onnx"), exist_ok=True)

    class States(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, ids, mask):
            return self.model(input_ids=ids, attention_mask=mask).last_hidden_state

    plain, fused = folder(name, "onnx/plain.onnx"), folder(name, "onnx/fused.onnx")
    ids = torch.ones(2, 16, dtype=torch.int64)
    axes = {"input_ids": {0: "texts", 1: "tokens"}, "attention_mask": {0: "texts", 1: "tokens"}}
    with torch.no_grad():
        torch.onnx.export(States(), (ids, ids), plain, dynamo=False, opset_version=17, dynamic_axes=axes, input_names=list(axes), output_names=["states"])
    optimizer.optimize_model(plain, model_type="bert", num_heads=12, hidden_size=model.config.hidden_size).save_model_to_file(fused)
    for path in (plain, fused):
        quantize_dynamic(path, path.replace(".onnx", "-int8.onnx"), weight_type=QuantType.QInt8, per_channel=True, extra_options={"DefaultTensorType": 1})
    open(done, "w").close()


def batches(work):
    """[(ids, mask)] as int64."""
    import numpy
    if work == "mixed":
        lengths = sorted(4 + i * 37 % 61 for i in range(1000))
        groups = [lengths[i:i + BATCH] for i in range(0, len(lengths), BATCH)]
    else:
        tokens, _, texts = work.partition("x")
        groups = [[int(tokens)] * int(texts or 1)]
    random, out = numpy.random.default_rng(0), []
    for group in groups:
        mask = (numpy.arange(max(group))[None, :] < numpy.array(group)[:, None]).astype(numpy.int64)
        out.append((random.integers(1000, 30000, mask.shape, dtype=numpy.int64), mask))
    return out


def peer_openvino(work, dtype, model, threads, runs):
    import openvino
    core, inputs = openvino.Core(), batches(work)
    graph = core.read_model(folder(model, "onnx/plain.onnx"))
    if len(inputs) == 1:
        graph.reshape({name: list(inputs[0][0].shape) for name in ("input_ids", "attention_mask")})
    request = core.compile_model(graph, "CPU", {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": dtype,
                                                "PERFORMANCE_HINT": "LATENCY"}).create_infer_request()

    def run():
        for ids, mask in inputs:
            request.infer([ids, mask], share_inputs=True, share_outputs=True)
    run()
    return timed(run, runs)


def peer_onnxruntime(work, dtype, model, threads, runs):
    """The faster of the graph as exported and the fused one."""
    import statistics
    import onnxruntime
    options, inputs, best = onnxruntime.SessionOptions(), batches(work), None
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    for graph in ("plain", "fused"):
        session = onnxruntime.InferenceSession(folder(model, "onnx/%s%s.onnx" % (graph, "-int8" if dtype == "int8" else "")), options,
                                               providers=["CPUExecutionProvider"])

        def run():
            for ids, mask in inputs:
                session.run(None, {"input_ids": ids, "attention_mask": mask})
        run()
        ms = timed(run, runs)
        if best is None or statistics.median(ms) < statistics.median(best):
            best = ms
    return best
