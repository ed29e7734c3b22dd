package sdktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// Sink is a sink task that runs, seen from the host.
type Sink struct {
	t        testing.TB
	stream   connectv1.SinkTask_RunClient
	inbox    chan *connectv1.SinkToHost // closed with the stream
	over     error                      // how the stream ended; set before inbox is closed
	startErr error

	builder  wire.Builder
	seq      uint64
	id       uint64 // of the request sent last
	offsets  map[sdk.TopicPartition]int64
	requests []*connectv1.SinkRequest
	retries  int
}

// Errant is a record that the sink reported.
type Errant struct {
	Record data.SinkRecord
	Reason error
}

// StartSink starts a sink task that may report errant records. The error is that
// of the author's Start.
func (p *Plugin) StartSink(class string, config map[string]string) (*Sink, error) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p.t.Cleanup(cancel)
	stream, err := connectv1.NewSinkTaskClient(p.conn).Run(ctx)
	if err != nil {
		p.t.Fatalf("SinkTask.Run: %v", err)
	}
	s := &Sink{t: p.t, stream: stream, inbox: make(chan *connectv1.SinkToHost, 64), offsets: map[sdk.TopicPartition]int64{}}
	s.send(&connectv1.HostToSink{Message: &connectv1.HostToSink_Start{Start: &connectv1.SinkStart{
		Connector: "sdktest", Class: class, Config: config, Generation: 1, ErrantRecordReporter: true}}})
	go s.receive(ctx)
	started := s.next("Started").GetStarted()
	if started == nil {
		p.t.Fatal("sdktest: the first message of the sink is not Started")
	}
	s.startErr = authorsError(started.GetError())
	return s, s.startErr
}

func (s *Sink) send(m *connectv1.HostToSink) {
	// A stream that is broken shows where its messages are received.
	_ = s.stream.Send(m)
}

func (s *Sink) receive(ctx context.Context) {
	defer close(s.inbox)
	for {
		m, err := s.stream.Recv()
		if err != nil {
			s.over = err
			return
		}
		if m.GetHeartbeat() != nil {
			continue
		}
		select {
		case s.inbox <- m:
		case <-ctx.Done():
			return
		}
	}
}

// next returns the next message but requests, which are kept.
func (s *Sink) next(what string) *connectv1.SinkToHost {
	s.t.Helper()
	timeout := time.NewTimer(Patience)
	defer timeout.Stop()
	for {
		select {
		case m, ok := <-s.inbox:
			if !ok {
				s.t.Fatalf("sdktest: waited for %s, but the stream ended: %v", what, s.over)
			}
			if q := m.GetRequest(); q != nil {
				s.requests = append(s.requests, q)
				continue
			}
			return m
		case <-timeout.C:
			s.t.Fatalf("sdktest: waited in vain for %s", what)
		}
	}
}

// Open gives partitions to the task, with the offsets they start at, and returns
// those that it wants to start at instead.
func (s *Sink) Open(partitions ...sdk.PartitionOffset) ([]sdk.PartitionOffset, error) {
	s.t.Helper()
	s.id++
	m := &connectv1.SinkOpen{Id: s.id}
	for _, p := range partitions {
		s.offsets[sdk.TopicPartition{Topic: p.Topic, Partition: p.Partition}] = p.Offset
		m.Partitions = append(m.Partitions, &connectv1.PartitionOffset{Topic: p.Topic, Partition: p.Partition, Offset: p.Offset})
	}
	s.send(&connectv1.HostToSink{Message: &connectv1.HostToSink_Open{Open: m}})
	answer := s.next("Opened").GetOpened()
	if answer.GetId() != s.id {
		s.t.Fatalf("sdktest: Open %d was answered by %v", s.id, answer)
	}
	return offsetsOf(answer.GetRewind()), authorsError(answer.GetError())
}

// Close takes partitions away.
func (s *Sink) Close(partitions ...sdk.TopicPartition) error {
	s.t.Helper()
	s.id++
	m := &connectv1.SinkClose{Id: s.id}
	for _, p := range partitions {
		delete(s.offsets, p)
		m.Partitions = append(m.Partitions, &connectv1.TopicPartition{Topic: p.Topic, Partition: p.Partition})
	}
	s.send(&connectv1.HostToSink{Message: &connectv1.HostToSink_Close{Close: m}})
	answer := s.next("Closed").GetClosed()
	if answer.GetId() != s.id {
		s.t.Fatalf("sdktest: Close %d was answered by %v", s.id, answer)
	}
	return authorsError(answer.GetError())
}

// Flush asks what may be committed of what was put, as the host does before it
// commits offsets.
func (s *Sink) Flush() ([]sdk.PartitionOffset, error) {
	s.t.Helper()
	s.id++
	m := &connectv1.CommitRequest{Id: s.id}
	for p, offset := range s.offsets {
		m.Offsets = append(m.Offsets, &connectv1.PartitionOffset{Topic: p.Topic, Partition: p.Partition, Offset: offset})
	}
	s.send(&connectv1.HostToSink{Message: &connectv1.HostToSink_Commit{Commit: m}})
	answer := s.next("Committable").GetCommittable()
	if answer.GetId() != s.id {
		s.t.Fatalf("sdktest: Commit %d was answered by %v", s.id, answer)
	}
	offsets := offsetsOf(answer.GetOffsets())
	for _, o := range offsets {
		if put, ok := s.offsets[sdk.TopicPartition{Topic: o.Topic, Partition: o.Partition}]; !ok || o.Offset > put {
			s.t.Errorf("sdktest: the sink lets offset %d of %s-%d be committed, it was given those up to %d", o.Offset, o.Topic, o.Partition, put)
		}
	}
	err := authorsError(answer.GetError())
	if err != nil && len(offsets) > 0 {
		s.t.Errorf("sdktest: the sink lets offsets be committed in spite of an error: %v, %v", offsets, err)
	}
	return offsets, err
}

