#!/usr/bin/env bash
# packages.sh PACKAGE…   makes sure that what these packages of Debian hold is there: mariadb-server-core, mariadb-client-core,
# libaio1 and libnuma1. Root on Debian or Ubuntu: installs what lacks. Anyone else: says what to install and exits 2.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

# grep reads all: ldconfig, cut off, would fail the pipe.
library() { ldconfig -p | grep "lib$1\.so\.1" >/dev/null; }

there() {
	case $1 in
	mariadb-server-core) command -v mariadbd && command -v mariadb-install-db ;;
	mariadb-client-core) command -v mariadb ;;
	libaio1) library aio ;;
	libnuma1) library numa ;;
	*) echo "packages: $1 is not known here" >&2; exit 2 ;;
	esac >/dev/null
}

missing() {
	local package
	for package in "$@"; do if ! there "$package"; then echo "$package"; fi; done
}

lacking=$(missing "$@")
if [ -z "$lacking" ]; then exit 0; fi

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	export DEBIAN_FRONTEND=noninteractive
	apt-get -o DPkg::Lock::Timeout=300 update -q >&2
	names=()
	for package in $lacking; do
		# Newer releases have another name for some of them.
		if [ -z "$(apt-cache madison "$package")" ]; then package+=t64; fi
		names+=("$package")
	done
	apt-get -o DPkg::Lock::Timeout=300 install -q -y --no-install-recommends "${names[@]}" >&2
	lacking=$(missing "$@")
	if [ -z "$lacking" ]; then exit 0; fi
fi

cat >&2 <<MESSAGE
Missing, by the names of Debian's packages: ${lacking//$'\n'/ }.
The real databases of the integration tests and benchmarks need them:
  Debian, Ubuntu   apt-get install ${lacking//$'\n'/ }   (libaio1t64 where there is no libaio1)
  Fedora           dnf install mariadb-server mariadb libaio numactl-libs
MESSAGE
exit 2
