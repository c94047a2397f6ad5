# SPDX-License-Identifier: LGPL-2.1-or-later
"""The peers of speech recognition: each gives the milliseconds of its runs. TOKENS greedy steps are "tokens"."""
import json
import os
import tempfile

from timing import timed

TOKENS = 100


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


def peer_whispercpp(work, dtype, model, threads, runs):
    """Its own file format, found at $GTF_BENCH_GGML or in the repository. The steps leave out the choice of a token, to its favour."""
    import _pywhispercpp as cpp
    path = os.environ.get("GTF_BENCH_GGML") or os.path.join(model, "ggml-model.bin")
    if not os.path.exists(path):
        raise SystemExit("no %s" % path)
    context, sound = cpp.whisper_init_from_file_with_params(path, cpp.whisper_context_default_params()), noise()
    start = json.load(open(os.path.join(model, "generation_config.json")))["decoder_start_token_id"]
    cpp.whisper_pcm_to_mel(context, sound, len(sound), threads)

    def decode():
        cpp.whisper_encode(context, 0, threads)
        for past in range(TOKENS):
            if cpp.whisper_decode(context, start, 1, past, threads):
                raise SystemExit("whisper_decode failed")
    return timed(decode, runs)
