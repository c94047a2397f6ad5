# SPDX-License-Identifier: LGPL-2.1-or-later
"""The peers of vision models, on the sizes of well-known ones with random weights, made by transformers. A work is HEIGHTxWIDTH."""
import os
import tempfile

from timing import timed


def detr(t):
    return t.DetrForObjectDetection(t.DetrConfig(use_timm_backbone=False, use_pretrained_backbone=False, backbone=None,
                                                 backbone_config=t.ResNetConfig(out_features=["stage4"])))


def rt_detr(t):
    backbone = t.RTDetrResNetConfig(layer_type="basic", depths=[2, 2, 2, 2], hidden_sizes=[64, 128, 256, 512], embedding_size=64,
                                    out_features=["stage2", "stage3", "stage4"])
    return t.RTDetrForObjectDetection(t.RTDetrConfig(backbone_config=backbone, backbone=None, encoder_in_channels=[128, 256, 512], hidden_expansion=0.5,
                                                     decoder_layers=3, num_queries=300))


def segformer(t):
    return t.SegformerForSemanticSegmentation(t.SegformerConfig(num_labels=150))


def vit(t):
    return t.ViTForImageClassification(t.ViTConfig(num_labels=1000))


def resnet(t):
    return t.ResNetForImageClassification(t.ResNetConfig(num_labels=1000))


# name: the model, and the size of its pictures
MODELS = {"detr-r50": (detr, "800x1066"), "rt-detr-r18": (rt_detr, "640x640"), "segformer-b0": (segformer, "512x512"), "vit-b16": (vit, "224x224"),
          "resnet-50": (resnet, "224x224")}


def folder(name, what):
    return os.path.join(tempfile.gettempdir(), "gtf-bench-" + name, what)


def build(name):
    """The model, and a module that gives of its outputs what are tensors that a task reads."""
    import torch
    import transformers
    torch.manual_seed(0)
    model = MODELS[name][0](transformers).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):    # of ones, it would leave out nothing but could be left out itself
            module.running_var.uniform_(0.5, 1.5)

    class Answer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, pixel_values):
            out = self.model(pixel_values=pixel_values)
            return (out.logits, out.pred_boxes) if hasattr(out, "pred_boxes") else out.logits
    return model, Answer().eval()


def make(name):
    """The repository of a model, and OpenVINO's graph of it."""
    done = os.path.join(folder(name, ""), "done")
    if os.path.exists(done):
        return
    import torch
    model, answer = build(name)
    model.save_pretrained(folder(name, "hf"))
    try:
        import openvino
        picture = torch.randn(1, 3, *map(int, MODELS[name][1].split("x")))
        with torch.no_grad():
            graph = openvino.convert_model(answer, example_input=picture, input=[list(picture.shape)])
        openvino.save_model(graph, folder(name, "openvino.xml"), compress_to_fp16=False)
    except ImportError:
        pass
    open(done, "w").close()


def noise(work):
    import numpy
    return numpy.random.default_rng(0).uniform(-2, 2, (1, 3, *map(int, work.split("x")))).astype("float32")


def peer_openvino(work, dtype, model, threads, runs):
    import openvino
    core, picture = openvino.Core(), noise(work)
    request = core.compile_model(core.read_model(folder(model, "openvino.xml")), "CPU", {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
                                 "INFERENCE_PRECISION_HINT": dtype, "PERFORMANCE_HINT": "LATENCY"}).create_infer_request()
    return timed(lambda: request.infer([picture], share_inputs=True, share_outputs=True), runs)


def peer_torch(work, dtype, model, threads, runs):
    import torch
    torch.set_num_threads(threads)
    answer, picture = build(model)[1].to(getattr(torch, dtype)), torch.from_numpy(noise(work)).to(getattr(torch, dtype))
    with torch.inference_mode():
        return timed(lambda: answer(picture), runs)
