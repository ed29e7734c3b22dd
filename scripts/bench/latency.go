package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Rows are committed at an even pace. The first of them are not timed: connections and caches are cold, and a search server that was just
// started compiles itself for half a minute, and takes twice as long meanwhile.
const (
	commitsASecond    = 50
	coldCommits       = 100
	coldSearchCommits = 1500
	timedCommits      = 1000
	quickCommits      = 250
)

// arrivalTimes are when the rows of a table were seen somewhere, by their ids from 1 on.
type arrivalTimes struct {
	mu    sync.Mutex
	at    []time.Time
	seen  int
	whole chan struct{} // closed when all were seen
}

func newArrivalTimes(rows int) *arrivalTimes {
	return &arrivalTimes{at: make([]time.Time, rows), whole: make(chan struct{})}
}

// see remembers the first time of a row; others are not of the table.
func (a *arrivalTimes) see(id int64, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if id < 1 || id > int64(len(a.at)) || !a.at[id-1].IsZero() {
		return
	}
	a.at[id-1] = at
	if a.seen++; a.seen == len(a.at) {
		close(a.whole)
	}
}

// delays are how much later than the commits the rows were seen, without the first.
func (a *arrivalTimes) delays(commits []time.Time, skip int) []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []time.Duration
	for i := skip; i < len(commits); i++ {
		all = append(all, a.at[i].Sub(commits[i]))
	}
	slices.Sort(all)
	return all
}

// percentile is the smallest value that p of 100 values do not pass. They are sorted, and there is at least one.
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

// path is a way of rows that is timed.
type path struct {
	contender string
	worker    func(*stage) *worker
	config    map[string]string
	refresh   string // of the index; empty: no search server
}

// runLatency measures how long rows take from their commit until a consumer has them, and until a search finds them.
func (l *lab) runLatency(ctx context.Context, c testCase, r *report) (err error) {
	st, err := l.openStage(ctx, testCase{name: c.name, input: fromTable})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.close()) }()
	paths := []path{{contender: subject, worker: ourWorker}}
	if l.search != "" {
		for _, refresh := range []string{"1s", "50ms"} {
			paths = append(paths, path{contender: subject, worker: ourWorker, refresh: refresh})
		}
	}
	if l.besideKafkaConnect() {
		paths = append(paths, path{contender: debezium, worker: theirWorker, config: map[string]string{"connector.class": debeziumClass}})
	}
	for round := 1; round <= l.rounds; round++ {
		for _, p := range paths {
			say := func(name string, value float64, unit string) error {
				l.say("%s %d/%d  %-14s %-62s %9.1f %s", c.name, round, l.rounds, p.contender, name, value, unit)
				return r.figure(figure{c.name, p.contender, round, name, value, unit})
			}
			if err := st.time(p, say); err != nil {
				return fmt.Errorf("%s: %w", p.contender, err)
			}
		}
	}
	return nil
}

// time times one path.
func (st *stage) time(p path, say sayer) (err error) {
	table := strings.ReplaceAll(st.unique("timed"), "-", "_")
	if err := st.orders.make(st.ctx, table); err != nil {
		return err
	}
	prefix, topic, err := st.captured(table)
	if err != nil {
		return err
	}
	source, err := st.run(p.worker(st), prefix, st.capture(prefix, table, with(map[string]string{"snapshot.mode": "no_data"}, p.config)), func() error {
		ctx, cancel := st.own()
		defer cancel()
		return errors.Join(st.removeTopic(topic), st.orders.forget(ctx, table))
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.stop()) }()
	if p.refresh != "" {
		remove, err := st.index(p, topic)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, remove()) }()
	}
	id := int64(firstProbe)
	err = st.firstChange(st.stored(topic), func(ctx context.Context) error {
		id++
		return st.orders.add(ctx, st.orders.db, table, id)
	})
	if err != nil {
		return errors.Join(err, source.failed(context.WithoutCancel(st.ctx)))
	}
	cold, timed := coldCommits, timedCommits
	if p.refresh != "" {
		cold = coldSearchCommits
	}
	if st.quick {
		timed = quickCommits
	}
	rows := cold + timed
	inKafka, inIndex := newArrivalTimes(rows), newArrivalTimes(rows)
	ctx, cancel := context.WithTimeoutCause(st.ctx, runLimit, fmt.Errorf("not all rows arrived within %s", runLimit))
	defer cancel()
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	problems := make(chan error, 2)
	watch := func(see func(context.Context, string, *arrivalTimes) error, a *arrivalTimes) {
		watching.Go(func() {
			if err := see(ctx, topic, a); err != nil {
				problems <- err
			}
		})
	}
	watch(st.watchTopic, inKafka)
	if p.refresh != "" {
		watch(st.watchIndex, inIndex)
	}
	commits, err := st.commit(ctx, table, rows)
	if err != nil {
		return err
	}
	wait := []*arrivalTimes{inKafka}
	if p.refresh != "" {
		wait = append(wait, inIndex)
	}
	for _, a := range wait {
		select {
		case <-a.whole:
		case err := <-problems:
			return err
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), source.failed(context.WithoutCancel(st.ctx)))
		}
	}
	tell := func(what string, a *arrivalTimes) error {
		d := a.delays(commits, cold)
		ms := func(p int) float64 { return float64(percentile(d, p)) / float64(time.Millisecond) }
		return errors.Join(say(what+", p50", ms(50), "ms"), say(what+", p99", ms(99), "ms"))
	}
	if p.refresh == "" {
		return tell("commit until a consumer has it", inKafka)
	}
	return errors.Join(tell("commit until a consumer has it, beside a sink", inKafka), tell("commit until a search finds it, refresh_interval="+p.refresh, inIndex))
}

