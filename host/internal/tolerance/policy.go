package tolerance

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Policy is what the user chose for a connector.
type Policy struct {
	// All is errors.tolerance=all: failed records are skipped.
	All bool
	// Log is errors.log.enable, Messages errors.log.include.messages.
	Log, Messages bool
	// RetryTimeout is errors.retry.timeout: how long a retriable failure is tried again, 0 for not at all, negative for
	// ever. RetryDelay is errors.retry.delay.max.ms.
	RetryTimeout, RetryDelay time.Duration
	// Letters is errors.deadletterqueue.topic.name; empty is no dead letter queue.
	Letters string
	// Replication is errors.deadletterqueue.topic.replication.factor; -1 is the broker's default.
	Replication int16
	// Context is errors.deadletterqueue.context.headers.enable.
	Context bool
}

// NewPolicy reads the policy from the configuration of a connector.
func NewPolicy(config map[string]string) (Policy, error) {
	p := Policy{Letters: strings.TrimSpace(config["errors.deadletterqueue.topic.name"])}
	switch v := strings.TrimSpace(config["errors.tolerance"]); strings.ToLower(v) {
	case "", "none":
	case "all":
		p.All = true
	default:
		return p, fmt.Errorf("errors.tolerance is %q: use none or all", v)
	}
	for key, to := range map[string]*bool{
		"errors.log.enable": &p.Log, "errors.log.include.messages": &p.Messages, "errors.deadletterqueue.context.headers.enable": &p.Context,
	} {
		*to = strings.EqualFold(strings.TrimSpace(config[key]), "true")
	}
	replication := int64(3)
	timeout, delay := int64(0), int64(60_000)
	for _, n := range []struct {
		key   string
		to    *int64
		least int64
		most  int64
		unit  string
	}{
		{"errors.retry.timeout", &timeout, -1, 1 << 53, "milliseconds, 0 for no retry or -1 for no limit"},
		{"errors.retry.delay.max.ms", &delay, 0, 1 << 53, "milliseconds"},
		{"errors.deadletterqueue.topic.replication.factor", &replication, -1, 1<<15 - 1, "replicas, or -1 for the broker's default"},
	} {
		text := strings.TrimSpace(config[n.key])
		if text == "" {
			continue
		}
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil || v < n.least || v > n.most {
			return p, fmt.Errorf("%s is %q: it takes a number of %s", n.key, text, n.unit)
		}
		*n.to = v
	}
	p.RetryTimeout, p.RetryDelay, p.Replication = milliseconds(timeout), milliseconds(delay), int16(replication)
	return p, nil
}

// milliseconds is a duration that does not overflow.
func milliseconds(n int64) time.Duration {
	return time.Duration(min(n, int64(1<<63-1)/int64(time.Millisecond))) * time.Millisecond
}
