#!/usr/bin/env bash
# Official clients, unmodified, against the real gateway in front of a simulated Azure OpenAI. Then the books: what the
# gateway shipped must be what the simulated provider counted.
#
# usage: tests/interop-gateway/run.sh BINARIES   the folder with gatelog and the testkit programs, such as target/debug
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: tests/interop-gateway/run.sh BINARIES" >&2; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
here="$root/tests/interop-gateway"
binaries=$(cd "$1" && pwd)
venv=$("$root/tools/venv.sh" interop-gateway "$here/requirements.txt")
PATH="$("$root/tools/node.sh"):$PATH"
export PATH
# Without the optional ones: ai-gateway-provider lists every provider it knows, and only Azure's and OpenAI's are used.
packages=$("$root/tools/npm.sh" interop-gateway "$here" --omit=optional)
export PYTHONPATH="$root/tools" PYTHONDONTWRITEBYTECODE=1
exec "$binaries/gatelog-testkit-postgres" -- "$venv/bin/python" "$here/interop_gateway.py" "$binaries" "$packages"
