#!/usr/bin/env bash
# Runs cargo-deny, installing it into the cache on first use. Advisories need a database that is not on the package
# registry, so only licences, bans and sources are checked.
set -euo pipefail
cache="${GATELOG_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/gatelog}"
if ! command -v cargo-deny >/dev/null 2>&1 && [ ! -x "$cache/tools/bin/cargo-deny" ]; then
  echo "installing cargo-deny" >&2
  cargo install --locked --quiet --root "$cache/tools" --target-dir "$cache/target-tools" cargo-deny
fi
PATH="$cache/tools/bin:$PATH" exec cargo-deny --locked "$@"
