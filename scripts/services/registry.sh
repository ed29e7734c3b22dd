#!/usr/bin/env bash
# registry.sh start [PORT [OPTION…]]     one Apicurio Registry with Confluent's API on loopback, PORT 18081, its data in memory
# registry.sh stop|kill|status|wipe [PORT]      kill is SIGKILL; wipe stops and deletes the log
# start prints the address of Confluent's API alone on stdout; OPTIONs go to java, such as -Dapicurio.rest.deletion.artifact.enabled=true.
# Environment: REGISTRY_HEAP_OPTS (-Xmx256m), REGISTRY_DIR (the folder of its log, one for each PORT in the cache).
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
label=registry
. "$here/process.sh"

version=3.0.9
artifact=io.apicurio:apicurio-registry-app:$version:tar.gz:all
plugin=2.8 # later ones want the parent's pom

usage() { sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2; }

answers() { curl -fs -m 5 -o /dev/null "$address/subjects"; }

# fetch gets the application, which is one archive; a pom cannot name it, because its parent is not published.
fetch() {
	if [ -f "$app/.$version" ]; then return; fi
	echo "registry: fetching $artifact" >&2
	rm -rf "$app"
	mkdir -p "$app"
	mvn -B -q -Dstyle.color=never "org.apache.maven.plugins:maven-dependency-plugin:$plugin:get" -Dtransitive=false \
		-Dartifact="$artifact" -Ddest="$app/app.tar.gz" >&2
	tar xzf "$app/app.tar.gz" -C "$app"
	rm "$app/app.tar.gz"
	touch "$app/.$version"
}

run() {
	"$here/java.sh" java mvn
	(lock registry-app && fetch)
	mkdir -p "$dir"
	# shellcheck disable=SC2086 # options, several words
	launch java ${REGISTRY_HEAP_OPTS:--Xmx256m} -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
		-Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$port" -Dquarkus.management.enabled=false \
		-Dapicurio.storage.kind=sql -Dapicurio.storage.sql.kind=h2 "$@" -jar "$app"/apicurio-registry-app-*-runner.jar
}

command=${1:-} port=${2:-18081}
case $port in *[!0-9]*) usage ;; esac
shift $(($# < 2 ? $# : 2))
address=http://127.0.0.1:$port/apis/ccompat/v7
ports=("$port") patience=30
app=$services/registry/app
dir=${REGISTRY_DIR:-$services/registry/$port}
mark=quarkus.http.port=$port
control "$command" "$@"
