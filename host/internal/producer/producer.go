package producer

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
	"unsafe"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// settings are the options of the client that concern a producer.
type settings struct {
	linger       time.Duration
	batchBytes   int
	memory       int64 // of records that wait
	requests     int   // in flight to one broker
	retries      int64
	timeout      time.Duration // until a record fails; 0: never
	unknownTopic int           // times that a broker may not know a topic
	backoff      func(int) time.Duration
	answerWithin time.Duration
	metadataAge  time.Duration
	createTopics bool
	idempotent   bool
	unanswered   bool // acks=0
	partitioner  kgo.Partitioner
	compressor   kgo.Compressor
}

// requestsInFlight is how many requests are under way to one broker, as in Kafka's producer.
const requestsInFlight = 5

func settingsOf(c *kgo.Client) (s settings, err error) {
	s = settings{
		linger:       c.OptValue(kgo.ProducerLinger).(time.Duration),
		batchBytes:   int(c.OptValue(kgo.ProducerBatchMaxBytes).(int32)),
		memory:       c.OptValue(kgo.MaxBufferedBytes).(int64),
		retries:      c.OptValue(kgo.RecordRetries).(int64),
		timeout:      c.OptValue(kgo.RecordDeliveryTimeout).(time.Duration),
		unknownTopic: int(c.OptValue(kgo.UnknownTopicRetries).(int64)),
		backoff:      c.OptValue(kgo.RetryBackoffFn).(func(int) time.Duration),
		answerWithin: c.OptValue(kgo.ProduceRequestTimeout).(time.Duration),
		metadataAge:  c.OptValue(kgo.MetadataMaxAge).(time.Duration),
		createTopics: c.OptValue(kgo.AllowAutoTopicCreation).(bool),
		idempotent:   !c.OptValue(kgo.DisableIdempotentWrite).(bool),
		unanswered:   c.OptValue(kgo.RequiredAcks).(kgo.Acks) == kgo.NoAck(),
		partitioner:  c.OptValue(kgo.RecordPartitioner).(kgo.Partitioner),
		requests:     requestsInFlight,
	}
	if n := c.OptValue(kgo.MaxProduceRequestsInflightPerBroker).(int); !s.idempotent && n > 0 {
		s.requests = min(n, requestsInFlight)
	}
	s.compressor, err = kgo.DefaultCompressor(c.OptValue(kgo.ProducerBatchCompression).([]kgo.CompressionCodec)...)
	return s, err
}

// Producer writes records to Kafka at least once, and in the order in which a partition got them. All methods may be called at the same
// time.
type Producer struct {
	settings
	client *kgo.Client
	log    hclog.Logger
	ctx    context.Context
	end    context.CancelFunc
	ended  sync.WaitGroup
	wake   chan struct{} // the sender

	mu       sync.Mutex
	closed   bool
	topics   map[string]*topic
	latest   *topic // that a record was for
	active   []*partition
	brokers  map[int32]*broker
	buffered int64         // bytes of records whose origin was not told
	records  int64         // how many they are
	flushing int           // how many wait for all records to be done
	blocked  int           // how many wait for room
	changed  chan struct{} // closed when room or the end of all records is seen; nil while nobody waits
	spare    []*batch      // that are done, for their memory

	used     time.Time // the last time that there was something to send
	identity identity
	metadata metadata

	done     []finished
	finisher chan struct{}
}

// broker is what is under way to a broker.
type broker struct {
	requests int
	latest   time.Time // a request was sent
}

// New returns a producer that sends through a client and has its settings: those of the client's own producer. The client must not be
// transactional; its own producer may be used, too. [Producer.Close] leaves it open.
func New(client *kgo.Client, log hclog.Logger) (*Producer, error) {
	s, err := settingsOf(client)
	if err != nil {
		return nil, fmt.Errorf("compression: %w", err)
	}
	p := &Producer{
		settings: s, client: client, log: log, wake: make(chan struct{}, 1), topics: map[string]*topic{}, brokers: map[int32]*broker{},
		finisher: make(chan struct{}, 1), identity: identity{id: none},
	}
	p.ctx, p.end = context.WithCancel(context.Background())
	p.ended.Go(p.send)
	p.ended.Go(p.tell)
	return p, nil
}

