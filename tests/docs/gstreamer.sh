#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Runs the lines of docs/gstreamer-video.md out of the build folder, on a clip made here and tiny models of data/golden. What a test has not
# (a camera, a network, a window) stands in for itself: a test picture, the clip, a sink. TAP.
#   gstreamer.sh SOURCE BUILD
source=$1
build=$2
export PATH="$build/core/tools:$PATH" LD_LIBRARY_PATH="$build/core" GTF_PLUGIN_PATH="$build" GST_PLUGIN_PATH=$build/tasks/gst
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GST_REGISTRY=$work/registry.bin GST_REGISTRY_FORK=no
golden=$source/data/golden/vision
export MODEL=$golden/yolos/detection CLASSIFIER=$golden/vit/classifier SEGMENTER=$golden/segformer/semantic DEPTH=$golden/depth_anything/relative ACTIONS=$golden/videomae/classifier
n=0
cd "$work" || exit 1

result() { n=$((n + 1)); echo "$1 $n $2"; }

for element in jpegenc matroskamux decodebin subparse gtfdetect; do
  if ! gst-inspect-1.0 "$element" >/dev/null 2>&1; then
    echo "1..0 # SKIP there is no $element"
    exit 0
  fi
done
gst-launch-1.0 -q videotestsrc num-buffers=8 ! video/x-raw,width=161,height=119,framerate=10/1 ! jpegenc ! matroskamux ! filesink location=clip.mkv || exit 1
printf '1\n00:00:00,000 --> 00:00:02,000\nMaria went to Lisbon.\n' >talk.srt

while read -r line; do
  run=${line/v4l2src/videotestsrc is-live=true num-buffers=5}
  run=${run/rtspsrc location=rtsp:\/\/camera\/stream/filesrc location=clip.mkv}
  run=${run/autovideosink/fakesink}
  if bash -c "$run" >out 2>err && ! grep -q -i 'warning\|critical' err; then
    result ok "$line"
  else
    sed 's/^/# /' out err
    result "not ok" "$line"
  fi
  for file in *.mkv; do
    [ -s "$file" ] || result "not ok" "$line: $file is empty"
  done
  lines=8                       # one for each frame
  [[ $line != *video-classification* ]] || lines=5      # or for each four
  if [[ $line == *results=-* ]] && [ "$(grep -c '^\[' out)" != $lines ]; then
    result "not ok" "$line: expected $lines lines"
  fi
done < <(awk '$0 == "```sh" { on = 1; next } /^```/ { on = 0 } on' "$source/docs/gstreamer-video.md")
echo "1..$n"
