#!/usr/bin/env bash
# make.sh   writes the client certificates of the tests anew: one private key, encrypted in different ways with the password secret.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
openssl ecparam -name prime256v1 -genkey -noout -out "$work/key"
openssl req -new -x509 -key "$work/key" -subj /CN=outboard-test -days 36500 -out "$work/certificate"
for way in aes256:hmacWithSHA256 aes128:hmacWithSHA1 aes256:hmacWithSHA512; do
	openssl pkcs8 -topk8 -in "$work/key" -v2 "${way%%:*}" -v2prf "${way##*:}" -iter 2048 -passout pass:secret | cat - "$work/certificate" >"${way/:/-}.pem"
done
openssl pkcs8 -topk8 -in "$work/key" -v2 des3 -passout pass:secret | cat - "$work/certificate" >des3.pem
openssl pkcs8 -topk8 -nocrypt -in "$work/key" | cat - "$work/certificate" >plain.pem
openssl ec -in "$work/key" -aes128 -passout pass:secret >old.pem
