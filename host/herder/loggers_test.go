package herder

import (
	"io"
	"slices"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/internal/logging"
)

func TestLoggersOfAWorkerAndOfTheCluster(t *testing.T) {
	log, levels := logging.New(hclog.LoggerOptions{Name: "outboard", Level: hclog.Info, Output: io.Discard})
	h, _ := inMemory(t)
	h.settings.Levels = levels
	rest := log.Named("rest")
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	changed := must(h.SetLogger(t.Context(), "outboard.rest", "debug"))(t)
	if !rest.IsDebug() || !slices.Contains(changed, "outboard.rest") {
		t.Errorf("changed %v", changed)
	}
	if changed := must(h.SetLogger(t.Context(), "outboard.rest", "DEBUG"))(t); changed == nil || len(changed) != 0 {
		t.Errorf("the same level again changed %#v", changed)
	}
	if err := h.SetClusterLogger(t.Context(), "root", "warn"); err != nil {
		t.Fatal(err)
	}
	if rest.IsInfo() || h.Loggers(t.Context())["outboard"].Level != "WARN" {
		t.Errorf("after a change for the cluster: %v", h.Loggers(t.Context()))
	}
	for _, level := range []string{"", "loud"} {
		_, err := h.SetLogger(t.Context(), "root", level)
		refused(t, err, BadRequest, "invalid log level '"+level+"'")
		refused(t, h.SetClusterLogger(t.Context(), "root", level), BadRequest, "invalid log level '"+level+"'")
	}
	_, err := h.Logger(t.Context(), "elsewhere")
	refused(t, err, NotFound, "Logger elsewhere not found.")

	// Whatever another worker wrote must not stop the loop.
	if err := h.config.PutLoggerLevel(t.Context(), "root", "loud"); err != nil {
		t.Fatal(err)
	}
	if err := h.SetClusterLogger(t.Context(), "root", "info"); err != nil || !rest.IsInfo() {
		t.Errorf("after a level that there is not: %v", err)
	}
}
