#!/usr/bin/env bash
# debezium.sh   fetches Debezium's connectors for MariaDB and MySQL and prints the plugin path with them, for connect.sh.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
label=debezium
. "$here/process.sh"

plugins=$services/debezium
"$here/get-jars.sh" debezium >&2
lock debezium
if ! cmp -s "$services/jars/debezium/.pom.xml" "$plugins/.pom.xml"; then
	rm -rf "$plugins"
	mkdir -p "$plugins"
	for archive in "$services"/jars/debezium/*.tar.gz; do tar xzf "$archive" -C "$plugins"; done
	cp "$services/jars/debezium/.pom.xml" "$plugins/"
fi
echo "$plugins"
