#!/usr/bin/env bash
# get-jars.sh   fetches Debezium's transformations into the cache; again only when the pom changes. What they need of Kafka is
# that of scripts/services.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
label=debezium-transforms
. "$here/../../services/process.sh"

to=$services/jars/debezium-transforms
if cmp -s "$here/pom.xml" "$to/.pom.xml"; then exit 0; fi
lock jars
"$here/../../services/java.sh" java mvn
echo "get-jars: fetching Debezium's transformations" >&2
new=$services/jars/.debezium-transforms.new
rm -rf "$new"
mkdir -p "$new"
mvn -B -q -Dstyle.color=never -f "$here/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
	-DincludeScope=runtime -DincludeGroupIds=io.debezium -DoutputDirectory="$new" >&2 || fail "maven could not fetch them"
cp "$here/pom.xml" "$new/.pom.xml"
rm -rf "${to:?}"
mv "$new" "$to"
