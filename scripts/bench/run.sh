#!/usr/bin/env bash
# run.sh converters                                         times converters and chains of transformations, a record each, no Kafka.
# run.sh bench|kafka-connect|mysql|mysql-debezium [FLAGS]   builds the driver and runs it (-h lists its flags); FLAGS is one word,
# as make gives it. All but bench need Java and Maven: a Kafka of its own is started, empty and on a free port, and removed
# afterwards; those of mysql need MariaDB too, and mysql an OpenSearch.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. scripts/ports.sh

command=${1:-}
if [ "$command" = converters ]; then
	exec go test -run '^$' -bench '^Benchmark(Convert|Chain)$' -benchmem ./host/internal/convert ./host/internal/transform
fi
case $command in bench | kafka-connect | mysql | mysql-debezium) ;; *) sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2 ;; esac
read -r -a flags <<<"${2:-}"

driver='' kafka='' mariadb='' search='' group=bench-$$
finish() {
	trap - EXIT
	# The driver stops what it started. What is left, when it was killed, is in its process group.
	if [ -n "$driver" ]; then
		kill -TERM "$driver" 2>/dev/null || true
		wait "$driver" 2>/dev/null || true
		kill -KILL -- "-$driver" 2>/dev/null || true
	fi
	if [ -n "$kafka" ]; then
		CONNECT_GROUP=$group scripts/services/connect.sh wipe || true
		scripts/services/kafka.sh wipe "$kafka" || true
	fi
	if [ -n "$mariadb" ]; then scripts/services/mariadb.sh wipe "$mariadb" || true; fi
	if [ -n "$search" ]; then scripts/services/opensearch.sh wipe "$search" || true; fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir -p bin
go build -o bin/bench-driver ./scripts/bench
# Figures of an old build would be worse than none.
make -s build

case $command in
kafka-connect) scripts/bench/kafka-connect/build.sh >&2 ;;
mysql-debezium)
	CONNECT_PLUGIN_PATH=$(scripts/services/debezium.sh)
	export CONNECT_PLUGIN_PATH
	;;
esac
if [ "$command" != bench ]; then
	kafka=$(free)
	address=$(scripts/services/kafka.sh start "$kafka")
	pid=$(scripts/services/kafka.sh status "$kafka" | sed -n 's/^running, pid \([0-9]*\),.*/\1/p')
	flags=(-kafka "$address" -kafka-pid "$pid" -services "$PWD/scripts/services" -group "$group" "${flags[@]}")
fi
case $command in mysql*)
	mariadb=$(free)
	address=$(scripts/services/mariadb.sh start "$mariadb" --innodb-buffer-pool-size=512M --innodb-log-file-size=512M)
	flags=(-mariadb "$address" "${flags[@]}")
	;;
esac
if [ "$command" = mysql ]; then
	search=$(free)
	address=$(SEARCH_HEAP_OPTS=${SEARCH_HEAP_OPTS:--Xms1g -Xmx1g} scripts/services/opensearch.sh start "$search")
	flags=(-search "$address" "${flags[@]}")
fi

# All cases means these, too.
if [ "$command" = bench ] && [ ${#flags[@]} -eq 0 ]; then "${BASH_SOURCE[0]}" converters; fi

set -m
bin/bench-driver "$command" "${flags[@]}" </dev/null &
driver=$!
set +m
code=0
wait $driver || code=$?
exit $code
