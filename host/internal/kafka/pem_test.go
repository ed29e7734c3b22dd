package kafka

import (
	"crypto/ecdsa"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func pemFile(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "pem", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// The files are one key, as openssl 3 writes it in its various ways.
func TestPrivateKey(t *testing.T) {
	t.Parallel()
	want, err := pemPrivateKey(pemFile(t, "ec.pkcs8.pem"), "")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct{ file, password, problem string }{
		"SEC 1":                   {file: "ec.sec1.pem"},
		"a password is no matter": {file: "ec.pkcs8.pem", password: "x"},
		"AES-256":                 {file: "ec.aes256.pem", password: "test1234"},
		"AES-128, SHA-1":          {file: "ec.aes128.sha1.pem", password: "test1234"},
		"AES-192, SHA-512":        {file: "ec.aes192.sha512.pem", password: "test1234"},
		"Triple DES":              {file: "ec.des3.pem", password: "test1234"},
		"wrong password":          {file: "ec.aes256.pem", password: "test12345", problem: "ssl.key.password is wrong"},
		"no password":             {file: "ec.aes256.pem", problem: "set ssl.key.password"},
		"PBES1":                   {file: "ec.pbes1.pem", password: "test1234", problem: "openssl pkcs8 -topk8 -v2"},
		"scrypt":                  {file: "ec.scrypt.pem", password: "test1234", problem: "openssl pkcs8 -topk8 -v2"},
		"OpenSSL's own":           {file: "ec.legacy.pem", password: "test1234", problem: "openssl pkcs8 -topk8"},
		"a certificate":           {file: "ec.cert.pem", problem: "no private key in PEM"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := pemPrivateKey(pemFile(t, c.file), c.password)
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !want.(*ecdsa.PrivateKey).Equal(got) {
				t.Error("it is another key")
			}
		})
	}
}

// PEM texts survive being put on one line of a properties file.
func TestUnfold(t *testing.T) {
	t.Parallel()
	text := pemFile(t, "ec.cert.pem") + pemFile(t, "other.cert.pem")
	want, err := pemCertificates(text)
	if err != nil || len(want) != 2 {
		t.Fatalf("%d certificates: %v", len(want), err)
	}
	for name, folded := range map[string]string{
		"as it is": text, "blanks": strings.ReplaceAll(text, "\n", " "), `\n`: strings.ReplaceAll(text, "\n", `\n`), "nothing": strings.ReplaceAll(text, "\n", ""),
		"text around it": "Subject: x\n" + strings.ReplaceAll(text, "\n", " ") + "trailing",
	} {
		got, err := pemCertificates(unfold(folded))
		if err != nil || len(got) != 2 || string(got[0]) != string(want[0]) || string(got[1]) != string(want[1]) {
			t.Errorf("%s: %d certificates: %v", name, len(got), err)
		}
	}
	for _, broken := range []string{"", "-----BEGIN ", "-----BEGIN X", "-----BEGIN X-----", "-----BEGIN X-----\nabc\n-----END Y-----"} {
		if got := unfold(broken); got != broken {
			t.Errorf("%q became %q", broken, got)
		}
	}
}

func FuzzUnfold(f *testing.F) {
	f.Add(pemFile(f, "ec.cert.pem"))
	f.Add("-----BEGIN X-----  a b -----END X----- -----BEGIN -----")
	f.Fuzz(func(t *testing.T, text string) {
		pemCertificates(unfold(text))
		pemPrivateKey(unfold(text), "test1234")
	})
}

func FuzzDecryptPKCS8(f *testing.F) {
	for _, name := range []string{"ec.aes256.pem", "ec.des3.pem", "ec.scrypt.pem", "ec.pbes1.pem"} {
		block, _ := pem.Decode([]byte(pemFile(f, name)))
		f.Add(block.Bytes)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		if plain, err := decryptPKCS8(der, "test1234"); err == nil && len(plain) >= len(der) {
			t.Fatalf("%d bytes of %d", len(plain), len(der))
		}
	})
}
