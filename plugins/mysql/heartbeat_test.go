package main

import (
	"context"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/scripts/bubble"
)

func TestHeartbeatTimes(t *testing.T) {
	t.Parallel()
	bubble.Test(t, func(t *testing.T) {
		h, err := newHeartbeat(change.Options{Prefix: "p"}, &settings{heartbeatInterval: 10 * time.Second, topicHeartbeat: "beats"})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		limit, cancel := h.deadline(t.Context())
		defer cancel()
		if h.due(time.Now()) {
			t.Error("it is due at once")
		}
		<-limit.Done()
		if waited := time.Since(begin); waited != 10*time.Second || !h.due(time.Now()) {
			t.Errorf("after %s it is due: %v", waited, h.due(time.Now()))
		}
	})
}

func TestHeartbeatsOff(t *testing.T) {
	t.Parallel()
	h, err := newHeartbeat(change.Options{Prefix: "p"}, &settings{topicHeartbeat: "beats", heartbeatQuery: "UPDATE x"})
	if err != nil {
		t.Fatal(err)
	}
	limit, cancel := h.deadline(t.Context())
	defer cancel()
	if _, bounded := limit.Deadline(); bounded || h.due(time.Now().Add(time.Hour)) || h.actions != nil {
		t.Error("they are on")
	}
	if context.Cause(limit) != nil {
		t.Error("the wait has ended")
	}
}
