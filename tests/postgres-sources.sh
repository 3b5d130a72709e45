#!/usr/bin/env bash
# The demo finds a Postgres in four ways; each must lead to a balanced bill.
#
# usage: tests/postgres-sources.sh FOLDER_OF_BINARIES
set -euo pipefail
bin=$1

demo() { "$bin/gatelog" demo --exit --events 300 "$@" | tail -n 4; }

echo "== binaries of this machine"
demo --postgres system

echo "== PGBIN"
newest=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1 || dirname "$(command -v initdb)")
PGBIN=$newest demo --postgres system

echo "== the wheel"
demo --postgres wheel

echo "== DATABASE_URL"
# The command runs with a cluster's URL; a database of its own keeps the ledger empty.
# shellcheck disable=SC2016
"$bin/gatelog-testkit-postgres" -- bash -euo pipefail -c '
  DATABASE_URL=$GATELOG_TEST_DATABASE_URL "$1" demo --exit --events 300 --postgres url | tail -n 4' bash "$bin/gatelog"
