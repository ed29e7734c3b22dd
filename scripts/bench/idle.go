package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// manyConnectors is how many connectors a worker gets at once.
const manyConnectors = 50

// leftAlone is for how long they have nothing to do before their memory is looked at once more: what takes more with time shows in it. It takes
// long, so only the first round does that.
const leftAlone = time.Minute

// figure is one number about a worker.
type figure struct {
	Case      string  `json:"case"`
	Contender string  `json:"contender"`
	Round     int     `json:"round"`
	Name      string  `json:"name"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
}

// sayer takes a figure.
type sayer func(name string, value float64, unit string) error

// idler is a kind of worker, and a connector for it that makes one record and has nothing to do then.
type idler struct {
	name   string
	start  func(context.Context) (*worker, error)
	config map[string]string
	// modes are what is added to the configurations of many connectors.
	modes []idleMode
}

type idleMode struct {
	name   string
	config map[string]string
}

// runIdle measures workers that have little to do: how fast they start, and what they take.
func (l *lab) runIdle(ctx context.Context, c testCase, r *report) (err error) {
	st := &stage{lab: l, work: c, ctx: ctx}
	defer func() { err = errors.Join(err, st.close()) }()
	if err := st.openStore(); err != nil {
		return err
	}
	one := bytesOf(100)
	who := []idler{{
		name:   subject,
		start:  func(ctx context.Context) (*worker, error) { return l.startOutboard(ctx, st.broker, true) },
		config: with(map[string]string{"connector.class": "DatagenSource", "records": "1"}, one.datagen, one.converters),
		modes: []idleMode{
			{"a process each", map[string]string{"outboard.isolation": "connector"}},
			{"one process", map[string]string{"outboard.isolation": "plugin"}},
		},
	}}
	if l.besideKafkaConnect() {
		who = append(who, idler{
			name:   theirs,
			start:  func(ctx context.Context) (*worker, error) { return l.startKafkaConnect(ctx) },
			config: with(map[string]string{"connector.class": "bench.BenchSource", "count": "1", "key.converter": documents, "value.converter": documents}),
			modes:  []idleMode{{"in the JVM", nil}},
		})
	}
	rounds := l.rounds
	if l.quick {
		rounds = 1
	}
	for round := 1; round <= rounds; round++ {
		for _, w := range who {
			say := func(name string, value float64, unit string) error {
				l.say("%s %d/%d  %-14s %-62s %9.3f %s", c.name, round, rounds, w.name, name, value, unit)
				return r.figure(figure{c.name, w.name, round, name, value, unit})
			}
			if err := st.idle(ctx, w, say); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			for _, mode := range w.modes {
				if err := st.many(ctx, w, mode, round == 1 && !l.quick, say); err != nil {
					return fmt.Errorf("%s, %d connectors, %s: %w", w.name, manyConnectors, mode.name, err)
				}
			}
		}
	}
	return nil
}

// openStore finds a broker that keeps what it gets: workers have their state there.
func (st *stage) openStore() error {
	st.broker, st.brokerPID = st.kafka, st.kafkaPID
	if !st.realKafka() {
		p, address, err := st.launch(st.ctx, "broker", brokerPrefix, st.self, "broker", "-mode", storing)
		if err != nil {
			return err
		}
		st.cleanup = append(st.cleanup, p.stop)
		st.broker, st.brokerPID = address, p.pid()
	}
	return st.connectTo()
}

// connectTo makes the clients of the stage's broker.
func (st *stage) connectTo() (err error) {
	if st.client, err = kgo.NewClient(kgo.SeedBrokers(st.broker)); err != nil {
		return err
	}
	st.cleanup = append(st.cleanup, func() error { st.client.Close(); return nil })
	st.admin = kadm.NewClient(st.client)
	return nil
}

// idle measures one worker from its start to its end.
func (st *stage) idle(ctx context.Context, who idler, say sayer) (err error) {
	begin := time.Now()
	w, err := who.start(ctx)
	if err != nil {
		return err
	}
	defer func() {
		begin := time.Now()
		err = errors.Join(err, w.stop())
		if err == nil {
			err = say("stop", time.Since(begin).Seconds(), "s")
		}
	}()
	took := time.Since(begin)
	cpu, err := cpuOf(w.pid)
	if err != nil {
		return err
	}
	if err := errors.Join(say("start until REST is ready", took.Seconds(), "s"), say("CPU of the start", cpu.Seconds(), "s"), settle(ctx, w.pid)); err != nil {
		return err
	}
	if err := w.sayMemory("worker without connectors", say); err != nil {
		return err
	}
	if err := st.firstRecord(ctx, w, who.config, say); err != nil {
		return err
	}
	return nil
}

// sayMemory tells the memory of a worker and all its plugins.
func (w *worker) sayMemory(what string, say sayer) error {
	pids, err := childrenOf(w.pid)
	if err != nil {
		return err
	}
	m, err := memoryOf(append(pids, w.pid)...)
	if err != nil {
		return err
	}
	const mebi = 1 << 20
	return errors.Join(say(what+": resident", float64(m.resident)/mebi, "MiB"), say(what+": PSS", float64(m.proportional)/mebi, "MiB"))
}

// sayLater tells what a worker and its plugins take after a time without work: memory, and the CPU of that time.
func (w *worker) sayLater(ctx context.Context, what string, say sayer) error {
	pids, err := childrenOf(w.pid)
	if err != nil {
		return err
	}
	pids = append(pids, w.pid)
	before, err := cpuOf(pids...)
	if err != nil {
		return err
	}
	select {
	case <-time.After(leftAlone):
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := cpuOf(pids...)
	if err != nil {
		return err
	}
	what += fmt.Sprintf(", left alone for %s", leftAlone)
	return errors.Join(w.sayMemory(what, say), say(what+": CPU", 100*(after-before).Seconds()/leftAlone.Seconds(), "% of a core"))
}

// firstRecord measures the time from the request for a connector to its first record in Kafka, and the memory of its process.
func (st *stage) firstRecord(ctx context.Context, w *worker, config map[string]string, say sayer) error {
	out, err := st.newTopic("first")
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := w.put(ctx, out, with(config, map[string]string{"topic": out})); err != nil {
		return err
	}
	stored := st.stored(out)
	err = await(ctx, startLimit, "the first record", func(ctx context.Context) (bool, error) {
		n, err := stored(ctx)
		return n > 0, err
	})
	if err != nil {
		_, failed := w.running(context.WithoutCancel(ctx), out)
		return errors.Join(err, failed)
	}
	if err := errors.Join(say("request for a connector until its first record is stored", time.Since(begin).Seconds(), "s"), settle(ctx, w.pid)); err != nil {
		return err
	}
	if w.plugins {
		pids, err := childrenOf(w.pid)
		if err != nil {
			return err
		}
		if len(pids) != 1 {
			return fmt.Errorf("the worker has %d plugin processes for one connector", len(pids))
		}
		plugin := &worker{pid: pids[0]}
		if err := plugin.sayMemory("idle plugin", say); err != nil {
			return err
		}
	}
	return errors.Join(w.removed(ctx, out), st.removeTopic(out))
}

// many measures how fast a worker of its own gets many connectors, one after another, until all run, and what they take
// while idle: at once, and after having been left alone if that is wanted.
func (st *stage) many(ctx context.Context, who idler, mode idleMode, later bool, say sayer) (err error) {
	w, err := who.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	out, err := st.newTopic("many")
	if err != nil {
		return err
	}
	names := make([]string, manyConnectors)
	begin := time.Now()
	for i := range names {
		names[i] = st.unique("many")
		if err := w.put(ctx, names[i], with(who.config, mode.config, map[string]string{"topic": out})); err != nil {
			return err
		}
	}
	for _, name := range names {
		err := await(ctx, 2*startLimit, "connector "+name+" to run", func(ctx context.Context) (bool, error) { return w.running(ctx, name) })
		if err != nil {
			return err
		}
	}
	what := strconv.Itoa(manyConnectors) + " connectors, " + mode.name
	if err := errors.Join(say(what+": created and running", time.Since(begin).Seconds(), "s"), settle(ctx, w.pid)); err != nil {
		return err
	}
	if err := w.sayMemory(what+", with the worker", say); err != nil {
		return err
	}
	if later {
		if err := w.sayLater(ctx, what, say); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := w.remove(ctx, name); err != nil {
			return err
		}
	}
	return errors.Join(w.removed(ctx, names[0]), st.removeTopic(out))
}
