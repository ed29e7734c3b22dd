#!/usr/bin/env bash
# integration.sh [go test argument…]   runs scripts/integration against a real Apache Kafka, started for it on a free port with
# empty data and gone afterwards. OUTBOARD_KAFKA=host:port uses that cluster instead. OUTBOARD_KEEP_LOGS=1 leaves the broker's files.
# The tests read OUTBOARD_KAFKA and expect bin/outboard and bin/plugins (make build).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/ports.sh

port='' tests=''
finish() {
	if [ -n "$tests" ]; then kill -TERM -- "-$tests" 2>/dev/null || true; fi
	if [ -z "$port" ]; then return; fi
	if [ -n "${OUTBOARD_KEEP_LOGS:-}" ]; then scripts/services/kafka.sh stop "$port"; else scripts/services/kafka.sh wipe "$port"; fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if [ -z "${OUTBOARD_KAFKA:-}" ]; then
	port=$(free) # the controller takes the next one
	OUTBOARD_KAFKA=$(scripts/services/kafka.sh start "$port")
	export OUTBOARD_KAFKA
fi

# In a process group of its own and waited for, so that a signal ends the tests and their processes at once.
set -m
go test -count=1 -tags integration -timeout 45m ./scripts/integration/... "$@" </dev/null &
tests=$!
set +m
wait $tests
tests=
