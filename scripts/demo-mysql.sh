#!/usr/bin/env bash
# demo-mysql.sh [--keep]   MariaDB, Kafka, OpenSearch and Outboard on this machine: rows become documents, and change with them.
# Needs bin/ (make build) and what scripts/services needs: Java 17, Maven, MariaDB. --keep or KEEP=1 leaves all of it running.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

keep=${KEEP:-}
if [ "${1:-}" = --keep ]; then keep=1; fi

fail() {
	echo "demo: $*" >&2
	if [ -s "$work/outboard.log" ]; then echo "--- the end of outboard's log ---" >&2; tail -n 30 "$work/outboard.log" >&2; fi
	exit 1
}

work=$(mktemp -d "${TMPDIR:-/tmp}/outboard-demo.XXXXXX")
export DATABASE_DIR=$work/mariadb SEARCH_DIR=$work/opensearch
pid='' mariadb='' kafka='' search=''
# How everything that runs is removed.
remove() {
	echo "scripts/services/opensearch.sh wipe $search; scripts/services/mariadb.sh wipe $mariadb; scripts/services/kafka.sh wipe $kafka; rm -rf $work"
}
finish() {
	local code=$?
	trap - EXIT
	if [ -n "$keep" ] && [ $code = 0 ]; then return; fi
	if [ -n "$pid" ]; then
		kill -TERM "$pid" 2>/dev/null || true
		local i
		for ((i = 0; i < 200; i++)); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	fi
	if [ -n "$search" ]; then scripts/services/opensearch.sh wipe "$search" || true; fi
	if [ -n "$mariadb" ]; then scripts/services/mariadb.sh wipe "$mariadb" || true; fi
	if [ -n "$kafka" ]; then scripts/services/kafka.sh wipe "$kafka" || true; fi
	rm -rf "$work"
	exit $code
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

for needed in bin/outboard bin/plugins/mysql bin/plugins/elasticsearch; do
	if [ ! -e $needed ]; then fail "$needed is missing, run make build"; fi
done
command -v curl >/dev/null || fail "curl is missing"

open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# free PORT: PORT, or another one, that nobody listens on, and nobody behind it.
free() {
	local port=$1 i
	for ((i = 0; i < 50; i++)); do
		if ! open "$port" && ! open $((port + 1)); then echo "$port"; return; fi
		port=$((20000 + RANDOM % 6000 * 2))
	done
	echo "$1"
}

# eventually SECONDS TEXT COMMAND…: until COMMAND succeeds.
eventually() {
	local limit=$1 what=$2 begin=$SECONDS
	shift 2
	until "$@"; do
		kill -0 "$pid" 2>/dev/null || fail "outboard ended while waiting for $what"
		if ((SECONDS - begin >= limit)); then fail "waited $limit s for $what"; fi
		sleep 0.05
	done
}

step() { printf '\n== %s\n' "$*"; }
rest() { curl -sS --max-time 10 -H 'Content-Type: application/json' "$@"; }
healthy() { [ "$(rest -o /dev/null -w '%{http_code}' "$url/health" 2>/dev/null)" = 200 ]; }
# running NAME TASKS
running() { [ "$(rest "$url/connectors/$1/status" 2>/dev/null | tr -d ' \n' | grep -o '"id":[0-9]*,"state":"RUNNING"' | wc -l)" = "$2" ]; }

# call METHOD PATH BODY: a request that has to succeed.
call() {
	local code
	code=$(rest -o "$work/answer" -w '%{http_code}' -X "$1" --data "$3" "$url$2") || fail "no answer to $1 $2"
	case $code in
	200 | 201 | 202) echo "$1 $2  →  $code" ;;
	*) fail "$1 $2 answered $code: $(cat "$work/answer")" ;;
	esac
}

document() { rest "$index/_source/$1"; }
says() { document "$1" 2>/dev/null | grep -q "$2"; }
gone() { [ "$(rest -o /dev/null -w '%{http_code}' "$index/_source/$1")" = 404 ]; }
sql() {
	echo "mariadb> $1"
	scripts/services/mariadb.sh sql "$mariadb" shop -e "$1"
}

