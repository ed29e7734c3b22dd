#!/usr/bin/env bash
# release.sh   cross-compiles the host and every plugin into dist/outboard-VERSION-OS-ARCH.tar.gz, with dist/SHA256SUMS.
# The same sources give the same bytes where tar is GNU tar. Environment: VERSION, VERSION_VAR (make release sets them).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=${VERSION:?}
ldflags="-s -w -X ${VERSION_VAR:?}=$version"
sums() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }

tar_options=()
if tar --version 2>/dev/null | grep GNU >/dev/null; then
	tar_options=(--sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct 2>/dev/null || echo 0)")
fi

rm -rf dist
mkdir -p dist
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for platform in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do
	export GOOS=${platform%/*} GOARCH=${platform#*/} CGO_ENABLED=0
	name=outboard-$version-$GOOS-$GOARCH
	mkdir -p "$work/$name/plugins"
	go build -trimpath -ldflags "$ldflags" -o "$work/$name/" ./host/cmd/outboard
	for plugin in plugins/*/; do
		go build -trimpath -ldflags "$ldflags" -o "$work/$name/plugins/" "./$plugin"
	done
	(cd "$work/$name/plugins" && sums -- * >SHA256SUMS)
	cp LICENSE README.md "$work/$name/"
	tar -C "$work" ${tar_options[@]+"${tar_options[@]}"} -cf - "$name" | gzip -n -9 >"dist/$name.tar.gz"
	rm -rf "${work:?}/$name"
	echo "dist/$name.tar.gz"
done
(cd dist && sums -- *.tar.gz >SHA256SUMS)
