#!/bin/sh
# Sealed fields against independent implementations: Python `cryptography` both ways, Node's `crypto` the way
# Cloudflare's page opens them. Exits non-zero on any difference.
#
# Needs cargo, python3 and node. Python's `cryptography` is taken from the machine or else put into a virtual
# environment under ${GATELOG_CACHE_DIR:-.venv}.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"

python=python3
if ! python3 -c 'import cryptography' 2>/dev/null; then
    venv=${GATELOG_CACHE_DIR:-.venv}/interop-envelope
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    "$venv/bin/python" -c 'import cryptography' 2>/dev/null || "$venv/bin/pip" install --quiet 'cryptography>=42'
    python=$venv/bin/python
fi
command -v node >/dev/null || { echo 'interop-envelope: node is needed' >&2; exit 1; }

# Asked of cargo, because target folder and profile are the user's choice.
tool=$(cargo build --workspace --example envelope --message-format=json \
    | "$python" -c '
import json, sys
found = [m["executable"] for m in map(json.loads, sys.stdin)
         if m.get("reason") == "compiler-artifact" and m["target"]["name"] == "envelope" and m.get("executable")]
print(found[-1])')

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
"$python" "$here/interop.py" "$tool" "$here/open.mjs" "$work"
