#!/usr/bin/env bash
# Follows docs/install.md as a newcomer would, once through Cloudflare's gateway and once through gatelog's own, with
# stand-ins for every account. The commands are those of the document.
#
# usage: tests/newcomer/run.sh BINARIES [INSTALL [KEYS]]
#   BINARIES   the folder with gatelog and the testkit programs, such as target/debug
#   INSTALL    another install.md, and KEYS another keys.md, to see that a mistake in them is found
set -euo pipefail
[ $# -ge 1 ] && [ $# -le 3 ] || { echo "usage: tests/newcomer/run.sh BINARIES [INSTALL [KEYS]]" >&2; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
binaries=$(cd "$1" && pwd)
install=$(realpath "${2:-$root/docs/install.md}")
keys=$(realpath "${3:-$root/docs/keys.md}")

# What the document asks for, and the testkit's Postgres.
for need in psql:postgresql curl:curl python3:python3; do
  command -v "${need%:*}" >/dev/null || { echo "please install ${need#*:}: there is no \`${need%:*}\`" >&2; exit 1; }
done

export PYTHONPATH="$root/tools" PYTHONDONTWRITEBYTECODE=1
# Durable, because `gatelog check` asks Postgres whether it is.
follow=("$binaries/gatelog-testkit-postgres" --durable --
  python3 "$root/tests/newcomer/newcomer.py" "$binaries" "$install" "$keys")
if unshare --net -- true 2>/dev/null; then
  # A network of its own, with nothing but loopback: nobody outside is asked, and the ports of the document are free.
  # shellcheck disable=SC2016
  exec unshare --net -- bash -euo pipefail -c 'python3 "$1" && shift && exec "$@"' bash \
    "$root/tools/loopback.py" "${follow[@]}"
fi
exec "${follow[@]}"
