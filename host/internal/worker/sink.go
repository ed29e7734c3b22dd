package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/tolerance"
	"github.com/outboard-connect/outboard/host/internal/transform"
	"github.com/outboard-connect/outboard/plugin-sdk/client"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// What may be on its way to a sink task.
const (
	windowBatches = 8
	windowBytes   = 8 << 20
	// batchBytes is the size at which a batch is sent though there are more records.
	batchBytes = 1 << 20
	// A poll brings this much at most, and one batch at least: the client fetches
	// what is next while batches are made of it.
	aheadBatches = 32
	aheadBytes   = 8 << 20
)

// sinkRun is one attempt of a sink task. One goroutine, loop, owns all of it.
type sinkRun struct {
	*task
	consumer *sinkConsumer
	stream   *client.SinkTask
	operator *tolerance.Operator
	post     *tolerance.Post // nil: there is no dead letter queue
	conv     *converters
	chain    *transform.Chain
	builder  wire.Builder
	seq      uint64

	// rec is the record being read, headers and transformed are its memory.
	rec         transform.Record
	headers     []data.Header
	transformed transform.Arena
	// unhurried ends when the task is to stop, too: who waits to try again waits with it.
	unhurried context.Context

	events  chan rebalance
	answers chan sinkAnswer
	sent    chan struct{} // the builder's memory is free again
	stored  chan stored   // a commit to the group has ended

	backlog    []*kgo.Record // fetched and not sent
	held       []*kgo.Record // the same, of partitions that the author paused
	recordSize int           // in the last batch, on average
	inflight   []*sentBatch  // sent and not put, oldest first
	bytes      int           // of inflight
	builderOut bool          // the builder's memory is on its way
	permit     uint64        // generation of the poll that is out, 0 for none
	generation uint64        // of the reading positions: a fetch of another one is void
	opening    int           // answers due to Open
	resend     int           // index in inflight of what is to be sent again, -1 for none
	retryAt    <-chan time.Time
	fetchAt    <-chan time.Time // no poll before, after one that brought errors only
	retryWait  time.Duration

	nextID     uint64
	committing *commitCycle
	due        bool // commit as soon as possible
	leaving    []*leaving
	paused     bool
	stopping   bool // drain, commit and end
	ended      bool // Stop was sent
}

// sentBatch is a batch on its way through the plugin.
type sentBatch struct {
	seq     uint64
	records []*kgo.Record // those in it: what could not be converted was skipped
	ends    []end
	gone    []topicPartition // left out when it is sent again
	bytes   int
	void    bool // its positions do not count any more
}

// end is the position behind the last record of a partition in a batch.
type end struct {
	topicPartition
	next int64
}

type sinkAnswer struct {
	ev  client.SinkEvent
	err error
}

// stored is the outcome of a commit to the group.
type stored struct {
	cycle *commitCycle
	err   error
	lost  error // a dead letter that could not be written: nothing was committed
}

// commitCycle is one commit, from the question to the plugin to the group's answer.
type commitCycle struct {
	id      uint64
	offsets map[topicPartition]kgo.EpochOffset
	began   time.Time
}

// leaving is a rebalance that takes partitions away and waits for their records.
type leaving struct {
	rebalance
	deadline  time.Time
	committed bool
}

