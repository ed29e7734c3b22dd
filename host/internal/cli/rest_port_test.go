package cli

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/rest"
)

func openTestPort(t *testing.T) *restPort {
	t.Helper()
	p, err := openRESTPort([]listener{{protocol: "http", address: "127.0.0.1:0"}}, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestRESTPortSaysWhatTheWorkerWaitsFor(t *testing.T) {
	p := openTestPort(t)
	p.Say("waiting for Kafka at kafka:9092")
	status, body := get(t, p.url()+"/health")
	var health herder.Health
	if err := json.Unmarshal([]byte(body), &health); err != nil {
		t.Fatal(err)
	}
	if status != http.StatusServiceUnavailable || health.Status != herder.Starting || !strings.Contains(health.Message, "waiting for Kafka at kafka:9092") {
		t.Errorf("%d %+v", status, health)
	}
	status, body = get(t, p.url()+"/connectors")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, `"error_code":503,"message":"The worker is starting: waiting for Kafka at kafka:9092"`) {
		t.Errorf("%d %s", status, body)
	}
	if err := p.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", p.Addresses()[0].String()); err == nil {
		t.Error("the port is open after Stop")
	}
}

// TestRESTPortNeverRefuses: from the first moment to the last, whoever connects gets an answer, also one who connected
// early and takes his time.
func TestRESTPortNeverRefuses(t *testing.T) {
	p := openTestPort(t)
	idle, err := net.Dial("tcp", p.Addresses()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	stop, failures := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(failures)
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		for {
			select {
			case <-stop:
				return
			default:
			}
			response, err := client.Get(p.url() + "/")
			if err != nil {
				failures <- err
				return
			}
			_ = response.Body.Close()
		}
	}()
	p.Serve(rest.New(rest.Settings{Herder: herder.New(herder.Settings{Logger: hclog.NewNullLogger()}), Logger: hclog.NewNullLogger()}), nil)
	if status, body := get(t, p.url()+"/"); status != http.StatusOK || !strings.Contains(body, `"version"`) {
		t.Errorf("%d %s", status, body)
	}
	close(stop)
	if err := <-failures; err != nil {
		t.Errorf("a request failed: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// TestRESTPortWithTLS: the answers of the start and those of the API, over TLS with a certificate of the client's; /admin on
// a listener of its own.
func TestRESTPortWithTLS(t *testing.T) {
	id := newIdentity(t)
	c, err := restConfig(t, "listeners", "https://127.0.0.1:0", "admin.listeners", "http://127.0.0.1:0",
		"listeners.https.ssl.keystore.location", id.file, "listeners.https.ssl.truststore.location", id.file, "listeners.https.ssl.client.auth", "required")
	if err != nil {
		t.Fatal(err)
	}
	p, err := openRESTPort(c.listeners, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	known := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: id.pool, Certificates: []tls.Certificate{id.pair}}}}
	stranger := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: id.pool}}}
	main, admin := p.url(), p.listeners[1].url(p.Addresses()[1])
	if !strings.HasPrefix(main, "https://127.0.0.1:") || !strings.HasPrefix(admin, "http://127.0.0.1:") {
		t.Fatalf("%s, %s", main, admin)
	}
	look := func(client *http.Client, url string, want int) {
		t.Helper()
		response, err := client.Get(url)
		if err != nil {
			if want != 0 {
				t.Errorf("%s: %v", url, err)
			}
			return
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: %s, want %d", url, response.Status, want)
		}
	}
	look(&known, main+"/health", 503)
	look(&stranger, main+"/health", 0)
	look(&known, admin+"/admin/loggers", 503)
	h := herder.New(herder.Settings{Logger: hclog.NewNullLogger()})
	p.Serve(c.servers(h, nil, hclog.NewNullLogger()))
	look(&known, main+"/", 200)
	look(&stranger, main+"/", 0)
	look(&known, main+"/admin/loggers", 404)
	look(&stranger, admin+"/admin/loggers", 200)
	look(&stranger, admin+"/", 404)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		t.Error(err)
	}
	for _, url := range []string{main, admin} {
		if _, err := known.Get(url); err == nil {
			t.Errorf("%s answers after Stop", url)
		}
	}
}

// identity is a certificate that stands for itself, on both ends.
type identity struct {
	file string // key and certificate
	pair tls.Certificate
	pool *x509.CertPool
}

func newIdentity(t *testing.T) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "worker"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	id := identity{file: filepath.Join(t.TempDir(), "store.pem"), pair: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool: x509.NewCertPool()}
	if err := os.WriteFile(id.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	id.pool.AppendCertsFromPEM(text)
	return id
}

func TestRESTPortTellsOfATakenPort(t *testing.T) {
	p := openTestPort(t)
	defer func() { _ = p.Stop(context.Background()) }()
	taken := p.Addresses()[0].String()
	_, err := openRESTPort([]listener{{protocol: "http", address: "127.0.0.1:0"}, {protocol: "http", address: taken}}, hclog.NewNullLogger())
	if err == nil || !strings.Contains(err.Error(), "REST cannot listen on "+taken+": another process does") {
		t.Errorf("got %v", err)
	}
}
