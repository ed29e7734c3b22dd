//go:build integration

package integration

import (
	"context"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/rest/client"
)

// kafkaConnect is a worker of Apache Kafka Connect of a test's own.
type kafkaConnect struct {
	t           *testing.T
	group       string
	port        string
	environment []string
	rest        *client.Client
}

// number distinguishes workers of a group; here each has its own group.
const kafkaConnectNumber = "9"

// newKafkaConnect prepares a worker, which start starts. Its files are gone at the end of the test. plugins are folders for its
// plugin.path beside that of its own plugins.
func newKafkaConnect(t *testing.T, group string, settings map[string]string, plugins ...string) *kafkaConnect {
	t.Helper()
	k := &kafkaConnect{t: t, group: group, port: freePort(t)}
	var extra []string
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		extra = append(extra, key+"="+settings[key])
	}
	k.environment = append(os.Environ(), "CONNECT_BOOTSTRAP="+stage.kafka, "CONNECT_GROUP="+group, "CONNECT_REST_PORT="+k.port,
		"CONNECT_HEAP_OPTS=-Xms128m -Xmx512m", "CONNECT_EXTRA="+strings.Join(extra, "\n"))
	if len(plugins) > 0 {
		k.environment = append(k.environment, "CONNECT_PLUGIN_PATH="+strings.Join(append([]string{filepath.Join(services(t), "plugins")}, plugins...), ","))
	}
	var err error
	if k.rest, err = client.New("http://"+k.address(), &http.Client{Timeout: callLimit}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.run("wipe", time.Minute) })
	return k
}

func (k *kafkaConnect) address() string { return "127.0.0.1:" + k.port }

// start starts the worker and waits until it is healthy.
func (k *kafkaConnect) start() {
	k.t.Helper()
	k.run("start", 5*time.Minute)
	if k.t.Failed() {
		k.t.FailNow()
	}
}

// stop stops the worker in order.
func (k *kafkaConnect) stop() {
	k.t.Helper()
	k.run("stop", 2*time.Minute)
}

func (k *kafkaConnect) run(action string, limit time.Duration) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join("..", "services", "connect.sh"), action, kafkaConnectNumber)
	command.Env = k.environment
	if output, err := command.CombinedOutput(); err != nil {
		k.t.Errorf("connect.sh %s: %v\n%s", action, err, output)
	}
}

// properties returns the file that the worker was started with.
func (k *kafkaConnect) properties() map[string]string {
	k.t.Helper()
	props := map[string]string{}
	for line := range strings.Lines(readText(k.t, filepath.Join(services(k.t), "connect", k.group+"-"+kafkaConnectNumber, "worker.properties"))) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			props[key] = value
		}
	}
	return props
}

// services is the folder of scripts/services.
func services(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("OUTBOARD_CACHE")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(home, ".cache", "outboard")
	}
	return filepath.Join(cache, "services")
}
