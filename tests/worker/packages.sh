#!/usr/bin/env bash
# Installs the npm packages of deploy/worker/package-lock.json into the cache, or finds them there, and prints the folder
# they are in.
#
# The folder is named after a hash of the lock and of Node's version. It is built aside and moved into place: an
# interrupted run leaves nothing that looks finished. No script of a package is run: workerd, esbuild and tsc come as
# packages of this platform.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
worker="$root/deploy/worker"
cache="${GATELOG_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/gatelog}/npm"

hash=$({ node --version; cat "$worker/package.json" "$worker/package-lock.json"; } | sha256sum | cut -c1-12)
folder="$cache/worker-$hash"
if [ ! -d "$folder" ]; then
  mkdir -p "$cache"
  building=$(mktemp -d "$cache/.worker-$hash.XXXXXX")
  trap 'rm -rf "$building"' EXIT
  echo "installing the npm packages of deploy/worker/package-lock.json" >&2
  cp "$worker/package.json" "$worker/package-lock.json" "$building"
  npm ci --prefix "$building" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  # Another run may have been faster; its folder is as good.
  mv -T "$building" "$folder" 2>/dev/null || [ -d "$folder" ]
fi
echo "$folder"
