package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// runCases runs the chosen cases one after another, and stops at the first that fails.
func (l *lab) runCases(ctx context.Context, r *report) error {
	if !l.tables() {
		l.say("taking samples of the records")
		if err := l.takeSamples(ctx); err != nil {
			return err
		}
	}
	for _, c := range l.cases {
		run := l.runCase
		switch c.input {
		case without:
			run = l.runIdle
		case crowd:
			run = l.runCrowd
		case fromCommits:
			run = l.runLatency
		}
		if err := run(ctx, c, r); err != nil {
			return fmt.Errorf("case %s: %w", c.name, err)
		}
	}
	return nil
}

// runCase runs the rounds of a case.
func (l *lab) runCase(ctx context.Context, c testCase, r *report) (err error) {
	st, err := l.openStage(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.close()) }()
	for round := range l.rounds + 1 {
		order := slices.Clone(c.contenders)
		if round%2 == 0 {
			slices.Reverse(order) // no one always comes after the same one
		}
		for _, who := range order {
			m, err := st.once(who, round)
			if err != nil {
				return fmt.Errorf("%s: %w", who.name, err)
			}
			if err := r.measured(m); err != nil {
				return err
			}
			l.say("%s %d/%d  %-30s %9.0f records/s  %.3f CPU-s/M (host %.3f, plugin %.3f, broker %.3f), others %.1f cores", c.name, round, l.rounds, who.name,
				m.Rate, m.cpu(), m.HostCPU, m.PluginCPU, m.BrokerCPU, m.OtherCores)
		}
	}
	return r.compared(c)
}

// once runs a contender once.
func (st *stage) once(who contender, round int) (m measurement, err error) {
	for _, w := range []*worker{st.ours, st.theirs} {
		if w != nil {
			if err := resetPeaks(w.pid); err != nil {
				return m, err
			}
		}
	}
	records := st.size()
	if round == 0 && !st.besideKafkaConnect() {
		records /= 3 // there is no JVM to warm up
	}
	begin := time.Now()
	r, err := who.start(st)
	if err != nil {
		return m, err
	}
	if !r.since.IsZero() {
		begin = r.since
	}
	m, err = watch(st.ctx, r, st.brokerPID, begin, records)
	err = errors.Join(err, r.stop())
	m.Case, m.Contender, m.Round, m.Warmup = st.work.name, who.name, round, round == 0
	return m, err
}
