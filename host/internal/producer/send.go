package producer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// idleAfter is when memory for further batches is given back.
const idleAfter = time.Second

// send has everything done at its time until the producer is closed.
func (p *Producer) send() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next, seal := p.look()
		if seal != nil {
			seal.seal(p.compressor)
			p.mu.Lock()
			seal.sealing = false
			p.mu.Unlock()
			continue
		}
		var due <-chan time.Time
		if !next.IsZero() {
			timer.Reset(time.Until(next))
			due = timer.C
		}
		select {
		case <-p.wake:
		case <-due:
		case <-p.ctx.Done():
			return
		}
	}
}

// look starts all requests that are due. It returns when to look again if nothing happens, zero for never, or a batch to seal meanwhile.
func (p *Producer) look() (next time.Time, seal *batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return next, nil
	}
	now := time.Now()
	at := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	p.lookAtMetadata(now, at)
	p.lookAtWaiting(now, at)
	if len(p.active) == 0 {
		if p.records == 0 && len(p.spare) > 0 {
			if idle := now.Sub(p.used); idle >= idleAfter {
				p.spare = nil
			} else {
				at(p.used.Add(idleAfter))
			}
		}
		return next, nil
	}
	p.used = now
	if p.idempotent && p.identity.id == none {
		if i := &p.identity; !i.asking && !now.Before(i.notBefore) {
			i.asking = true
			p.ended.Go(p.identify)
		} else if !i.asking {
			at(i.notBefore)
		}
	}
	requests := map[int32]*request{}
	p.active = slices.DeleteFunc(p.active, func(to *partition) bool {
		switch state := p.lookAt(to, now, at); {
		case len(to.queue) == 0:
			to.active = false
			return true
		case state == due:
			requests[to.leader] = nil
		case state == underWay && len(to.queue) > 1:
			if b := to.queue[1]; b.closed && !b.sealed && !b.sealing {
				seal = b
			}
		}
		return false
	})
	for leader := range requests {
		b := p.brokers[leader]
		if b == nil {
			b = &broker{}
			p.brokers[leader] = b
		}
		if b.requests >= p.requests {
			continue // an answer comes first
		}
		r := p.fill(leader, now, at)
		r.broker = b
		b.requests++
		b.latest = now
		p.ended.Go(func() { p.request(r) })
	}
	if seal != nil {
		seal.sealing = true
	}
	return next, seal
}

// fill makes a request of what is due at a broker. mu is held.
func (p *Producer) fill(leader int32, now time.Time, at func(time.Time)) *request {
	r := &request{to: leader}
	for _, to := range p.active {
		if to.leader != leader || p.lookAt(to, now, at) != due {
			continue
		}
		b := to.queue[0]
		if r.size > 0 && r.size+len(b.buffer) > max(p.batchBytes, maxRequest) {
			at(now) // in the next one
			continue
		}
		r.size += len(b.buffer)
		r.batches = append(r.batches, b)
		b.closed, b.topicID = true, to.topic.id
		to.inFlight = b
		p.number(b)
	}
	return r
}

// maxRequest is how many bytes of records one request has at most, unless a batch may be larger.
const maxRequest = 8 << 20

// lookAtMetadata asks about topics when it is time to. mu is held.
func (p *Producer) lookAtMetadata(now time.Time, at func(time.Time)) {
	m := &p.metadata
	if m.asking {
		return
	}
	names := p.staleTopics(now)
	switch {
	case len(names) == 0:
	case now.Before(m.notBefore):
		at(m.notBefore)
	default:
		m.asking = true
		p.ended.Go(func() { p.ask(names) })
	}
}

// lookAtWaiting fails records that have waited too long for their topic. mu is held.
func (p *Producer) lookAtWaiting(now time.Time, at func(time.Time)) {
	if p.timeout == 0 {
		return
	}
	for _, t := range p.topics {
		for len(t.waiting) > 0 {
			w := t.waiting[0]
			if until := w.since.Add(p.timeout); now.Before(until) {
				at(until)
				break
			}
			t.waiting = t.waiting[1:]
			p.fail(w.from, w.index, w.record, fmt.Errorf("%w (delivery.timeout.ms is %s; nothing is known of topic %s)", kgo.ErrRecordTimeout, p.timeout, t.name))
		}
	}
}

// readiness says how a partition's first batch stands.
type readiness uint8

const (
	waits    readiness = iota // there is none, it cannot be sent now, or more records may come
	underWay                  // it is in flight
	due                       // it is to be sent
)

