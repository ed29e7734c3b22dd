#!/usr/bin/env bash
# connect.sh start|stop|kill|status|wipe [N]   distributed worker N (1) of Apache Kafka Connect; REST on 127.0.0.1:18082+N
# start prints the REST address alone on stdout. kill is SIGKILL. wipe stops and deletes the worker's files, not its topics.
# Environment: CONNECT_BOOTSTRAP (127.0.0.1:19092), CONNECT_GROUP (kafka-connect), CONNECT_REST_PORT, CONNECT_PLUGIN_PATH,
# CONNECT_HEAP_OPTS (-Xms256m -Xmx2g), CONNECT_JVM_OPTS, CONNECT_EXTRA (lines of worker properties).
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
label=connect
. "$here/process.sh"

usage() { sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2; }

number=${2:-1}
case $number in '' | *[!0-9]*) usage ;; esac
group=${CONNECT_GROUP:-kafka-connect}
port=${CONNECT_REST_PORT:-$((18082 + number))}
address=http://127.0.0.1:$port
dir=$services/connect/$group-$number
mark=$dir/worker.properties
ports=("$port") patience=60

answers() { [ "$(curl -s -m 5 -o /dev/null -w '%{http_code}' "$address/health")" = 200 ]; }

run() {
	"$here/java.sh" java
	"$here/get-jars.sh" connect file
	mkdir -p "$dir" "$services/plugins/connect-file"
	cp "$services"/jars/file/*.jar "$services/plugins/connect-file/"
	cat >"$dir/worker.properties" <<PROPERTIES
bootstrap.servers=${CONNECT_BOOTSTRAP:-127.0.0.1:19092}
group.id=$group
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=true
value.converter.schemas.enable=true
offset.storage.topic=$group-offsets
offset.storage.replication.factor=1
config.storage.topic=$group-configs
config.storage.replication.factor=1
status.storage.topic=$group-status
status.storage.replication.factor=1
listeners=$address
rest.advertised.host.name=127.0.0.1
rest.advertised.port=$port
plugin.path=${CONNECT_PLUGIN_PATH:-$services/plugins}
${CONNECT_EXTRA:-}
PROPERTIES
	# shellcheck disable=SC2086 # options, several words
	launch java ${CONNECT_HEAP_OPTS:--Xms256m -Xmx2g} -server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 \
		-XX:+ExplicitGCInvokesConcurrent -Djava.awt.headless=true ${CONNECT_JVM_OPTS:-} \
		-Dlog4j2.configurationFile="$here/log4j/service.yaml" \
		-cp "$services/jars/connect/*" org.apache.kafka.connect.cli.ConnectDistributed "$dir/worker.properties"
}

control "${1:-}"
