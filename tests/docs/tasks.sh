#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Runs the examples of docs/tasks/*.md out of the build folder, on tiny repositories of data/golden: each line of a ```sh block must
# answer (talk.srt is a subtitle, table.json a table), and the ```c and ```python blocks of a page, as whole programs, must answer the same. TAP.
#   tasks.sh SOURCE BUILD
source=$1
build=$2
export PATH="$build/core/tools:$PATH" LD_LIBRARY_PATH="$build/core" GI_TYPELIB_PATH="$build/core/introspection" GTF_PLUGIN_PATH="$build" NO_COLOR=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0
export GST_PLUGIN_PATH=$build/tasks/gst GST_REGISTRY=$work/registry.bin GST_REGISTRY_FORK=no
printf '1\n00:00:00,000 --> 00:00:02,000\nMaria went\n\n2\n00:00:02,000 --> 00:00:04,000\nto Lisbon.\n' >"$work/talk.srt"
cp -r "$source"/data/golden/video-tasks/{waves.webm,waves.mp4,frames} "$source/data/golden/vision-tasks/waves.png" "$work"
echo '{"actor": ["Brad Pitt", "George Clooney"], "movies": ["87", "69"]}' >"$work/table.json"
gst=
if gst-inspect-1.0 subparse >/dev/null 2>&1 && gst-inspect-1.0 gtftext >/dev/null 2>&1; then gst=yes; fi
cd "$work" || exit 1

result() { n=$((n + 1)); echo "$1 $n $2"; }

# block LANGUAGE PAGE
block() { awk -v start="\`\`\`$1" '$0 == start { on = 1; next } /^```/ { on = 0 } on' "$2"; }

# check WHAT COMMAND...: exit 0 and an answer, into $work/out
check() {
  local what=$1
  shift
  if "$@" >"$work/out" 2>"$work/err" && [ -s "$work/out" ] && ! grep -q '^{"error"' "$work/out"; then
    result ok "$what"
  else
    sed 's/^/# /' "$work/err" "$work/out"
    result "not ok" "$what"
  fi
}

python=
for p in /usr/bin/python3 python3; do
  [ -f "$build/core/introspection/Gtf-1.0.typelib" ] && "$p" -c 'import gi' 2>/dev/null && { python=$p; break; }
done
read -ra flags <<<"$(pkg-config --cflags --libs gio-2.0 json-glib-1.0)"

while read -r task repository; do
  page=$source/docs/tasks/$task.md
  export MODEL=$source/data/golden/$repository
  while read -r line; do
    if [[ $line == gst-launch* && -z $gst ]]; then
      result ok "$task: GStreamer # SKIP the elements were not built"
    else
      check "$task: $line" bash -c "$line"
    fi
  done < <(block sh "$page")
  block c "$page" >"$work/example.c"
  block python "$page" >"$work/example.py"
  if ${CC:-cc} -o "$work/example" "$work/example.c" -I"$build/include" -I"$build/include/gtf" -I"$build/core" -L"$build/core" -lgtransformers-1.0 "${flags[@]}" 2>"$work/err"; then
    check "$task: C" "$work/example" "$MODEL"
    cp "$work/out" "$work/c"
  else
    sed 's/^/# /' "$work/err"
    result "not ok" "$task: C"
  fi
  if [ -z "$python" ]; then
    result ok "$task: Python # SKIP no PyGObject or no typelib"
  else
    check "$task: Python" "$python" "$work/example.py" "$MODEL"
    if cmp -s "$work/out" "$work/c"; then result ok "$task: C and Python agree"; else result "not ok" "$task: C and Python agree"; fi
  fi
done <<TABLE
text-classification text-tasks/classes
token-classification text-tasks/tags
question-answering text-tasks/answers
fill-mask text-tasks/masked
zero-shot-classification text-tasks/nli
feature-extraction text-tasks/masked
sentence-embedding text-tasks/sentences
sentence-similarity text-tasks/sentences
text-ranking text-tasks/one
mask-generation vision/sam/points
video-classification vision/videomae/classifier
table-question-answering text-tasks/tables
TABLE
echo "1..$n"
