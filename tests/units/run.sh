#!/usr/bin/env bash
# Proves what runs gatelog in production: the image, compose.yaml and the systemd units. No container engine is needed:
# the image's own commands are run in a root file system made by hand. What this machine cannot do is said and left out.
#
# usage: tests/units/run.sh BINARIES   the folder with gatelog and the testkit programs, such as target/debug
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: tests/units/run.sh BINARIES" >&2; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
binaries=$(cd "$1" && pwd)
venv=$("$root/tools/venv.sh" units "$root/tests/units/requirements.txt")
export PYTHONPATH="$root/tools" PYTHONDONTWRITEBYTECODE=1
check=("$venv/bin/python" "$root/tests/units/units.py" "$root" "$binaries")
if unshare --mount --net -- true 2>/dev/null; then
  # A network of its own, with nothing but loopback: 0.0.0.0 reaches nobody, and the ports of the examples are free.
  # Durable, because `gatelog check` asks Postgres whether it is.
  # shellcheck disable=SC2016
  exec unshare --mount --net -- bash -euo pipefail -c '"$1" "$2" && shift 2 && exec "$@"' bash \
    "$venv/bin/python" "$root/tools/loopback.py" \
    "$binaries/gatelog-testkit-postgres" --durable -- "${check[@]}" --run
fi
exec "${check[@]}"
