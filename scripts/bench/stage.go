package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// stage is what the contenders of one case share: the broker, the workers and the input.
type stage struct {
	*lab
	work      testCase
	ctx       context.Context
	broker    string
	brokerPID int
	client    *kgo.Client
	admin     *kadm.Client
	ours      *worker
	theirs    *worker // nil without Kafka Connect
	inputPath string
	inputs    string // topic
	cleanup   []func() error
}

// inputShare is how much more input there is than a run takes, so that no run ends with it.
const inputShare = 2

// openStage sets a case up. What it started it stops when it fails.
func (l *lab) openStage(ctx context.Context, c testCase) (st *stage, err error) {
	st = &stage{lab: l, work: c, ctx: ctx}
	defer func() {
		if err != nil {
			err = errors.Join(err, st.close())
		}
	}()
	if err := st.openBroker(); err != nil {
		return st, err
	}
	if err := st.openInput(); err != nil {
		return st, err
	}
	var extra []string
	if c.input == fromTopic {
		extra = append(extra, flushForSinks)
	}
	if st.ours, err = l.startOutboard(ctx, st.broker, l.command == "kafka-connect", extra...); err != nil {
		return st, err
	}
	st.cleanup = append(st.cleanup, st.ours.stop)
	if l.command == "kafka-connect" {
		if st.theirs, err = l.startKafkaConnect(ctx, extra...); err != nil {
			return st, err
		}
		st.cleanup = append(st.cleanup, st.theirs.stop)
	}
	return st, nil
}

// close stops and removes what was made, in reverse.
func (st *stage) close() error {
	var problems []error
	for i := len(st.cleanup) - 1; i >= 0; i-- {
		problems = append(problems, st.cleanup[i]())
	}
	return errors.Join(problems...)
}

func (st *stage) openBroker() error {
	if st.command == "kafka-connect" {
		st.broker, st.brokerPID = st.kafka, st.kafkaPID
	} else {
		args := []string{"broker", "-mode", discarding}
		if st.work.input == fromTopic {
			args = []string{"broker", "-mode", preparing, "-values", st.samples[st.work.payload.name], "-codec", st.work.codec}
		}
		p, address, err := st.launch(st.ctx, "broker", brokerPrefix, st.self, args...)
		if err != nil {
			return err
		}
		st.cleanup = append(st.cleanup, p.stop)
		st.broker, st.brokerPID = address, p.pid()
	}
	return st.connectTo()
}

// openInput makes what sinks and file sources read.
func (st *stage) openInput() (err error) {
	switch st.work.input {
	case fromTopic:
		if st.inputs, err = st.newTopic("input"); err != nil {
			return err
		}
		st.cleanup = append(st.cleanup, func() error { return st.removeTopic(st.inputs) })
		if st.command == "kafka-connect" {
			return st.fill(st.inputs)
		}
	case fromFile:
		st.inputPath = st.path("lines")
		st.cleanup = append(st.cleanup, func() error { return os.RemoveAll(st.inputPath) })
		return st.writeLines(st.inputPath)
	}
	return nil
}

func (st *stage) fill(topic string) error {
	p, _, err := st.launch(st.ctx, "fill", "", st.self, "produce", "-broker", st.broker, "-topic", topic,
		"-values", st.samples[st.work.payload.name], "-codec", st.work.codec, "-records", strconv.FormatInt(inputShare*st.size(), 10))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(st.ctx, runLimit, fmt.Errorf("topic %s was not full within %s", topic, runLimit))
	defer cancel()
	if err := p.wait(ctx); err != nil {
		return errors.Join(err, context.Cause(ctx), p.stop())
	}
	return nil
}

