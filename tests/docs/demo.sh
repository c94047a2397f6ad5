#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What `./dev demo` shows, out of the build folder: each part is there, and the live captions are the words of the recording. TAP.
#   demo.sh SOURCE BUILD
source=$1
build=$2
export PATH="$build/core/tools:$PATH" LD_LIBRARY_PATH="$build/core" GI_TYPELIB_PATH="$build/core/introspection" GTF_PLUGIN_PATH="$build"
export GST_PLUGIN_PATH="$build/tasks/gst" GTF_BUILD_ROOT="$build"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GST_REGISTRY="$work/registry.bin"
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
echo "1..$n"
