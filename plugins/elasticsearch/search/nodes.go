package search

import (
	"net/url"
	"sync"
	"time"
)

// nodes are those of a cluster, each in turn.
type nodes struct {
	mu   sync.Mutex
	list []*node
	next int
}

type node struct {
	url   *url.URL
	until time.Time // left out before then, unless all are
	rest  time.Duration
}

// A node that fails is left out for a second, then for twice as long each time.
const (
	firstRest = time.Second
	mostRest  = time.Minute
)

func newNodes(urls []*url.URL) *nodes {
	n := &nodes{}
	for _, u := range urls {
		n.list = append(n.list, &node{url: u})
	}
	return n
}

func (n *nodes) len() int { return len(n.list) }

// pick returns the next node that is not left out; if all are, the one whose time is over first.
func (n *nodes) pick() *node {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	best := n.list[n.next%len(n.list)]
	for i := range n.list {
		candidate := n.list[(n.next+i)%len(n.list)]
		if !candidate.until.After(now) {
			best = candidate
			n.next += i
			break
		}
		if candidate.until.Before(best.until) {
			best = candidate
		}
	}
	n.next = (n.next + 1) % len(n.list)
	return best
}

func (n *nodes) dead(d *node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d.rest = min(max(2*d.rest, firstRest), mostRest)
	d.until = time.Now().Add(d.rest)
}

func (n *nodes) alive(d *node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d.rest, d.until = 0, time.Time{}
}
