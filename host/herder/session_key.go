package herder

import (
	"errors"
	"net/http"
	"time"

	"github.com/outboard-connect/outboard/host/internal/group"
)

// keyPause is the pause before the next attempt to write a session key.
const keyPause = time.Second

// Verify checks that an internal request with this body comes from a worker of the group, whatever connect.protocol is: there
// are no workers that would not sign. What is wrong with it is a BadRequest or Forbidden; Unavailable means that this worker
// cannot tell yet.
func (h *Herder) Verify(header http.Header, body []byte) error {
	if err := h.ready(); err != nil {
		return err
	}
	if h.settings.Group == nil {
		return errorf(Forbidden, "This worker is in no group: there are no workers whose requests it would carry out")
	}
	err := h.settings.Signing.Verify(h.config.Snapshot().SessionKey, header, body)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, group.ErrUnsigned):
		return &Error{Code: BadRequest, Message: err.Error(), Cause: err}
	case errors.Is(err, group.ErrForged):
		return &Error{Code: Forbidden, Message: err.Error(), Cause: err}
	default:
		return &Error{Code: Unavailable, Message: err.Error(), Cause: err}
	}
}

// renewSessionKey has the leader write a new session key when there is none, or the one there is has come to its end. It runs
// on the loop: after each division of work, when there is another key, and when it is time.
func (h *Herder) renewSessionKey() {
	if h.keyTimer != nil {
		h.keyTimer.Stop()
		h.keyTimer = nil
	}
	a, _ := h.assignment()
	if h.settings.Group == nil || !a.Leader.Self || h.writingKey {
		return
	}
	at, ever := h.settings.Signing.Expires(h.config.Snapshot().SessionKey)
	if !ever {
		return
	}
	if wait := time.Until(at); wait > 0 {
		h.keyAfter(wait)
		return
	}
	h.writingKey = true
	h.job(func() func() {
		err := h.config.PutSessionKey(h.closing, h.settings.Signing.NewKey(time.Now()))
		return func() {
			h.writingKey = false
			switch {
			case h.closing.Err() != nil:
			case err != nil:
				h.log.Warn("the session key cannot be renewed; workers cannot send each other requests without one; trying on", "err", err)
				h.keyAfter(keyPause)
			default:
				h.renewSessionKey()
			}
		}
	})
}

// keyAfter looks at the session key again after a while. It runs on the loop.
func (h *Herder) keyAfter(wait time.Duration) {
	h.keyTimer = time.AfterFunc(wait, func() { h.loop.post(h.renewSessionKey) })
}
