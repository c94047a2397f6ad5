#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Captions of a recording: each word with the time when it is said.

    python3 captions.py talk.flac openai/whisper-base
"""
import sys

import gi

gi.require_version("Gtf", "1.0")
from gi.repository import GLib, Gtf


def main():
    if len(sys.argv) < 2:
        sys.exit("Usage: captions.py FILE [MODEL]")
    try:
        asr = Gtf.Pipeline.new("automatic-speech-recognition", sys.argv[2] if len(sys.argv) > 2 else None, None)
        result = asr.run_file(sys.argv[1], '{"return_timestamps": "word"}', None)
    except GLib.Error as error:
        sys.exit(error.message)
    for i in range(result.get_n_chunks()):
        print("%6.2f %s" % (result.get_chunk_start(i), result.get_chunk_text(i)))
    print(result.get_text())


main()
