#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What `./dev demo` shows, in the build folder's environment: a recording with its captions, by every door; what texts say; a clip with boxes
# and masks, in a window if there is one, else as a sheet of its frames.
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

title "What a picture shows"
show "gtransformers run object-detection data/samples/street.png --set threshold=0.4"
gtransformers run object-detection data/samples/street.png --model builtin/objects --set threshold=0.4 --format text

title "Live, on video: boxes with their tracks, and masks (by very small models: where things are they know better than what)"
clip=data/samples/street.webm
found="gtfsegment model=builtin/segments ! gtfdetect model=builtin/objects threshold=0.5 tracker=sort ! videoconvert ! gtfoverlay"
if ! gst-inspect-1.0 gtfdetect >/dev/null 2>&1 || ! gst-inspect-1.0 vp8dec >/dev/null 2>&1; then
  echo "demo: gtfdetect or vp8dec is not there, so no video is shown" >&2
elif [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && gst-inspect-1.0 autovideosink >/dev/null 2>&1; then
  show "gst-launch-1.0 filesrc location=$clip ! decodebin ! $found ! videoconvert ! autovideosink"
  # shellcheck disable=SC2086
  gst-launch-1.0 -q filesrc location=$clip ! decodebin ! $found ! videoconvert ! autovideosink
else
  show "gst-launch-1.0 filesrc location=$clip ! decodebin ! $found ! videorate ! video/x-raw,framerate=1/1 ! videoconvert ! pngenc ! multifilesink location=%d.png"
  frames=$(mktemp -d)
  trap 'rm -rf "$frames"' EXIT
  # shellcheck disable=SC2086
  gst-launch-1.0 -q filesrc location=$clip ! decodebin ! $found ! videorate ! video/x-raw,framerate=1/1 ! videoconvert ! pngenc ! multifilesink location="$frames/%d.png"
  sheet=$GTF_BUILD_ROOT/demo-frames.png
  tiles=() places=()
  for i in 0 1 2 3 4 5; do
    [ -f "$frames/$i.png" ] || continue
    places+=("sink_$i::xpos=$((i % 3 * 320))" "sink_$i::ypos=$((i < 3 ? 0 : 240))")
    tiles+=(filesrc location="$frames/$i.png" ! pngdec ! imagefreeze num-buffers=1 ! videoconvert ! "sheet.sink_$i")
  done
  gst-launch-1.0 -q compositor name=sheet "${places[@]}" ! videoconvert ! pngenc snapshot=true ! filesink location="$sheet" "${tiles[@]}"
  echo "  there is no window to show it in: a frame of each second is in $sheet"
fi

title "To try next"
cat <<TEXT
  ./dev shell                                    then, with a model that knows all words (fetched at first use):
  gtransformers run $task FILE --model openai/whisper-base --format srt
  gst-launch-1.0 autoaudiosrc ! audioconvert ! audioresample ! gtfasr model=openai/whisper-base ! fakesink dump=true
TEXT
