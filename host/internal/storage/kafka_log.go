package storage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// KafkaLog is a [Log] over a compacted topic. It reads all partitions, those added later too, and writes an entry to
// the partition that Kafka's default partitioner gives its key, so that other writers' entries of the key meet ours.
type KafkaLog struct {
	topic   string
	topicID [16]byte
	// committed: what a transaction wrote is delivered when it is committed.
	committed bool
	logger    hclog.Logger
	client    *kgo.Client
	admin     *kadm.Client

	ctx     context.Context // ends with Close, or when the log failed
	cancel  context.CancelFunc
	running sync.WaitGroup // follow and watch
	doubt   chan struct{}  // has room for one: ask whether the topic is still there

	mu       sync.Mutex
	followed bool
	next     map[int32]int64 // by partition: the offset after the last one delivered
	moved    chan struct{}   // closed and replaced when next changed
	failed   chan struct{}
	err      error
}

// Times of KafkaLog.
const (
	stallCheck = time.Second            // without progress for so long, look whether there is anything left to deliver
	errorPause = 250 * time.Millisecond // after an error of the broker
	topicGrace = 10 * time.Second       // a topic that is missing for longer is deleted; a starting broker may not know it yet
)

// OpenKafkaLog creates the topic when there is none, checks that it is what a log needs, and connects to it. It waits for
// the brokers as long as ctx allows.
func OpenKafkaLog(ctx context.Context, t Topic, clientOptions []kgo.Opt, logger hclog.Logger) (*KafkaLog, error) {
	admin := t.Admin
	if admin == nil {
		admin = clientOptions
	}
	id, err := t.ensure(ctx, admin, logger)
	if err != nil {
		return nil, err
	}
	isolation := kgo.ReadUncommitted()
	if t.ReadCommitted {
		isolation = kgo.ReadCommitted()
	}
	client, err := kgo.NewClient(append(slices.Clone(clientOptions),
		kgo.ConsumeTopics(t.Name),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		// A log that was cut is read again from its start: entries are state.
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(isolation),
		kgo.FetchMaxWait(500*time.Millisecond),
		// The end of a transaction takes an offset of its own, which counts when the log is read to its end.
		kgo.KeepControlRecords(),
		// Without them a deleted topic would look like an idle one.
		kgo.KeepRetryableFetchErrors(),

		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
	)...)
	if err != nil {
		return nil, fmt.Errorf("topic %s: Kafka client settings: %w", t.Name, err)
	}
	l := &KafkaLog{
		topic: t.Name, topicID: id, committed: t.ReadCommitted, logger: logger.With("topic", t.Name),
		client: client, admin: kadm.NewClient(client),
		doubt: make(chan struct{}, 1), next: map[int32]int64{}, moved: make(chan struct{}), failed: make(chan struct{}),
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l, nil
}

// Follow implements [Log]. When committed records are read, those of transactions that are still open are not waited for.
func (l *KafkaLog) Follow(ctx context.Context, fn func(Entry)) error {
	l.mu.Lock()
	if l.followed {
		l.mu.Unlock()
		return errFollowed
	}
	l.followed = true
	l.mu.Unlock()
	if l.ctx.Err() != nil {
		return ErrClosed
	}
	l.running.Go(func() { l.follow(fn) })
	l.running.Go(l.watch)
	if !l.committed {
		return l.Sync(ctx)
	}
	// Whose transaction is open may have to be started, after this, to end it: what it hides is for Sync to wait for.
	ends, err := l.ends(ctx, l.admin.ListCommittedOffsets)
	if err != nil {
		return err
	}
	return l.reach(ctx, ends)
}

// Append implements [Log].
func (l *KafkaLog) Append(ctx context.Context, entries ...Entry) error {
	if err := l.usable(); err != nil {
		return err
	}
	for _, e := range entries {
		if e.Key == nil {
			return errNoKey
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// Records live as long as the log, not as the caller's context: the client fails all records of a partition when it
	// has to give one up, those of other callers too.
	results := make(chan error, len(entries))
	for _, e := range entries {
		l.client.TryProduce(l.ctx, &kgo.Record{Topic: l.topic, Key: slices.Clone(e.Key), Value: cloneValue(e.Value)},
			func(_ *kgo.Record, err error) { results <- err })
	}
	var failure error
	for range entries {
		select {
		case err := <-results:
			if failure == nil {
				failure = err
			}
		case <-ctx.Done():
			return fmt.Errorf("topic %s did not take the record in time: %w", l.topic, ctx.Err())
		case <-l.ctx.Done():
			return l.usable()
		}
	}
	if failure == nil {
		return nil
	}
	if isMissing(failure) {
		l.suspect()
	}
	if err := l.usable(); err != nil {
		return err
	}
	return fmt.Errorf("topic %s did not take the record: %w", l.topic, failure)
}

// cloneValue copies a value and keeps a tombstone a tombstone.
func cloneValue(v []byte) []byte {
	if v == nil {
		return nil
	}
	return append([]byte{}, v...)
}

// Sync implements [Log]. The high watermark counts for readers of committed records too: what the last stable offset hides
// behind an open transaction may be what the caller asks for.
func (l *KafkaLog) Sync(ctx context.Context) error {
	ends, err := l.ends(ctx, l.admin.ListEndOffsets)
	if err != nil {
		return err
	}
	return l.reach(ctx, ends)
}

// reach returns when all up to ends is delivered.
func (l *KafkaLog) reach(ctx context.Context, ends map[int32]int64) error {
	for {
		l.mu.Lock()
		behind, moved := l.behind(ends), l.moved
		l.mu.Unlock()
		if len(behind) == 0 {
			return nil
		}
		select {
		case <-moved:
		case <-time.After(stallCheck):
			l.skipEmpty(ctx, behind)
		case <-ctx.Done():
			return fmt.Errorf("topic %s was not read to its end in time: %w", l.topic, ctx.Err())
		case <-l.ctx.Done():
			return l.usable()
		}
	}
}

// ends asks for the offset after the last record of each partition.
func (l *KafkaLog) ends(ctx context.Context, list func(context.Context, ...string) (kadm.ListedOffsets, error)) (map[int32]int64, error) {
	for {
		if err := l.usable(); err != nil {
			return nil, err
		}
		listed, err := list(ctx, l.topic)
		if err == nil {
			err = listed.Error()
		}
		if err == nil && len(listed[l.topic]) > 0 {
			ends := map[int32]int64{}
			listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = o.Offset })
			return ends, nil
		}
		if err == nil || isMissing(err) {
			l.suspect()
		}
		select {
		case <-time.After(errorPause):
		case <-ctx.Done():
			return nil, fmt.Errorf("the end of topic %s is unknown: %w", l.topic, errors.Join(ctx.Err(), err))
		case <-l.ctx.Done():
		}
	}
}

// behind returns the partitions that are not delivered up to ends, with the offset wanted next. The caller holds the lock.
func (l *KafkaLog) behind(ends map[int32]int64) map[int32]int64 {
	behind := map[int32]int64{}
	for p, end := range ends {
		if next := l.next[p]; next < end {
			behind[p] = next
		}
	}
	return behind
}

// usable returns why the log cannot be used, nil when it can.
func (l *KafkaLog) usable() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.err != nil:
		return l.err
	case l.ctx.Err() != nil:
		return ErrClosed
	case !l.followed:
		return errNotFollowed
	}
	return nil
}

