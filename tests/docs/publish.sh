#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# publish.sh SOURCE BUILD: docs/examples/publish.py with the Hub of the tests. Speaks TAP.
set -u
source=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GI_TYPELIB_PATH="$build/core/introspection" LD_LIBRARY_PATH="$build/core" GTF_PLUGIN_PATH="$build" HF_HOME="$work/home" no_proxy=127.0.0.1
unset HF_HUB_OFFLINE HF_TOKEN
model="$source/data/golden/text-tasks/masked"

number=0
result() { number=$((number + 1)); echo "$1 $number $2"; }

python=
for p in /usr/bin/python3 python3; do
  "$p" -c 'import gi' 2>/dev/null && { python=$p; break; }
done
[ -n "$python" ] || { echo "1..0 # SKIP no PyGObject"; exit 0; }

echo 1..3
coproc hub { "$build/tests/core/hub/hub-server"; }
read -r endpoint <&"${hub[0]}"
export HF_ENDPOINT=$endpoint

if "$python" "$source/docs/examples/publish.py" "$model" org/published >"$work/out" 2>"$work/err"; then
  result "not ok" "without a token there is an error"
else
  grep -q 'who uploads must be logged in' "$work/err" && result ok "without a token there is an error" || { sed 's/^/# /' "$work/err"; result "not ok" "the error"; }
fi

export HF_TOKEN=hf_test_0123456789abcdefghij
"$python" "$source/docs/examples/publish.py" "$model" org/published >"$work/out" 2>"$work/err"
if [ "$(grep -c "^$endpoint/org/published/commit/[0-9a-f]\{40\}$" "$work/out")" = 2 ] && [ ! -s "$work/err" ]; then
  result ok "two commits"
else
  sed 's/^/# /' "$work/out" "$work/err"
  result "not ok" "two commits"
fi

"$build/core/tools/gtransformers" download org/published --local-dir "$work/got" --quiet >/dev/null
good=yes
for file in model.safetensors config.json tokenizer.json tokenizer_config.json; do
  cmp -s "$model/$file" "$work/got/$file" || { good=no; echo "# $file differs"; }
done
grep -q '^library_name: transformers' "$work/got/README.md" && grep -q '^pipeline_tag: fill-mask' "$work/got/README.md" || { good=no; sed 's/^/# /' "$work/got/README.md"; }
[ $good = yes ] && result ok "what was pushed" || result "not ok" "what was pushed"
exec {hub[1]}>&-
