package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/kafka"
	"github.com/outboard-connect/outboard/host/internal/storage"
)

// sourceOffsets are the stored offsets of one source connector. A connector may have a topic of its own for them
// (offsets.storage.topic), in the cluster that it writes to; the worker's store then has a copy, and what it has from before.
//
//	read    own topic ─ none there? ─▶ worker's store
//	write   deletions to the worker's store ─▶ all to the own topic ─▶ the rest to the worker's store, a little later
//
// Deletions come first: an offset that was deleted in the own topic alone would come back from the worker's store.
//
// The own topic is read from its start when it is first needed. All methods are safe for concurrent use.
type sourceOffsets struct {
	worker    *Worker
	connector string
	log       hclog.Logger
	topic     *storage.Topic // nil: the worker's store is all there is
	consumer  []kgo.Opt

	opening chan struct{} // holds a token: whoever has taken it opens
	mu      sync.Mutex
	own     *storage.OffsetStore // nil before it is open
	reader  *storage.KafkaLog
	copies  *offsetCopies
}

// sourceOffsets returns the offsets of a connector, from its configuration with references resolved. The caller closes them.
func (w *Worker) sourceOffsets(connector string, config map[string]string) (*sourceOffsets, error) {
	o := &sourceOffsets{worker: w, connector: connector, log: w.log.With("connector", connector), opening: make(chan struct{}, 1)}
	topic := w.settings.OffsetsTopic
	if topic.Name == "" || !w.hasOwnOffsets(config) {
		return o, nil
	}
	if name := strings.TrimSpace(config[offsetsTopicKey]); name != "" {
		topic.Name, topic.NameKey = name, offsetsTopicKey
	}
	id := TaskID{Connector: connector}
	admin, err := w.settings.client(kafka.Admin, id, config, o.log)
	if err != nil {
		return nil, fmt.Errorf("the client that makes the offsets topic: %w", err)
	}
	consumer, err := w.settings.offsetsConsumer(id, config, o.log)
	if err != nil {
		return nil, fmt.Errorf("the client that reads the offsets topic: %w", err)
	}
	topic.Admin, topic.ReadCommitted = admin.Options, true
	o.topic, o.consumer = &topic, consumer.Options
	return o, nil
}

const offsetsTopicKey = "offsets.storage.topic"

// hasOwnOffsets tells whether a connector has an offsets topic beside the worker's: because it names one, or because its
// transactions are in another cluster, where the worker's topic cannot be part of them.
func (w *Worker) hasOwnOffsets(config map[string]string) bool {
	elsewhere := false
	if servers := strings.TrimSpace(config["producer.override.bootstrap.servers"]); servers != "" {
		elsewhere = servers != strings.TrimSpace(w.settings.Properties["bootstrap.servers"])
	}
	name := strings.TrimSpace(config[offsetsTopicKey])
	if name == "" {
		return elsewhere && w.settings.ExactlyOnceGroup != ""
	}
	return elsewhere || name != w.settings.OffsetsTopic.Name
}

// offsetsConsumer is client for a consumer of all partitions, which belongs to no group.
func (s *Settings) offsetsConsumer(id TaskID, config map[string]string, log hclog.Logger) (*kafka.Config, error) {
	props, err := s.clientProperties(kafka.Consumer, id, config)
	if err != nil {
		return nil, err
	}
	for _, key := range []string{"group.id", "group.instance.id", "group.protocol", "auto.offset.reset"} {
		delete(props, key)
	}
	return kafka.NewConfig(kafka.Consumer, props, log)
}

// writes is the topic that offsets are written to.
func (o *sourceOffsets) writes() string {
	if o.topic != nil {
		return o.topic.Name
	}
	return o.worker.settings.OffsetsTopic.Name
}

