package kafka_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/kafka"
)

func plainLogin(user, password string) string {
	return fmt.Sprintf(`org.apache.kafka.common.security.plain.PlainLoginModule required username="%s" password="%s";`, user, password)
}

func scramLogin(user, password string) string {
	return fmt.Sprintf(`org.apache.kafka.common.security.scram.ScramLoginModule required username="%s" password="%s";`, user, password)
}

// talk produces a record and consumes it, each with a client made of the properties.
func talk(t *testing.T, cluster *kfake.Cluster, props map[string]string) error {
	t.Helper()
	props["bootstrap.servers"] = strings.Join(cluster.ListenAddrs(), ",")
	producerConfig, err := kafka.NewConfig(kafka.Producer, props, hclog.NewNullLogger())
	if err != nil {
		return err
	}
	producer, err := kgo.NewClient(producerConfig.Options...)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.Ping(t.Context()); err != nil {
		return err
	}
	if err := producer.ProduceSync(t.Context(), &kgo.Record{Topic: "topic", Value: []byte("value")}).FirstErr(); err != nil {
		return err
	}
	props["auto.offset.reset"] = "earliest"
	consumerConfig, err := kafka.NewConfig(kafka.Consumer, props, hclog.NewNullLogger())
	if err != nil {
		return err
	}
	consumer, err := kgo.NewClient(append(consumerConfig.Options, kgo.ConsumeTopics("topic"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	fetches := consumer.PollRecords(t.Context(), consumerConfig.MaxPollRecords)
	if err := fetches.Err(); err != nil {
		return err
	}
	if records := fetches.Records(); len(records) != 1 || string(records[0].Value) != "value" {
		return fmt.Errorf("consumed %v", records)
	}
	return nil
}

func newCluster(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(1, "topic")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

func TestSASL(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		props map[string]string
		works bool
	}{
		"PLAIN":          {map[string]string{"sasl.mechanism": "PLAIN", "sasl.jaas.config": plainLogin("plain", "pa\\\"ss;")}, true},
		"SCRAM-SHA-256":  {map[string]string{"sasl.mechanism": "SCRAM-SHA-256", "sasl.jaas.config": scramLogin("scram256", "pass")}, true},
		"SCRAM-SHA-512":  {map[string]string{"sasl.mechanism": "scram-sha-512", "sasl.jaas.config": scramLogin("scram512", "pass")}, true},
		"wrong password": {map[string]string{"sasl.mechanism": "PLAIN", "sasl.jaas.config": plainLogin("plain", "wrong")}, false},
		"wrong user":     {map[string]string{"sasl.mechanism": "SCRAM-SHA-512", "sasl.jaas.config": scramLogin("nobody", "pass")}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := newCluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "plain", `pa"ss;`),
				kfake.Superuser("SCRAM-SHA-256", "scram256", "pass"), kfake.Superuser("SCRAM-SHA-512", "scram512", "pass"))
			c.props["security.protocol"] = "SASL_PLAINTEXT"
			if err := talk(t, cluster, c.props); (err == nil) != c.works {
				t.Errorf("err %v", err)
			}
		})
	}
}

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key, a.pem = a.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