// Close fails what is not in its topic yet with [kgo.ErrClientClosed] and returns when all origins are told.
func (p *Producer) Close() {
	p.mu.Lock()
	p.closed = true
	p.abandon(kgo.ErrClientClosed)
	p.tellChange()
	nudge(p.finisher)
	p.mu.Unlock()
	p.end()
	p.ended.Wait()
}

// Append hands records of one topic over: first is the index of the first one of their origin, and those of the others follow. It waits while
// the producer holds more bytes than the client's limit. The records and what they refer to may be used again when Append returns. ctx ends
// nothing but the wait.
//
// Errors that the origin is told are Kafka's ([kerr]), or [kgo.ErrRecordTimeout], [kgo.ErrRecordRetries], [kgo.ErrAborting], [kgo.ErrClientClosed],
// or the reason of ctx.
func (p *Producer) Append(ctx context.Context, from Origin, first int, records []kgo.Record) {
	p.append(ctx, from, first, records, true)
}

// Produce is Append for a single record. promise is called once, with the record, whose Partition, Offset and Timestamp are then those in
// its topic, or with an error. The record must not be changed before.
func (p *Producer) Produce(ctx context.Context, r *kgo.Record, promise func(*kgo.Record, error)) {
	p.append(ctx, &single{r, promise}, 0, unsafe.Slice(r, 1), true)
}

// TryProduce is Produce, but a record for which there is no room fails with [kgo.ErrMaxBuffered].
func (p *Producer) TryProduce(ctx context.Context, r *kgo.Record, promise func(*kgo.Record, error)) {
	p.append(ctx, &single{r, promise}, 0, unsafe.Slice(r, 1), false)
}

// AppendValues is Append for records that are like k but for their values.
func (p *Producer) AppendValues(ctx context.Context, from Origin, first int, k kgo.Record, values Values) {
	if k.Timestamp.IsZero() {
		k.Timestamp = time.Now()
	}
	for values.Count > 0 {
		first += p.appendValues(ctx, from, first, &k, &values)
	}
}

// valuesAtOnce is for how many values the lock is held: those of a batch of usual size.
const valuesAtOnce = 2000

// appendValues hands over some values, and returns how many.
func (p *Producer) appendValues(ctx context.Context, from Origin, first int, k *kgo.Record, values *Values) (n int) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		k.Value = values.next()
		from.Refused(first, clone(k), kgo.ErrClientClosed)
		return 1
	}
	defer p.mu.Unlock()
	to := appending{from: from}
	for n < valuesAtOnce && values.Count > 0 {
		k.Value = values.next()
		p.take(ctx, &to, first+n, k, true)
		n++
		if to.goesOn(k) {
			n += p.addValues(&to, k, values, valuesAtOnce-n)
		}
	}
	return n
}

// addValues appends as many values, up to a number, as there is room for in the batch of the record before, and returns how many. mu is held.
func (p *Producer) addValues(to *appending, k *kgo.Record, values *Values, most int) int {
	b, at, rest := to.batch, k.Timestamp.UnixMilli(), contentSize(k)-bytesSize(k.Value)
	count, size, left := b.count, b.size, p.memory-p.buffered
	for most = min(most, values.Count); b.count-count < most; {
		content := rest + sizeOf(values.size())
		if !b.takes(content, p.batchBytes) || b.size-size+int64(content+overhead) > left {
			break
		}
		k.Value = values.next()
		b.add(k, at, content)
	}
	added := b.count - count
	p.records += int64(added)
	p.buffered += b.size - size
	b.runs[len(b.runs)-1].count += added
	return added
}

func (p *Producer) append(ctx context.Context, from Origin, first int, records []kgo.Record, wait bool) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		for i := range records {
			from.Refused(first+i, clone(&records[i]), kgo.ErrClientClosed)
		}
		return
	}
	defer p.mu.Unlock()
	to := appending{from: from}
	for i := range records {
		r := &records[i]
		if r.Timestamp.IsZero() {
			r.Timestamp = time.Now()
		}
		p.take(ctx, &to, first+i, r, wait)
	}
}

