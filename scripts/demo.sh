#!/usr/bin/env bash
# demo.sh [--keep]   an embedded broker, a FileStreamSource and a FileStreamSink: lines appended to one file arrive in another.
# Needs bin/ (make build) and curl, nothing else. --keep or KEEP=1 leaves it running. OUTBOARD_DEMO_PORT: REST port (8083).
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
pid=
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
	rm -rf "$work"
	exit $code
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

for needed in bin/outboard bin/plugins; do
	if [ ! -e $needed ]; then fail "$needed is missing, run make build"; fi
done
command -v curl >/dev/null || fail "curl is missing"

open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port=${OUTBOARD_DEMO_PORT:-}
if [ -n "$port" ]; then
	if open "$port"; then fail "port $port (OUTBOARD_DEMO_PORT) is taken"; fi
else
	port=8083
	for ((i = 0; i < 50; i++)); do
		if ! open $port; then break; fi
		port=$((20000 + RANDOM % 12000))
	done
fi
url=http://127.0.0.1:$port

# eventually SECONDS TEXT COMMAND…: until COMMAND succeeds.
eventually() {
	local limit=$1 what=$2 begin=$SECONDS
	shift 2
	until "$@"; do
		kill -0 "$pid" 2>/dev/null || fail "outboard ended while waiting for $what"
		if ((SECONDS - begin >= limit)); then fail "waited $limit s for $what"; fi
		sleep 0.1
	done
}

rest() { curl -sS --max-time 10 "$@"; }
healthy() { [ "$(rest -o /dev/null -w '%{http_code}' "$url/health" 2>/dev/null)" = 200 ]; }
running() { rest "$url/connectors/$1/status" 2>/dev/null | tr -d ' \n' | grep -q '"tasks":\[{[^]]*"state":"RUNNING"'; }
arrived() { [ -f "$work/sink.txt" ] && [ "$(wc -l <"$work/sink.txt")" -ge "$1" ]; }

# create NAME CLASS MORE: MORE is the rest of the configuration.
create() {
	local body code
	body='{"connector.class":"'$2'","tasks.max":"1","key.converter":"org.apache.kafka.connect.storage.StringConverter","value.converter":"org.apache.kafka.connect.storage.StringConverter",'$3'}'
	code=$(rest -o "$work/answer" -w '%{http_code}' -X PUT -H 'Content-Type: application/json' --data "$body" "$url/connectors/$1/config") \
		|| fail "no answer to PUT /connectors/$1/config"
	case $code in
	200 | 201) echo "PUT /connectors/$1/config  →  $code" ;;
	*) fail "PUT /connectors/$1/config answered $code: $(cat "$work/answer")" ;;
	esac
}

printf '%s\n' 'the first line' 'the second line' 'the third line' >"$work/source.txt"

echo "starting bin/outboard dev on $url"
# In a session of its own: an interrupt reaches this script alone, and --keep outlives the terminal.
$(command -v setsid || true) bin/outboard dev --listen "127.0.0.1:$port" --data-dir "$work/data" --plugin-path "$PWD/bin/plugins" --kafka-port 0 \
	>"$work/outboard.log" 2>&1 </dev/null &
pid=$!
eventually 60 "GET $url/health" healthy

create demo-source FileStreamSource '"file":"'"$work"'/source.txt","topic":"demo"'
create demo-sink FileStreamSink '"file":"'"$work"'/sink.txt","topics":"demo"'
for name in demo-source demo-sink; do
	eventually 60 "a running task of $name" running $name
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
