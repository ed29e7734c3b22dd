# shellcheck shell=bash
# Sourced by scripts that start servers on loopback.

# open PORT: somebody listens there.
open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free [PORT]: PORT, or another one, that nobody listens on, and nobody behind it; below those that the system hands out by itself.
free() {
	local port=${1:-} i
	for ((i = 0; i < 50; i++)); do
		if [ -n "$port" ] && ! open "$port" && ! open $((port + 1)); then echo "$port"; return; fi
		port=$((20000 + RANDOM % 6000 * 2))
	done
	echo "no free port found" >&2
	return 1
}