step "the servers"
mariadb=$(free 13306)
scripts/services/mariadb.sh start "$mariadb" >/dev/null
kafka=$(free 19092)
bootstrap=$(scripts/services/kafka.sh start "$kafka")
search=$(free 19200)
index=$(scripts/services/opensearch.sh start "$search")/live.shop.orders
scripts/services/mariadb.sh sql "$mariadb" <<'SQL'
CREATE DATABASE shop;
CREATE TABLE shop.orders (id INT PRIMARY KEY, customer VARCHAR(60) NOT NULL, city VARCHAR(60), price DECIMAL(10,2) NOT NULL, state ENUM('new','paid','sent') NOT NULL DEFAULT 'new');
INSERT INTO shop.orders (id, customer, city, price) VALUES (1, 'Ada', 'London', 19.90), (2, 'Grace', 'New York', 5.00), (3, 'Katherine', 'Hampton', 42.00);
SQL

port=$(free 8083)
url=http://127.0.0.1:$port
cat >"$work/worker.properties" <<PROPERTIES
bootstrap.servers=$bootstrap
group.id=demo
config.storage.topic=demo-configs
config.storage.replication.factor=1
offset.storage.topic=demo-offsets
offset.storage.replication.factor=1
status.storage.topic=demo-status
status.storage.replication.factor=1
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
listeners=$url
plugin.path=$PWD/bin/plugins
# New tables reach the sink within seconds, not within five minutes.
consumer.metadata.max.age.ms=2000
PROPERTIES
# In a session of its own: an interrupt reaches this script alone, and --keep outlives the terminal.
$(command -v setsid || true) bin/outboard worker "$work/worker.properties" >"$work/outboard.log" 2>&1 </dev/null &
pid=$!
eventually 60 "GET $url/health" healthy
echo "outboard: answers on $url"

step "1. install: two binaries in plugin.path"
ls bin/plugins
for class in MySqlSource ElasticsearchSink; do
	rest "$url/connector-plugins" | grep -q "\"$class\"" || fail "GET /connector-plugins does not list $class"
	echo "GET /connector-plugins lists $class"
done

step "2. the source: plugins/mysql/examples/shop.json"
call POST /connectors "$(sed "s/\"13306\"/\"$mariadb\"/" plugins/mysql/examples/shop.json)"
eventually 60 "a running task of shop-source" running shop-source 1

step "3. the sink: plugins/elasticsearch/examples/shop.json"
call POST /connectors "$(sed "s/:19200\"/:$search\"/" plugins/elasticsearch/examples/shop.json)"
eventually 60 "a running task of shop-sink" running shop-sink 1
eventually 60 "the rows that were there" says 3 Katherine
for id in 1 2 3; do echo "document $id: $(document $id)"; done

step "rows change"
sql "UPDATE orders SET state = 'paid', price = 21.50 WHERE id = 1"
eventually 30 "the changed row" says 1 '"state":"paid"'
echo "document 1: $(document 1)"
sql "INSERT INTO orders VALUES (4, 'Margaret', 'Boston', 7.25, 'new'); DELETE FROM orders WHERE id = 2; UPDATE orders SET id = 30 WHERE id = 3"
eventually 30 "the new row" says 4 Margaret
eventually 30 "the deleted row to go" gone 2
eventually 30 "the row with another key" says 30 Katherine
eventually 30 "its old key to go" gone 3
echo "document 4: $(document 4)"
echo "document 30: $(document 30); documents 2 and 3 are gone"
sql "ALTER TABLE orders ADD COLUMN note TEXT; UPDATE orders SET note = 'gift' WHERE id = 4"
eventually 30 "the new column" says 4 '"note":"gift"'
echo "document 4: $(document 4)"

step "4. watching and tuning"
echo "GET /connectors/shop-sink/status  →  $(rest "$url/connectors/shop-sink/status")"
call PATCH /connectors/shop-sink/config '{"tasks.max":"2","batch.size":"5000","linger.ms":"5"}'
eventually 60 "two running tasks of shop-sink" running shop-sink 2
call PATCH /connectors/shop-sink/config '{"transforms":"origin","transforms.origin.type":"org.apache.kafka.connect.transforms.InsertField$Value","transforms.origin.static.field":"origin","transforms.origin.static.value":"shop"}'
eventually 60 "two running tasks of shop-sink" running shop-sink 2
sql "UPDATE orders SET state = 'sent' WHERE id = 1"
eventually 30 "the field that the transformation adds" says 1 '"origin":"shop"'
echo "document 1: $(document 1)"

echo
if [ -n "$keep" ]; then
	echo "REST $url, search ${index%/*}, SQL: scripts/services/mariadb.sh sql $mariadb shop"
	echo "Still running, stop it with: kill $pid; DATABASE_DIR=$DATABASE_DIR SEARCH_DIR=$SEARCH_DIR; export DATABASE_DIR SEARCH_DIR; $(remove)"
else
	echo "Everything is stopped and removed now; KEEP=1 keeps it."
fi
