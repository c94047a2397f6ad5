#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes two small videos, a folder of frames, and what the pipeline of transformers answers for them, on repositories of ../vision to which a processor is
# added here. Run it with transformers 5.x (pip install transformers torch torchvision pillow av torchcodec):
#   python3 make.py
import json
import pathlib
import shutil

import av
import numpy
import transformers
from PIL import Image

HERE = pathlib.Path(__file__).parent
LEVELS = {"do_resize": True, "do_center_crop": True, "do_normalize": True, "do_rescale": True, "resample": 2, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
SIZES = {"size": {"shortest_edge": 28}, "crop_size": {"height": 24, "width": 24}}
# as old files have it, as new ones, and the defaults of the class; one that is for pictures alone stands beside the last
PROCESSORS = {
    "videomae/classifier": {"preprocessor_config.json": {**LEVELS, **SIZES, "image_processor_type": "VideoMAEImageProcessor", "rescale_factor": 1 / 255}},
    "timesformer/classifier": {"preprocessor_config.json": {**LEVELS, "size": 26, "crop_size": 24, "feature_extractor_type": "VideoMAEFeatureExtractor"}},
    "timesformer/space": {"processor_config.json": {"video_processor": {**SIZES, "video_processor_type": "TimesformerVideoProcessor"}, "processor_class": "Anything"}},
    "vivit/classifier": {"video_preprocessor_config.json": {**SIZES, "video_processor_type": "VivitVideoProcessor", "rescale_factor": 1 / 127.5},
                         "preprocessor_config.json": {**LEVELS, "size": 10, "crop_size": 10, "image_processor_type": "VivitImageProcessor", "offset": True}},
}
CASES = [
    *((repository, inputs, {}) for repository in PROCESSORS for inputs in ("frames", "waves.webm", "waves.mp4")),
    ("videomae/classifier", "waves.mp4", {"top_k": 2, "function_to_apply": "sigmoid"}), ("videomae/classifier", "frames", {"top_k": 0}),
    ("videomae/classifier", "frames", {"top_k": 9, "function_to_apply": "none"}), ("vivit/classifier", "frames", {"num_frames": 5}),
    ("timesformer/classifier", "waves.webm", {"num_frames": 8}), ("timesformer/classifier", "waves.webm", {"num_frames": 20, "frame_sampling_rate": 3}),
    ("timesformer/classifier", "waves.webm", {"frame_sampling_rate": 2}), ("timesformer/classifier", "waves.webm", {"num_frames": 3}),
    ("videomae/classifier", "frames", {"num_frames": 8}), ("videomae/classifier", "frames", {"num_frames": 6}), ("videomae/classifier", "frames", {"function_to_apply": "tanh"}),
    ("vivit/classifier", ["frames", "waves.webm"], {"top_k": 1}),
]


def picture(t, width, height):
    rows, columns = numpy.mgrid[0:height, 0:width]
    waves = [127 + 120 * numpy.sin(columns / 9 + t / 3), 127 + 120 * numpy.sin(rows / 7 - t / 4), 127 + 120 * numpy.sin((rows + columns) / 11 + t / 2)]
    pixels = numpy.stack(waves, -1)
    pixels[height // 4: height // 2, 2 * t: 2 * t + width // 4] = [250, 20, 30]
    return pixels.clip(0, 255).astype("uint8")


def write_video(path, codec, n, width, height):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for t in range(n):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(t, width, height), format="rgb24")))
        container.mux(stream.encode())


def answer(pipe, inputs, parameters):
    if isinstance(inputs, list):
        return [answer(pipe, one, parameters) for one in inputs]
    if (HERE / inputs).is_file():
        return pipe(str(HERE / inputs), **parameters)
    frames = numpy.stack([numpy.array(Image.open(path)) for path in sorted((HERE / inputs).iterdir())])
    before, _, after = pipe._sanitize_parameters(**parameters)
    return pipe.postprocess(pipe.forward(pipe.preprocess(frames, **before)), **after)


def main():
    shutil.rmtree(HERE / "frames", ignore_errors=True)
    (HERE / "frames").mkdir()
    for t in range(7):
        Image.fromarray(picture(t, 40, 30)).save(HERE / "frames" / f"{t + 1}.png")
    write_video(HERE / "waves.webm", "libvpx", 22, 64, 48)
    write_video(HERE / "waves.mp4", "libx264", 31, 70, 50)
    for repository, files in PROCESSORS.items():
        for name, content in files.items():
            (HERE.parent / "vision" / repository / name).write_text(json.dumps(content, indent=1) + "\n")
    cases = []
    for repository, inputs, parameters in CASES:
        pipe = transformers.pipeline("video-classification", model=str(HERE.parent / "vision" / repository), dtype="float32")
        try:
            expected = answer(pipe, inputs, parameters)
        except (ValueError, RuntimeError) as e:
            expected = {"error": str(e)[:60]}
        cases.append({"repository": repository, "inputs": inputs, "parameters": parameters, "expected": expected})
    lines = [json.dumps(json.loads(json.dumps(case), parse_float=lambda f: round(float(f), 6))) for case in cases]
    (HERE / "cases.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


main()
