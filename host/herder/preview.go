package herder

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/outboard-connect/outboard/host/internal/worker"
)

// Preview is a record on its way through a configuration, PreviewText bytes in it.
type (
	Preview     = worker.Preview
	PreviewText = worker.PreviewText
)

// Limits of a preview.
const (
	maxPreviews    = 1000
	previewRecords = 10
	previewTime    = 15 * time.Second
)

// Preview takes records through the configuration of a connector, which need not exist, and writes nothing: at most records of
// them, 10 when it is 0, as many as come within the time, 15 seconds when it is 0.
func (h *Herder) Preview(ctx context.Context, cfg map[string]string, records int, within time.Duration) ([]Preview, error) {
	r, err := h.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer r.cancel()
	if records == 0 {
		records = previewRecords
	}
	if within == 0 {
		within = previewTime
	}
	switch {
	case records < 0 || records > maxPreviews:
		return nil, errorf(BadRequest, "records is %d: it takes 1 to %d", records, maxPreviews)
	case within < 0 || within > requestTimeout:
		return nil, errorf(BadRequest, "timeout_ms is %d: it takes 1 to %d", within.Milliseconds(), requestTimeout.Milliseconds())
	}
	class, err := connectorClass(cfg)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(cfg["name"]) == "" {
		cfg = maps.Clone(cfg)
		cfg["name"] = "preview"
	}
	r.enter("checking the configuration of a preview of connector class %s", class)
	if err := h.check(r, cfg); err != nil {
		return nil, r.failed(err)
	}
	r.enter("taking records of a preview of connector class %s", class)
	limited, cancel := context.WithTimeout(r, within)
	defer cancel()
	previews, err := h.worker.Preview(limited, cfg, records)
	if err != nil {
		if r.Err() != nil {
			return nil, r.failed(err)
		}
		return nil, errorf(BadRequest, "The configuration cannot be tried: %v", err)
	}
	return previews, nil
}