// Put gives batches to the task, all of them before it waits for the answers,
// and again those that a retriable error asks for. It returns what the sink
// reported and the error that ends the task, if any.
func (s *Sink) Put(batches ...[]data.SinkRecord) ([]Errant, error) {
	s.t.Helper()
	messages := make([]*connectv1.RecordBatch, len(batches))
	first := s.seq + 1
	for i, records := range batches {
		messages[i] = s.batch(records)
		s.send(&connectv1.HostToSink{Message: &connectv1.HostToSink_Batch{Batch: messages[i]}})
		messages[i].Schemas = nil // they cross a stream once, also when the batch has to come again
	}
	var errant []Errant
	for i := 0; i < len(batches); {
		m := s.next("PutResult")
		if f := m.GetFailed(); f != nil {
			return errant, authorsError(f.GetError())
		}
		result := m.GetPut()
		if want := first + uint64(i); result.GetSeq() != want {
			s.t.Fatalf("sdktest: batch %d was answered by %v", want, m)
		}
		err := authorsError(result.GetError())
		var e *sdk.Error
		if errors.As(err, &e) && e.Class == sdk.Retry {
			if s.retries++; s.retries > 1000 {
				s.t.Fatalf("sdktest: 1000 retriable errors, the last one: %v", err)
			}
			for _, again := range messages[i:] {
				s.send(&connectv1.HostToSink{Message: &connectv1.HostToSink_Batch{Batch: again}})
			}
			continue
		}
		if err != nil {
			return errant, err
		}
		for _, x := range result.GetErrant() {
			if int(x.GetIndex()) >= len(batches[i]) {
				s.t.Fatalf("sdktest: errant record %d of a batch of %d", x.GetIndex(), len(batches[i]))
			}
			errant = append(errant, Errant{batches[i][x.GetIndex()], authorsError(x.GetError())})
		}
		for _, r := range batches[i] {
			s.offsets[sdk.TopicPartition{Topic: r.Topic, Partition: r.Partition}] = r.Offset + 1
		}
		i++
	}
	return errant, nil
}

func (s *Sink) batch(records []data.SinkRecord) *connectv1.RecordBatch {
	s.t.Helper()
	s.builder.Reset()
	for _, r := range records {
		s.builder.Begin(r.Topic, r.Partition, r.Timestamp)
		s.builder.Key(r.Key)
		s.builder.Value(r.Value)
		for _, h := range r.Headers {
			s.builder.Header(h.Key, h.Value)
		}
		s.builder.Sink(r.Offset, r.TimestampType, "", 0)
		s.builder.End()
	}
	s.seq++
	m, err := s.builder.Batch(s.seq)
	if err != nil {
		s.t.Fatal(err)
	}
	return proto.Clone(m).(*connectv1.RecordBatch) // the builder uses its memory again
}

// Retries returns how often a batch had to come again.
func (s *Sink) Retries() int { return s.retries }

// Stop stops the task as a host does and waits until the stream has ended. The
// error is that of the author's Stop.
func (s *Sink) Stop() error {
	s.t.Helper()
	begin := time.Now()
	const deadline = Patience
	s.send(&connectv1.HostToSink{Message: &connectv1.HostToSink_Stop{Stop: &connectv1.Stop{DeadlineMs: uint64(deadline.Milliseconds())}}})
	_ = s.stream.CloseSend() // never fails
	stopped := s.next("Stopped").GetStopped()
	if stopped == nil {
		s.t.Fatal("sdktest: the sink did not answer Stop")
	}
	select {
	case m, ok := <-s.inbox:
		if ok {
			s.t.Errorf("sdktest: %v came after Stopped", m)
		} else if !errors.Is(s.over, io.EOF) {
			s.t.Errorf("sdktest: the stream did not end but broke: %v", s.over)
		}
	case <-time.After(Patience):
		s.t.Error("sdktest: the stream did not end")
	}
	if took := time.Since(begin); took > deadline {
		s.t.Errorf("sdktest: Stop took %v, the deadline was %v", took, deadline)
	}
	return authorsError(stopped.GetError())
}

func offsetsOf(in []*connectv1.PartitionOffset) []sdk.PartitionOffset {
	var out []sdk.PartitionOffset
	for _, p := range in {
		out = append(out, sdk.PartitionOffset{Topic: p.GetTopic(), Partition: p.GetPartition(), Offset: p.GetOffset()})
	}
	return out
}

// Records makes n records of text for a partition, from an offset on: their
// values are "topic-partition-offset".
func Records(topic string, partition int32, offset int64, n int) []data.SinkRecord {
	records := make([]data.SinkRecord, n)
	for i := range records {
		at := offset + int64(i)
		records[i] = data.SinkRecord{
			Topic: topic, Partition: partition, Offset: at, Timestamp: 1_700_000_000_000 + at, TimestampType: data.TimestampCreate,
			Key:   data.StringValue(fmt.Sprint(at)),
			Value: data.StringValue(fmt.Sprintf("%s-%d-%d", topic, partition, at)),
		}
	}
	return records
}
