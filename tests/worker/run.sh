#!/usr/bin/env bash
# The reference Worker, as wrangler would upload it, on the real workerd, in front of the real gateway and a simulated
# Azure OpenAI. Nothing leaves this machine.
#
# usage: tests/worker/run.sh BINARIES   the folder with gatelog and the testkit programs, such as target/debug
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: tests/worker/run.sh BINARIES" >&2; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
here="$root/tests/worker"
binaries=$(cd "$1" && pwd)
PATH="$("$here/node.sh"):$PATH"
export PATH
packages=$("$root/tools/npm.sh" worker "$root/deploy/worker")

# The sources are built in a copy: wrangler and tsc look for packages beside them.
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
cp -R "$root/deploy/worker/src" "$root/deploy/worker"/*.json "$root/deploy/worker/wrangler.jsonc" "$build"
ln -s "$packages/node_modules" "$build/node_modules"
echo "== types"
(cd "$build" && node_modules/.bin/tsc)
echo "== upload"
export WRANGLER_SEND_METRICS=false WRANGLER_HIDE_BANNER=true WRANGLER_LOG_PATH="$build/wrangler-logs"
(cd "$build" && node_modules/.bin/wrangler deploy --dry-run --outfile upload.form)
echo "== tests"
# Not `exec`: the trap has to run.
export WORKER_BINARIES="$binaries" WORKER_BUILD="$build"
node --test-timeout=30000 --test-reporter="$here/reporter.mjs" "$here/all.mjs"