// take takes a record over. mu is held, but not while it waits.
func (p *Producer) take(ctx context.Context, to *appending, index int, r *kgo.Record, wait bool) {
	content := contentSize(r)
	size := content + overhead
	p.buffered += int64(size) // it is taken away again when the origin is told
	p.records++
	if p.buffered > p.memory || p.closed {
		*to = appending{from: to.from} // the others may have changed when there is room
		if err := p.room(ctx, size, wait); err != nil {
			p.fail(to.from, index, clone(r), err)
			return
		}
	}
	if to.topic == nil {
		to.topic = p.topic(r.Topic)
	}
	if t := to.topic; len(t.partitions) == 0 || len(t.waiting) > 0 {
		t.waiting = append(t.waiting, waiting{to.from, index, clone(r), time.Now()})
	} else {
		p.add(to, index, r, content)
	}
}

// room returns when there is room for a record of this size, which is counted already. One that is alone has it. mu is held, but not while
// it waits.
func (p *Producer) room(ctx context.Context, size int, wait bool) error {
	for p.buffered > p.memory && p.buffered > int64(size) && !p.closed {
		if !wait {
			return kgo.ErrMaxBuffered
		}
		if err := p.awaitRoom(ctx, size); err != nil {
			return err
		}
	}
	if p.closed {
		return kgo.ErrClientClosed
	}
	return nil
}

// clone copies a record and what it refers to.
func clone(r *kgo.Record) *kgo.Record {
	c := *r
	c.Key, c.Value, c.Headers = bytes.Clone(r.Key), bytes.Clone(r.Value), slices.Clone(r.Headers)
	for i := range c.Headers {
		c.Headers[i].Value = bytes.Clone(c.Headers[i].Value)
	}
	return &c
}

// overhead is what a record counts in the memory that waits, beside its contentSize. With it that is more than it takes in a batch, because a batch
// stands for it.
const overhead = 2 * maxLengthSize

// topic returns what is known of a topic, and has it asked for if that is nothing. mu is held.
func (p *Producer) topic(name string) *topic {
	if t := p.latest; t != nil && t.name == name {
		return t
	}
	t := p.topics[name]
	if t == nil {
		t = &topic{name: name, stale: true, partitioner: p.partitioner.ForTopic(name)}
		if t.anywhere, _ = t.partitioner.(anywhere); t.anywhere != nil {
			t.keyless = t.anywhere.Anywhere(&kgo.Record{Topic: name, Partition: none})
		}
		p.topics[name] = t
		p.metadata.tries, p.metadata.notBefore = 0, time.Time{}
		p.signal()
	}
	p.latest = t
	return t
}

// appending is where the records go that are handed over with one call.
type appending struct {
	from  Origin
	topic *topic // of all; nil: not looked for yet
	batch *batch // of the record before, whose last run ends with it; nil for none
}

// goesOn tells of most records that go where the one before went that they do, as long as there is room.
func (to *appending) goesOn(r *kgo.Record) bool {
	return to.batch != nil && to.batch.to == to.topic.current && to.topic.isKeyless(r)
}

// add appends a record to the open batch of its partition. content is its contentSize. mu is held.
func (p *Producer) add(to *appending, index int, r *kgo.Record, content int) {
	at := r.Timestamp.UnixMilli()
	b := to.batch
	if !to.goesOn(r) || !b.takes(content, p.batchBytes) {
		var err error
		if b, err = p.choose(to.topic, r, content); err != nil {
			p.fail(to.from, index, clone(r), err)
			to.batch = nil
			return
		}
	}
	b.add(r, at, content)
	if b == to.batch {
		b.runs[len(b.runs)-1].count++
		return
	}
	b.runs = append(b.runs, run{to.from, index, 1})
	to.batch = b
}

