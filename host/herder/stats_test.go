package herder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/host/internal/provider"
)

// Metrics tell what runs on the worker, and of configurations nothing but names.
func TestMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := os.WriteFile(filepath.Join(w.dir, "secret"), []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.providers = must(provider.New(map[string]string{
		"config.providers": "dir", "config.providers.dir.class": "org.apache.kafka.common.config.provider.DirectoryConfigProvider",
	}))(t)
	h, stop := w.start()
	reference := "${dir:" + w.dir + ":secret}"
	// has waits until the metrics have these lines, and makes sure that no line begins with others.
	has := func(not string, lines ...string) {
		t.Helper()
		var text string
		await(t, "", func() string {
			text = "\n" + string(h.Metrics())
			for _, line := range lines {
				if !strings.Contains(text, "\n"+line+"\n") {
					return "without " + line
				}
			}
			return ""
		})
		if not != "" && strings.Contains(text, "\n"+not) {
			t.Errorf("%s is in the metrics\n%s", not, text)
		}
		if strings.Contains(text, "s3cret") || strings.Contains(text, "${") {
			t.Errorf("a secret or a reference is in the metrics\n%s", text)
		}
	}
	has("", "kafka_connect_worker_connector_count 0", "kafka_connect_worker_task_count 0")

	w.control("good", "2")
	must(h.Create(t.Context(), "good", w.source("good", "topic", reference), ""))(t)
	must(h.Create(t.Context(), "bad", w.source("bad", "fail.task", reference), ""))(t)
	has("",
		"kafka_connect_worker_connector_count 2", "kafka_connect_worker_task_count 3",
		`kafka_connect_connector_status{connector="good",status="running"} 1`, `kafka_connect_connector_status{connector="bad",status="running"} 1`,
		`kafka_connect_connector_task_status{connector="bad",task="0",status="failed"} 1`,
		`kafka_connect_connector_task_status{connector="good",task="1",status="running"} 1`,
		`kafka_connect_worker_connector_failed_task_count{connector="bad"} 1`, `kafka_connect_worker_connector_running_task_count{connector="good"} 2`,
		`kafka_connect_source_task_source_record_write_total{connector="good",task="0"} 1`,
		`kafka_connect_source_task_source_record_write_total{connector="good",task="1"} 1`,
		`kafka_connect_task_error_total_record_errors{connector="good",task="0"} 0`,
	)

	if err := h.Pause(t.Context(), "good"); err != nil {
		t.Fatal(err)
	}
	has("", `kafka_connect_connector_status{connector="good",status="paused"} 1`, `kafka_connect_worker_connector_paused_task_count{connector="good"} 2`)
	if err := h.Stop(t.Context(), "good"); err != nil {
		t.Fatal(err)
	}
	has("", `kafka_connect_connector_status{connector="good",status="stopped"} 1`, `kafka_connect_worker_connector_total_task_count{connector="good"} 0`)
	if err := h.Delete(t.Context(), "good"); err != nil {
		t.Fatal(err)
	}
	has(`kafka_connect_connector_status{connector="good"`, "kafka_connect_worker_connector_count 1", "kafka_connect_worker_task_count 1")
	stop()
	has("kafka_connect_connector", "kafka_connect_worker_connector_count 0", "kafka_connect_worker_task_count 0")
}
