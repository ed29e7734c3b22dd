#!/usr/bin/env bash
# debezium-mysql.sh   records what Debezium's connectors for MySQL and MariaDB make of the tables in plugins/mysql/testdata/debezium, and
# what the servers say themselves, into the folders there and in plugins/mysql/column. Takes some minutes and Java, Maven and 3 GiB of memory.
# Starts its own Kafka, Kafka Connect, MySQL and MariaDB with empty data and removes them afterwards. Environment: RECORDINGS_PORT (25100), the first
# of six ports.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

services=scripts/services
port=${RECORDINGS_PORT:-25100}
kafka=$port rest=$((port + 2)) mysql=$((port + 3)) mariadb=$((port + 4))
export CONNECT_GROUP=recordings CONNECT_REST_PORT=$rest CONNECT_BOOTSTRAP=127.0.0.1:$kafka

finish() {
	$services/connect.sh wipe
	$services/kafka.sh wipe "$kafka"
	$services/mysql.sh wipe "$mysql"
	$services/mariadb.sh wipe "$mariadb"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

finish
CONNECT_PLUGIN_PATH=$($services/debezium.sh)
export CONNECT_PLUGIN_PATH
$services/mysql.sh start "$mysql"
$services/mariadb.sh start "$mariadb"
$services/kafka.sh start "$kafka"
$services/connect.sh start

go run ./scripts/recordings -kafka "127.0.0.1:$kafka" -connect "http://127.0.0.1:$rest" -mysql "127.0.0.1:$mysql" -mariadb "127.0.0.1:$mariadb"