func (a *authority) issue(t *testing.T, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func (a *authority) server(t *testing.T, template *x509.Certificate) tls.Certificate {
	t.Helper()
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	cert, key, _ := a.issue(t, template)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func (a *authority) client(t *testing.T) (certPEM, keyPEM string) {
	t.Helper()
	_, key, certPEM := a.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "client"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return certPEM, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestTLS(t *testing.T) {
	t.Parallel()
	ca, stranger := newAuthority(t), newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	named := tls.Config{Certificates: []tls.Certificate{ca.server(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})}}
	unnamed := tls.Config{Certificates: []tls.Certificate{ca.server(t, &x509.Certificate{DNSNames: []string{"elsewhere"}})}}
	mutual := tls.Config{Certificates: named.Certificates, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	old := tls.Config{Certificates: named.Certificates, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}}
	certPEM, keyPEM := ca.client(t)
	strangerCert, strangerKey := stranger.client(t)

	folder := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	caFile := file("ca.pem", ca.pem)
	cases := map[string]struct {
		server  *tls.Config
		props   map[string]string
		problem string
	}{
		"truststore file":                       {&named, map[string]string{"ssl.truststore.type": "PEM", "ssl.truststore.location": caFile}, ""},
		"truststore file, type not given":       {&named, map[string]string{"ssl.truststore.location": caFile}, ""},
		"inline":                                {&named, map[string]string{"ssl.truststore.type": "PEM", "ssl.truststore.certificates": ca.pem}, ""},
		"inline on one line":                    {&named, map[string]string{"ssl.truststore.type": "PEM", "ssl.truststore.certificates": strings.ReplaceAll(ca.pem, "\n", " ")}, ""},
		"the authority is not trusted":          {&named, map[string]string{"ssl.truststore.certificates": stranger.pem}, "certificate signed by unknown authority"},
		"the system's authorities":              {&named, nil, "certificate signed by unknown authority"},
		"another host":                          {&unnamed, map[string]string{"ssl.truststore.location": caFile}, "127.0.0.1"},
		"another host, not checked":             {&unnamed, map[string]string{"ssl.truststore.location": caFile, "ssl.endpoint.identification.algorithm": ""}, ""},
		"host not checked, authority is":        {&unnamed, map[string]string{"ssl.truststore.certificates": stranger.pem, "ssl.endpoint.identification.algorithm": " "}, "certificate signed by unknown authority"},
		"client certificate, inline":            {&mutual, map[string]string{"ssl.truststore.location": caFile, "ssl.keystore.type": "PEM", "ssl.keystore.certificate.chain": certPEM, "ssl.keystore.key": strings.ReplaceAll(keyPEM, "\n", " ")}, ""},
		"client certificate, file":              {&mutual, map[string]string{"ssl.truststore.location": caFile, "ssl.keystore.type": "PEM", "ssl.keystore.location": file("client.pem", keyPEM+certPEM)}, ""},
		"client certificate of a stranger":      {&mutual, map[string]string{"ssl.truststore.location": caFile, "ssl.keystore.certificate.chain": strangerCert, "ssl.keystore.key": strangerKey}, ""},
		"no client certificate":                 {&mutual, map[string]string{"ssl.truststore.location": caFile}, "certificate required"},
		"an old server":                         {&old, map[string]string{"ssl.truststore.location": caFile, "ssl.enabled.protocols": "TLSv1.2,TLSv1.3", "ssl.cipher.suites": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"}, ""},
		"an old server, not allowed":            {&old, map[string]string{"ssl.truststore.location": caFile, "ssl.enabled.protocols": "TLSv1.3"}, "protocol version"},
		"no suite in common":                    {&old, map[string]string{"ssl.truststore.location": caFile, "ssl.cipher.suites": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"}, "handshake failure"},
		"key and certificate of different ones": {&mutual, map[string]string{"ssl.keystore.certificate.chain": certPEM, "ssl.keystore.key": strangerKey}, "not that of the first certificate"},
		"chain without a key":                   {&mutual, map[string]string{"ssl.keystore.certificate.chain": certPEM}, "ssl.keystore.key is missing"},
		"file and inline":                       {&named, map[string]string{"ssl.truststore.location": caFile, "ssl.truststore.certificates": ca.pem}, "remove one of the two"},
		"a truststore without certificates":     {&named, map[string]string{"ssl.truststore.location": file("key.pem", keyPEM)}, "no certificate in PEM"},
		"a damaged certificate":                 {&named, map[string]string{"ssl.truststore.certificates": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}, "ssl.truststore.certificates"},
		"JKS":                                   {&named, map[string]string{"ssl.truststore.location": "testdata/store/trust.jks", "ssl.truststore.password": "store-secret"}, "certificate signed by unknown authority"},
		"PKCS12":                                {&named, map[string]string{"ssl.truststore.type": "PKCS12", "ssl.truststore.location": "testdata/store/trust.p12", "ssl.truststore.password": "store-secret"}, "certificate signed by unknown authority"},
		"a file of something else":              {&named, map[string]string{"ssl.truststore.location": "security_test.txt"}, "security_test.txt"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := newCluster(t, kfake.TLS(c.server.Clone()))
			props := map[string]string{"security.protocol": "SSL"}
			for key, value := range c.props {
				props[key] = value
			}
			err := talk(t, cluster, props)
			if name == "client certificate of a stranger" {
				if err == nil {
					t.Error("a stranger was let in")
				}
				return
			}
			if (err != nil) != (c.problem != "") || err != nil && !strings.Contains(err.Error(), c.problem) {
				t.Errorf("err %v", err)
			}
		})
	}
}

// SASL over TLS, as most clusters want it.
func TestSASLOverTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	server := tls.Config{Certificates: []tls.Certificate{ca.server(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})}}
	cluster := newCluster(t, kfake.TLS(&server), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "u", "p"))
	if err := talk(t, cluster, map[string]string{
		"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "sasl.jaas.config": scramLogin("u", "p"), "ssl.truststore.certificates": ca.pem,
	}); err != nil {
		t.Error(err)
	}
}
