package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
)

func TestClientCertificates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, password, fails string }{
		"plain":           {"plain.pem", "", ""},
		"as OpenSSL does": {"aes256-hmacWithSHA256.pem", "secret", ""},
		"SHA-1":           {"aes128-hmacWithSHA1.pem", "secret", ""},
		"SHA-512":         {"aes256-hmacWithSHA512.pem", "secret", ""},
		"wrong password":  {"aes256-hmacWithSHA256.pem", "wrong", "database.ssl.keystore.password"},
		"no password":     {"aes256-hmacWithSHA256.pem", "", "set database.ssl.keystore.password"},
		"another cipher":  {"des3.pem", "secret", "openssl pkcs8 -topk8"},
		"the old way":     {"old.pem", "secret", "not safe any more"},
		"no key":          {"make.sh", "", "no private key"},
		"no file":         {"missing.pem", "", "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tlsSettings{mode: tlsRequired, keystore: filepath.Join("testdata", "tls", c.file), keystorePassword: c.password}
			config, err := s.config("h")
			if c.fails != "" {
				var e *sdk.Error
				if !errors.As(err, &e) || e.Class != sdk.Permanent || !strings.Contains(err.Error(), c.fails) || !strings.HasPrefix(err.Error(), keySSLKeystore+"=") {
					t.Errorf("error %v, expected a permanent one of %s with %q", err, keySSLKeystore, c.fails)
				}
				if c.password != "" && strings.Contains(err.Error(), c.password+" ") {
					t.Errorf("the error shows the password: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(config.Certificates) != 1 {
				t.Error("there is no certificate")
			}
		})
	}
}

func TestJavaKeyStores(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{"jks": "\xfe\xed\xfe\xed\x00\x00\x00\x02", "pkcs12": "\x30\x82\x0a\x01\x02"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "store")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, s := range []tlsSettings{{mode: tlsVerifyCA, truststore: path}, {mode: tlsVerifyCA, keystore: path}} {
				if _, err := s.config("h"); err == nil || !strings.Contains(err.Error(), "is a Java key store; convert it") {
					t.Errorf("error %v", err)
				}
			}
		})
	}
}

func FuzzPKCS8(f *testing.F) {
	for _, name := range []string{"aes256-hmacWithSHA256.pem", "aes128-hmacWithSHA1.pem", "des3.pem"} {
		text, err := os.ReadFile(filepath.Join("testdata", "tls", name))
		if err != nil {
			f.Fatal(err)
		}
		block, _ := pem.Decode(text)
		f.Add(block.Bytes)
	}
	f.Fuzz(func(_ *testing.T, der []byte) {
		if len(der) < 400 { // more iterations take more than a fuzz step may
			_, _ = decryptPKCS8(der, "secret")
		}
	})
}

// authority makes certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	file        string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, file: filepath.Join(t.TempDir(), "ca.pem")}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// server returns the certificate of a host.
func (a *authority) server(t *testing.T, host string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{host},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestTLSModes(t *testing.T) {
	t.Parallel()
	ours, other := newAuthority(t), newAuthority(t)
	for name, c := range map[string]struct {
		mode  tlsMode
		trust string
		by    *authority
		host  string
		works bool
	}{
		"preferred takes any":           {tlsPreferred, "", other, "elsewhere", true},
		"required takes any":            {tlsRequired, "", other, "elsewhere", true},
		"CA":                            {tlsVerifyCA, ours.file, ours, "elsewhere", true},
		"another CA":                    {tlsVerifyCA, ours.file, other, "db", false},
		"CA of the system":              {tlsVerifyCA, "", ours, "db", false},
		"identity":                      {tlsVerifyIdentity, ours.file, ours, "db", true},
		"identity of another":           {tlsVerifyIdentity, ours.file, ours, "elsewhere", false},
		"identity by another authority": {tlsVerifyIdentity, ours.file, other, "db", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, err := tlsSettings{mode: c.mode, truststore: c.trust}.config("db")
			if err != nil {
				t.Fatal(err)
			}
			client, server := net.Pipe()
			defer client.Close()
			go func() {
				defer server.Close()
				_ = tls.Server(server, &tls.Config{Certificates: []tls.Certificate{c.by.server(t, c.host)}}).HandshakeContext(t.Context())
			}()
			err = tls.Client(client, config).HandshakeContext(t.Context())
			if (err == nil) != c.works {
				t.Fatalf("error %v", err)
			}
			if err != nil && !isCertificateError(err) {
				t.Errorf("the error does not count as one of the certificate: %v", err)
			}
		})
	}
	if config, err := (tlsSettings{mode: tlsDisabled}).config("db"); config != nil || err != nil {
		t.Errorf("disabled: %v, %v", config, err)
	}
}
