#!/usr/bin/env bash
# demo.sh [--keep]   an embedded broker, a FileStreamSource and a FileStreamSink: lines appended to one file arrive in another.
# Needs bin/ (make build) and curl, nothing else. --keep or KEEP=1 leaves it running. OUTBOARD_DEMO_PORT: REST port (8083).
. "$(dirname "${BASH_SOURCE[0]}")/demo-outboard.sh"
ended() { :; }
need bin/outboard bin/plugins

port=${OUTBOARD_DEMO_PORT:-}
if [ -z "$port" ]; then
	port=$(free 8083)
elif open "$port"; then
	fail "port $port (OUTBOARD_DEMO_PORT) is taken"
fi
url=http://127.0.0.1:$port

arrived() { [ -f "$work/sink.txt" ] && [ "$(wc -l <"$work/sink.txt")" -ge "$1" ]; }

# create NAME CLASS MORE: MORE is the rest of the configuration.
create() {
	call PUT "/connectors/$1/config" '{"connector.class":"'$2'","tasks.max":"1","key.converter":"org.apache.kafka.connect.storage.StringConverter","value.converter":"org.apache.kafka.connect.storage.StringConverter",'$3'}'
}

printf '%s\n' 'the first line' 'the second line' 'the third line' >"$work/source.txt"

echo "starting bin/outboard dev on $url"
launch dev --listen "127.0.0.1:$port" --data-dir "$work/data" --plugin-path "$PWD/bin/plugins" --kafka-port 0

create demo-source FileStreamSource '"file":"'"$work"'/source.txt","topic":"demo"'
create demo-sink FileStreamSink '"file":"'"$work"'/sink.txt","topics":"demo"'
for name in demo-source demo-sink; do
	eventually 60 "a running task of $name" running $name 1
	echo "GET /connectors/$name/status  →  $(rest "$url/connectors/$name/status")"
done
eventually 60 "the first three lines" arrived 3

echo "appending two lines to source.txt"
printf '%s\n' "a line of $(date '+%H:%M:%S')" 'and one more' >>"$work/source.txt"
eventually 60 "the appended lines" arrived 5
echo "sink.txt now:"
sed 's/^/  /' "$work/sink.txt"
cmp -s "$work/source.txt" "$work/sink.txt" || fail "source.txt and sink.txt differ"

if [ -n "$keep" ]; then
	echo "REST $url, files $work/source.txt and $work/sink.txt; still running, stop it with: kill $pid"
else
	echo "REST $url, files $work/source.txt and $work/sink.txt (stopped and removed now; KEEP=1 keeps them)"
fi
