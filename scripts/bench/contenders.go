package main

import (
	"context"
	"errors"
	"os"
)

// bareProduce produces the values of the case, without Outboard.
func bareProduce(st *stage) (*running, error) {
	out, err := st.newTopic("bare")
	if err != nil {
		return nil, err
	}
	args := append([]string{"produce", "-broker", st.broker, "-topic", out,
		"-values", st.samples[st.work.payload.name], "-codec", st.work.codec}, st.work.payload.bare...)
	p, _, err := st.launch(st.ctx, "produce", "", st.self, args...)
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
