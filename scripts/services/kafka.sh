#!/usr/bin/env bash
# kafka.sh start|stop|kill|status|wipe [PORT]   Apache Kafka, one KRaft node on loopback; PORT 19092, its controller on PORT+1
# kafka.sh tool CLASS ARGUMENT…                 a class of Kafka's tools, for example kafka.admin.ConfigCommand
# start prints the address alone on stdout. kill is SIGKILL. wipe stops and deletes the data.
# Environment: KAFKA_HEAP_OPTS (-Xmx512m), KAFKA_EXTRA (lines of server properties).
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
label=kafka
. "$here/process.sh"

jars=$services/jars/broker
usage() { sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2; }
tool() { java -Xmx256m -cp "$jars/*" -Dlog4j2.configurationFile="$here/log4j/tool.yaml" "$@"; }

command=${1:-}
if [ "$command" = tool ]; then
	shift
	if [ $# = 0 ]; then usage; fi
	"$here/java.sh" java
	"$here/get-jars.sh" broker
	tool "$@"
	exit
fi

port=${2:-19092}
case $port in '' | *[!0-9]*) usage ;; esac
dir=$services/kafka/$port
mark=$dir/server.properties
address=127.0.0.1:$port
ports=("$port" $((port + 1))) patience=30

# An ApiVersions request (version 0) gets an answer, whose first byte is a zero.
answers() {
	(
		exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
		printf '\0\0\0\12\0\22\0\0\0\0\0\1\377\377' >&3
		read -r -t 5 -d '' _ <&3
	) 2>/dev/null
}

run() {
	"$here/java.sh" java
	"$here/get-jars.sh" broker
	mkdir -p "$dir"
	cat >"$dir/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://$address,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=PLAINTEXT://$address
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$dir/data
num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
${KAFKA_EXTRA:-}
PROPERTIES
	if [ ! -f "$dir/formatted" ]; then
		rm -rf "$dir/data"
		# 16 random bytes in Kafka's base64, without the characters that some tools read as an option.
		tool kafka.tools.StorageTool format -t "$(head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | tr -d '=\n')" \
			-c "$dir/server.properties" >"$dir/log" 2>&1 || { cat "$dir/log" >&2; fail "cannot format $dir/data"; }
		touch "$dir/formatted"
	fi
	# shellcheck disable=SC2086 # options, several words
	launch java ${KAFKA_HEAP_OPTS:--Xmx512m} -server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 \
		-XX:+ExplicitGCInvokesConcurrent -Djava.awt.headless=true -Dlog4j2.configurationFile="$here/log4j/service.yaml" \
		-cp "$jars/*" kafka.Kafka "$dir/server.properties"
}

control "$command"
