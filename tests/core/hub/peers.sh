#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# peers.sh FOLDER: the genuine clients of the Hub, from PyPI and npm, for compare.py: FOLDER/v1, FOLDER/v2 (Python), FOLDER/js.
set -euo pipefail
folder=$1
for version in 1 2; do
  python3 -m venv "$folder/v$version"
  "$folder/v$version/bin/pip" install --quiet "huggingface_hub>=$version,<$((version + 1))"
done
mkdir -p "$folder/js"
if command -v npm >/dev/null; then
  (cd "$folder/js" && npm init -y >/dev/null && npm install --silent @huggingface/hub)
else
  echo "peers.sh: npm is not there: @huggingface/hub is left out" >&2
fi
