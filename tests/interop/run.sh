#!/usr/bin/env bash
# Other implementations read the table: DuckDB, PyIceberg, chDB and Polars must agree with each other, with Postgres and with
# what was generated; no content may stand in manifests or footers. Others tell of objects: S3, SQS and EventBridge of moto;
# messages that are lost, repeated or stale must not change a total.
#
# usage: tests/interop/run.sh BINARIES   the folder with gatelog and the testkit programs, such as target/debug
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: tests/interop/run.sh BINARIES" >&2; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
binaries=$(cd "$1" && pwd)
venv=$("$root/tools/venv.sh" interop "$root/tests/interop/requirements.txt")
export PYTHONPATH="$root/tools" PYTHONDONTWRITEBYTECODE=1
for check in interop notifications; do
  "$binaries/gatelog-testkit-postgres" -- "$venv/bin/python" "$root/tests/interop/$check.py" "$binaries"
done
