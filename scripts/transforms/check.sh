#!/usr/bin/env bash
# check.sh [-write]   runs the cases of host/internal/transform/testdata through Apache's own transformations (Java and Maven
# are needed) and compares: every case that they know must come out as it is written there, or be listed in differences.txt
# with its reason. confirmed.txt and keys.txt beside it record the outcome, for the tests that have no Java; they must be up to
# date. -write brings them up to date.
# check.sh -fill      writes Java's outcome into the cases that have ? for theirs.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
label=transforms
. "$here/../services/process.sh"

cases=$here/../../host/internal/transform/testdata
"$here/../services/java.sh" java javac
"$here/../services/get-jars.sh" connect
"$here/debezium/get-jars.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
jars="$services/jars/connect/*:$services/jars/debezium-transforms/*"
javac -nowarn -d "$work" -cp "$jars" "$here"/java/*.java 2>"$work/javac.log" || { cat "$work/javac.log" >&2; exit 1; }
runner() { java -cp "$work:$jars" Runner "$@" 2>"$work/java.log" || { cat "$work/java.log" >&2; exit 1; }; }

classes=(DropHeaders Filter InsertHeader RegexRouter TimestampRouter ValueToKey HasHeaderKey RecordIsTombstone TopicNameMatches
	io.debezium.transforms.ExtractNewRecordState io.debezium.transforms.TimezoneConverter)
for class in Cast ExtractField Flatten HeaderFrom HoistField InsertField MaskField ReplaceField SetSchemaMetadata TimestampConverter; do
	classes+=("$class\$Key" "$class\$Value")
done

if [ "${1:-}" = -fill ]; then runner -fill "$cases"; exit 0; fi

runner "$cases" >"$work/outcome"
awk -F '\t' '$3 == "confirmed" { print $1 "\t" $2 }' "$work/outcome" >"$work/confirmed.txt"
runner -keys "${classes[@]}" >"$work/keys.txt"
awk -F '\t' '$3 == "differs" { print $1 }' "$work/outcome" | sort >"$work/differs"
sed -n 's/^- //p' "$cases/differences.txt" | sort >"$work/listed"

bad=0
if ! cmp -s "$work/differs" "$work/listed"; then
	bad=1
	comm -23 "$work/differs" "$work/listed" >"$work/unlisted"
	while IFS= read -r id; do
		echo "not confirmed, and not in differences.txt: $id" >&2
		awk -F '\t' -v id="$id" '$1 == id { print "    Java: " $4 }' "$work/outcome" >&2
	done <"$work/unlisted"
	comm -13 "$work/differs" "$work/listed" | sed 's/^/in differences.txt, but confirmed or not a case for Java: /' >&2
fi
for file in confirmed.txt keys.txt; do
	if cmp -s "$work/$file" "$cases/$file"; then continue; fi
	if [ "${1:-}" = -write ]; then cp "$work/$file" "$cases/$file"; continue; fi
	bad=1
	echo "$file is not up to date: run scripts/transforms/check.sh -write" >&2
done
echo "$(wc -l <"$work/confirmed.txt") cases confirmed, $(wc -l <"$work/listed") listed differences" >&2
exit $bad