// lookAt fails what is too old and says how the first batch of a partition stands. It calls at with the time at which that changes. mu is held.
func (p *Producer) lookAt(to *partition, now time.Time, at func(time.Time)) readiness {
	if to.inFlight != nil {
		return underWay
	}
	for p.timeout > 0 && len(to.queue) > 0 {
		head := to.queue[0]
		if until := head.since.Add(p.timeout); now.Before(until) {
			at(until)
			break
		}
		p.failBatch(head, fmt.Errorf("%w (delivery.timeout.ms is %s)", kgo.ErrRecordTimeout, p.timeout))
	}
	if len(to.queue) == 0 {
		return waits
	}
	head := to.queue[0]
	switch until := p.lingerEnd(head); {
	case to.leader == none || p.idempotent && p.identity.id == none || head.sealing:
		return waits // who changes that signals
	case now.Before(to.notBefore):
		at(to.notBefore)
		return waits
	case head.closed || len(to.queue) > 1 || p.flushing > 0 || p.blocked > 0 || !now.Before(until):
		return due
	default:
		at(until)
		return waits
	}
}

// lingerEnd is until when a batch waits for more records: as long as linger.ms says, but not at all when its broker had got no request for that
// long as it was begun. So a record that comes alone goes at once, and where many come there are hardly more requests than with waiting each
// time. mu is held.
func (p *Producer) lingerEnd(b *batch) time.Time {
	if to := p.brokers[b.to.leader]; to == nil || b.since.Sub(to.latest) >= p.linger {
		return b.since
	}
	return b.since.Add(p.linger)
}

// number gives the batch that is sent next its number: the same as before when it is sent again. mu is held.
func (p *Producer) number(b *batch) {
	if !p.idempotent {
		b.producerID, b.epoch, b.sequence = none, none, none
		return
	}
	to := b.to
	if to.producerID == none {
		to.producerID, to.epoch, to.sequence = p.identity.id, 0, 0
	}
	b.producerID, b.epoch, b.sequence = to.producerID, to.epoch, to.sequence
}

// request is some batches on their way to a broker, of different partitions.
type request struct {
	to      int32
	broker  *broker
	batches []*batch
	size    int
}

// request sends batches and deals with the answer. It is a goroutine of its own.
func (p *Producer) request(r *request) {
	req := kmsg.NewPtrProduceRequest()
	req.TimeoutMillis = int32(p.answerWithin.Milliseconds())
	for _, b := range r.batches {
		if !b.sealed {
			b.seal(p.compressor)
		}
		b.stamp()
		t := b.to.topic
		i := slices.IndexFunc(req.Topics, func(rt kmsg.ProduceRequestTopic) bool { return rt.Topic == t.name })
		if i < 0 {
			i = len(req.Topics)
			rt := kmsg.NewProduceRequestTopic()
			rt.Topic, rt.TopicID = t.name, b.topicID
			req.Topics = append(req.Topics, rt)
		}
		rp := kmsg.NewProduceRequestTopicPartition()
		rp.Partition, rp.Records = b.to.number, b.packed
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, rp)
	}
	var answer *kmsg.ProduceResponse
	resp, err := p.client.Broker(int(r.to)).Request(p.ctx, req)
	if err == nil {
		answer = resp.(*kmsg.ProduceResponse)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.signal()
	r.broker.requests--
	for _, b := range r.batches {
		b.to.inFlight = nil
		if b.abandoned {
			continue
		}
		switch said := b.to.find(answer); {
		case err != nil:
			p.unsent(b, err)
		case p.unanswered:
			p.succeed(b, &kmsg.ProduceResponseTopicPartition{BaseOffset: none, LogAppendTime: none})
		case said == nil:
			p.unsent(b, errors.New("the broker's answer does not name the partition"))
		default:
			p.answered(b, said)
		}
	}
}

// find returns what an answer says of the partition; nil: nothing.
func (to *partition) find(answer *kmsg.ProduceResponse) *kmsg.ProduceResponseTopicPartition {
	if answer == nil {
		return nil
	}
	for i := range answer.Topics {
		t := &answer.Topics[i]
		if t.Topic != to.topic.name && (t.TopicID == [16]byte{} || t.TopicID != to.topic.id) {
			continue
		}
		for j := range t.Partitions {
			if t.Partitions[j].Partition == to.number {
				return &t.Partitions[j]
			}
		}
	}
	return nil
}

// unsent deals with a batch that was not answered: whether it is in the topic is not known. mu is held.
func (p *Producer) unsent(b *batch, err error) {
	b.unsure = true
	if definite(err) {
		p.failBatch(b, err)
		return
	}
	p.again(b, err)
}

// answered deals with what the broker says of a batch. mu is held.
func (p *Producer) answered(b *batch, said *kmsg.ProduceResponseTopicPartition) {
	err := kerr.ErrorForCode(said.ErrorCode)
	switch {
	case err == nil:
		p.succeed(b, said)
	case errors.Is(err, kerr.DuplicateSequenceNumber):
		p.succeed(b, &kmsg.ProduceResponseTopicPartition{BaseOffset: none, LogAppendTime: none})
	case errors.Is(err, kerr.OutOfOrderSequenceNumber), errors.Is(err, kerr.UnknownProducerID), errors.Is(err, kerr.InvalidProducerEpoch),
		errors.Is(err, kerr.InvalidProducerIDMapping):
		p.log.Info("a broker has lost count of the batches of a partition; they are numbered anew", "topic", b.to.topic.name, "partition", b.to.number, "err", err)
		b.to.restart()
		p.again(b, err)
	case errors.Is(err, kerr.MessageTooLarge) && b.count > 1:
		p.split(b)
	case len(said.ErrorRecords) > 0 && p.refuse(b, said, err):
	case definite(err):
		p.failBatch(b, explain(err, said))
	default:
		if errors.Is(err, kerr.RequestTimedOut) || errors.Is(err, kerr.NotEnoughReplicasAfterAppend) {
			b.unsure = true
		}
		p.again(b, err)
	}
}

