#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the pipeline mask-generation of transformers answers for ../vision-tasks/waves.png on repositories of ../vision, to which a processor is added here. Masks
# are kept as lengths of runs. Run it with transformers 5.x (pip install transformers torch torchvision pillow):
#   python3 make.py
import json
import pathlib

import transformers

HERE = pathlib.Path(__file__).parent
PROCESSOR = {"image_processor_type": "SamImageProcessor", "do_resize": True, "size": {"longest_edge": 40}, "resample": 2, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
             "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "do_pad": True, "pad_size": {"height": 40, "width": 40}, "do_convert_rgb": True}
SQUEEZED = {**{k: v for k, v in PROCESSOR.items() if "pad" not in k}, "image_processor_type": "Sam2ImageProcessorFast", "size": {"height": 64, "width": 64}, "mask_size": {"height": 16, "width": 16}}
ALL = {"output_rle_mask": True, "output_bboxes_mask": True, "points_per_crop": 3, "pred_iou_thresh": 0, "stability_score_thresh": 0}
CASES = [
    ("sam/points", {**ALL, "crops_nms_thresh": 0.9}), ("sam/points", {**ALL, "mask_threshold": 0.8, "crops_nms_thresh": 0.6}),
    ("sam/points", {**ALL, "pred_iou_thresh": 0.3, "mask_threshold": 0.5, "crops_nms_thresh": 1}),
    ("sam/points", {**ALL, "stability_score_thresh": 0.5, "stability_score_offset": 0.2, "mask_threshold": 0.4, "crops_nms_thresh": 0.95}),
    ("sam/points", {**ALL, "crops_n_layers": 1, "crop_overlap_ratio": 0.5, "points_per_crop": 2, "points_per_batch": 3, "crops_nms_thresh": 0.8, "mask_threshold": 0.6}),
    ("sam/mask", {**ALL, "points_per_crop": 2, "mask_threshold": 0.2, "crops_nms_thresh": 0.9}), ("sam/points", {"points_per_crop": 2}), ("sam/points", {"points_per_batch": 0}),
    ("sam2/points", {**ALL, "crops_nms_thresh": 0.9}), ("sam2/points", {**ALL, "mask_threshold": 0.25, "crops_nms_thresh": 0.6, "max_hole_area": 3, "max_sprinkle_area": 2}),
    ("sam2/points", {**ALL, "stability_score_thresh": 0.2, "stability_score_offset": 0.1, "pred_iou_thresh": 0.3, "mask_threshold": 0.15, "crops_nms_thresh": 1}),
    ("sam2/points", {**ALL, "crops_n_layers": 1, "crop_overlap_ratio": 0.4, "points_per_crop": 2, "points_per_batch": 3, "crops_nms_thresh": 0.8}),
    ("sam2/boxes", {**ALL, "points_per_crop": 4, "mask_threshold": 0.2, "crops_nms_thresh": 1}), ("sam2/points", {"points_per_crop": 2}), ("sam/points", {"max_hole_area": 0}),
]


def main():
    cases = []
    for repository, parameters in CASES:
        folder = HERE.parent / "vision" / repository
        (folder / "preprocessor_config.json").write_text(json.dumps(SQUEEZED if repository.startswith("sam2") else PROCESSOR, indent=1) + "\n")
        pipe = transformers.pipeline("mask-generation", model=str(folder), dtype="float32")
        try:
            found = pipe(str(HERE.parent / "vision-tasks" / "waves.png"), **parameters)
            expected = {"n": len(found["masks"]), "scores": [round(x, 6) for x in found["scores"].tolist()]}
            if "rle_mask" in found:
                expected |= {"rle_mask": found["rle_mask"], "bounding_boxes": found["bounding_boxes"].int().tolist()}
        except (TypeError, ValueError) as e:
            expected = {"error": str(e)[:60]}
        cases.append({"repository": repository, "parameters": parameters, "expected": expected})
    (HERE / "cases.json").write_text("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")


main()
