#!/bin/sh
# The command of the server container: waits at the start gate, then becomes the server.
#
# `agent init` puts this file into the directory that all containers of the pod share (RUN_DIR). It
# runs in any image that has a POSIX shell, sleep, mv and cat, so it starts no Node.
#
# The gate: before every start of the server, `gate/request` gets one line,
#     <token> - <starts of the server in this pod so far>
# (the `-` stands where an exit status would: the server replaces this shell, nobody sees it end),
# and the agent writes `gate/answer`, one line,
#     <token> open
# when nodes.conf is repaired and the server may start. The token is new for each start: the files
# outlive a container, so an answer with another token is not for this start.
set -u

run=${RUN_DIR:-${0%/*}}
gate=$run/gate

say() { echo "server.sh: $*"; }
fail() {
  say "$*" >&2
  exit 1
}

# A shell that is process 1 has no default action for a signal; without this SIGTERM would be lost.
trap 'say "told to end while waiting"; exit 143' TERM INT

# Writes "$2" to the file $1 so that a reader sees the old text or the new one, never a half.
put() {
  echo "$2" >"$1.new" && mv -f "$1.new" "$1" || fail "cannot write $1; the server container needs RUN_DIR writable"
}

# Sets `server`: $SERVER, or the one that is there.
find_server() {
  server=${SERVER:-}
  [ -n "$server" ] || server=$(command -v redis-server || command -v valkey-server) ||
    fail "no redis-server or valkey-server on PATH ($PATH); set SERVER to the path of one"
  [ -x "$server" ] || fail "SERVER is $server, which is not a program"
}

# Sets `major` and `minor`, and `brand` to Redis or Valkey.
ask_version() {
  said=$("$server" --version) || fail "$server --version ended with an error"
  brand=${said%% *}
  version=${said#*v=}
  version=${version%% *}
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%.*}
  case $major$minor in
    '' | *[!0-9]*) fail "$server --version says \"$said\"; allowed: Redis 7.0 or newer, Valkey 8.0 or newer" ;;
  esac
  [ "$major" -ge 7 ] ||
    fail "$server is $brand $version; allowed: Redis 7.0 or newer, Valkey 8.0 or newer"
}

knows_human_nodename() {
  [ "$brand" = Valkey ] || [ "$major" -gt 7 ] || [ "$minor" -ge 2 ]
}

# How often the server was started in this pod; 0 if that file is missing or unreadable.
count_starts() {
  starts=0
  { read -r starts <"$gate/starts"; } 2>/dev/null
  case $starts in
    '' | *[!0-9]*) starts=0 ;;
  esac
}

wait_for_agent() {
  token=$(cat /proc/sys/kernel/random/uuid) || fail "cannot read /proc/sys/kernel/random/uuid"
  put "$gate/request" "$token - $starts"
  say "waiting for the agent to open $gate (start $((starts + 1)) in this pod)"
  while :; do
    answer=
    verdict=
    { read -r answer verdict <"$gate/answer"; } 2>/dev/null
    [ "$answer" = "$token" ] && [ "$verdict" = open ] && return
    # A sleep without fractions says so and ends at once: whole seconds then.
    sleep 0.1 2>/dev/null || sleep 1
  done
}

[ -d "$gate" ] || fail "$gate is missing; \`agent init\` makes it before this container starts"
find_server
ask_version
count_starts
wait_for_agent
put "$gate/starts" "$((starts + 1))"
say "the gate is open; starting $brand $version"

set -- "$server" "$run/redis.conf" "$@"
if [ -n "${POD_NAME:-}" ] && [ -n "${POD_NAMESPACE:-}" ] && knows_human_nodename; then
  set -- "$@" --cluster-announce-human-nodename "$POD_NAMESPACE/$POD_NAME"
fi
exec "$@"
