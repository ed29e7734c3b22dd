package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// running is a contender at work.
type running struct {
	process int  // that has the clients of Kafka
	plugins bool // whether its children do a part of the work
	// since is when its work was asked for; zero: when it was started.
	since time.Time
	// progress is how many records are done.
	progress func(context.Context) (int64, error)
	// stored is how many bytes are in its topic; nil: it has none.
	stored func(context.Context) (int64, error)
	// failed is why it works no more.
	failed func(context.Context) error
	// stop ends the work and removes what it made. It works in a context of its own, also after ctx has ended.
	stop func() error
}

// measurement is what one run of a contender was like, in its steady part.
type measurement struct {
	Case      string `json:"case"`
	Contender string `json:"contender"`
	Round     int    `json:"round"`
	Warmup    bool   `json:"warmup,omitempty"`

	Records int64   `json:"records"`
	Rate    float64 `json:"records_per_s"`
	Stored  float64 `json:"stored_bytes_per_record,omitempty"` // in batches, compressed
	// In seconds for a million records. Host is the one process of a contender without plugins.
	HostCPU   float64 `json:"host_cpu_s_per_million"`
	PluginCPU float64 `json:"plugin_cpu_s_per_million"`
	BrokerCPU float64 `json:"broker_cpu_s_per_million"`
	// In bytes.
	HostPeak   int64 `json:"host_peak_bytes"`
	HostPSS    int64 `json:"host_pss_bytes"`
	PluginPeak int64 `json:"plugin_peak_bytes"`
	PluginPSS  int64 `json:"plugin_pss_bytes"`

	FirstRecord float64 `json:"first_record_s"`          // from the request to the first look that sees a record
	OtherCores  float64 `json:"cores_of_other_programs"` // how noisy it was
}

func (m measurement) cpu() float64 { return m.HostCPU + m.PluginCPU }

// look is what is seen at one moment.
type look struct {
	at                         time.Time
	records                    int64
	host, plugin, broker, busy time.Duration
	stored                     int64   // bytes
	storedRecords              float64 // that those bytes are, between what was done before and after they were counted
}

// lookEvery is the time between two looks.
const lookEvery = 20 * time.Millisecond

// watch measures a contender from a tenth of the records on, over nine tenths of them. since is when it was started.
func watch(ctx context.Context, r *running, broker int, since time.Time, records int64) (m measurement, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, runLimit, fmt.Errorf("it did not get done within %s", runLimit))
	defer cancel()
	n, err := r.until(ctx, 1)
	if err != nil {
		return m, err
	}
	m.FirstRecord = time.Since(since).Seconds()
	if n < records/10 {
		if n, err = r.until(ctx, records/10); err != nil {
			return m, err
		}
	}
	var plugins []int
	if r.plugins {
		if plugins, err = childrenOf(r.process); err != nil {
			return m, err
		}
		if len(plugins) == 0 {
			return m, errors.New("records arrive, but there is no plugin process")
		}
	}
	first, err := r.look(ctx, n, plugins, broker)
	if err != nil {
		return m, err
	}
	if n, err = r.until(ctx, n+records-records/10); err != nil {
		return m, err
	}
	last, err := r.look(ctx, n, plugins, broker)
	if err != nil {
		return m, err
	}
	m.between(first, last)
	host, err := memoryOf(r.process)
	if err != nil {
		return m, err
	}
	plugin, err := memoryOf(plugins...)
	if err != nil {
		return m, err
	}
	m.HostPeak, m.HostPSS, m.PluginPeak, m.PluginPSS = host.peak, host.proportional, plugin.peak, plugin.proportional
	return m, r.failed(ctx)
}

// until returns when so many records are done, with their number.
func (r *running) until(ctx context.Context, records int64) (int64, error) {
	checked := time.Now()
	for {
		n, err := r.progress(ctx)
		if err != nil && ctx.Err() == nil {
			return n, err
		}
		if n >= records {
			return n, nil
		}
		if time.Since(checked) > time.Second {
			checked = time.Now()
			if err := r.failed(ctx); err != nil && ctx.Err() == nil {
				return n, err
			}
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return n, fmt.Errorf("waiting for record %d, %d are done: %w", records, n, errors.Join(context.Cause(ctx), r.failed(context.WithoutCancel(ctx))))
		}
	}
}

// look takes the time used for what is done.
func (r *running) look(ctx context.Context, records int64, plugins []int, broker int) (l look, err error) {
	l.at, l.records = time.Now(), records
	if l.host, err = cpuOf(r.process); err != nil {
		return l, fmt.Errorf("the process is gone: %w", err)
	}
	if l.plugin, err = cpuOf(plugins...); err != nil {
		return l, fmt.Errorf("a plugin process is gone: %w", err)
	}
	if l.broker, err = cpuOf(broker); err != nil {
		return l, fmt.Errorf("the broker is gone: %w", err)
	}
	if l.busy, err = busy(); err != nil || r.stored == nil {
		return l, err
	}
	if l.stored, err = r.stored(ctx); err != nil {
		return l, err
	}
	after, err := r.progress(ctx)
	l.storedRecords = float64(records+after) / 2
	return l, err
}

// between makes the figures of two looks.
func (m *measurement) between(first, last look) {
	m.Records = last.records - first.records
	seconds, millions := last.at.Sub(first.at).Seconds(), float64(m.Records)/1e6
	m.Rate = float64(m.Records) / seconds
	if last.stored > 0 {
		m.Stored = float64(last.stored-first.stored) / (last.storedRecords - first.storedRecords)
	}
	m.HostCPU = (last.host - first.host).Seconds() / millions
	m.PluginCPU = (last.plugin - first.plugin).Seconds() / millions
	m.BrokerCPU = (last.broker - first.broker).Seconds() / millions
	own := last.host - first.host + last.plugin - first.plugin + last.broker - first.broker
	m.OtherCores = max(0, (last.busy-first.busy-own).Seconds()/seconds)
}

// settle waits until processes do next to nothing, so that what one contender leaves to do is not done in the time of the
// next. It gives up after a while: some have always something to do.
func settle(ctx context.Context, pids ...int) error {
	const pause, patience, little = 200 * time.Millisecond, 5 * time.Second, 2 * tick
	before, err := cpuOf(pids...)
	for begin := time.Now(); err == nil && time.Since(begin) < patience; {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		var now time.Duration
		if now, err = cpuOf(pids...); err == nil && now-before <= little {
			return nil
		}
		before = now
	}
	return err
}

// median is the middle value, or the mean of the two in the middle. There is at least one.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// await asks until the answer is yes.
func await(ctx context.Context, limit time.Duration, what string, ask func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("waited %s for %s", limit, what))
	defer cancel()
	for {
		yes, err := ask(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case err != nil || yes:
			return err
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
