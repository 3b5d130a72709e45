#!/usr/bin/env bash
# Runs a README command on a fresh Debian that has Rust and nothing else: a minimal system in a folder, this machine's
# Rust toolchain lent to it read-only, a clone of the last commit. Slow (it builds everything), so not part of `make test`.
#
# usage: tests/fresh-debian.sh FOLDER [COMMAND...]        as root; default: make demo DEMO_ARGS=--exit
#
# FOLDER is kept and used again; remove it for a truly fresh start. Needs debootstrap.
set -euo pipefail
folder=${1:?usage: tests/fresh-debian.sh FOLDER [COMMAND...]}
shift
[ $# -gt 0 ] || set -- make demo DEMO_ARGS=--exit
suite=${SUITE:-bookworm}
mirror=${MIRROR:-http://deb.debian.org/debian}
source=$(cd "$(dirname "$0")/.." && pwd)
toolchain=$(rustc --print sysroot)

if [ "${GATELOG_FRESH_NAMESPACE:-}" != own ]; then
  [ -e "$folder/etc/debian_version" ] || debootstrap --variant=minbase --include=make,ca-certificates "$suite" "$folder" "$mirror"
  rm -rf "$folder/srv/gatelog"
  git clone --quiet --no-local "$source" "$folder/srv/gatelog"
  # What is mounted from here on ends with this process.
  export GATELOG_FRESH_NAMESPACE=own
  exec unshare --mount --pid --fork --kill-child -- "$0" "$folder" "$@"
fi

mount --make-rprivate /
mount -t proc proc "$folder/proc"
mount --rbind /dev "$folder/dev"
mkdir -p "$folder/opt/rust"
mount --bind "$toolchain" "$folder/opt/rust"
mount -o remount,bind,ro "$folder/opt/rust"
# How this machine reaches the network, authorities of a proxy included; Node.js has a list of its own and has to be told.
cp --dereference /etc/resolv.conf /etc/hosts "$folder/etc/"
cp --dereference /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/"
exec chroot "$folder" /usr/bin/env -i HOME=/root TERM="${TERM:-dumb}" CARGO_TERM_PROGRESS_WHEN=never \
  NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
  PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  bash -c 'cd /srv/gatelog && exec "$@"' bash "$@"
