# shellcheck shell=bash disable=SC2154
# Sourced by the scripts of this folder: where services keep their files, and how one is started, awaited and stopped.
# A script sets `here` and `label` first. Before it calls control it has set `dir` (the service's own folder), `mark` (text only its
# command line has), `address`, `ports` (that have to be free) and `patience` (the seconds that it may take to stop), and has the
# functions `run` (prepares the service and launches it), `answers` (whether it is ready) and `usage`.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../ports.sh"

services=${OUTBOARD_CACHE:-${HOME:?HOME or OUTBOARD_CACHE must be set}/.cache/outboard}/services

fail() { echo "$label: $*" >&2; exit 1; }

# lock NAME: one caller at a time, where flock exists; held until this script ends.
lock() {
	mkdir -p "$services/locks"
	exec 9>"$services/locks/$1"
	if command -v flock >/dev/null; then flock -w 900 9 || fail "waited 15 minutes for $services/locks/$1"; fi
}

pid() { cat "$dir/pid" 2>/dev/null || true; }

# A pid alone proves nothing: numbers are reused, and a process nobody reaped keeps its own.
alive() {
	local p
	p=$(pid)
	if [ -z "$p" ]; then return 1; fi
	case $(ps -ww -o args= -p "$p" 2>/dev/null) in *"$mark"*) return 0 ;; *) return 1 ;; esac
}

# launch COMMAND…: in a session of its own, so that an interrupt at the terminal is ours to handle.
launch() {
	local detach=nohup
	if command -v setsid >/dev/null; then detach="setsid nohup"; fi
	if [ -f "$dir/log" ]; then mv -f "$dir/log" "$dir/log.1"; fi
	$detach "$@" >"$dir/log" 2>&1 </dev/null 9>&- &
	echo $! >"$dir/pid"
	# Until exec the process shows the shell's command line.
	local i
	for ((i = 0; i < 50; i++)); do alive && return; sleep 0.05; done
	died
}

died() { tail -n 20 "$dir/log" >&2; rm -f "$dir/pid"; fail "ended while starting; all of it: $dir/log"; }

# await SECONDS CHECK: until CHECK succeeds; gives up early when the process ends.
await() {
	local limit=$1 begin=$SECONDS
	until "$2"; do
		alive || died
		if ((SECONDS - begin >= limit)); then tail -n 5 "$dir/log" >&2; fail "no answer within $limit s; see $dir/log"; fi
		sleep 0.1
	done
}

# gone PID: ended with all its threads; a zombie that nobody reaps counts as ended.
gone() {
	case $(ps -o stat= -p "$1" 2>/dev/null) in
	Z*l*) return 1 ;;
	'' | Z*) return 0 ;;
	*) return 1 ;;
	esac
}

# stop SECONDS: asks, waits, then kills.
stop() {
	local p begin=$SECONDS
	p=$(pid)
	if alive; then
		kill "$p" 2>/dev/null || true
		until gone "$p" || ((SECONDS - begin >= $1)); do sleep 0.1; done
		if ! gone "$p"; then kill_now; fi
	fi
	rm -f "$dir/pid"
}

kill_now() {
	local p i
	p=$(pid)
	if alive; then
		kill -9 "$p" 2>/dev/null || true
		for ((i = 0; i < 200; i++)); do if gone "$p"; then break; fi; sleep 0.05; done
	fi
	rm -f "$dir/pid"
}

# control COMMAND [OPTION…]: what every service can be told. start prints the address alone on stdout, and nothing more when the service runs.
control() {
	local command=${1:-} begin=$SECONDS taken
	shift $(($# < 1 ? $# : 1))
	case $command in
	start)
		lock "$label-${dir//\//_}"
		if alive; then
			await 300 answers
		else
			for taken in "${ports[@]}"; do if open "$taken"; then fail "something else listens on 127.0.0.1:$taken"; fi; done
			run "$@"
			await 300 answers
			echo "$label: answers after $((SECONDS - begin)) s; log $dir/log" >&2
		fi
		echo "$address"
		;;
	stop) stop "$patience" ;;
	kill) kill_now ;;
	wipe) stop "$patience"; rm -rf "$dir" "$services/locks/$label-${dir//\//_}" ;;
	status) if alive && answers; then echo "running, pid $(pid), $address"; else echo "not running"; exit 1; fi ;;
	*) usage ;;
	esac
}
