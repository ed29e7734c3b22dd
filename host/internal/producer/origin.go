package producer

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Origin is whom records are from. It is told once of each, by one goroutine, one call after the other, those of a partition in the order
// of its records. It must not wait for the producer.
type Origin interface {
	// Written tells of records that are in their topic.
	Written(Written)
	// Refused tells of a record that will not be in its topic, as far as the producer knows. r is as it was handed over, in other memory.
	Refused(index int, r *kgo.Record, err error)
}

// Written is where records of one origin are that follow each other there and in the topic.
type Written struct {
	First, Count int   // index and number of the records
	Partition    int32 // of the topic
	Offset       int64 // of the first; -1: it is not known
	Timestamp    int64 // that the broker gave them all, in milliseconds; -1: they have their own
}

// single is the origin of a record of its own.
type single struct {
	record  *kgo.Record
	promise func(*kgo.Record, error)
}

// Written implements [Origin].
func (s *single) Written(w Written) {
	s.record.Partition, s.record.Offset = w.Partition, w.Offset
	if w.Timestamp >= 0 {
		s.record.Timestamp = time.UnixMilli(w.Timestamp)
	}
	s.promise(s.record, nil)
}

// Refused implements [Origin].
func (s *single) Refused(_ int, _ *kgo.Record, err error) {
	s.record.Offset = none
	s.promise(s.record, err)
}

// finished is what became of some records.
type finished struct {
	batch *batch // nil: it is about one record, index of from
	from  Origin
	index int

	record    *kgo.Record
	count     int
	size      int64
	offset    int64 // of the first
	timestamp int64
	err       error
}

// finish takes a batch out of its queue and has the origins told. mu is held.
func (p *Producer) finish(b *batch, f finished) {
	q := b.to.queue
	i := slices.Index(q, b)
	b.to.queue = slices.Delete(q, i, i+1)
	f.batch, f.count, f.size = b, b.count, b.size
	p.hand(f)
}

// hand has origins told. mu is held.
func (p *Producer) hand(f finished) {
	p.done = append(p.done, f)
	nudge(p.finisher)
}

// tell tells origins until the producer is closed and all are told.
func (p *Producer) tell() {
	for {
		p.mu.Lock()
		todo := p.done
		p.done = nil
		over := p.closed && p.records == 0
		p.mu.Unlock()
		for i := range todo {
			p.tellOf(&todo[i])
		}
		switch {
		case len(todo) > 0:
		case over:
			return
		default:
			<-p.finisher
		}
	}
}

func (p *Producer) tellOf(f *finished) {
	switch {
	case f.batch == nil:
		f.from.Refused(f.index, f.record, f.err)
	case f.err != nil:
		f.batch.each(func(from Origin, index int, r *kgo.Record) { from.Refused(index, r, f.err) })
	default:
		offset := f.offset
		for _, run := range f.batch.runs {
			run.from.Written(Written{run.first, run.count, f.batch.to.number, offset, f.timestamp})
			if offset >= 0 {
				offset += int64(run.count)
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buffered -= f.size
	p.records -= int64(f.count)
	if f.batch != nil && !f.batch.abandoned {
		p.recycle(f.batch)
	}
	if p.blocked > 0 || p.records == 0 {
		p.tellChange()
	}
}

// recycle keeps a batch's memory for the next ones. mu is held.
func (p *Producer) recycle(b *batch) {
	if len(p.spare) < maxSpare {
		clear(b.runs)
		*b = batch{buffer: b.buffer[:headerSize], space: b.space, runs: b.runs[:0]}
		p.spare = append(p.spare, b)
	}
}

// maxSpare is how many batches wait for the next ones at most.
const maxSpare = 8