// runSink runs a sink task in one process, until it is stopped (nil) or fails.
func (t *task) runSink(ctx context.Context, a *attempt) error {
	r := &sinkRun{
		task: t, events: make(chan rebalance), answers: make(chan sinkAnswer, 16), sent: make(chan struct{}, 1),
		stored: make(chan stored, 1), resend: -1,
	}
	var err error
	if r.operator, err = t.operator(); err != nil {
		return &permanentError{err}
	}
	if r.conv, err = newConverters(t.worker.settings.Properties, t.config); err != nil {
		return &permanentError{err}
	}
	if r.chain, err = transform.NewChain(t.config); err != nil {
		return &permanentError{err}
	}
	l, err := limits(t.config)
	if err != nil {
		return &permanentError{err}
	}
	start, err := t.start(a.connector.Class())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	unhurried, hurry := t.untilStop(ctx)
	defer hurry()
	r.unhurried = unhurried
	if r.post, err = t.newPost(ctx, r.operator); err != nil {
		return err
	}
	if r.post != nil {
		defer r.closePost()
	}
	r.stream, err = client.StartSinkTask(ctx, a.lease.Process().Conn(), start, r.operator.Reports(), func(*connectv1.RecordBatch) { r.sent <- struct{}{} }, l)
	if err != nil {
		return explain(a.lease, err, "SinkTask.Start")
	}
	defer r.stream.Abort(nil)
	if err := r.stream.AwaitStarted(); err != nil {
		return explain(a.lease, err, "SinkTask.Start")
	}
	if t.sink == nil {
		t.evictPredecessor(unhurried)
		if t.sink, err = t.newSinkConsumer(); err != nil {
			return &permanentError{err}
		}
	}
	r.consumer = t.sink
	go r.listen(ctx)
	err = r.loop(ctx, a)
	r.consumer.detach()
	if outlived(err) {
		r.consumer.close()
		t.sink = nil
	}
	return r.explain(a, err)
}

func (r *sinkRun) explain(a *attempt, err error) error {
	var broken *streamError
	switch {
	case err == nil:
		return nil
	case r.killed.Err() != nil:
		a.lease.Fail(isolation.CauseStall, fmt.Errorf("task %s did not stop within %s", r.spec.ID, r.worker.settings.GracefulTimeout))
		return nil
	case errors.As(err, &broken):
		doing := "SinkTask"
		if method, _ := r.stream.Busy(); method != "" {
			doing = method
		} else if len(r.inflight) > 0 {
			doing = "SinkTask.Put"
		}
		return explain(a.lease, broken.err, doing)
	}
	return err
}

// closePost waits for the dead letters that no commit has waited for: that of
// the record for which the task fails.
func (r *sinkRun) closePost() {
	ctx, cancel := context.WithTimeout(context.Background(), r.worker.settings.FlushTimeout)
	defer cancel()
	if err := r.post.Flush(ctx); err != nil {
		r.log.Error("a dead letter was not written; its record will be read again", "err", err)
	}
	r.post.Close()
}

