#!/usr/bin/env bash
# build.sh   compiles BenchSource and BlackholeSink for Apache Kafka Connect into the plugin path of scripts/services/connect.sh.
# They cost next to nothing themselves, so that what is measured is the runtime.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scripts=$here/../../services
label=bench-plugins
. "$scripts/process.sh"

jar=$services/plugins/bench/bench-plugins.jar
if [ -f "$jar" ] && [ -z "$(find "$here" -type f -newer "$jar")" ]; then echo "$jar"; exit 0; fi
"$scripts/java.sh" java javac jar
"$scripts/get-jars.sh" connect
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
javac -d "$work" -cp "$services/jars/connect/*" "$here"/bench/*.java
cp -R "$here/META-INF" "$work/"
mkdir -p "${jar%/*}"
jar cf "$jar.new" -C "$work" .
mv -f "$jar.new" "$jar"
echo "$jar"
