#!/usr/bin/env bash
# Installs the npm packages of a package-lock.json into the cache, or finds them there, and prints the folder they are in.
#
# usage: tools/npm.sh NAME FOLDER [OPTION...]     FOLDER has package.json and its lock; options go to `npm ci`
#
# The folder is named after NAME and a hash of the lock and of Node's version. It is built aside and moved into place: an
# interrupted run leaves nothing that looks finished. No script of a package is run.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: tools/npm.sh NAME FOLDER [OPTION...]" >&2; exit 2; }
name=$1 source=$2
shift 2
cache="${GATELOG_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/gatelog}/npm"

hash=$({ node --version; cat "$source/package.json" "$source/package-lock.json"; } | sha256sum | cut -c1-12)
folder="$cache/$name-$hash"
if [ ! -d "$folder" ]; then
  mkdir -p "$cache"
  building=$(mktemp -d "$cache/.$name-$hash.XXXXXX")
  trap 'rm -rf "$building"' EXIT
  echo "installing the npm packages of $source/package-lock.json" >&2
  cp "$source/package.json" "$source/package-lock.json" "$building"
  npm ci --prefix "$building" --ignore-scripts --no-audit --no-fund --loglevel=error "$@" >&2
  # Another run may have been faster; its folder is as good.
  mv -T "$building" "$folder" 2>/dev/null || [ -d "$folder" ]
fi
echo "$folder"
