#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Runs docs/examples in all languages out of the build folder, and compares what they print: the same recording, the same model,
# the same lines. TAP.
#   examples.sh SOURCE BUILD
source=$1
build=$2
export LD_LIBRARY_PATH="$build/core" GI_TYPELIB_PATH="$build/core/introspection" GTF_PLUGIN_PATH="$build"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

recording=
for f in "$source"/data/samples/*.wav "$source"/data/samples/*.flac /usr/share/sounds/alsa/Front_Center.wav; do
  [ -f "$f" ] && { recording=$f; break; }
done
model=builtin/whisper-words
n=0

result() { n=$((n + 1)); echo "$1 $n $2"; }

# run LANGUAGE COMMAND...: with the model if there is one, and with a model that is not there
run() {
  local language=$1
  shift
  if "$@" "$work/nothing.wav" /nowhere/at/all >"$work/out" 2>"$work/err"; then
    result "not ok" "$language: exit 0 without a model"
  elif grep -q '/nowhere/at/all' "$work/err"; then
    result ok "$language: an error that names the model"
  else
    sed 's/^/# /' "$work/err"
    result "not ok" "$language: an error that names the model"
  fi
  if [ -z "$recording" ] || [ ! -d "$build/models/whisper-words" ]; then
    result ok "$language: captions # SKIP no built-in model or no recording"
  elif "$@" "$recording" "$model" >"$work/$language" 2>"$work/err" && [ -s "$work/$language" ] && { [ ! -f "$work/first" ] || cmp -s "$work/first" "$work/$language"; }; then
    [ -f "$work/first" ] || cp "$work/$language" "$work/first"
    result ok "$language: captions"
  else
    sed 's/^/# /' "$work/err" "$work/$language"
    result "not ok" "$language: captions"
  fi
}

skip() { result ok "$1: an error that names the model # SKIP $2"; result ok "$1: captions # SKIP $2"; }

echo 1..8
run c "$build/docs/examples/captions"

python=
for p in /usr/bin/python3 python3; do
  "$p" -c 'import gi' 2>/dev/null && { python=$p; break; }
done
if [ -n "$python" ]; then run python "$python" "$source/docs/examples/captions.py"; else skip python "no PyGObject"; fi

if command -v valac >/dev/null && [ -f "$build/core/introspection/gtransformers-1.0.vapi" ]; then
  if valac --vapidir "$build/core/introspection" --pkg gio-2.0 --pkg json-glib-1.0 --pkg gtransformers-1.0 -X "-I$build/include" -X "-I$build/include/gtf" -X "-I$build/core" \
    -X "-L$build/core" -X -lgtransformers-1.0 -X -w -o "$work/captions" "$source/docs/examples/captions.vala" >"$work/valac" 2>&1; then
    run vala "$work/captions"
  else
    sed 's/^/# /' "$work/valac"
    result "not ok" "vala: compiles"
    result "not ok" "vala: captions"
  fi
else
  skip vala "no valac"
fi

if command -v gjs >/dev/null; then run javascript gjs "$source/docs/examples/captions.js"; else skip javascript "no gjs"; fi
