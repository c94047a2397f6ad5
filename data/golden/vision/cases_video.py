# SPDX-License-Identifier: LGPL-2.1-or-later
#
# More cases of make.py: videos. "frames" is how many there are of each.
from cases import SMALL, SQUARE, case

VIDEO = {**SMALL, "num_frames": 4}
VIVIT = {k: v for k, v in VIDEO.items() if k != "patch_size"} | {"tubelet_size": [2, 8, 6]}


def old_biases(tensors):
    """As the first files of VideoMAE name them."""
    for ours, theirs in ((".query.bias", ".q_bias"), (".value.bias", ".v_bias")):
        tensors = {name.replace(ours, theirs): tensor for name, tensor in tensors.items()}
    return tensors


FAMILIES = {
    "videomae": {
        "classifier": case("VideoMAE", "ForVideoClassification", {**VIDEO, "num_labels": 5}, SQUARE, frames=4, states=True),
        "model": case("VideoMAE", "Model", {**VIDEO, "use_mean_pooling": False, "image_size": [24, 16], "tubelet_size": 3, "num_frames": 7}, (24, 16), frames=7, batch=1, states=True, renamed=old_biases),
        "first": case("VideoMAE", "ForVideoClassification", {**VIDEO, "use_mean_pooling": False, "qv_bias": False, "num_labels": 3}, SQUARE, frames=4),
    },
    "timesformer": {
        "classifier": case("Timesformer", "ForVideoClassification", {**VIDEO, "num_labels": 5}, SQUARE, frames=4, states=True),
        "joint": case("Timesformer", "ForVideoClassification", {**VIDEO, "num_labels": 5, "attention_type": "joint_space_time", "qkv_bias": False}, SQUARE, frames=6),
        "space": case("Timesformer", "ForVideoClassification", {**VIDEO, "num_labels": 5, "attention_type": "space_only"}, (32, 24), frames=3, batch=1),
        "more-frames": case("Timesformer", "Model", VIDEO, SQUARE, frames=8, batch=1),
        "other-size": case("Timesformer", "Model", {**VIDEO, "num_frames": 3}, (40, 24), frames=3),
    },
    "vivit": {
        "classifier": case("Vivit", "ForVideoClassification", {**VIVIT, "num_labels": 5}, SQUARE, frames=4),
        "model": case("Vivit", "Model", {**VIVIT, "hidden_act": "relu", "pooler_output_size": 6}, SQUARE, frames=5, batch=1, states=True),
    },
}
