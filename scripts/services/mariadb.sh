#!/usr/bin/env bash
# mariadb.sh start [PORT [OPTION…]]           MariaDB of Debian's mariadb-server-core on loopback, PORT 13306; OPTIONs are mariadbd's
# mariadb.sh stop|kill|status|wipe [PORT]     kill is SIGKILL; wipe stops and deletes the data
# mariadb.sh sql [PORT [ARGUMENT…]]           the client; SQL comes on its stdin or with -e
# start prints the address alone on stdout. The user outboard, password outboard, may do everything from 127.0.0.1.
# Environment: DATABASE_DIR (the folder of its data, one for each PORT in the cache).
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
label=mariadb standard=13306 admin=outboard
. "$here/database.sh"

usage() { sed -n '2,6s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2; }

server=(mariadbd)
extra=(--gtid-strict-mode=ON)

prepare() { "$here/packages.sh" mariadb-server-core mariadb-client-core; }

initialize() {
	mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$dir/data" --tmpdir="$dir/tmp" \
		--auth-root-authentication-method=normal --skip-test-db || return
	mariadbd --no-defaults --user="$(id -un)" --datadir="$dir/data" --tmpdir="$dir/tmp" --bootstrap <<-'SQL'
		FLUSH PRIVILEGES;
		CREATE USER outboard@'127.0.0.1' IDENTIFIED BY 'outboard';
		GRANT ALL ON *.* TO outboard@'127.0.0.1' WITH GRANT OPTION;
	SQL
}

main "$@"
