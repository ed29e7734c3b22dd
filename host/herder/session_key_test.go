package herder

import (
	"bytes"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/outboard-connect/outboard/host/internal/group"
	"github.com/outboard-connect/outboard/scripts/bubble"
)

// TestSessionKeyIsRenewed: the leader writes a key when there is none, and another one when its time is over.
func TestSessionKeyIsRenewed(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		h, _ := inMemory(t)
		refused(t, h.Verify(http.Header{}, nil), Unavailable, "Worker is starting")
		h.settings.Group = &group.Settings{}
		h.settings.Signing = group.Signing{KeyAlgorithm: "HmacSHA256", KeyTTL: time.Hour, Algorithm: "HmacSHA256", Accepted: []string{"HmacSHA256"}}
		if err := h.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		var keys [][]byte
		for range 3 {
			key := h.config.Snapshot().SessionKey
			if key == nil {
				t.Fatal("there is no key")
			}
			for _, earlier := range keys {
				if bytes.Equal(earlier, key.Key) {
					t.Errorf("a key was used twice")
				}
			}
			keys = append(keys, key.Key)
			header := http.Header{}
			if err := h.settings.Signing.Sign(key, header, []byte("[]")); err != nil {
				t.Fatal(err)
			}
			if err := h.Verify(header, []byte("[]")); err != nil {
				t.Errorf("signed with the key that is valid: %v", err)
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			refused(t, h.Verify(header, []byte("[]")), Forbidden, group.ErrForged.Error())
		}
	})
}

// A worker that is alone takes orders from no other.
func TestAloneRefusesInternalRequests(t *testing.T) {
	h, _ := inMemory(t)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused(t, h.Verify(http.Header{}, nil), Forbidden, "This worker is in no group")
}

func TestStopLimit(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var l stopLimit
		l.renew(t.Context())
		first := l.context()
		l.renew(t.Context())
		if l.context() != first {
			t.Error("a limit that has not ended was replaced")
		}
		l.end()
		if first.Err() == nil {
			t.Error("what is under way is not cut off")
		}
		if l.context().Err() == nil {
			t.Error("what begins to stop afterwards has time")
		}
		l.renew(t.Context())
		if l.context().Err() != nil {
			t.Error("a new assignment gives no time")
		}
		l.end()
	})
}
