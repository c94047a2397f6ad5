#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What `./dev demo` shows, out of the build folder: each part is there, the live captions are the words of the recording, and the clip's frames are there. TAP.
#   demo.sh SOURCE BUILD
source=$1
build=$2
export PATH="$build/core/tools:$PATH" LD_LIBRARY_PATH="$build/core" GI_TYPELIB_PATH="$build/core/introspection" GTF_PLUGIN_PATH="$build"
export GST_PLUGIN_PATH="$build/tasks/gst" GTF_BUILD_ROOT="$build"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GST_REGISTRY="$work/registry.bin"
unset DISPLAY WAYLAND_DISPLAY   # a window would show nothing to a test
n=0

# shows TITLE PATTERN: a line of the demo's output
shows() {
  n=$((n + 1))
  if grep -qE -- "$2" "$work/out"; then
    echo "ok $n $1"
  else
    sed 's/^/# /' "$work/out" "$work/err"
    echo "not ok $n $1"
  fi
}

if bash "$source/docs/demo.sh" "$source/data/samples/alsa-speakers.flac" >"$work/out" 2>"$work/err"; then
  n=1
  echo "ok 1 exit"
else
  n=1
  sed 's/^/# /' "$work/err"
  echo "not ok 1 exit"
fi
shows "live" "Live, by GStreamer"
shows "live captions" "^ *front center .* rear center"
shows "command line" "^00:00:00,000 --> "
shows "C" "^ +0\.00  front"
shows "Python" "In Python"
shows "entities" "\[Thomas\]\(PER\)"
shows "sentiment" "^positive"
shows "objects" "^bicycle "
shows "frames of the clip" "a frame of each second is in $build/demo-frames.png"
n=$((n + 1))
# six tiles, three in a row: width and height stand in bytes 16 to 23 of a PNG
if [ "$(od -An -tx1 -j16 -N8 "$build/demo-frames.png" | tr -d ' ')" = 000003c0000001e0 ]; then
  echo "ok $n sheet"
else
  echo "not ok $n sheet"
fi
echo "1..$n"
