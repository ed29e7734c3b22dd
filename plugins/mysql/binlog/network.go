package binlog

import (
	"net"
	"sync"
)

// closeOnce holds the network connection of a stream, so that it can be closed from outside at any time, even before it exists.
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
