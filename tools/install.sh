#!/usr/bin/env bash
# Installs what building (and, with `test`, testing) needs and a fresh Debian machine with Rust lacks. Says what it
# installs; does nothing when everything is there.
#
# usage: tools/install.sh build|test
set -euo pipefail
purpose=${1:?usage: tools/install.sh build|test}

packages=()
need() { command -v "$1" >/dev/null 2>&1 || packages+=("$2"); }
# A compiler alone cannot link: Debian's gcc only recommends the C library's headers and start files.
echo 'int main(void) { return 0; }' | cc -x c -o /dev/null - 2>/dev/null || packages+=(gcc libc6-dev)
need make make
need pkg-config pkg-config
need python3 python3
[ "$purpose" = build ] || { need node nodejs; need curl curl; }
python3 -c 'import ensurepip' >/dev/null 2>&1 || packages+=(python3-venv)
# Any version from 15 on will do; Debian keeps the server's binaries out of the search path.
if ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && ! command -v initdb >/dev/null 2>&1; then
  packages+=(postgresql)
fi

if [ ${#packages[@]} -gt 0 ]; then
  root=()
  [ "$(id -u)" -eq 0 ] || root=(sudo)
  if ! command -v apt-get >/dev/null 2>&1 || { [ ${#root[@]} -gt 0 ] && ! command -v sudo >/dev/null 2>&1; }; then
    echo "please install: ${packages[*]}" >&2
    exit 1
  fi
  echo "installing ${packages[*]}" >&2
  "${root[@]}" apt-get update -qq
  # A new cluster would be started on the default port; gatelog starts private ones.
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2
fi

if [ "$purpose" = test ] && ! cargo nextest --version >/dev/null 2>&1; then
  echo "installing cargo-nextest" >&2
  cargo install --locked --quiet cargo-nextest
fi
