package herder

import (
	"context"
	"fmt"
	"time"
)

// kafkaVersion is the release of Kafka Connect whose REST API this is.
const kafkaVersion = "4.3.1"

// healthTimeout bounds the health check.
const healthTimeout = 10 * time.Second

// ServerInfo tells what this worker is. It never fails.
func (h *Herder) ServerInfo(ctx context.Context) ServerInfo {
	return ServerInfo{Version: kafkaVersion, Commit: h.settings.Commit, KafkaClusterID: h.settings.ClusterID}
}

// Health has the herder do nothing and read its log to the end, within ten seconds.
func (h *Herder) Health(ctx context.Context) Health {
	if !h.joined.Load() {
		return Health{Status: Starting, Message: "Worker is still starting up."}
	}
	if h.closing.Err() != nil {
		return Health{Status: Unhealthy, Message: "Worker is shutting down."}
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	pong := make(chan struct{})
	h.loop.post(func() { close(pong) })
	select {
	case <-pong:
	case <-ctx.Done():
		return Health{Status: Unhealthy, Message: fmt.Sprintf(
			"Worker was unable to handle this request and may be unable to handle other requests: its loop did not answer within %s.", healthTimeout)}
	}
	if err := h.config.Sync(ctx); err != nil {
		return Health{Status: Unhealthy, Message: "Worker was unable to handle this request and may be unable to handle other requests: " +
			"it cannot read its configurations to the end: " + err.Error()}
	}
	return Health{Status: Healthy, Message: "Worker has completed startup and is ready to handle requests."}
}
