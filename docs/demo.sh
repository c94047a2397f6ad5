#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What `./dev demo` shows, in the build folder's environment: a recording with its captions, by every door.
#   demo.sh [RECORDING]
set -euo pipefail
cd "$(dirname "$0")/.."

model=builtin/whisper-words
task=automatic-speech-recognition
recording=${1:-}

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '  $ %s\n' "$*"; }

# The words of alsa-utils' sounds, one after the other: a person who was not in the training.
if [ -z "$recording" ]; then
  for f in data/samples/demo.wav data/samples/*.wav data/samples/*.flac /usr/share/sounds/alsa/Front_Center.wav; do
    if [ -f "$f" ]; then
      recording=$f
      break
    fi
  done
fi
[ -n "$recording" ] || { echo "demo: there is no recording; name one: ./dev demo FILE" >&2; exit 1; }

# (gst-inspect-1.0 --exists asks for GStreamer's own version as well.)
if gst-inspect-1.0 gtfasr >/dev/null 2>&1; then
  title "Live, by GStreamer: words as they are spoken ($recording)"
  show "gst-launch-1.0 filesrc location=$recording ! decodebin ! audioconvert ! audioresample ! identity sync=true ! gtfasr model=$model ! filesink location=/dev/stdout"
  gst-launch-1.0 -q filesrc location="$recording" ! decodebin ! audioconvert ! audioresample ! identity sync=true ! gtfasr model=$model \
    ! filesink location=/dev/stdout buffer-mode=unbuffered | cat   # where this goes to a file, filesink would begin it anew
  echo
else
  echo "demo: the element gtfasr is not there, so nothing is shown live" >&2
fi

title "By the command line"
show "gtransformers run $task $recording --set return_timestamps=word --format srt"
gtransformers run $task "$recording" --model $model --set return_timestamps=word --format srt

title "In C (docs/examples/captions.c)"
show "captions $recording $model"
"$GTF_BUILD_ROOT/docs/examples/captions" "$recording" $model

if /usr/bin/python3 -c 'import gi' 2>/dev/null && [ -f "$GTF_BUILD_ROOT/core/introspection/Gtf-1.0.typelib" ]; then
  title "In Python (docs/examples/captions.py)"
  show "python3 docs/examples/captions.py $recording $model"
  /usr/bin/python3 docs/examples/captions.py "$recording" $model
fi

title "What a text says: names in it, and how it sounds"
show "gtransformers run token-classification 'My brother Thomas works in Canada.' --set aggregation_strategy=simple"
gtransformers run token-classification "My brother Thomas works in Canada." --model builtin/entities --set aggregation_strategy=simple --format text
show "gtransformers run text-classification 'What a wonderful evening!'"
gtransformers run text-classification "What a wonderful evening!" --model builtin/sentiment --format text

title "To try next"
cat <<TEXT
  ./dev shell                                    then, with a model that knows all words (fetched at first use):
  gtransformers run $task FILE --model openai/whisper-base --format srt
  gst-launch-1.0 autoaudiosrc ! audioconvert ! audioresample ! gtfasr model=openai/whisper-base ! fakesink dump=true
TEXT