// listen passes the plugin's answers to the loop.
func (r *sinkRun) listen(ctx context.Context) {
	for {
		ev, err := r.stream.Next()
		select {
		case r.answers <- sinkAnswer{ev, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// loop is the life of the attempt.
func (r *sinkRun) loop(ctx context.Context, a *attempt) error {
	target, changed := r.desired()
	r.paused = target == TargetPaused
	a.started()
	r.begin(r.consumer.attach(r.events))
	commits := time.NewTicker(r.worker.settings.FlushInterval)
	defer commits.Stop()
	stopping := r.runner.stopping
	for {
		if err := r.advance(); err != nil {
			return err
		}
		var patience <-chan time.Time
		if len(r.leaving) > 0 {
			patience = time.After(100 * time.Millisecond)
		}
		select {
		case f := <-r.consumer.fetched:
			if err := r.take(f); err != nil {
				return err
			}
		case an := <-r.answers:
			if an.err == io.EOF && r.ended {
				return nil
			}
			if an.err != nil {
				return &streamError{an.err}
			}
			if err := r.answer(an.ev); err != nil {
				return err
			}
		case <-r.sent:
			r.builderOut = false
			r.builder.Reset()
		case ev := <-r.events:
			r.rebalance(ev)
		case s := <-r.stored:
			if err := r.committed(s); err != nil {
				return err
			}
		case <-r.retryAt:
			r.retryAt, r.resend = nil, 0
		case <-r.fetchAt:
			r.fetchAt = nil
		case <-commits.C:
			r.due = true
		case now := <-patience:
			r.giveUpLeaving(now)
		case <-changed:
			target, changed = r.desired()
			r.paused = target == TargetPaused
			r.due = r.due || r.paused
			a.started()
		case <-stopping:
			stopping = nil
			r.drain()
		case <-ctx.Done():
			return &streamError{context.Cause(ctx)}
		}
	}
}

// drain begins the end: what is on its way is waited for, unless it is to be
// given again.
func (r *sinkRun) drain() {
	r.stopping, r.due, r.backlog, r.held = true, true, nil, nil
	if r.retryAt != nil || r.resend >= 0 {
		r.inflight, r.bytes, r.retryAt, r.resend = nil, 0, nil, -1
	}
}

// begin opens partitions that the task has already and goes back to what is
// committed: what an earlier attempt sent and did not commit is read again. Its
// author's pauses have ended with it.
func (r *sinkRun) begin(partitions []topicPartition) {
	if paused := r.consumer.client.PauseFetchPartitions(nil); len(paused) > 0 {
		r.consumer.client.ResumeFetchPartitions(paused)
	}
	back := map[topicPartition]int64{}
	for _, tp := range partitions {
		p := r.consumer.position(tp)
		if p != nil && p.committed >= 0 {
			p.put, p.next = p.committed, p.committed
			back[tp] = p.committed
		}
	}
	r.seekTo(back)
	r.open(partitions)
}

// seekTo goes on reading elsewhere. Whatever was fetched is void, so the other
// partitions go on where they are.
func (r *sinkRun) seekTo(to map[topicPartition]int64) {
	if len(to) == 0 && r.generation > 0 {
		return
	}
	r.consumer.each(func(tp topicPartition, p *position) {
		if _, ok := to[tp]; !ok && p.next >= 0 {
			to[tp] = p.next
		}
	})
	r.generation = r.consumer.nextGeneration()
	r.backlog, r.held = nil, nil
	r.consumer.seek(to)
}

func (r *sinkRun) open(partitions []topicPartition) {
	if len(partitions) == 0 {
		return
	}
	r.nextID++
	r.opening++
	list := make([]*connectv1.PartitionOffset, len(partitions))
	for i, tp := range partitions {
		list[i] = &connectv1.PartitionOffset{Topic: tp.topic, Partition: tp.partition, Offset: -1}
		if p := r.consumer.position(tp); p != nil && p.committed >= 0 {
			list[i].Offset = p.committed
		}
	}
	r.stream.Open(r.nextID, list)
}

// advance does what can be done without waiting.
func (r *sinkRun) advance() error {
	for !r.builderOut && r.retryAt == nil {
		if r.resend >= 0 {
			err := r.send(r.inflight[r.resend])
			if errors.Is(err, errInterrupted) {
				break
			}
			if err != nil {
				return err
			}
			if r.resend++; r.resend == len(r.inflight) {
				r.resend = -1
			}
			continue
		}
		// A poll that was out when the pause came still brings records: they wait.
		if r.paused || len(r.backlog) == 0 || len(r.inflight) >= windowBatches || r.bytes >= windowBytes || r.opening > 0 {
			break
		}
		err := r.sendNext()
		if errors.Is(err, errInterrupted) {
			break
		}
		if err != nil {
			return err
		}
	}
	r.settleLeaving()
	if r.due && r.committing == nil && (!r.stopping && len(r.leaving) == 0 || r.drained()) {
		r.startCommit()
	}
	if r.stopping && !r.due && r.committing == nil && r.drained() && len(r.leaving) == 0 && !r.ended {
		r.ended = true
		r.stream.Stop(r.worker.settings.GracefulTimeout)
	}
	idle := len(r.backlog) == 0 && len(r.inflight) < windowBatches && r.bytes < windowBytes && r.opening == 0 && r.retryAt == nil
	if idle && r.permit == 0 && r.fetchAt == nil && !r.paused && !r.stopping {
		r.permit = r.generation
		r.consumer.permits <- permit{r.permit, r.ahead()}
	}
	return nil
}

// ahead is how many records a poll may bring. Nothing is known of their size before the first batch.
func (r *sinkRun) ahead() int {
	if r.recordSize == 0 {
		return r.consumer.records
	}
	return max(min(aheadBatches*r.consumer.records, aheadBytes/r.recordSize), r.consumer.records)
}

func (r *sinkRun) drained() bool { return len(r.inflight) == 0 && len(r.backlog) == 0 }

// take accepts the result of a poll and lets the group go on.
func (r *sinkRun) take(f fetch) error {
	defer r.consumer.client.AllowRebalance()
	if f.generation == r.permit {
		r.permit = 0 // else it is what an earlier attempt left behind
	}
	if r.stopping {
		return nil
	}
	if f.generation != r.generation {
		r.fetchAgain(f)
		return nil
	}
	for _, e := range f.Errors() {
		if err := fetchError(e); err != nil {
			return err
		}
		if !errors.Is(e.Err, context.Canceled) {
			r.log.Warn("fetching failed and is tried again", "topic", e.Topic, "partition", e.Partition, "err", e.Err)
		}
	}
	if len(f.Errors()) > 0 && f.Empty() {
		r.fetchAt = time.After(time.Second)
	}
	r.forgetTopics(time.Now())
	paused := r.consumer.pausedByAuthor()
	r.backlog = slices.Grow(r.backlog, f.NumRecords())
	f.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) == 0 {
			return
		}
		pos := r.consumer.position(topicPartition{p.Topic, p.Partition})
		if pos == nil {
			return // it was taken away in the meantime
		}
		if pos.committed < 0 {
			pos.committed = p.Records[0].Offset
		}
		if pos.next < 0 {
			pos.next = p.Records[0].Offset
		}
		if paused(p.Topic, p.Partition) {
			r.held = append(r.held, p.Records...)
		} else {
			r.backlog = append(r.backlog, p.Records...)
		}
		r.usesTopic(p.Topic)
	})
	return nil
}

// fetchAgain goes back to what a void fetch has taken from the client: the poll
// was out when reading went elsewhere, and what it brought may be from there.
func (r *sinkRun) fetchAgain(f fetch) {
	to := map[topicPartition]int64{}
	f.EachPartition(func(p kgo.FetchTopicPartition) {
		tp := topicPartition{p.Topic, p.Partition}
		if pos := r.consumer.position(tp); pos != nil && len(p.Records) > 0 {
			to[tp] = p.Records[0].Offset
			if pos.next >= 0 {
				to[tp] = pos.next
			}
		}
	})
	if len(to) > 0 {
		r.seekTo(to)
	}
}

// fetchError returns the errors of a fetch that do not go away by themselves.
func fetchError(e kgo.FetchError) error {
	switch {
	case errors.Is(e.Err, kerr.TopicAuthorizationFailed):
		return fmt.Errorf("not allowed to read topic %s: give the worker's consumer the right to: %w", e.Topic, e.Err)
	case errors.Is(e.Err, kerr.UnknownTopicID):
		return &deletedTopicError{e.Topic, e.Err}
	case errors.Is(e.Err, kerr.GroupAuthorizationFailed):
		return fmt.Errorf("not allowed to join the consumer group: give the worker's consumer the right to: %w", e.Err)
	}
	var lost *kgo.ErrDataLoss
	if errors.As(e.Err, &lost) {
		return nil // reported by the log; reading goes on
	}
	return nil
}

// sendNext converts records of the backlog into a batch and sends it.
func (r *sinkRun) sendNext() error {
	b := &sentBatch{}
	n, skipped := 0, false
	for n < min(len(r.backlog), r.consumer.records) && r.builder.Bytes() < batchBytes {
		k := r.backlog[n]
		added, err := r.add(k)
		if errors.Is(err, errInterrupted) && n > 0 {
			break // what comes before it is sent
		}
		if err != nil {
			return err
		}
		if !added && !skipped {
			b.records, skipped = slices.Clone(r.backlog[:n]), true
		}
		if added && skipped {
			b.records = append(b.records, k)
		}
		n++
	}
	if !skipped {
		b.records = r.backlog[:n:n]
	}
	r.ends(b, r.backlog[:n])
	if r.backlog = r.backlog[n:]; len(r.backlog) == 0 {
		r.backlog = nil
	}
	r.seq++
	b.seq = r.seq
	r.inflight = append(r.inflight, b)
	if err := r.dispatch(b); err != nil {
		return err
	}
	r.bytes += b.bytes
	r.recordSize = b.bytes / n
	return nil
}

// hold sorts what is fetched after the author has paused or resumed partitions.
func (r *sinkRun) hold() {
	paused := r.consumer.pausedByAuthor()
	fetched := slices.Concat(r.held, r.backlog)
	r.held, r.backlog = nil, nil
	for _, k := range fetched {
		if paused(k.Topic, k.Partition) {
			r.held = append(r.held, k)
		} else {
			r.backlog = append(r.backlog, k)
		}
	}
}

// ends notes where a batch of these records ends in each partition.
func (r *sinkRun) ends(b *sentBatch, records []*kgo.Record) {
	for i := 0; i < len(records); {
		k := records[i]
		for i < len(records) && records[i].Partition == k.Partition && records[i].Topic == k.Topic {
			k = records[i]
			i++
		}
		tp := topicPartition{k.Topic, k.Partition}
		if p := r.consumer.position(tp); p != nil {
			p.next, p.epoch = k.Offset+1, k.LeaderEpoch
			b.ends = append(b.ends, end{tp, k.Offset + 1})
		}
	}
}

// send builds and sends a batch again.
func (r *sinkRun) send(b *sentBatch) error {
	records := without(b.records, b.gone)
	b.records = nil
	for _, k := range records {
		added, err := r.add(k)
		if err != nil {
			return err
		}
		if added {
			b.records = append(b.records, k)
		}
	}
	r.bytes -= b.bytes
	if err := r.dispatch(b); err != nil {
		return err
	}
	r.bytes += b.bytes
	return nil
}

func (r *sinkRun) dispatch(b *sentBatch) error {
	b.bytes = r.builder.Bytes()
	m, err := r.builder.Batch(b.seq)
	if err != nil {
		return &permanentError{err}
	}
	r.builderOut = true
	r.stream.Put(m)
	r.conv.arena.Reset()
	r.transformed.Reset()
	return nil
}

// answer handles what the plugin says.
func (r *sinkRun) answer(ev client.SinkEvent) error {
	switch {
	case ev.Put != nil:
		return r.putResult(ev.Put)
	case ev.Opened != nil:
		r.opening--
		if e := client.AuthorErrorOf(ev.Opened.GetError(), "SinkTask.Open"); e != nil {
			return e
		}
		r.rewind(ev.Opened.GetRewind())
	case ev.Committable != nil:
		return r.committable(ev.Committable)
	case ev.Closed != nil:
		if e := client.AuthorErrorOf(ev.Closed.GetError(), "SinkTask.Close"); e != nil {
			return e
		}
	case ev.Errant != nil:
		return r.lateErrant(ev.Errant)
	case ev.Request != nil:
		r.requested(ev.Request)
	case ev.Failed != nil:
		return ev.Failed
	}
	return nil
}

// putResult handles the outcome of the oldest batch.
func (r *sinkRun) putResult(m *connectv1.PutResult) error {
	if len(r.inflight) == 0 || r.inflight[0].seq != m.GetSeq() || r.resend == 0 {
		return r.violation(fmt.Sprintf("a result came for batch %d, which is not the oldest on its way", m.GetSeq()))
	}
	head := r.inflight[0]
	if e := client.AuthorErrorOf(m.GetError(), "SinkTask.Put"); e != nil {
		if !e.Retriable {
			return e
		}
		r.retryWait = min(max(2*r.retryWait, 100*time.Millisecond), 10*time.Second)
		if e.RetryAfter > 0 {
			r.retryWait = e.RetryAfter
		}
		r.log.Warn("retriable error, the batch will be given again", "method", e.Method, "err", e.Message, "in", r.retryWait)
		r.retryAt = time.After(r.retryWait)
		r.resend = -1
		return nil
	}
	r.retryWait = 0
	for _, e := range m.GetErrant() {
		if int(e.GetIndex()) >= len(head.records) {
			return r.violation(fmt.Sprintf("errant record %d of a batch of %d", e.GetIndex(), len(head.records)))
		}
		if err := r.errant(head.records[e.GetIndex()], client.AuthorErrorOf(e.GetError(), "SinkTask.Put")); err != nil {
			return err
		}
	}
	r.inflight = r.inflight[1:]
	if r.resend > 0 {
		r.resend--
	}
	r.bytes -= head.bytes
	r.records.Add(int64(len(head.records)))
	for _, e := range head.ends {
		if p := r.consumer.position(e.topicPartition); p != nil && !head.void {
			p.put = e.next
		}
	}
	for _, k := range head.records {
		k.Recycle()
	}
	return nil
}

func (r *sinkRun) violation(reason string) error {
	err := &client.ProtocolError{Reason: reason}
	return &streamError{err}
}

// errant applies the error handling to a record that the system does not take.
func (r *sinkRun) errant(k *kgo.Record, e *client.AuthorError) error {
	f := r.refusal(k, e)
	f.Record = k
	return r.handle(f)
}

// lateErrant is errant for a record that was put before; its content is gone.
func (r *sinkRun) lateErrant(m *connectv1.Errant) error {
	k := &kgo.Record{Topic: m.GetTopic(), Partition: m.GetPartition(), Offset: m.GetOffset()}
	err := r.handle(r.refusal(k, client.AuthorErrorOf(m.GetError(), "SinkTask")))
	r.stream.ErrantHandled(m.GetId(), err)
	return err
}

// refusal is the failure of a record that the system does not take.
func (r *sinkRun) refusal(k *kgo.Record, e *client.AuthorError) tolerance.Failure {
	if e == nil {
		e = &client.AuthorError{Method: "SinkTask.Put", Message: "no reason given"}
	}
	return tolerance.Failure{
		Stage: tolerance.TaskPut, Class: r.config["connector.class"], Err: discreet(r.resolved.Load(), e), Topic: k.Topic, Partition: k.Partition, Offset: k.Offset}
}

// requested handles what an author asks between calls.
func (r *sinkRun) requested(q *connectv1.SinkRequest) {
	if p := r.ownedOf(q.GetPause()); len(p) > 0 {
		r.consumer.client.PauseFetchPartitions(p)
		r.hold()
	}
	if p := r.ownedOf(q.GetResume()); len(p) > 0 {
		r.consumer.client.ResumeFetchPartitions(p)
		r.hold()
	}
	r.rewind(q.GetRewind())
	r.due = r.due || q.GetCommit()
}

func (r *sinkRun) ownedOf(list []*connectv1.TopicPartition) map[string][]int32 {
	m := map[string][]int32{}
	for _, p := range list {
		if r.consumer.position(topicPartition{p.GetTopic(), p.GetPartition()}) != nil {
			m[p.GetTopic()] = append(m[p.GetTopic()], p.GetPartition())
		}
	}
	return m
}

// rewind reads partitions again, or further on.
func (r *sinkRun) rewind(list []*connectv1.PartitionOffset) {
	to := map[topicPartition]int64{}
	for _, o := range list {
		tp := topicPartition{o.GetTopic(), o.GetPartition()}
		if p := r.consumer.position(tp); p != nil && o.GetOffset() >= 0 {
			to[tp] = o.GetOffset()
			p.next, p.put, p.committed = o.GetOffset(), o.GetOffset(), o.GetOffset()
		}
	}
	if len(to) == 0 {
		return
	}
	// What is on its way for these partitions no longer says where they are.
	for _, b := range r.inflight {
		b.ends = slices.DeleteFunc(b.ends, func(e end) bool { _, ok := to[e.topicPartition]; return ok })
	}
	r.seekTo(to)
}
