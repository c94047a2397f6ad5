#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A live pipeline of video with a detector: does the video keep its rate, how many inferences a second are there, how old is what is said.

    live_video.py BUILD [SECONDS] [DTYPE]     needs PyGObject; the model is made by peers_vision.py (`./dev bench rt-detr-r18`)

videotestsrc at 30 frames of 1280 x 720 a second ! gtfdetect ! fakesink, in real time.
"""
import json
import os
import statistics
import sys
import tempfile

MODEL = os.path.join(tempfile.gettempdir(), "gtf-bench-rt-detr-r18/hf")
PROCESSOR = {"image_processor_type": "RTDetrImageProcessor", "do_resize": True, "size": {"height": 640, "width": 640}, "resample": 2, "do_rescale": True,
             "rescale_factor": 1 / 255, "do_normalize": False, "do_pad": False}
WARM_UP = 3             # seconds that do not count


def main():
    build, seconds, dtype = os.path.abspath(sys.argv[1]), int((sys.argv + [15, 15])[2]), (sys.argv + [0, 0, "float32"])[3] if len(sys.argv) > 3 else "float32"
    os.environ.setdefault("GTF_PLUGIN_PATH", build)
    os.environ["GST_PLUGIN_PATH"] = os.path.join(build, "tasks/gst")
    import gi
    gi.require_version("Gst", "1.0")
    from gi.repository import GLib, Gst
    Gst.init(None)
    with open(os.path.join(MODEL, "preprocessor_config.json"), "w") as file:
        json.dump(PROCESSOR, file)
    pipeline = Gst.parse_launch(
        "videotestsrc is-live=true pattern=ball ! video/x-raw,format=NV12,width=1280,height=720,framerate=30/1 ! gtfdetect name=detect model=%s dtype=%s threshold=0.3 ! "
        "fakesink name=sink sync=true" % (MODEL, dtype))
    frames, ages = [0], []

    def passed(pad, info):
        frames[0] += 1
        return Gst.PadProbeReturn.OK

    def said(bus, message):
        structure = message.get_structure()
        if structure and structure.get_name() == "gtf-result":
            now = pipeline.get_clock().get_time() - pipeline.get_base_time()
            ages.append((now - structure.get_value("running-time")) / 1e6)
    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message::element", said)
    pipeline.get_by_name("sink").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, passed)
    loop = GLib.MainLoop()

    def begin():
        frames[0] = 0
        ages.clear()
        GLib.timeout_add_seconds(seconds, loop.quit)
        return False
    pipeline.set_state(Gst.State.PLAYING)
    pipeline.get_state(60 * Gst.SECOND)
    GLib.timeout_add_seconds(WARM_UP, begin)
    loop.run()
    pipeline.set_state(Gst.State.NULL)
    print("%s: %.1f frames and %.1f results a second; a result is %.0f ms old (median), %.0f at most" % (dtype, frames[0] / seconds, len(ages) / seconds,
          statistics.median(ages) if ages else -1, max(ages, default=-1)))


main()