// index makes an index and the sink that writes to it; remove removes both.
func (st *stage) index(p path, topic string) (remove func() error, err error) {
	server := connect{st.search}
	body := fmt.Sprintf(`{"settings":{"index.refresh_interval":%q,"index.number_of_replicas":0},"mappings":{"properties":{%q:{"type":"long"}}}}`, p.refresh, idField)
	if _, err := server.ask(st.ctx, http.MethodPut, "/"+topic, []byte(body)); err != nil {
		return nil, err
	}
	sink, err := st.run(p.worker(st), topic+"-sink", with(st.indexing(nil), map[string]string{"topics": topic}), func() error {
		ctx, cancel := st.own()
		defer cancel()
		_, err := server.ask(ctx, http.MethodDelete, "/"+topic, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	return sink.stop, nil
}

// commit commits rows, one after another, at an even pace, and returns when each commit was answered.
func (st *stage) commit(ctx context.Context, table string, rows int) ([]time.Time, error) {
	session, err := st.orders.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	var commits []time.Time
	tick := time.NewTicker(time.Second / commitsASecond)
	defer tick.Stop()
	for id := 1; id <= rows; id++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if err := st.orders.add(ctx, session, table, int64(id)); err != nil {
			return nil, err
		}
		commits = append(commits, time.Now())
	}
	return commits, nil
}

// watchTopic consumes the topic until all rows were seen.
func (st *stage) watchTopic(ctx context.Context, topic string, a *arrivalTimes) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(st.broker), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(ctx)
		now := time.Now()
		if err := fetches.Err0(); err != nil {
			return err
		}
		var failed error
		fetches.EachRecord(func(r *kgo.Record) {
			id, err := orderOf(r.Key)
			failed = errors.Join(failed, err)
			a.see(id, now)
		})
		if failed != nil {
			return failed
		}
		select {
		case <-a.whole:
			return nil
		default:
		}
	}
}

// orderOf is the id in a record's key.
func orderOf(key []byte) (int64, error) {
	var k struct{ ID *int64 }
	if err := json.Unmarshal(key, &k); err != nil || k.ID == nil {
		return 0, fmt.Errorf("a record has the key %q, not an object with a number id", key)
	}
	return *k.ID, nil
}

// watchIndex searches for rows that were not found before, again and again, until all were.
func (st *stage) watchIndex(ctx context.Context, index string, a *arrivalTimes) error {
	const pause = 5 * time.Millisecond
	server, last := connect{st.search}, int64(0)
	for {
		body := `{"size":1000,"_source":false,"docvalue_fields":["` + idField + `"],"sort":[{"` + idField + `":"asc"}],"query":{"range":{"` + idField + `":{"gt":` + strconv.FormatInt(last, 10) + `}}}}`
		answer, err := server.ask(ctx, http.MethodPost, "/"+index+"/_search", []byte(body))
		now := time.Now()
		if err != nil {
			return err
		}
		ids, err := found(answer)
		if err != nil {
			return err
		}
		for _, id := range ids {
			a.see(id, now)
		}
		if len(ids) > 0 {
			// Rows that a later bulk holds may be found before: look again at what is near the end.
			last = a.complete()
		}
		select {
		case <-a.whole:
			return nil
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// complete is the last id up to which all were seen.
func (a *arrivalTimes) complete() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := slices.IndexFunc(a.at, time.Time.IsZero)
	if n < 0 {
		n = len(a.at)
	}
	return int64(n)
}

// idField is where a document has the id of its row.
const idField = "id"

// found reads the ids out of the answer to a search.
func found(answer []byte) (ids []int64, err error) {
	var text struct {
		Hits struct {
			Hits []struct {
				Fields map[string][]int64
			}
		}
	}
	if err := json.Unmarshal(answer, &text); err != nil {
		return nil, fmt.Errorf("the answer to a search: %w", err)
	}
	for _, h := range text.Hits.Hits {
		ids = append(ids, h.Fields[idField]...)
	}
	return ids, nil
}
