#!/usr/bin/env bash
# Installs the npm packages of package-lock.json into the cache, or finds them there, and prints the folder they are in.
#
# The folder is named after a hash of the lock and of Node's version. It is built aside and moved into place: an interrupted
# run leaves nothing that looks finished. No script of a package is run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache="${GATELOG_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/gatelog}/npm"
major=$(node --version 2>/dev/null | sed -E 's/^v([0-9]+).*/\1/') || true
[ "${major:-0}" -ge 20 ] || { echo "please install Node.js 20 or newer with npm" >&2; exit 1; }

hash=$({ node --version; cat "$here/package.json" "$here/package-lock.json"; } | sha256sum | cut -c1-12)
folder="$cache/interop-gateway-$hash"
if [ ! -d "$folder" ]; then
  mkdir -p "$cache"
  building=$(mktemp -d "$cache/.interop-gateway-$hash.XXXXXX")
  trap 'rm -rf "$building"' EXIT
  echo "installing the npm packages of tests/interop-gateway/package-lock.json" >&2
  cp "$here/package.json" "$here/package-lock.json" "$building"
  # Without the optional ones: ai-gateway-provider lists every provider it knows, and only Azure's and OpenAI's are used.
  npm ci --prefix "$building" --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  # Another run may have been faster; its folder is as good.
  mv -T "$building" "$folder" 2>/dev/null || [ -d "$folder" ]
fi
echo "$folder"
