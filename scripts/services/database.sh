# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by mariadb.sh and mysql.sh: a server of MySQL's kind on loopback, with row binlog, full metadata and GTIDs.
# A script sets `label`, `standard` (its port), `admin` (who watches and runs sql) and the functions `prepare` (installs),
# `initialize` (makes $dir/data) and `server` (prints nothing, sets `command`), then calls `main "$@"`.
. "$here/process.sh"
PATH=$PATH:/usr/sbin # of servers, which is not on everybody's path

# Of both servers, whose options are alike. They run as whoever started them, root too: containers have nobody else.
# A relative socket is one in the folder of the data, however long that folder's name is. A server that starts removes the
# temporary tables of others, if they share a folder for them.
# Commits are not flushed to disk: a killed server loses nothing, as a machine without power would.
options() {
	printf '%s\n' --no-defaults --user="$(id -un)" --datadir="$dir/data" --tmpdir="$dir/tmp" --socket=socket --pid-file="$dir/server.pid" \
		--bind-address=127.0.0.1 --port="$port" --skip-name-resolve --server-id="$port" \
		--log-bin=binlog --binlog-format=ROW --binlog-row-image=FULL --binlog-row-metadata=FULL --sync-binlog=0 \
		--innodb-flush-log-at-trx-commit=2 --innodb-buffer-pool-size=128M --max-allowed-packet=64M \
		--character-set-server=utf8mb4 --local-infile=1 --default-time-zone=+00:00
}

client() { mariadb --no-defaults --protocol=tcp -h 127.0.0.1 -P "$port" --user="$admin" --password="$admin" "$@"; }
answers() { client -e 'SELECT 1' >/dev/null 2>&1; }

run() {
	local given
	prepare
	mkdir -p "$dir/tmp"
	if [ ! -f "$dir/initialized" ]; then
		rm -rf "$dir/data"
		initialize >"$dir/log" 2>&1 || { tail -n 20 "$dir/log" >&2; fail "cannot make $dir/data"; }
		touch "$dir/initialized"
	fi
	# None runs: control has looked. But a killed one that nobody has reaped yet keeps its number, and MySQL takes that for a server.
	rm -f "$dir/data/socket.lock"
	mapfile -t given < <(options)
	launch "${server[@]}" "${given[@]}" "${extra[@]}" "$@"
}

main() {
	local command=${1:-} number=${2:-$standard}
	case $number in *[!0-9]*) usage ;; esac
	shift $(($# < 2 ? $# : 2))
	port=$number address=127.0.0.1:$number ports=("$number") patience=60
	dir=${DATABASE_DIR:-$services/$label/$port}
	mark=--datadir=$dir/data
	if [ "$command" = sql ]; then client --local-infile=1 "$@"; else control "$command" "$@"; fi
}