// open makes the topic and reads it, unless that is done.
func (o *sourceOffsets) open(ctx context.Context) error {
	if o.topic == nil {
		return nil
	}
	select {
	case o.opening <- struct{}{}:
		defer func() { <-o.opening }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if o.store() != nil {
		return nil
	}
	reader, err := storage.OpenKafkaLog(ctx, *o.topic, o.consumer, o.log)
	if err != nil {
		return err
	}
	own := storage.NewOffsetStore(reader, o.log)
	if err := own.Open(ctx); err != nil {
		return errors.Join(fmt.Errorf("offsets topic %s: %w", o.topic.Name, err), reader.Close())
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.own, o.reader = own, reader
	o.copies = newOffsetCopies(o.connector, o.worker.settings.Offsets, o.log)
	return nil
}

// store is that of the own topic, nil when there is none or it is not open.
func (o *sourceOffsets) store() *storage.OffsetStore {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.own
}

// sync returns when get and list know everything that anybody stored before the call.
func (o *sourceOffsets) sync(ctx context.Context) error {
	if err := o.open(ctx); err != nil {
		return fmt.Errorf("reading stored offsets: %w", err)
	}
	if own := o.store(); own != nil {
		if err := own.Sync(ctx); err != nil {
			return fmt.Errorf("reading stored offsets: %w", err)
		}
	}
	if err := o.worker.settings.Offsets.Sync(ctx); err != nil {
		return fmt.Errorf("reading stored offsets: %w", err)
	}
	return nil
}

// get returns the offsets of partitions as of the last sync, nil where there is none.
func (o *sourceOffsets) get(partitions [][]byte) ([][]byte, error) {
	offsets, err := o.worker.settings.Offsets.Get(o.connector, partitions)
	if err != nil {
		return nil, err
	}
	if own := o.store(); own != nil {
		first, err := own.Get(o.connector, partitions)
		if err != nil {
			return nil, err
		}
		for i := range first {
			if first[i] != nil {
				offsets[i] = first[i]
			}
		}
	}
	return offsets, nil
}

// list returns all offsets as of the last sync.
func (o *sourceOffsets) list() []storage.PartitionOffset {
	all := o.worker.settings.Offsets.List(o.connector)
	if own := o.store(); own != nil {
		return storage.MergeOffsets(own.List(o.connector), all)
	}
	return all
}

// read answers a plugin's question for stored offsets, including those that anybody committed before.
func (o *sourceOffsets) read(ctx context.Context, partitions [][]byte) ([][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, o.worker.settings.FlushTimeout*6)
	defer cancel()
	if err := o.sync(ctx); err != nil {
		return nil, err
	}
	return o.get(partitions)
}

// put stores offsets and returns when they are durable. producer writes to the own topic; without one it is not used.
func (o *sourceOffsets) put(ctx context.Context, producer *kgo.Client, offsets []storage.PartitionOffset) error {
	if o.topic == nil {
		return o.worker.settings.Offsets.Put(ctx, o.connector, offsets)
	}
	if err := o.open(ctx); err != nil {
		return err
	}
	if err := o.deleteCopies(ctx, offsets); err != nil {
		return err
	}
	records, err := o.records(offsets)
	if err != nil {
		return err
	}
	if err := producer.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("storing %d source offsets of connector %q in topic %s: %w", len(offsets), o.connector, o.topic.Name, err)
	}
	o.copied(offsets)
	return nil
}

// records are what stores offsets, for a producer of the connector.
func (o *sourceOffsets) records(offsets []storage.PartitionOffset) ([]*kgo.Record, error) {
	store := o.store()
	if store == nil {
		store = o.worker.settings.Offsets
	}
	entries, err := store.Entries(o.connector, offsets)
	if err != nil {
		return nil, err
	}
	records := make([]*kgo.Record, len(entries))
	for i, e := range entries {
		records[i] = &kgo.Record{Topic: o.writes(), Partition: -1, Key: e.Key, Value: e.Value}
	}
	return records, nil
}

// deleteCopies deletes from the worker's store what is about to be deleted from the own topic.
func (o *sourceOffsets) deleteCopies(ctx context.Context, offsets []storage.PartitionOffset) error {
	if o.topic == nil {
		return nil
	}
	var deleted []storage.PartitionOffset
	for _, p := range offsets {
		if p.Offset == nil {
			deleted = append(deleted, p)
		}
	}
	if len(deleted) == 0 {
		return nil
	}
	return o.worker.settings.Offsets.Put(ctx, o.connector, deleted)
}

// copied has the worker's store get a copy of offsets that are in the own topic now.
func (o *sourceOffsets) copied(offsets []storage.PartitionOffset) {
	if o.copies != nil {
		o.copies.add(offsets)
	}
}

// close ends the copying, for which it waits as long as ctx allows, and the reading.
func (o *sourceOffsets) close(ctx context.Context) {
	o.mu.Lock()
	copies, reader := o.copies, o.reader
	o.own, o.reader, o.copies = nil, nil, nil
	o.mu.Unlock()
	if copies != nil {
		copies.close(ctx)
	}
	if reader != nil {
		reader.Close()
	}
}

// offsetCopies brings offsets to the worker's store, the latest of each partition, without anybody waiting for it. What it
// cannot bring it tells once and drops: the connector's own topic is what counts.
type offsetCopies struct {
	connector string
	store     *storage.OffsetStore
	log       hclog.Logger
	ctx       context.Context
	cancel    context.CancelFunc
	done      chan struct{}
	wake      chan struct{}

	mu      sync.Mutex
	latest  map[string][]byte
	closing bool
}

func newOffsetCopies(connector string, store *storage.OffsetStore, log hclog.Logger) *offsetCopies {
	c := &offsetCopies{connector: connector, store: store, log: log, done: make(chan struct{}), wake: make(chan struct{}, 1), latest: map[string][]byte{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	go c.run()
	return c
}

func (c *offsetCopies) add(offsets []storage.PartitionOffset) {
	c.mu.Lock()
	for _, o := range offsets {
		if o.Offset != nil {
			c.latest[string(o.Partition)] = o.Offset
		} else {
			delete(c.latest, string(o.Partition))
		}
	}
	c.mu.Unlock()
	c.signal()
}

func (c *offsetCopies) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *offsetCopies) run() {
	defer close(c.done)
	for range c.wake {
		c.mu.Lock()
		latest, closing := c.latest, c.closing
		c.latest = map[string][]byte{}
		c.mu.Unlock()
		offsets := make([]storage.PartitionOffset, 0, len(latest))
		for partition, offset := range maps.All(latest) {
			offsets = append(offsets, storage.PartitionOffset{Partition: []byte(partition), Offset: offset})
		}
		if len(offsets) > 0 {
			if err := c.store.Put(c.ctx, c.connector, offsets); err != nil {
				c.log.Warn("the worker's offsets topic gets no copy of offsets that are safe in the connector's own", "err", err)
			}
		}
		if closing {
			return
		}
	}
}

// close returns when what was added is copied, or ctx has ended.
func (c *offsetCopies) close(ctx context.Context) {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	c.signal()
	select {
	case <-c.done:
	case <-ctx.Done():
	}
	c.cancel()
	<-c.done
}