// choose returns the batch that a record is for, which has room for it. mu is held.
func (p *Producer) choose(t *topic, r *kgo.Record, content int) (*batch, error) {
	for {
		partition := t.pick(r)
		if partition == nil {
			return nil, fmt.Errorf("topic %s has no partition %d, only %d of them: %w", t.name, r.Partition, len(t.partitions), kerr.UnknownTopicOrPartition)
		}
		b := partition.open()
		if b == nil {
			if least := headerSize + maxLengthSize + bodySize(content, 0, 0); least > p.batchBytes {
				return nil, fmt.Errorf("%w (%d bytes, at most %d)", kerr.MessageTooLarge, least, p.batchBytes)
			}
			b = p.newBatch(partition)
			p.enqueue(b)
			return b, nil
		}
		if b.takes(content, p.batchBytes) {
			return b, nil
		}
		b.closed = true
		p.signal()
	}
}

// enqueue puts a batch behind the others of its partition. mu is held.
func (p *Producer) enqueue(b *batch) {
	b.to.queue = append(b.to.queue, b)
	p.activate(b.to)
	if len(b.to.queue) == 1 {
		p.signal()
	}
}

// newBatch makes an empty batch. mu is held.
func (p *Producer) newBatch(to *partition) *batch {
	b := &batch{buffer: make([]byte, headerSize, 4<<10)}
	if n := len(p.spare); n > 0 {
		b, p.spare = p.spare[n-1], p.spare[:n-1]
	}
	b.to, b.since = to, time.Now()
	return b
}

// activate puts a partition on the list of those that have something to send. mu is held.
func (p *Producer) activate(to *partition) {
	if !to.active {
		to.active = true
		p.active = append(p.active, to)
	}
}

// signal has the sender look. mu may be held.
func (p *Producer) signal() { nudge(p.wake) }

// nudge wakes who waits for c, or will.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// awaitRoom waits for a change of what waits. size does not count meanwhile. mu is held, but not while it waits.
func (p *Producer) awaitRoom(ctx context.Context, size int) error {
	p.buffered -= int64(size)
	p.blocked++
	p.signal() // no batch waits for more records now
	err := p.await(ctx)
	p.blocked--
	p.buffered += int64(size)
	return err
}

// await waits for a change. mu is held, but not while it waits.
func (p *Producer) await(ctx context.Context) error {
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	changed := p.changed
	p.mu.Unlock()
	defer p.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// tellChange wakes who waits. mu is held.
func (p *Producer) tellChange() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// Flush sends what waits without delay and returns when all origins are told, those of records that come meanwhile included, or ctx has
// ended.
func (p *Producer) Flush(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flushing++
	defer func() { p.flushing-- }()
	p.signal()
	return p.awaitEmpty(ctx)
}

// awaitEmpty returns when all origins are told. mu is held, but not while it waits.
func (p *Producer) awaitEmpty(ctx context.Context) error {
	for p.records > 0 {
		if err := p.await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// AbortBufferedRecords fails all records with [kgo.ErrAborting], those in flight included, which may get into their topic in spite of it,
// but not behind records that are handed over later. It returns when all origins are told, or ctx has ended.
func (p *Producer) AbortBufferedRecords(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.abandon(kgo.ErrAborting)
	return p.awaitEmpty(ctx)
}

// abandon fails all records. mu is held.
func (p *Producer) abandon(err error) {
	for _, t := range p.topics {
		p.failTopic(t, err)
	}
}

// failTopic fails all records of a topic. mu is held.
func (p *Producer) failTopic(t *topic, err error) {
	for _, to := range t.partitions {
		for len(to.queue) > 0 {
			p.failBatch(to.queue[0], err)
		}
	}
	for _, w := range t.waiting {
		p.fail(w.from, w.index, w.record, err)
	}
	t.waiting = nil
}

// failBatch fails all records of a batch of the queue. mu is held.
func (p *Producer) failBatch(b *batch, err error) {
	to := b.to
	b.abandoned = b == to.inFlight || b.sealing
	if b == to.inFlight || b.unsure {
		to.restart()
	}
	p.finish(b, finished{err: err})
}

// fail fails a record that is in no batch, and that nobody else changes. mu is held.
func (p *Producer) fail(from Origin, index int, r *kgo.Record, err error) {
	p.hand(finished{from: from, index: index, record: r, count: 1, size: int64(contentSize(r) + overhead), err: err})
}