// follow delivers what is fetched until the log is closed or failed.
func (l *KafkaLog) follow(fn func(Entry)) {
	for l.ctx.Err() == nil {
		fetches := l.client.PollFetches(l.ctx)
		if l.ctx.Err() != nil {
			return
		}
		l.deliver(fetches, fn)
		if problems := fetches.Errors(); len(problems) > 0 {
			l.report(problems)
			select {
			case <-time.After(errorPause):
			case <-l.ctx.Done():
			}
		}
	}
}

func (l *KafkaLog) deliver(fetches kgo.Fetches, fn func(Entry)) {
	reached := map[int32]int64{}
	fetches.EachRecord(func(r *kgo.Record) {
		if !r.Attrs.IsControl() && r.Key != nil { // a record without a key means nothing in a compacted log
			fn(Entry{Key: r.Key, Value: r.Value, Offset: r.Offset})
		}
		reached[r.Partition] = r.Offset + 1
	})
	l.advance(reached)
}

// advance moves the partitions on and wakes those who wait for it.
func (l *KafkaLog) advance(reached map[int32]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, next := range reached {
		l.next[p] = max(l.next[p], next)
	}
	close(l.moved)
	l.moved = make(chan struct{})
}

// report decides what the errors of a fetch mean. Those that heal are left to the client, which goes on by itself.
func (l *KafkaLog) report(problems []kgo.FetchError) {
	for _, p := range problems {
		var lost *kgo.ErrDataLoss
		switch {
		case isMissing(p.Err):
			l.suspect()
		case errors.As(p.Err, &lost):
			l.logger.Warn("the topic lost records that were read already; it is read again from its start", "partition", p.Partition, "err", p.Err)
		case isTransient(p.Err):
			l.logger.Debug("reading the topic is held up", "partition", p.Partition, "err", p.Err)
		default:
			l.logger.Warn("reading the topic is held up; trying on", "partition", p.Partition, "err", p.Err)
		}
	}
}

