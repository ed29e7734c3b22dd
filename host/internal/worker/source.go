package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/producer"
	"github.com/outboard-connect/outboard/host/internal/tolerance"
	"github.com/outboard-connect/outboard/host/internal/transform"
	"github.com/outboard-connect/outboard/plugin-sdk/client"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// Credit of a source task: what may be in flight between plugin and Kafka. Its bytes are the producer's buffer.memory, up to a limit: with much
// less, batches of large records are sent before they are full, and compress worse; with much more, small records leave the processor's caches.
const (
	creditBatches  = 512
	maxCreditBytes = 16 << 20
)

// unknownTopicRetries is how often a producer asks for a topic that does not exist (yet) before its record fails: about a minute, as long as
// Kafka's producer waits by default (max.block.ms). A broker that creates topics by itself may need seconds for it.
const unknownTopicRetries = 64

// recordWriter is what single records of a source task are handed to: a [producer.Producer], or franz-go's within transactions. Both keep
// the contract of the first.
type recordWriter interface {
	Produce(context.Context, *kgo.Record, func(*kgo.Record, error))
	TryProduce(context.Context, *kgo.Record, func(*kgo.Record, error))
	Flush(context.Context) error
	AbortBufferedRecords(context.Context) error
}

// sourceClient is the producer of a source task. It outlives attempts, so that
// the records of a dead process keep their order before those of the next one.
type sourceClient struct {
	kafka    *kgo.Client
	producer recordWriter
	// own is the producer, nil within transactions.
	own    *producer.Producer
	topics *topicCreator
	memory uint64 // in flight at most, in bytes
	stored *sourceOffsets
	// transaction is nil when the task delivers at least once.
	transaction *transaction
}

// close returns when copies of offsets are made, or ctx has ended.
func (c *sourceClient) close(ctx context.Context) {
	if c.own != nil {
		c.own.Close()
	}
	c.kafka.Close()
	c.stored.close(ctx)
}

// sourceRun is one attempt of a source task.
type sourceRun struct {
	*task
	stream     *client.SourceTask
	kafka      *kgo.Client
	producer   recordWriter
	own        *producer.Producer // the same, nil within transactions
	ahead      ahead              // of what own has got
	made       made               // that ahead refers to
	topicsMade *topicCreator
	stored     *sourceOffsets
	// transaction is nil when the task delivers at least once.
	transaction *transaction
	boundary    boundary
	operator    *tolerance.Operator
	letters     *tolerance.Letters // nil: there is no dead letter queue
	plain       plain              // for letters
	chain       *transform.Chain
	conv        *converters
	evolving    *evolving
	decoder     wire.Decoder
	submitted   *submitted
	credit      *credit
	partitions  map[string]string // interned source partitions
	// delivered is for plugins with the capability of that name, nil for others.
	delivered func(*batch)
	current   *attempt
	// interrupted: the task is to stop, and something was not decided; no more batches count.
	interrupted bool
	telling     sync.Mutex // of the state

	// ctx ends when the attempt fails; the cause says why.
	ctx  context.Context
	fail context.CancelCauseFunc
	// unhurried ends when the task is to stop, too: who waits to try again waits with it.
	unhurried context.Context
}