func (st *stage) writeLines(path string) error {
	values, err := readValues(st.samples[st.work.payload.name])
	if err != nil {
		return err
	}
	var text []byte
	for _, v := range values {
		text = append(append(text, v...), '\n')
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for written := int64(0); written < inputShare*st.size()*lineSize; written += int64(len(text)) {
		if _, err := f.Write(text); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

// size is the number of records of a run that counts.
func (st *stage) size() int64 {
	switch {
	case st.lab.records > 0:
		return st.lab.records
	case st.lab.quick:
		return st.work.quick
	}
	return st.work.records
}

// own returns a context for what is to be done also after the stage's has ended.
func (st *stage) own() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(st.ctx), 2*stopLimit)
}

// newTopic makes a topic of a new name. Kafka forgets it soon after it is deleted: runs would fill the disk otherwise.
func (st *stage) newTopic(of string) (string, error) {
	name, soon := st.unique(of), "1000"
	response, err := st.admin.CreateTopic(st.ctx, int32(st.partitions), 1, map[string]*string{"file.delete.delay.ms": &soon}, name)
	if err == nil {
		err = response.Err
	}
	if err != nil {
		return "", fmt.Errorf("creating topic %s: %w", name, err)
	}
	// Kafka answers before all of it knows.
	stored := st.stored(name)
	return name, await(st.ctx, startLimit, "topic "+name, func(ctx context.Context) (bool, error) {
		_, err := stored(ctx)
		return err == nil, nil
	})
}

func (st *stage) removeTopic(name string) error {
	ctx, cancel := st.own()
	defer cancel()
	response, err := st.admin.DeleteTopic(ctx, name)
	if err == nil {
		err = response.Err
	}
	if err != nil {
		return fmt.Errorf("deleting topic %s: %w", name, err)
	}
	return nil
}

// stored counts the records of a topic.
func (st *stage) stored(topic string) func(context.Context) (int64, error) {
	return func(ctx context.Context) (sum int64, err error) {
		offsets, err := st.admin.ListEndOffsets(ctx, topic)
		if err != nil {
			return 0, fmt.Errorf("end of topic %s: %w", topic, err)
		}
		offsets.Each(func(o kadm.ListedOffset) {
			if o.Err != nil {
				err = fmt.Errorf("end of topic %s: %w", topic, o.Err)
			}
			sum += o.Offset
		})
		return sum, err
	}
}

// sizeOf counts the bytes of a topic.
func (st *stage) sizeOf(topic string) func(context.Context) (int64, error) {
	partitions := kadm.TopicsSet{}
	for n := range st.partitions {
		partitions.Add(topic, int32(n))
	}
	return func(ctx context.Context) (sum int64, err error) {
		brokers, err := st.admin.DescribeAllLogDirs(ctx, partitions)
		if err != nil {
			return 0, fmt.Errorf("size of topic %s: %w", topic, err)
		}
		for _, folders := range brokers {
			sum += folders.Size()
		}
		return sum, nil
	}
}

// committed counts the records of the input that a group is done with.
func (st *stage) committed(group string) func(context.Context) (int64, error) {
	return func(ctx context.Context) (sum int64, err error) {
		offsets, err := st.admin.FetchOffsets(ctx, group)
		if kerr.IsRetriable(err) || errors.Is(err, kerr.GroupIDNotFound) {
			return 0, nil // the group is not there yet, or Kafka is not ready for it
		}
		if err != nil {
			return 0, fmt.Errorf("offsets of group %s: %w", group, err)
		}
		for _, o := range offsets[st.inputs] {
			if o.Err != nil {
				return 0, fmt.Errorf("offsets of group %s: %w", group, o.Err)
			}
			sum += max(0, o.At)
		}
		return sum, nil
	}
}

// written counts the lines of a file.
func written(path string) func(context.Context) (int64, error) {
	return func(context.Context) (int64, error) {
		info, err := os.Stat(path)
		if errors.Is(err, os.ErrNotExist) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		return info.Size() / lineSize, nil
	}
}

// bareProduce produces the values of the case, without Outboard.
func bareProduce(st *stage) (*running, error) {
	out, err := st.newTopic("bare")
	if err != nil {
		return nil, err
	}
	p, _, err := st.launch(st.ctx, "produce", "", st.self, "produce", "-broker", st.broker, "-topic", out, "-values", st.samples[st.work.payload.name], "-codec", st.work.codec)
	if err != nil {
		return nil, errors.Join(err, st.removeTopic(out))
	}
	r := bare(p, st.stored(out), func() error { return st.removeTopic(out) })
	r.stored = st.sizeOf(out)
	return r, nil
}

// bareConsume consumes the input, without Outboard.
func bareConsume(st *stage) (*running, error) {
	group := st.unique("bare")
	p, _, err := st.launch(st.ctx, "consume", "", st.self, "consume", "-broker", st.broker, "-topic", st.inputs, "-group", group)
	if err != nil {
		return nil, err
	}
	return bare(p, st.committed(group), func() error { return nil }), nil
}

func bare(p *process, progress func(context.Context) (int64, error), cleanup func() error) *running {
	return &running{
		process: p.pid(), progress: progress,
		failed: func(context.Context) error {
			select {
			case <-p.done:
				return p.failure("ended too early")
			default:
				return nil
			}
		},
		stop: func() error { return errors.Join(p.stop(), cleanup()) },
	}
}

// outboardSource makes the records of the case in a plugin.
func outboardSource(st *stage) (*running, error) {
	return st.source(st.ours, with(map[string]string{"connector.class": "DatagenSource"}, st.work.payload.datagen, st.work.payload.converters, compressed(st.work.codec)))
}

// outboardSameSize makes records that nothing has to be converted in, as long as those of the case are.
func outboardSameSize(st *stage) (*running, error) {
	values, err := readValues(st.samples[st.work.payload.name])
	if err != nil {
		return nil, err
	}
	p := bytesOf(meanSize(values))
	return st.source(st.ours, with(map[string]string{"connector.class": "DatagenSource"}, p.datagen, p.converters, compressed(st.work.codec)))
}

// theirSource does in Kafka Connect what outboardSource does here, with the same bytes, or rows like ours.
func theirSource(equal bool) func(*stage) (*running, error) {
	return func(st *stage) (*running, error) {
		config := with(map[string]string{"connector.class": "bench.BenchSource"}, st.work.payload.converters, compressed(st.work.codec))
		if !st.work.payload.rows {
			config["values.file"] = st.samples[st.work.payload.name]
		}
		if equal {
			config = with(config, equalSettings())
		}
		return st.source(st.theirs, config)
	}
}

func outboardSink(st *stage) (*running, error) {
	return st.sink(st.ours, with(map[string]string{"connector.class": "BlackholeSink"}, st.work.payload.converters))
}

func theirSink(st *stage) (*running, error) {
	return st.sink(st.theirs, with(map[string]string{"connector.class": "bench.BlackholeSink"}, st.work.payload.converters))
}

func ourWorker(st *stage) *worker   { return st.ours }
func theirWorker(st *stage) *worker { return st.theirs }

// fileSource reads the file of the case.
func fileSource(who func(*stage) *worker, more map[string]string) func(*stage) (*running, error) {
	return func(st *stage) (*running, error) {
		return st.source(who(st), with(map[string]string{"connector.class": "FileStreamSource", "file": st.inputPath}, st.work.payload.converters, more))
	}
}

// fileSink writes the input into a file.
func fileSink(who func(*stage) *worker) func(*stage) (*running, error) {
	return func(st *stage) (*running, error) {
		path := st.path(st.unique("sink"))
		r, err := st.sink(who(st), with(map[string]string{"connector.class": "FileStreamSink", "file": path}, st.work.payload.converters))
		if err != nil {
			return nil, err
		}
		r.progress = written(path)
		stop := r.stop
		r.stop = func() error { return errors.Join(stop(), os.RemoveAll(path)) }
		return r, nil
	}
}

func compressed(codec string) map[string]string {
	return map[string]string{"producer.override.compression.type": codec}
}

// source runs a source connector into a topic of its own.
func (st *stage) source(w *worker, config map[string]string) (*running, error) {
	out, err := st.newTopic("source")
	if err != nil {
		return nil, err
	}
	remove := func() error { return st.removeTopic(out) }
	r, err := st.run(w, out, with(config, map[string]string{"topic": out}), remove)
	if err != nil {
		return nil, err
	}
	r.progress, r.stored = st.stored(out), st.sizeOf(out)
	return r, nil
}

// sink runs a sink connector on the input, in a group of its own.
func (st *stage) sink(w *worker, config map[string]string) (*running, error) {
	name := st.unique("sink")
	config = with(config, map[string]string{"topics": st.inputs, "consumer.override.auto.offset.reset": "earliest"})
	r, err := st.run(w, name, config, func() error { return nil })
	if err != nil {
		return nil, err
	}
	r.progress = st.committed("connect-" + name)
	return r, nil
}

// run runs a connector; the caller adds how far it is.
func (st *stage) run(w *worker, name string, config map[string]string, cleanup func() error) (*running, error) {
	remove := func() error {
		ctx, cancel := st.own()
		defer cancel()
		return errors.Join(w.removed(ctx, name), cleanup())
	}
	if err := w.put(st.ctx, name, config); err != nil {
		return nil, errors.Join(err, remove())
	}
	return &running{
		process: w.pid, plugins: w.plugins, stop: remove,
		failed: func(ctx context.Context) error { _, err := w.running(ctx, name); return err },
	}, nil
}

// removed deletes a connector and waits until its processes are gone and the worker has nothing to do.
func (w *worker) removed(ctx context.Context, name string) error {
	if err := w.remove(ctx, name); err != nil {
		return err
	}
	if w.plugins {
		err := await(ctx, stopLimit, "the plugin processes to end", func(context.Context) (bool, error) {
			left, err := childrenOf(w.pid)
			return len(left) == 0, err
		})
		if err != nil {
			return err
		}
	}
	return settle(ctx, w.pid)
}

// await asks until the answer is yes.
func await(ctx context.Context, limit time.Duration, what string, ask func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("waited %s for %s", limit, what))
	defer cancel()
	for {
		if yes, err := ask(ctx); err != nil || yes {
			return err
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// takeSamples makes a few records of each kind that the cases have, as they are in Kafka.
func (l *lab) takeSamples(ctx context.Context) (err error) {
	st := &stage{lab: l, ctx: ctx}
	defer func() { err = errors.Join(err, st.close()) }()
	p, address, err := l.launch(ctx, "broker", brokerPrefix, l.self, "broker", "-mode", storing)
	if err != nil {
		return err
	}
	st.cleanup = append(st.cleanup, p.stop)
	if st.ours, err = l.startOutboard(ctx, address, false); err != nil {
		return err
	}
	st.cleanup = append(st.cleanup, st.ours.stop)
	for _, c := range l.cases {
		if c.input == without || l.samples[c.payload.name] != "" {
			continue
		}
		values, err := st.sample(ctx, address, c.payload)
		if err != nil {
			return fmt.Errorf("taking samples of %s: %w", c.payload.name, err)
		}
		path := l.path(c.payload.name + ".values")
		if err := writeValues(path, values); err != nil {
			return err
		}
		l.samples[c.payload.name] = path
	}
	return nil
}

func (st *stage) sample(ctx context.Context, broker string, p payload) (values [][]byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	config := with(map[string]string{"connector.class": "DatagenSource", "topic": p.name}, p.datagen, p.converters)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.AllowAutoTopicCreation(), kgo.ConsumeTopics(p.name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	response, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, nil, p.name)
	if err = errors.Join(err, response.Err); err != nil {
		return nil, err
	}
	if err := st.ours.put(ctx, p.name, config); err != nil {
		return nil, err
	}
	for size := 0; size < sampleBytes; {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			_, err := st.ours.running(context.WithoutCancel(ctx), p.name)
			return nil, errors.Join(fmt.Errorf("%d of %d bytes came within %s", size, sampleBytes, startLimit), err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if size < sampleBytes {
				values, size = append(values, r.Value), size+len(r.Value)
			}
		})
	}
	return values, st.ours.removed(ctx, p.name)
}