// skipEmpty moves partitions on over offsets that hold no record any more: compaction and retention leave gaps, and a
// gap at the end of a partition brings no record that could show it.
func (l *KafkaLog) skipEmpty(ctx context.Context, behind map[int32]int64) {
	l.client.ForceMetadataRefresh() // the partition may be a new one that the client has not seen
	starts, err := l.admin.ListStartOffsets(ctx, l.topic)
	if err != nil {
		return // the next check tries again
	}
	reached := map[int32]int64{}
	for p, next := range behind {
		if start, ok := starts.Lookup(l.topic, p); ok && start.Err == nil && start.Offset > next {
			reached[p] = start.Offset
		} else if end, ok := l.emptyFrom(ctx, p, next); ok {
			reached[p] = end
		}
	}
	l.advance(reached)
}

// emptyFrom tells whether a partition has no records between next and the offset it returns.
func (l *KafkaLog) emptyFrom(ctx context.Context, partition int32, next int64) (end int64, ok bool) {
	found, err := describeTopic(ctx, l.client, l.topic)
	if err != nil {
		return 0, false
	}
	i := slices.IndexFunc(found.Partitions, func(p kmsg.MetadataResponseTopicPartition) bool { return p.Partition == partition })
	if i < 0 {
		return 0, false
	}
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes = 1 << 20
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = l.topic, l.topicID
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch = partition, next, 1<<20, -1
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, l.client.Broker(int(found.Partitions[i].Leader)))
	if err != nil || resp.ErrorCode != 0 || resp.ThrottleMillis != 0 || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return 0, false
	}
	rp := resp.Topics[0].Partitions[0]
	if rp.ErrorCode != 0 || rp.PreferredReadReplica >= 0 {
		return 0, false
	}
	if len(rp.RecordBatches) == 0 {
		return rp.HighWatermark, true
	}
	return endOfEmpty(rp.RecordBatches, next)
}

// endOfEmpty returns the offset after the last of a sequence of record batches when none of them has a record at next
// or later: a batch whose records compaction removed keeps its place with a count of zero.
func endOfEmpty(batches []byte, next int64) (end int64, ok bool) {
	const header, magic, delta, count = 61, 16, 23, 57 // of a batch of version 2: its size, and where fields start
	end = next
	for len(batches) >= header && batches[magic] == 2 {
		base := int64(binary.BigEndian.Uint64(batches))
		last := base + int64(int32(binary.BigEndian.Uint32(batches[delta:])))
		if last >= next && binary.BigEndian.Uint32(batches[count:]) > 0 {
			return 0, false
		}
		end = max(end, last+1)
		size := 12 + int64(int32(binary.BigEndian.Uint32(batches[8:]))) // base offset and length come before what length counts
		if size < header || size > int64(len(batches)) {
			break
		}
		batches = batches[size:]
	}
	return end, end > next
}

// suspect asks watch to find out whether the topic still exists.
func (l *KafkaLog) suspect() {
	select {
	case l.doubt <- struct{}{}:
	default:
	}
}

// isMissing tells whether an error may mean that the topic was deleted; for a moment it may also mean that a broker has
// not heard of it yet.
func isMissing(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID) || errors.Is(err, kerr.InconsistentTopicID)
}

// watch fails the log when the topic turns out to be gone.
func (l *KafkaLog) watch() {
	for {
		select {
		case <-l.doubt:
			if err := l.confirm(); err != nil {
				l.fail(err)
				return
			}
		case <-l.ctx.Done():
			return
		}
	}
}

// confirm asks the brokers until they agree that the topic is there (nil) or was deleted.
func (l *KafkaLog) confirm() error {
	var missing time.Time // since when
	for l.ctx.Err() == nil {
		found, err := describeTopic(l.ctx, l.client, l.topic)
		switch {
		case err == nil && found.TopicID == l.topicID:
			return nil
		case err == nil:
			return fmt.Errorf("topic %s was deleted and created again while the worker used it: what it held is lost; restart the worker to start with the new one", l.topic)
		case errors.Is(err, kerr.UnknownTopicOrPartition) && missing.IsZero():
			missing = time.Now()
		case errors.Is(err, kerr.UnknownTopicOrPartition) && time.Since(missing) >= topicGrace:
			return fmt.Errorf("topic %s was deleted while the worker used it: what it held is lost; restart the worker, it creates the topic again and starts with an empty one", l.topic)
		}
		select {
		case <-time.After(errorPause):
		case <-l.ctx.Done():
		}
	}
	return nil
}

// fail stops the log for good.
func (l *KafkaLog) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return
	}
	l.err = err
	close(l.failed)
	l.cancel()
}

// Failed implements [Log].
func (l *KafkaLog) Failed() <-chan struct{} { return l.failed }

// Err implements [Log].
func (l *KafkaLog) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Close implements [Log].
func (l *KafkaLog) Close() error {
	l.mu.Lock()
	l.cancel()
	l.mu.Unlock()
	l.client.Close()
	l.running.Wait()
	return nil
}

var _ Log = (*KafkaLog)(nil)
