package cli

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/rest"
)

func openTestPort(t *testing.T) *restPort {
	t.Helper()
	p, err := openRESTPort([]string{"127.0.0.1:0"}, hclog.NewNullLogger())
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
	p.Serve(rest.New(rest.Settings{Herder: herder.New(herder.Settings{Logger: hclog.NewNullLogger()}), Logger: hclog.NewNullLogger()}))
	if status, body := get(t, p.url()+"/"); status != http.StatusOK || !strings.Contains(body, `"version"`) {
		t.Errorf("%d %s", status, body)
	}
	close(stop)
	if err := <-failures; err != nil {
		t.Errorf("a request failed: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func TestRESTPortTellsOfATakenPort(t *testing.T) {
	p := openTestPort(t)
	defer func() { _ = p.Stop(context.Background()) }()
	taken := p.Addresses()[0].String()
	_, err := openRESTPort([]string{"127.0.0.1:0", taken}, hclog.NewNullLogger())
	if err == nil || !strings.Contains(err.Error(), "REST cannot listen on "+taken+": another process does") {
		t.Errorf("got %v", err)
	}
}
