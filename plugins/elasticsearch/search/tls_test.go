package search_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/plugins/elasticsearch/search"
	"github.com/outboard-connect/outboard/plugins/elasticsearch/searchtest"
)

// issue makes a certificate that is its own authority, and its key, as PEM.
func issue(t testing.TB, host string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func file(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.pem")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTLS(t *testing.T) {
	clientCert, clientKey := issue(t, "client")
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM([]byte(clientCert))
	otherCert, otherKey := issue(t, "elsewhere.example")
	pair, err := tls.X509KeyPair([]byte(otherCert), []byte(otherKey))
	if err != nil {
		t.Fatal(err)
	}
	plain := searchtest.NewTLS(t, searchtest.Elasticsearch8, func(*httptest.Server) {})
	mutual := searchtest.NewTLS(t, searchtest.Elasticsearch8, func(s *httptest.Server) {
		s.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	})
	elsewhere := searchtest.NewTLS(t, searchtest.Elasticsearch8, func(s *httptest.Server) { s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}} })
	authority := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: plain.Certificate()}))
	oneLine := strings.ReplaceAll(strings.TrimSpace(authority), "\n", " ")
	for name, c := range map[string]struct {
		server *searchtest.Server
		tls    search.TLS
		want   string // of the error
		key    string
	}{
		"trusted file":       {plain, search.TLS{TruststoreLocation: file(t, authority)}, "", ""},
		"trusted text":       {plain, search.TLS{Truststore: oneLine}, "", ""},
		"escaped text":       {plain, search.TLS{Truststore: strings.ReplaceAll(authority, "\n", `\n`)}, "", ""},
		"not trusted":        {plain, search.TLS{}, "not trusted", "elastic.https.ssl.truststore.location"},
		"anybody":            {plain, search.TLS{AnyCertificate: true}, "", ""},
		"another host":       {elsewhere, search.TLS{Truststore: otherCert}, "another host", "elastic.https.ssl.endpoint.identification.algorithm"},
		"any host":           {elsewhere, search.TLS{Truststore: otherCert, AnyHost: true}, "", ""},
		"any host, no trust": {elsewhere, search.TLS{AnyHost: true}, "not trusted", "elastic.https.ssl.truststore.location"},
		"client certificate": {mutual, search.TLS{Truststore: authority, KeystoreLocation: file(t, clientCert+clientKey)}, "", ""},
		"certificate text":   {mutual, search.TLS{Truststore: authority, Chain: clientCert, Key: clientKey}, "", ""},
		"no certificate":     {mutual, search.TLS{Truststore: authority}, "certificate of the client", "elastic.https.ssl.keystore.location"},
		"old versions":       {plain, search.TLS{AnyCertificate: true, Protocols: []string{"TLSv1.2"}}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			config, err := c.tls.Config()
			if err != nil {
				t.Fatal(err)
			}
			_, err = mustOpen(t, search.Config{URLs: []string{c.server.URL}, TLS: config}).Server(t.Context())
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || search.KeyOf(err) != c.key || !search.Permanent(err)):
				t.Errorf("%v has to do with %s", err, search.KeyOf(err))
			}
		})
	}
	t.Run("http to a TLS server", func(t *testing.T) {
		_, err := mustOpen(t, search.Config{URLs: []string{strings.Replace(plain.URL, "https", "http", 1)}}).Server(t.Context())
		if err == nil || !strings.Contains(err.Error(), "https://") {
			t.Errorf("%v", err)
		}
	})
}

func TestTLSThatIsNone(t *testing.T) {
	cert, key := issue(t, "a")
	_, otherKey := issue(t, "b")
	encrypted := string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}))
	for name, c := range map[string]struct {
		tls       search.TLS
		key, want string
	}{
		"no such file":   {search.TLS{TruststoreLocation: "/no/such/file"}, "truststore.location", "no such file"},
		"a JKS store":    {search.TLS{TruststoreLocation: file(t, "\xfe\xed\xfe\xed")}, "truststore.location", "keytool"},
		"no certificate": {search.TLS{Truststore: key}, "truststore.certificates", "no certificate"},
		"both":           {search.TLS{Truststore: cert, TruststoreLocation: "x"}, "truststore.location", "exclude"},
		"key alone":      {search.TLS{Key: key}, "keystore.certificate.chain", "missing"},
		"chain alone":    {search.TLS{Chain: cert}, "keystore.key", "missing"},
		"another's key":  {search.TLS{Chain: cert, Key: otherKey}, "keystore.certificate.chain", "private key"},
		"encrypted":      {search.TLS{KeystoreLocation: file(t, cert+encrypted)}, "keystore.location", "openssl pkey"},
		"no version":     {search.TLS{Protocols: []string{"SSLv3"}}, "enabled.protocols", "TLSv1.3"},
	} {
		t.Run(name, func(t *testing.T) {
			c.tls.Prefix = "elastic.https."
			_, err := c.tls.Config()
			if want := "elastic.https.ssl." + c.key; err == nil || search.KeyOf(err) != want || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), want) {
				t.Errorf("%v has to do with %s, expected is %s", err, search.KeyOf(err), want)
			}
		})
	}
}
