#!/usr/bin/env bash
# Makes a Python virtual environment in the cache, or finds the one made before, and prints its path.
#
# usage: tools/venv.sh NAME REQUIREMENTS
#
# The folder is named after NAME and a hash of the requirements and of the Python version, so a change of either makes a
# new one. It is built aside and linked into place: an interrupted run leaves nothing that looks finished.
set -euo pipefail

[ $# -eq 2 ] || { echo "usage: tools/venv.sh NAME REQUIREMENTS" >&2; exit 2; }
name=$1 requirements=$2
cache="${GATELOG_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/gatelog}/venv"

if ! command -v python3 >/dev/null 2>&1 || ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "please install Python 3.11 or newer with its venv module (Debian: python3-venv)" >&2
    exit 1
  fi
  echo "installing python3-venv" >&2
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv >&2
fi

hash=$({ python3 --version; cat "$requirements"; } | sha256sum | cut -c1-12)
venv="$cache/$name-$hash"
if [ ! -x "$venv/bin/python" ]; then
  mkdir -p "$cache"
  # Scripts of a venv name its folder, so it cannot be moved after it is built.
  building=$(mktemp -d "$cache/.$name-$hash.XXXXXX")
  trap 'rm -rf "$building"' EXIT
  echo "installing the Python packages of $requirements" >&2
  python3 -m venv "$building" >&2
  "$building/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" >&2
  ln -sfn "$building" "$venv"
  trap - EXIT
fi
echo "$venv"
