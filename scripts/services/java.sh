#!/usr/bin/env bash
# java.sh TOOL…   makes sure that the named tools (java, javac, jar, mvn) are there and Java is 17 or newer.
# Root on Debian or Ubuntu: installs what lacks. Anyone else: says what to install and exits 2.
set -euo pipefail

missing() {
	local tool
	for tool in "$@"; do
		# Not every java on the path is one: macOS has a stub.
		if ! command -v "$tool" >/dev/null; then echo "$tool"; continue; fi
		case $tool in
		java | javac)
			local version
			version=$("$tool" -version 2>&1 | sed -n 's/^[^0-9]*\([0-9][0-9]*\).*/\1/p' | head -n 1) || true
			if [ "${version:-0}" -lt 17 ]; then echo "$tool"; fi
			;;
		esac
	done
}

lacking=$(missing "$@")
if [ -z "$lacking" ]; then exit 0; fi

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q >&2
	packages=()
	case $lacking in *java* | *jar*)
		jdk=openjdk-17-jdk-headless
		if [ -z "$(apt-cache madison "$jdk")" ]; then jdk=default-jdk-headless; fi
		packages+=("$jdk") ;;
	esac
	case $lacking in *mvn*) packages+=(maven) ;; esac
	apt-get install -q -y --no-install-recommends "${packages[@]}" >&2
	lacking=$(missing "$@")
	if [ -z "$lacking" ]; then exit 0; fi
fi

cat >&2 <<MESSAGE
Missing or too old: ${lacking//$'\n'/, }.
The real services of the integration tests and benchmarks need a JDK, version 17 or newer, and Apache Maven:
  Debian, Ubuntu   apt-get install openjdk-17-jdk-headless maven   (or default-jdk-headless)
  Fedora           dnf install java-latest-openjdk-devel maven
  macOS            brew install openjdk maven
MESSAGE
exit 2
