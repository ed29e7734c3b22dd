package main

import (
	"context"
	"database/sql"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/plugins/mysql/change"
)

// heartbeat makes the records that carry the position on when no captured table changes, and runs heartbeat.action.query with them.
type heartbeat struct {
	records  *change.Heartbeats
	interval time.Duration // 0: none but those that are demanded
	next     time.Time
	actions  chan struct{} // nil: no query
}

func newHeartbeat(o change.Options, s *settings) (*heartbeat, error) {
	records, err := change.NewHeartbeats(o, s.topicHeartbeat)
	if err != nil {
		return nil, err
	}
	h := &heartbeat{records: records, interval: s.heartbeatInterval}
	if h.interval > 0 {
		h.next = time.Now().Add(h.interval)
	}
	if h.interval > 0 && s.heartbeatQuery != "" {
		h.actions = make(chan struct{}, 1)
	}
	return h, nil
}

// due tells whether it is time.
func (h *heartbeat) due(now time.Time) bool { return h.interval > 0 && !now.Before(h.next) }

// deadline bounds how long Poll may wait.
func (h *heartbeat) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if h.interval == 0 {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, h.next)
}

// beat appends a record.
func (h *heartbeat) beat(out *output, now time.Time) error {
	h.records.Key(out.key.start(h.records.KeySchema()))
	key, err := out.key.finish()
	if err != nil {
		return err
	}
	h.records.Value(out.value.start(h.records.ValueSchema()), now.UnixMilli())
	value, err := out.value.finish()
	if err != nil {
		return err
	}
	out.write(h.records.Topic, h.records.KeySchema(), key, h.records.ValueSchema(), value).KafkaPartition(0)
	h.next = now.Add(h.interval)
	if h.actions != nil {
		select {
		case h.actions <- struct{}{}:
		default: // the one before still runs
		}
	}
	return nil
}

// act runs the query with every heartbeat until ctx ends.
func (h *heartbeat) act(ctx context.Context, db *sql.DB, query string, log hclog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.actions:
		}
		limit, cancel := context.WithTimeout(ctx, max(h.interval, time.Second))
		if _, err := db.ExecContext(limit, query); err != nil && ctx.Err() == nil {
			log.Warn("the statement of "+keyHeartbeatQuery+" failed", "err", err)
		}
		cancel()
	}
}
