#!/usr/bin/env bash
# Brings the peers of `make bench-gateway` into the cache and prints `NAME PATH` for each that is there. One that cannot be
# had is left out with a word on standard error.
#
# usage: tools/install-bench.sh
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cache="${GATELOG_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/gatelog}"
mkdir -p "$cache"

# Runs "$2..." in a new folder and links the cache's folder $1 to it once that has succeeded: an interrupted run leaves
# nothing that looks finished.
build_aside() {
  local folder="$cache/$1" building
  shift
  if [ ! -e "$folder" ]; then
    building=$(mktemp -d "$folder.XXXXXX")
    if ! (cd "$building" && "$@") >&2; then
      rm -rf "$building"
      return 1
    fi
    ln -sfn "$building" "$folder"
  fi
  echo "$folder"
}

# Debian's nginx, unpacked: to install it would also start a server on port 80, now and at every boot.
unpack_nginx() {
  echo "fetching nginx" >&2
  local fetch=(apt-get -o APT::Sandbox::User=root -qq download nginx)
  "${fetch[@]}" 2>/dev/null || { [ "$(id -u)" -eq 0 ] && apt-get update -qq && "${fetch[@]}"; } || return 1
  dpkg-deb -x nginx_*.deb . && ./usr/sbin/nginx -v
}

find_nginx() {
  type -P nginx && return
  local folder
  folder=$(build_aside nginx unpack_nginx) && echo "$folder/usr/sbin/nginx"
}

install_portkey() {
  echo "installing Portkey's gateway" >&2
  cp "$root/bench/portkey/package.json" "$root/bench/portkey/package-lock.json" . &&
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund --silent
}

find_portkey() {
  type -P node npm >/dev/null || { echo "there is no node with npm" >&2; return 1; }
  local lock
  lock=$({ node --version; cat "$root/bench/portkey/package-lock.json"; } | sha256sum | cut -c1-12)
  build_aside "portkey-$lock" install_portkey
}

find_litellm() {
  "$root/tools/venv.sh" litellm "$root/bench/requirements-litellm.txt"
}

for peer in nginx portkey litellm; do
  if path=$("find_$peer"); then
    echo "$peer $path"
  else
    echo "cannot install $peer: it is left out" >&2
  fi
done
