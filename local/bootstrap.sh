#!/bin/sh
# Installs what `npm start` and, with the word `test`, `npm test` miss: the npm packages and a server.
# Says nothing when nothing is missing. Needs Node 20 or newer with npm, and Debian or Ubuntu for apt.
set -eu
cd "$(dirname "$0")/.."

packages() {
  [ node_modules/.package-lock.json -nt package-lock.json ] && return 0
  echo 'installing the npm packages' >&2
  log=$(mktemp)
  # No audit: it asks the registry about each package, and tells nothing that helps here.
  if npm install --no-audit --no-fund --loglevel=error >"$log" 2>&1; then
    rm -f "$log"
    # A lock file that npm did not have to change keeps its time; the next run must not install again.
    touch node_modules/.package-lock.json
  else
    cat "$log" >&2
    rm -f "$log"
    echo 'npm install failed; `npm start` and `npm test` need its packages' >&2
    exit 1
  fi
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

has() {
  command -v "$1" >/dev/null 2>&1
}

server() {
  PATH=$PATH:/usr/local/bin:/usr/bin
  has redis-server && return 0
  has valkey-server && return 0
  # The servers that the tests fetched do as well.
  ls .servers/bin/*-server >/dev/null 2>&1 && return 0
  if ! has apt-get || { [ "$(id -u)" != 0 ] && ! has sudo; }; then
    echo 'a server is missing: install redis-server or valkey-server (Redis 7.0 or newer, Valkey 8.0 or newer)' >&2
    exit 1
  fi
  echo 'installing redis-server with apt' >&2
  log=$(mktemp)
  if as_root apt-get update -qq >"$log" 2>&1 &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server >>"$log" 2>&1; then
    rm -f "$log"
  else
    cat "$log" >&2
    rm -f "$log"
    echo 'a server is missing: apt-get install redis-server (or valkey-server) failed' >&2
    exit 1
  fi
}

packages
if [ "${1:-}" != test ]; then
  server
elif [ -z "${SERVERS_DIR:-}" ]; then
  sh test/helper/get-servers.sh
fi
