#!/bin/sh
# The preStop hook of the server container: lets the agent hand over before the server is told to end.
#
# `agent init` puts this file into the directory that all containers of the pod share (RUN_DIR).
# `stop/request` gets one line, a token new for each run; the agent writes `stop/answer`, one line,
#     <token> done
# when the server may be told to end. The hook waits at most PRE_STOP_SECONDS (20), and never for an
# agent that is gone: a sidecar that ends is not restarted in an ending pod, and its file `heartbeat`,
# touched every 2 s, is then soon 10 s old.
#
# It always ends with 0: the server is told to end anyway, a failed hook only adds an event.
set -u

run=${RUN_DIR:-${0%/*}}
bound=${PRE_STOP_SECONDS:-20}

leave() {
  echo "pre-stop.sh: $*"
  exit 0
}

agent_lives() {
  beat=$(stat -c %Y "$run/heartbeat" 2>/dev/null) || return 1
  [ $(($(date +%s) - beat)) -lt 10 ]
}

agent_lives || leave "the agent is gone; nothing to wait for"

token=$(cat /proc/sys/kernel/random/uuid) || leave "cannot read /proc/sys/kernel/random/uuid"
echo "$token" >"$run/stop/request.new" && mv -f "$run/stop/request.new" "$run/stop/request" ||
  leave "cannot write $run/stop/request"

began=$(date +%s)
round=0
while :; do
  answer=
  verdict=
  { read -r answer verdict <"$run/stop/answer"; } 2>/dev/null
  [ "$answer" = "$token" ] && [ "$verdict" = done ] && leave "the agent is done"
  # Each look at the clock is two processes: one in ten rounds is enough.
  if [ $((round % 10)) -eq 0 ]; then
    agent_lives || leave "the agent is gone while handing over"
    [ $(($(date +%s) - began)) -lt "$bound" ] || leave "the agent is not done after $bound s"
  fi
  round=$((round + 1))
  sleep 0.05 2>/dev/null || sleep 1
done
