#!/usr/bin/env bash
# get-jars.sh [broker|connect|file…]   fetches the jars named in maven/*/pom.xml into the cache; again only when a pom changes.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
label=get-jars
. "$here/process.sh"

plugin=3.8.1
sets=("$@")
if [ ${#sets[@]} = 0 ]; then sets=(broker connect file); fi

current() { cmp -s "$here/maven/$1/pom.xml" "$services/jars/$1/.pom.xml"; }

lock jars
for set in "${sets[@]}"; do
	if current "$set"; then continue; fi
	"$here/java.sh" java mvn
	echo "get-jars: fetching $set" >&2
	new=$services/jars/.$set.new
	for try in 1 2 3; do
		rm -rf "$new"
		mkdir -p "$new"
		if mvn -B -q -Dstyle.color=never -f "$here/maven/$set/pom.xml" \
			org.apache.maven.plugins:maven-dependency-plugin:$plugin:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$new" >&2; then break; fi
		if [ $try = 3 ]; then rm -rf "$new"; fail "maven could not fetch $set"; fi
		sleep 5
	done
	cp "$here/maven/$set/pom.xml" "$new/.pom.xml"
	rm -rf "${services:?}/jars/$set"
	mv "$new" "$services/jars/$set"
done
