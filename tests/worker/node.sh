#!/usr/bin/env bash
# Prints the folder of a Node.js that runs wrangler and TypeScript as it is (22.18): the one of tools/node.sh, or else the
# one that it would take where there is none.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$("$root/tools/node.sh")
read -r major minor < <("$folder/node" --version | sed -E 's/^v([0-9]+)\.([0-9]+)\..*/\1 \2/')
if [ $((major * 100 + minor)) -lt 2218 ]; then
  folder=$("$root/tools/venv.sh" node "$root/tools/node-requirements.txt")/bin
fi
echo "$folder"
