package binlog

import (
	"net"
	"sync"
	"time"
)

// closeOnce holds the network connection of a replication client, so that it can be closed from outside at any time, even before it exists.
type closeOnce struct {
	mu     sync.Mutex
	conn   net.Conn
	closed bool
}

// set takes a connection; false when it is too late, and the connection is closed.
func (c *closeOnce) set(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = conn.Close()
		return false
	}
	c.conn = conn
	return true
}

// coarse is a network connection whose deadline for reading is only moved when it has to be: the replication client moves it for every few bytes,
// and that costs more than reading them.
type coarse struct {
	net.Conn
	deadline time.Time
}

// slack is how much too early a deadline may be.
const slack = time.Second

// SetReadDeadline is called by the one goroutine that reads.
func (c *coarse) SetReadDeadline(t time.Time) error {
	if d := t.Sub(c.deadline); d >= 0 && d < slack {
		return nil
	}
	c.deadline = t
	return c.Conn.SetReadDeadline(t)
}

func (c *closeOnce) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	if c.conn != nil {
		_ = c.conn.Close() // it is of no use any more
	}
}
