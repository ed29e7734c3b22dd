package producer

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// metadata is how far the producer is with asking about topics.
type metadata struct {
	asking    bool
	tries     int // in a row that left something open
	notBefore time.Time
}

// Pauses between questions about topics that something is not known of, such as the leader.
const (
	firstPause = 20 * time.Millisecond
	lastPause  = time.Second
)

// staleTopics are those to ask about. mu is held.
func (p *Producer) staleTopics(now time.Time) []string {
	var names []string
	for name, t := range p.topics {
		if t.stale || now.Sub(t.loaded) > p.metadataAge {
			names = append(names, name)
		}
	}
	return names
}

// ask asks about topics. It is a goroutine of its own.
func (p *Producer) ask(names []string) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = p.createTopics
	for _, name := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(p.ctx, p.client)
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.signal()
	m := &p.metadata
	m.asking = false
	now := time.Now()
	switch {
	case err == nil:
		for i := range resp.Topics {
			p.learn(&resp.Topics[i], now)
		}
	case definite(err):
		for _, name := range names {
			p.forget(p.topics[name], err)
		}
	}
	if err == nil && len(p.staleTopics(now)) == 0 {
		m.tries = 0
		return
	}
	m.tries++
	m.notBefore = now.Add(min(firstPause<<min(m.tries-1, 10), lastPause))
	if err != nil {
		p.complain(m.tries, "nothing is known of topics yet, trying again", "topics", names, "err", err)
	}
}

// learn takes over what a broker says of a topic. mu is held.
func (p *Producer) learn(m *kmsg.MetadataResponseTopic, now time.Time) {
	if m.Topic == nil || p.topics[*m.Topic] == nil {
		return
	}
	t := p.topics[*m.Topic]
	err := kerr.ErrorForCode(m.ErrorCode)
	switch {
	case err == nil && len(m.Partitions) > 0:
		if !t.learn(m, now) {
			p.forget(t, kerr.UnknownTopicID)
			return
		}
		all := t.waiting
		t.waiting = nil
		for _, w := range all {
			p.add(&appending{from: w.from, topic: t}, w.index, w.record, contentSize(w.record))
		}
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		t.stale = true
		if t.asked++; t.asked > p.unknownTopic {
			p.forget(t, err)
		}
	case definite(err):
		p.forget(t, err)
	default:
		t.stale = true
	}
}

// forget fails all records of a topic, and knows nothing of it any more. mu is held.
func (p *Producer) forget(t *topic, err error) {
	if t == nil {
		return
	}
	p.failTopic(t, err)
	delete(p.topics, t.name)
	if p.latest == t {
		p.latest = nil
	}
}
