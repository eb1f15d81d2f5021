#!/bin/sh
# SERVER of the tests that break the network: the server REAL_SERVER, whose bus and replication have
# the pod's address as their source, as they have in a pod.
[ "$1" = --version ] && exec "$REAL_SERVER" "$@"
exec "$REAL_SERVER" "$@" --bind-source-addr "$POD_IP"
