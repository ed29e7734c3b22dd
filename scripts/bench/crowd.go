package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// How many connectors a crowd has.
const (
	crowdStopped = 1000
	crowdRunning = 500
	// crowdPatience is until all of them run, and until a request that tells of all of them is answered.
	crowdPatience = 10 * time.Minute
	// crowdQuestions is how often it is asked for all of them.
	crowdQuestions = 9
)

// runCrowd measures a worker with many connectors, of which a part runs.
func (l *lab) runCrowd(ctx context.Context, c testCase, r *report) (err error) {
	st := &stage{lab: l, work: c, ctx: ctx}
	defer func() { err = errors.Join(err, st.close()) }()
	if err := st.openStore(); err != nil {
		return err
	}
	say := func(name string, value float64, unit string) error {
		l.say("%s  %-14s %-62s %9.3f %s", c.name, subject, name, value, unit)
		return r.figure(figure{c.name, subject, 1, name, value, unit})
	}
	name := l.unique("crowd")
	if err := st.fillCrowd(ctx, name, say); err != nil {
		return err
	}
	return st.wakeCrowd(ctx, name, say)
}

// fillCrowd makes the connectors.
func (st *stage) fillCrowd(ctx context.Context, name string, say sayer) (err error) {
	w, err := st.startOutboardAs(ctx, name, st.broker, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	topic, err := st.newTopic("crowd")
	if err != nil {
		return err
	}
	one := bytesOf(100)
	config := with(map[string]string{"connector.class": "DatagenSource", "topic": topic, "records": "0", "rate": "1", "outboard.isolation": "plugin"}, one.datagen, one.converters)
	begin := time.Now()
	for i := range crowdStopped {
		body, err := json.Marshal(map[string]any{"name": fmt.Sprintf("stopped-%04d", i), "initial_state": "STOPPED", "config": config})
		if err != nil {
			return err
		}
		if _, err := w.ask(ctx, http.MethodPost, "/connectors", body); err != nil {
			return err
		}
	}
	if err := say(strconv.Itoa(crowdStopped)+" STOPPED connectors: created, one after another", time.Since(begin).Seconds(), "s"); err != nil {
		return err
	}
	begin = time.Now()
	for i := range crowdRunning {
		if err := w.put(ctx, fmt.Sprintf("running-%04d", i), config); err != nil {
			return err
		}
	}
	if err := w.awaitCrowd(ctx); err != nil {
		return err
	}
	return say(strconv.Itoa(crowdRunning)+" connectors: created, one after another, and RUNNING", time.Since(begin).Seconds(), "s")
}

// wakeCrowd starts the worker again, with all the connectors.
func (st *stage) wakeCrowd(ctx context.Context, name string, say sayer) (err error) {
	begin := time.Now()
	w, err := st.startOutboardAs(ctx, name, st.broker, true)
	if err != nil {
		return err
	}
	stop := w.stop
	defer func() {
		if stop != nil {
			err = errors.Join(err, stop())
		}
	}()
	if err := say("start until REST is ready", time.Since(begin).Seconds(), "s"); err != nil {
		return err
	}
	if err := w.awaitCrowd(ctx); err != nil {
		return err
	}
	cpu, err := cpuOf(w.pid)
	if err != nil {
		return err
	}
	if err := errors.Join(say("start until all are RUNNING", time.Since(begin).Seconds(), "s"), say("CPU of the worker until then", cpu.Seconds(), "s"), settle(ctx, w.pid)); err != nil {
		return err
	}
	if err := w.sayMemory("worker and plugin", say); err != nil {
		return err
	}
	for _, question := range []string{"/connectors", "/connectors?expand=status", "/connectors?expand=status&expand=info"} {
		var took []float64
		size := 0
		for range crowdQuestions {
			begin := time.Now()
			code, answer, err := w.once(ctx, http.MethodGet, question, nil)
			if err != nil || code != http.StatusOK {
				return fmt.Errorf("GET %s: %d %w", question, code, err)
			}
			took, size = append(took, time.Since(begin).Seconds()*1000), len(answer)
		}
		if err := say(fmt.Sprintf("GET %s, %d KiB", question, size>>10), median(took), "ms"); err != nil {
			return err
		}
	}
	begin = time.Now()
	err, stop = stop(), nil
	return errors.Join(err, say("stop", time.Since(begin).Seconds(), "s"))
}

// awaitCrowd waits until all connectors of the crowd are as they should be.
func (w *worker) awaitCrowd(ctx context.Context) error {
	return await(ctx, crowdPatience, "the connectors to run", func(ctx context.Context) (bool, error) {
		code, answer, err := w.once(ctx, http.MethodGet, "/connectors?expand=status", nil)
		if err != nil || code != http.StatusOK {
			return false, err
		}
		type part struct{ State, Trace string }
		var all map[string]struct {
			Status struct {
				Connector part
				Tasks     []part
			}
		}
		if err := json.Unmarshal(answer, &all); err != nil {
			return false, fmt.Errorf("all connectors with their statuses: %w", err)
		}
		running := 0
		for name, c := range all {
			for _, p := range append(c.Status.Tasks, c.Status.Connector) {
				if p.State == "FAILED" {
					return false, fmt.Errorf("connector %s failed: %s", name, p.Trace)
				}
			}
			if len(c.Status.Tasks) == 1 && c.Status.Tasks[0].State == "RUNNING" && c.Status.Connector.State == "RUNNING" {
				running++
			}
		}
		return running == crowdRunning && len(all) == crowdRunning+crowdStopped, nil
	})
}
