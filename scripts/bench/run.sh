#!/usr/bin/env bash
# run.sh bench|kafka-connect [FLAGS]   builds the driver and runs it (-h lists its flags); FLAGS is one word, as make gives it.
# kafka-connect needs Java and Maven: it starts a Kafka of its own, empty and on a free port, and removes it afterwards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

command=${1:-}
case $command in bench | kafka-connect) ;; *) sed -n '2,3s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2 ;; esac
read -r -a flags <<<"${2:-}"

driver='' port='' group=bench-$$
finish() {
	trap - EXIT
	# The driver stops what it started. What is left, when it was killed, is in its process group.
	if [ -n "$driver" ]; then
		kill -TERM "$driver" 2>/dev/null || true
		wait "$driver" 2>/dev/null || true
		kill -KILL -- "-$driver" 2>/dev/null || true
	fi
	if [ -z "$port" ]; then return; fi
	CONNECT_GROUP=$group scripts/services/connect.sh wipe || true
	scripts/services/kafka.sh wipe "$port"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir -p bin
go build -o bin/bench-driver ./scripts/bench
# Figures of an old build would be worse than none.
make -s build

if [ "$command" = kafka-connect ]; then
	scripts/bench/kafka-connect/build.sh >&2
	open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
	for ((i = 0; i < 50; i++)); do
		# Below the ports that the system hands out by itself; the controller takes the next one.
		candidate=$((20000 + RANDOM % 6000 * 2))
		if ! open $candidate && ! open $((candidate + 1)); then port=$candidate; break; fi
	done
	if [ -z "$port" ]; then echo "bench: no free port found" >&2; exit 1; fi
	kafka=$(scripts/services/kafka.sh start "$port")
	kafka_pid=$(scripts/services/kafka.sh status "$port" | sed -n 's/^running, pid \([0-9]*\),.*/\1/p')
	flags=(-kafka "$kafka" -kafka-pid "$kafka_pid" -services "$PWD/scripts/services" -group "$group" "${flags[@]}")
fi

set -m
bin/bench-driver "$command" "${flags[@]}" </dev/null &
driver=$!
set +m
code=0
wait $driver || code=$?
exit $code
