package kafka_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/host/internal/kafka"
)

// shake connects a client to a server over memory and returns the error of either.
func shake(t *testing.T, server, client *tls.Config) error {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	served := make(chan error, 1)
	go func() {
		err := tls.Server(far, server).Handshake()
		far.Close()
		served <- err
	}()
	err := tls.Client(near, client).Handshake()
	near.Close()
	if serverErr := <-served; serverErr != nil {
		return serverErr
	}
	return err
}

func TestServerTLS(t *testing.T) {
	t.Parallel()
	ca, stranger := newAuthority(t), newAuthority(t)
	_, key, certPEM := ca.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "server"}, DNSNames: []string{"worker"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	keyPEM := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	folder := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	keystore, truststore := file("server.pem", keyPEM+certPEM), file("ca.pem", ca.pem)
	known := func(a *authority) *tls.Config {
		cert, key := a.client(t)
		pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		return &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	nobody := &tls.Config{}
	mutual := map[string]string{"ssl.keystore.location": keystore, "ssl.truststore.location": truststore, "ssl.client.auth": "Required"}
	asked := map[string]string{"ssl.keystore.location": keystore, "ssl.truststore.location": truststore, "ssl.client.auth": "requested"}
	for name, c := range map[string]struct {
		props   map[string]string
		client  *tls.Config
		problem string // of the properties or of the handshake
	}{
		"a file":                       {map[string]string{"ssl.keystore.location": keystore, "ssl.keystore.type": "PEM"}, nobody, ""},
		"inline":                       {map[string]string{"ssl.keystore.certificate.chain": certPEM, "ssl.keystore.key": keyPEM}, nobody, ""},
		"no certificates of clients":   {map[string]string{"ssl.keystore.location": keystore, "ssl.client.auth": "none"}, nobody, ""},
		"required, given":              {mutual, known(ca), ""},
		"required, not given":          {mutual, nobody, "didn't provide a certificate"},
		"required, of a stranger":      {mutual, known(stranger), "certificate"},
		"requested, given":             {asked, known(ca), ""},
		"requested, not given":         {asked, nobody, ""},
		"requested, of a stranger":     {asked, known(stranger), "unknown authority"},
		"an old client":                {map[string]string{"ssl.keystore.location": keystore, "ssl.enabled.protocols": "TLSv1.3"}, &tls.Config{MaxVersion: tls.VersionTLS12}, "version"},
		"nothing":                      {nil, nobody, "ssl.keystore.location is missing"},
		"whom to trust is missing":     {map[string]string{"ssl.keystore.location": keystore, "ssl.client.auth": "required"}, nobody, "ssl.truststore.location is missing: with ssl.client.auth=required"},
		"no such file":                 {map[string]string{"ssl.keystore.location": keystore + "x"}, nobody, "cannot be read"},
		"a certificate without key":    {map[string]string{"ssl.keystore.location": truststore}, nobody, "no private key"},
		"another word for client auth": {map[string]string{"ssl.keystore.location": keystore, "ssl.client.auth": "yes"}, nobody, "none, requested, required"},
		"JKS without its password":     {map[string]string{"ssl.keystore.location": "testdata/store/key.jks"}, nobody, "set ssl.keystore.password"},
		"a class":                      {map[string]string{"ssl.keystore.location": keystore, "ssl.engine.factory.class": "a.B"}, nobody, "no Java classes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, err := kafka.ServerTLS(c.props)
			if err == nil {
				client := c.client.Clone()
				client.ServerName, client.RootCAs = "worker", x509.NewCertPool()
				client.RootCAs.AddCert(ca.cert)
				err = shake(t, config, client)
			}
			if (err != nil) != (c.problem != "") || err != nil && !strings.Contains(err.Error(), c.problem) {
				t.Errorf("err %v, want %q", err, c.problem)
			}
		})
	}
}