// succeed finishes a batch that is in the topic. mu is held.
func (p *Producer) succeed(b *batch, said *kmsg.ProduceResponseTopicPartition) {
	to := b.to
	to.topic.asked = 0
	if p.idempotent {
		to.sequence = next(to.sequence, b.count)
	}
	p.finish(b, finished{offset: said.BaseOffset, timestamp: said.LogAppendTime})
}

// next is the number n records later. Numbers begin again at 0 behind the greatest.
func next(sequence int32, n int) int32 { return int32((int64(sequence) + int64(n)) & 0x7fffffff) }

// again leaves a batch where it is, to be sent again after a pause, unless it was sent too often. mu is held.
func (p *Producer) again(b *batch, err error) {
	t := b.to.topic
	t.stale = true
	p.metadata.notBefore = time.Time{}
	b.tries++
	missing := errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
	if missing {
		t.asked++
	}
	switch {
	case p.unanswered, missing && t.asked > p.unknownTopic:
		p.failBatch(b, err)
	case int64(b.tries) > p.retries:
		p.failBatch(b, fmt.Errorf("%w (retries is %d): %w", kgo.ErrRecordRetries, p.retries, err))
	default:
		b.to.notBefore = time.Now().Add(p.backoff(b.tries))
		p.complain(b.tries, "a batch was not written, trying again", "topic", t.name, "partition", b.to.number, "attempt", b.tries, "err", err)
	}
}

// complain logs what does not get better, ever more seldom.
func (p *Producer) complain(tries int, what string, more ...any) {
	if tries >= 4 && tries&(tries-1) == 0 {
		p.log.Warn(what, more...)
	}
}

// split makes two batches of one. mu is held.
func (p *Producer) split(b *batch) {
	n := 0
	p.replace(b, 2, func(Origin, int, *kgo.Record) int {
		n++
		return (n - 1) * 2 / b.count
	})
}

// refuse fails the records of a batch that the broker names, and leaves the others to be sent without them. mu is held. It returns false
// when none of them is in the batch.
func (p *Producer) refuse(b *batch, said *kmsg.ProduceResponseTopicPartition, err error) bool {
	bad := map[int]error{}
	for i := range said.ErrorRecords {
		e := &said.ErrorRecords[i]
		if n := int(e.RelativeOffset); n >= 0 && n < b.count {
			bad[n] = explain(err, said)
			if e.ErrorMessage != nil {
				bad[n] = fmt.Errorf("%w: %s", err, *e.ErrorMessage)
			}
		}
	}
	if len(bad) == 0 {
		return false
	}
	n := 0
	p.replace(b, 1, func(from Origin, index int, r *kgo.Record) int {
		n++
		if bad[n-1] == nil {
			return 0
		}
		p.fail(from, index, r, bad[n-1])
		return none
	})
	return true
}

// replace puts up to n others in the place of a batch. choose says in which of them a record comes, none for none. The broker
// has none of the records. mu is held.
func (p *Producer) replace(b *batch, n int, choose func(Origin, int, *kgo.Record) int) {
	made := make([]*batch, n)
	b.each(func(from Origin, index int, r *kgo.Record) {
		i := choose(from, index, r)
		if i == none {
			return
		}
		if made[i] == nil {
			made[i] = p.newBatch(b.to)
			made[i].since, made[i].closed = b.since, true
		}
		to := made[i]
		to.add(r, r.Timestamp.UnixMilli(), contentSize(r))
		to.runs = append(to.runs, run{from, index, 1})
	})
	made = slices.DeleteFunc(made, func(m *batch) bool { return m == nil })
	i := slices.Index(b.to.queue, b)
	b.to.queue = slices.Replace(b.to.queue, i, i+1, made...)
}

// definite tells whether an error will be the same the next time.
func definite(err error) bool {
	var said *kerr.Error
	if errors.As(err, &said) {
		return !said.Retriable
	}
	return errors.Is(err, kgo.ErrClientClosed) || errors.Is(err, context.Canceled)
}

// explain adds what the broker says in words.
func explain(err error, said *kmsg.ProduceResponseTopicPartition) error {
	if said.ErrorMessage != nil && *said.ErrorMessage != "" {
		return fmt.Errorf("%w: %s", err, *said.ErrorMessage)
	}
	return err
}