// runSource runs a source task in one process, until it is stopped (nil) or fails.
func (t *task) runSource(ctx context.Context, a *attempt) error {
	r, err := t.newSource(ctx)
	if errors.Is(err, errSuperseded) {
		t.log.Info("another worker, or a later generation of the connector's tasks, is about to run the task; waiting to be stopped")
		select {
		case <-t.stopping:
		case <-ctx.Done():
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer r.fail(nil)
	r.current = a
	unhurried, hurry := t.untilStop(r.ctx)
	defer hurry()
	r.unhurried = unhurried
	l, err := limits(t.config)
	if err != nil {
		return &permanentError{err}
	}
	start, err := t.start(a.connector.Class())
	if err != nil {
		return err
	}
	target, changed := t.desired()
	r.stream, err = client.StartSourceTask(r.ctx, a.lease.Process().Conn(), start, r.boundary.credit(), t.source.memory, target == TargetPaused, l)
	if err != nil {
		return explain(a.lease, err, "SourceTask.Start")
	}
	defer r.stream.Abort(nil)
	if slices.Contains(a.connector.Plugin.Description.GetCapabilities(), "delivered") {
		r.delivered = func(b *batch) { r.credit.tell(delivery(b), r.transaction == nil) }
	}
	go r.stopWhenAsked()
	err = r.stream.AwaitStarted(func(p [][]byte) ([][]byte, error) { return r.stored.read(r.ctx, p) })
	if err != nil {
		return r.why(a, &streamError{err}, "SourceTask.Start")
	}
	a.started()

	side, end := context.WithCancel(r.ctx)
	var aside sync.WaitGroup
	aside.Go(func() { r.credit.grant(side, r.stream) })
	if !r.boundary.batch {
		aside.Go(func() { r.commitRegularly(side) })
	}
	aside.Go(func() { r.followTarget(side, changed) })
	err = r.pump()
	end()
	aside.Wait()
	err = r.finish(a, err)
	if outlived(err) || r.transaction != nil && r.transaction.unknown {
		t.closeSource()
	}
	return err
}

func (t *task) newSource(ctx context.Context) (*sourceRun, error) {
	r := &sourceRun{task: t, submitted: newSubmitted(), credit: newCredit(), partitions: map[string]string{}, plain: plain{}}
	var err error
	if r.operator, err = t.operator(); err != nil {
		return nil, &permanentError{err}
	}
	if r.conv, err = newConverters(t.worker.settings.Properties, t.config); err != nil {
		return nil, &permanentError{err}
	}
	if r.chain, err = transform.NewChain(t.config); err != nil {
		return nil, &permanentError{err}
	}
	if r.letters, err = t.newLetters(ctx, r.operator); err != nil {
		return nil, err
	}
	if r.evolving, err = t.newEvolving(ctx); err != nil {
		return nil, err
	}
	if r.boundary, err = t.newBoundary(); err != nil {
		return nil, &permanentError{err}
	}
	if t.source == nil {
		if t.source, err = t.newSourceClient(ctx); err != nil {
			return nil, err
		}
	}
	r.kafka, r.producer, r.own = t.source.kafka, t.source.producer, t.source.own
	r.topicsMade, r.stored, r.transaction = t.source.topics, t.source.stored, t.source.transaction
	r.ctx, r.fail = context.WithCancelCause(ctx)
	return r, nil
}

func (t *task) newSourceClient(ctx context.Context) (*sourceClient, error) {
	w := t.worker
	ctx, cancel := t.untilStop(ctx)
	defer cancel()
	topics, err := newTopicCreator(w, t)
	if err != nil {
		return nil, &permanentError{err}
	}
	stored, err := w.sourceOffsets(t.name, t.config)
	if err != nil {
		return nil, &permanentError{err}
	}
	opts := []kgo.Opt{kgo.UnknownTopicRetries(unknownTopicRetries)}
	if !topics.enabled() {
		opts = append(opts, kgo.AllowAutoTopicCreation())
	}
	c := &sourceClient{topics: topics, stored: stored}
	var memory int64
	if w.settings.ExactlyOnceGroup != "" {
		if c.transaction, memory, err = t.exclusiveTransaction(ctx, stored, opts); err != nil {
			return nil, err
		}
		c.kafka, c.producer = c.transaction.producer, c.transaction.producer
	} else if c.kafka, memory, err = w.producer(t.spec.ID, t.config, t.log, opts...); err != nil {
		return nil, &permanentError{err}
	} else if c.own, err = producer.New(c.kafka, t.log); err != nil {
		c.kafka.Close()
		return nil, &permanentError{err}
	} else {
		c.producer = c.own
	}
	c.memory = uint64(min(memory, maxCreditBytes))
	if err := stored.open(ctx); err != nil {
		t.source = c
		t.closeSource()
		return nil, fmt.Errorf("the connector's own offsets: %w", err)
	}
	return c, nil
}

// closeSource ends the Kafka clients of the task.
func (t *task) closeSource() {
	ctx, cancel := context.WithTimeout(context.Background(), t.worker.settings.FlushTimeout)
	defer cancel()
	t.source.close(ctx)
	t.source = nil
}

// why returns the reason of a broken stream: a failure of the host's own, or
// what became of the process.
func (r *sourceRun) why(a *attempt, err error, doing string) error {
	if cause := context.Cause(r.ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	var broken *streamError
	var violation *client.ProtocolError
	if !errors.As(err, &broken) && !errors.As(err, &violation) {
		return err
	}
	return explain(a.lease, err, doing)
}

// stopWhenAsked tells the plugin to stop when the task is to end.
func (r *sourceRun) stopWhenAsked() {
	select {
	case <-r.stopping:
		_ = r.stream.Stop(r.worker.settings.GracefulTimeout)
	case <-r.ctx.Done():
	}
}

// followTarget pauses and resumes.
func (r *sourceRun) followTarget(ctx context.Context, changed <-chan struct{}) {
	for {
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
		var target Target
		target, changed = r.desired()
		r.tell()
		if target == TargetPaused {
			r.commitOpen()
		}
	}
}

// pump passes on what the plugin says until it is drained (nil) or fails.
func (r *sourceRun) pump() error {
	var failed error
	for {
		ev, err := r.stream.Next()
		switch {
		case err != nil:
			return &streamError{err}
		case ev.Batch != nil:
			if err := r.produce(ev.Batch); err != nil {
				return err
			}
		case ev.ReadOffsets != nil:
			go func() {
				offsets, err := r.stored.read(r.ctx, ev.ReadOffsets.GetPartitions())
				_ = r.stream.Offsets(ev.ReadOffsets, offsets, err)
			}()
		case ev.Retrying != nil:
			r.log.Warn("retriable error, will be tried again", "method", ev.Retrying.Method, "err", ev.Retrying.Message)
		case ev.Failed != nil:
			failed = ev.Failed
		case ev.Drained:
			return failed
		}
	}
}

// produce converts the records of a batch and hands them to the producer.
func (r *sourceRun) produce(f *wire.Frame) error {
	if r.gaveUp() {
		f.Release() // it comes again: no offset of it is stored
		return nil
	}
	if err := r.awaitLease(); err != nil {
		f.Release()
		return err
	}
	if err := r.decoder.Open(f.Batch); err != nil {
		f.Release()
		return &client.ProtocolError{Reason: err.Error()}
	}
	if r.transaction != nil {
		r.transaction.mu.Lock()
		defer r.transaction.mu.Unlock()
		if err := r.transaction.begin(); err != nil {
			f.Release()
			return err
		}
	}
	n := r.decoder.Len()
	b := r.submitted.next(f, n, r.refused, r.completed)
	b.open(n, r.own == nil, r.delivered)
	if r.own != nil {
		b.made = &r.made
	}
	handed, err := r.hand(b)
	if err == nil {
		err = r.keepOffsets(b)
	}
	b.offsets.Take(f.Batch)
	if r.own != nil {
		b.release()
	}
	if err == nil {
		b.filled(handed)
	}
	if err != nil {
		r.spoil()
		return r.hold(err)
	}
	if r.boundary.batch {
		return r.endTransaction()
	}
	return context.Cause(r.ctx)
}

// leaseLook is how often a task that may not write looks whether it may.
const leaseLook = 10 * time.Millisecond

// awaitLease returns when nobody else may run the task. What its process has said while this one stood still would come behind
// what others have written since.
func (r *sourceRun) awaitLease() error {
	for r.worker.lapsed() {
		select {
		case <-time.After(leaseLook):
		case <-r.unhurried.Done():
			return context.Cause(r.unhurried)
		}
	}
	return nil
}

// errInterrupted says that a task was asked to stop while it waited to try a record again. What is done with it is decided by whoever
// reads it next.
var errInterrupted = errors.New("the task is to stop, and has not found out what becomes of a record")

// ahead are records that follow each other in a batch, have one topic, and are about to be handed over, all at once: that is cheaper than one
// by one.
type ahead struct {
	records [64]kgo.Record
	count   int
	first   int // index of the first one
}

// handOver hands over what is ready to be.
func (r *sourceRun) handOver(b *batch) {
	if a := &r.ahead; a.count > 0 {
		r.own.Append(r.ctx, b, a.first, a.records[:a.count])
		a.count = 0
	}
}

// handAllOver is handOver when all that was made is for what is handed over: its memory is used again.
func (r *sourceRun) handAllOver(b *batch) {
	r.handOver(b)
	r.made.reset()
}

// hand makes the Kafka records of a batch and hands them to the producer. It returns how many the producer got.
func (r *sourceRun) hand(b *batch) (handed int, err error) {
	if r.own != nil {
		defer r.handAllOver(b)
	}
	now := time.Now()
	r.forgetTopics(now)
	r.decoder.EachOffset(b.note)
	if r.passes(b) {
		return r.pass(b, now)
	}
	var rec data.SourceRecord
	for i := 0; r.decoder.NextSource(&rec); i++ {
		k := r.room(b, i)
		keep, failed := r.transform(b, k, &rec, now)
		if failed != nil {
			if r.own != nil {
				r.handAllOver(b) // the other may take long
				k = r.room(b, i)
			}
			keep, failed = r.again(b, k, &rec, now, failed)
		}
		if failed != nil {
			if errors.Is(failed, errInterrupted) {
				return handed, errInterrupted
			}
			if err := r.evolving.stops(failed); err != nil {
				r.operator.Refused()
				return handed, err
			}
			f := r.failure(b, &rec, failed)
			err := r.operator.Handle(*f)
			if err != nil {
				if r.letters != nil {
					r.letters.Write(r.ctx, r.producer.Produce, f, func(error) {}) // err says more
				}
				return handed, err
			}
			if keep = r.letters != nil; keep {
				r.submitLetter(b, i, f)
				handed++
				continue
			}
		}
		if !keep {
			b.mark(i, 1)
			continue
		}
		r.usesTopic(k.Topic)
		if r.transaction != nil && k.Topic == r.stored.writes() {
			return handed, &permanentError{fmt.Errorf("a record is for topic %s, where the connector's offsets are: with exactly once, reading them would wait for it for ever; "+
				"change the record's topic, or set offsets.storage.topic", k.Topic)}
		}
		if err := r.topicsMade.ensure(r.ctx, k.Topic); err != nil {
			return handed, err
		}
		if b.delivered != nil {
			b.sent(i, k)
		}
		if r.own != nil {
			r.append(b, i, k)
		} else {
			r.producer.Produce(r.ctx, k, b.promise)
		}
		handed++
	}
	return handed, nil
}

// passes tells whether the records of a batch are values that Kafka gets as they are, and nothing else.
func (r *sourceRun) passes(b *batch) bool {
	return r.own != nil && b.delivered == nil && r.conv.value.opaque && r.chain.Empty() && r.evolving == nil && r.decoder.Plain()
}

// pass is hand for such a batch: there is nothing to convert, and nothing that could fail for a single record.
func (r *sourceRun) pass(b *batch, now time.Time) (handed int, err error) {
	var first data.SourceRecord
	r.decoder.NextSource(&first)
	r.usesTopic(first.Topic)
	if err := r.topicsMade.ensure(r.ctx, first.Topic); err != nil {
		return 0, err
	}
	var k kgo.Record
	address(&k, &first, now)
	values := producer.Values{Count: r.decoder.Len()}
	values.Blob, values.Lengths, values.Length = r.decoder.Values()
	r.own.AppendValues(r.ctx, b, 0, k, values)
	return r.decoder.Len(), nil
}

// room returns where the Kafka record of a record of the batch is to be made.
func (r *sourceRun) room(b *batch, index int) *kgo.Record {
	if r.own == nil {
		return &b.records[index]
	}
	return &r.ahead.records[r.ahead.count]
}

// append has the record, which is the next one of ahead, handed over, with others that follow.
func (r *sourceRun) append(b *batch, index int, k *kgo.Record) {
	a := &r.ahead
	if a.count > 0 && (a.first+a.count != index || a.records[0].Topic != k.Topic) {
		r.handOver(b)
		a.records[0] = *k
	}
	if a.count == 0 {
		a.first = index
	}
	if a.count++; a.count == len(a.records) {
		r.handAllOver(b)
	}
}

// submitLetter hands the dead letter of a record of the batch to the producer.
func (r *sourceRun) submitLetter(b *batch, index int, f *tolerance.Failure) {
	r.letters.Write(r.ctx, r.producer.Produce, f, func(err error) {
		if err != nil {
			r.fail(err)
			return
		}
		b.skip(index)
	})
}

// completed is called for each batch that Kafka has.
func (r *sourceRun) completed(cost int, written int64) {
	r.records.Add(written)
	r.credit.give(cost)
}

// delivery is the message that tells where the records of a batch went.
func delivery(b *batch) *connectv1.Delivered {
	m := &connectv1.Delivered{Seq: b.seq}
	topics := map[string]uint32{}
	for i := range b.places {
		p := &b.places[i]
		t, ok := topics[p.topic]
		if !ok {
			t = uint32(len(m.Topics))
			topics[p.topic] = t
			m.Topics = append(m.Topics, p.topic)
		}
		m.Topic = append(m.Topic, t)
		m.Partition = append(m.Partition, p.partition)
		m.Offset = append(m.Offset, p.offset)
		m.Timestamp = append(m.Timestamp, p.timestamp)
		m.KeySize = append(m.KeySize, p.keySize)
		m.ValueSize = append(m.ValueSize, p.valueSize)
	}
	return m
}

// size is that of a serialised key or value, -1 for null.
func size(b []byte) int32 {
	if b == nil {
		return -1
	}
	return int32(len(b))
}

// note remembers the last offset of each source partition.
func (b *batch) note(index int, offset []byte) {
	for i := len(b.last) - 1; i >= 0; i-- {
		if b.last[i].index == index {
			b.last[i].offset = offset
			return
		}
	}
	b.last = append(b.last, partitionOffset{index: index, offset: offset})
}

// keepOffsets names the partitions of the offsets noted, and copies these out of the frame. What could not be stored
// breaks the protocol here, where the plugin can be blamed, and not at the commit.
func (r *sourceRun) keepOffsets(b *batch) error {
	dictionary := r.decoder.SourcePartitions()
	for i := range b.last {
		l := &b.last[i]
		if l.index < 0 {
			return &client.ProtocolError{Reason: "a source offset has no source partition"}
		}
		if !isObject(l.offset) {
			return &client.ProtocolError{Reason: fmt.Sprintf("the source offset %.200q is not the text of a JSON object", l.offset)}
		}
		name, ok := r.partitions[string(dictionary[l.index])]
		if !ok {
			name = string(dictionary[l.index])
			if !isObject(dictionary[l.index]) {
				return &client.ProtocolError{Reason: fmt.Sprintf("the source partition %.200q is not the text of a JSON object", name)}
			}
			if len(r.partitions) < 100_000 {
				r.partitions[name] = name
			}
		}
		l.partition, l.text, l.offset = name, string(l.offset), nil
	}
	return nil
}

func isObject(text []byte) bool { return len(text) > 1 && text[0] == '{' && json.Valid(text) }

// recordFailure is a record that could not be transformed or converted.
type recordFailure struct {
	stage tolerance.Stage
	class string
	err   error
}

func (f *recordFailure) Error() string { return f.err.Error() }
func (f *recordFailure) Unwrap() error { return f.err }

// failure describes a record that could not be transformed or converted.
func (r *sourceRun) failure(b *batch, rec *data.SourceRecord, failed *recordFailure) *tolerance.Failure {
	f := &tolerance.Failure{
		Stage: failed.stage, Class: failed.class, Err: discreet(r.resolved.Load(), failed.err), Topic: rec.Topic, Partition: rec.Partition, Offset: -1,
		SourcePartition: bytes.Clone(rec.SourcePartition), SourceOffset: bytes.Clone(rec.SourceOffset), // they outlive the frame
	}
	if r.letters != nil {
		f.Record = r.plain.record(&b.made.arena, rec)
	}
	return f
}

// again tries a record again that could not be transformed or converted, as long as the connector's configuration wants it.
func (r *sourceRun) again(b *batch, k *kgo.Record, rec *data.SourceRecord, now time.Time, err *recordFailure) (keep bool, _ *recordFailure) {
	var attempt tolerance.Attempt
	for err != nil && r.operator.Again(r.unhurried, &attempt, err) {
		keep, err = r.transform(b, k, rec, now)
	}
	if attempt.Interrupted() {
		err.err = errInterrupted
	}
	return keep, err
}

// transform sends a record through the chain and converts what comes out.
func (r *sourceRun) transform(b *batch, k *kgo.Record, rec *data.SourceRecord, now time.Time) (bool, *recordFailure) {
	if r.chain.Empty() {
		return true, r.convert(b, k, rec, now)
	}
	t := transform.Record{
		Topic: rec.Topic, Partition: rec.Partition, Offset: transform.NoOffset, Timestamp: rec.Timestamp,
		Key: rec.Key, Value: rec.Value, Headers: rec.Headers,
	}
	keep, err := r.chain.Apply(&b.made.transformed, &t)
	if err != nil {
		return false, untransformed(err)
	}
	if !keep {
		return false, nil
	}
	out := data.SourceRecord{
		Topic: t.Topic, Partition: t.Partition, Timestamp: t.Timestamp, Key: t.Key, Value: t.Value, Headers: t.Headers,
	}
	return true, r.convert(b, k, &out, now)
}

// convert makes the Kafka record k of a record, as it is after the transformations. What it makes is in the memory of the batch, or of the frame.
func (r *sourceRun) convert(b *batch, k *kgo.Record, rec *data.SourceRecord, now time.Time) *recordFailure {
	if failed := r.evolving.check(rec); failed != nil {
		return failed
	}
	first := len(b.made.headers)
	if len(rec.Headers) > 0 {
		if failed := r.convertHeaders(b, rec); failed != nil {
			return failed
		}
	}
	// The record was used before, and all of it that a source sets is set: field by field, because to copy a record as a whole takes longer.
	var err error
	k.Key, k.Headers = nil, nil
	if rec.Key.Kind != data.KindNone { // else it is null in every format
		if k.Key, err = r.conv.key.fromConnect(b, rec.Topic, &rec.Key); err != nil {
			return &recordFailure{tolerance.KeyConverter, r.conv.names[0], err}
		}
	}
	if k.Value, err = r.conv.value.fromConnect(b, rec.Topic, &rec.Value); err != nil {
		return &recordFailure{tolerance.ValueConverter, r.conv.names[1], err}
	}
	if n := len(b.made.headers); n > first {
		k.Headers = b.made.headers[first:n:n]
	}
	address(k, rec, now)
	return nil
}

// address sets where a Kafka record goes, and its time: now, when the connector says none.
func address(k *kgo.Record, rec *data.SourceRecord, now time.Time) {
	k.Topic, k.Partition, k.Timestamp = rec.Topic, rec.Partition, now
	if rec.Timestamp != data.NoTimestamp {
		k.Timestamp = time.UnixMilli(rec.Timestamp)
	}
}

// convertHeaders adds the headers of a record to those of the batch.
func (r *sourceRun) convertHeaders(b *batch, rec *data.SourceRecord) *recordFailure {
	for _, h := range rec.Headers {
		v, err := r.conv.header.FromConnectHeader(&b.made.arena, rec.Topic, h.Key, h.Value)
		if err != nil {
			return &recordFailure{tolerance.HeaderConverter, r.conv.names[2], err}
		}
		b.made.headers = append(b.made.headers, kgo.RecordHeader{Key: h.Key, Value: v})
	}
	return nil
}

// refused decides about a record that Kafka does not take: whether it counts as
// done now. If not it stays open, for ever, or until its dead letter is written.
func (r *sourceRun) refused(b *batch, index int, k *kgo.Record, err error) bool {
	if r.ctx.Err() != nil || errors.Is(err, kgo.ErrAborting) || errors.Is(err, context.Canceled) {
		return false
	}
	if errors.Is(err, kerr.UnknownTopicID) {
		r.fail(&deletedTopicError{k.Topic, err}) // whatever the policy: it is not the record's fault
		return false
	}
	f := &tolerance.Failure{
		Stage: tolerance.KafkaProduce, Class: "org.apache.kafka.clients.producer.KafkaProducer", Err: explainProduce(k, err),
		Topic: k.Topic, Partition: k.Partition, Offset: -1, Record: k}
	if r.transaction != nil {
		r.fail(explainTransaction(f.Err)) // whatever the policy: nothing of the transaction may count
		return false
	}
	err = r.operator.Handle(*f)
	if err != nil {
		if r.letters == nil {
			r.fail(err)
			return false
		}
		r.letters.Write(r.ctx, r.producer.TryProduce, f, func(error) { r.fail(err) })
		return false
	}
	if r.letters == nil {
		return true
	}
	go r.submitLetter(b, index, f) // not here: the producer waits for this call
	return false
}

// finish settles what is in flight, commits it, and lets the plugin go. err is
// why the pump ended, nil when the plugin is drained.
func (r *sourceRun) finish(a *attempt, err error) error {
	timeout := r.worker.settings.FlushTimeout
	flush, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), timeout)
	defer cancel()
	if r.transaction != nil {
		return r.letGo(a, err, r.lastTransaction(flush, err))
	}
	if ferr := r.producer.Flush(flush); ferr != nil {
		r.log.Warn("records in flight were not acknowledged in time; they will be read again", "timeout", timeout, "batches", r.submitted.open())
		abort, done := context.WithTimeout(context.WithoutCancel(r.ctx), timeout)
		_ = r.producer.AbortBufferedRecords(abort)
		done()
	}
	r.submitted.abandon()
	return r.letGo(a, err, r.commit(flush))
}

// letGo lets the plugin go. acked tells whether all that was delivered is committed.
func (r *sourceRun) letGo(a *attempt, err error, acked bool) error {
	var author *client.AuthorError
	if err == nil || errors.As(err, &author) {
		if serr := r.stream.Finish(); serr != nil && err == nil {
			if errors.As(serr, &author) {
				r.log.Warn("the task's Stop failed", "err", author.Message)
			} else if r.isStopping() {
				r.log.Warn("the task did not stop in order", "err", serr)
			}
		}
		if err == nil && !acked {
			return fmt.Errorf("the last offsets could not be stored: what follows the stored ones will be read again")
		}
		return err
	}
	if r.killed.Err() != nil {
		a.lease.Fail(isolation.CauseStall, fmt.Errorf("task %s did not stop within %s", r.spec.ID, r.worker.settings.GracefulTimeout))
		return nil
	}
	return r.why(a, err, "SourceTask.Poll")
}

// credit is what is to be granted to the plugin.
type credit struct {
	batches, bytes atomic.Int64
	paused         atomic.Bool
	wake           chan struct{}

	mu        sync.Mutex
	delivered []*connectv1.Delivered
	withheld  []*connectv1.Delivered // until the transaction is committed
}

func newCredit() *credit { return &credit{wake: make(chan struct{}, 1)} }

// give returns the credit of a batch.
func (c *credit) give(cost int) {
	c.bytes.Add(int64(cost))
	c.batches.Add(1)
	c.signal()
}

// tell sends a message along with the credit: whoever completes a batch must not wait. One that does not count yet waits for release.
func (c *credit) tell(m *connectv1.Delivered, counts bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !counts {
		c.withheld = append(c.withheld, m)
		return
	}
	c.delivered = append(c.delivered, m)
	c.signal()
}

// release has what was withheld sent.
func (c *credit) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delivered, c.withheld = append(c.delivered, c.withheld...), nil
}

// sendDelivered sends what was told. An Ack must not overtake it.
func (c *credit) sendDelivered(stream *client.SourceTask) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.delivered {
		if stream.Delivered(m) != nil {
			break // the stream is gone, which its reader sees
		}
	}
	c.delivered = nil
}

func (c *credit) pause(on bool) {
	c.paused.Store(on)
	c.signal()
}

func (c *credit) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// grant sends credit to the plugin as it becomes free.
func (c *credit) grant(ctx context.Context, stream *client.SourceTask) {
	for {
		select {
		case <-c.wake:
		case <-ctx.Done():
			return
		}
		c.sendDelivered(stream)
		batches, bytes := c.batches.Swap(0), c.bytes.Swap(0)
		if stream.Grant(uint32(batches), uint64(bytes), c.paused.Load()) != nil {
			return
		}
	}
}
