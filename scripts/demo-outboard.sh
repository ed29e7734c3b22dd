# shellcheck shell=bash
# Sourced by demo.sh and demo-mysql.sh: Outboard in the background, which ends with the script unless --keep is given.
# A script defines `ended`, which removes what else it has started.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/ports.sh

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
	ended
	rm -rf "$work"
	exit $code
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# need FILE…: of make build.
need() {
	local file
	for file in "$@"; do
		if [ ! -e "$file" ]; then fail "$file is missing, run make build"; fi
	done
	command -v curl >/dev/null || fail "curl is missing"
}

# launch ARGUMENT…: outboard, which answers on $url.
launch() {
	# In a session of its own: an interrupt reaches the script alone, and --keep outlives the terminal.
	$(command -v setsid || true) bin/outboard "$@" >"$work/outboard.log" 2>&1 </dev/null &
	pid=$!
	eventually 60 "GET $url/health" healthy
}

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

rest() { curl -sS --max-time 10 -H 'Content-Type: application/json' "$@"; }
healthy() { [ "$(rest -o /dev/null -w '%{http_code}' "$url/health" 2>/dev/null)" = 200 ]; }
# running NAME TASKS: so many tasks of a connector run.
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
