#!/usr/bin/env bash
# demo-mysql.sh [--keep]   MariaDB, Kafka, OpenSearch and Outboard on this machine: rows become documents, and change with them.
# Needs bin/ (make build) and what scripts/services needs: Java 17, Maven, MariaDB. --keep or KEEP=1 leaves all of it running.
. "$(dirname "${BASH_SOURCE[0]}")/demo-outboard.sh"

export DATABASE_DIR=$work/mariadb SEARCH_DIR=$work/opensearch
mariadb='' kafka='' search=''
# How everything that runs is removed.
remove() {
	echo "scripts/services/opensearch.sh wipe $search; scripts/services/mariadb.sh wipe $mariadb; scripts/services/kafka.sh wipe $kafka; rm -rf $work"
}
ended() {
	if [ -n "$search" ]; then scripts/services/opensearch.sh wipe "$search" || true; fi
	if [ -n "$mariadb" ]; then scripts/services/mariadb.sh wipe "$mariadb" || true; fi
	if [ -n "$kafka" ]; then scripts/services/kafka.sh wipe "$kafka" || true; fi
}
need bin/outboard bin/plugins/mysql bin/plugins/elasticsearch

step() { printf '\n== %s\n' "$*"; }
document() { rest "$index/_source/$1"; }
says() { document "$1" 2>/dev/null | grep "$2" >/dev/null; }
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
launch worker "$work/worker.properties"
echo "outboard: answers on $url"

step "1. install: two binaries in plugin.path"
ls bin/plugins
for class in MySqlSource ElasticsearchSink; do
	rest "$url/connector-plugins" | grep "\"$class\"" >/dev/null || fail "GET /connector-plugins does not list $class"
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
