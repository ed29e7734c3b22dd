# shellcheck shell=bash disable=SC2154
# Sourced by opensearch.sh and elasticsearch.sh: one node on loopback, from jars alone, without a distribution.
# A script sets `label`, `standard` (its port) and `node` (the class in search/ that starts it), then calls `main "$@"`.
. "$here/process.sh"

classes=$services/classes/$label
answers() { curl -fs -m 5 -o /dev/null "$address/_cluster/health?wait_for_status=yellow&timeout=4s"; }

compile() {
	if [ -f "$classes/$node.class" ] && [ ! "$here/search/$node.java" -nt "$classes/$node.class" ] && [ ! "$services/jars/$label" -nt "$classes/$node.class" ]; then return; fi
	mkdir -p "$classes"
	javac -proc:none -nowarn -d "$classes" -cp "$services/jars/$label/*" "$here/search/$node.java" >&2
}

run() {
	"$here/java.sh" java javac mvn
	"$here/get-jars.sh" "$label"
	(lock "$label-classes" && compile)
	mkdir -p "$dir/data" "$dir/config" "$dir/logs" "$dir/tmp"
	# shellcheck disable=SC2086 # options, several words
	launch java ${SEARCH_HEAP_OPTS:--Xms512m -Xmx512m} -XX:+UseSerialGC -Djava.io.tmpdir="$dir/tmp" \
		-Dlog4j2.formatMsgNoLookups=true -Dlog4j.configurationFile="$here/log4j/search.properties" -Dlog4j2.disable.jmx=true \
		-Djna.nosys=true -Dio.netty.noUnsafe=true -Dio.netty.recycler.maxCapacityPerThread=0 \
		-cp "$classes:$services/jars/$label/*" "$node" \
		path.home="$dir" path.data="$dir/data" path.logs="$dir/logs" cluster.name="outboard-$port" node.name=node \
		network.host=127.0.0.1 http.port="$port" transport.port=$((port + 1)) discovery.type=single-node \
		transport.type=netty4 http.type=netty4 action.auto_create_index=true \
		cluster.routing.allocation.disk.threshold_enabled=false indices.breaker.total.use_real_memory=false "$@"
}

main() {
	local command=${1:-}
	port=${2:-$standard}
	case $port in *[!0-9]*) usage ;; esac
	shift $(($# < 2 ? $# : 2))
	address=http://127.0.0.1:$port
	ports=("$port" $((port + 1))) patience=30
	dir=${SEARCH_DIR:-$services/$label/$port}
	mark=path.home=$dir
	control "$command" "$@"
}
