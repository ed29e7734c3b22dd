package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"
)

// plainJSON are the converters of all cases with tables.
func plainJSON() map[string]string { return converters(documents, "schemas.enable", "false") }

// mostSeconds of CPU is what a million rows, or documents, may cost.
const mostSeconds = 4

func mysqlCases() []testCase {
	ours := func(start func(*stage) (*running, error)) []contender {
		return []contender{{name: subject, start: start}}
	}
	return []testCase{
		{name: "snapshot", input: fromTable, records: 900_000, quick: 300_000, contenders: ours(snapshot(ourWorker, nil)), budget: mostSeconds},
		{name: "stream-inserts", input: fromChanges, records: 500_000, quick: 150_000, contenders: ours(inserts(ourWorker, nil)), budget: mostSeconds},
		{name: "stream-updates", input: fromChanges, records: 500_000, quick: 150_000, contenders: ours(updates(ourWorker, nil)), budget: mostSeconds},
		{name: "documents", input: fromDocuments, records: 900_000, quick: 200_000, contenders: ours(documentSink), budget: mostSeconds},
		{name: "latency", input: fromCommits},
	}
}

const debezium = "debezium"

func debeziumCases() []testCase {
	both := func(start func(func(*stage) *worker, map[string]string) func(*stage) (*running, error)) []contender {
		return []contender{
			{name: subject, start: start(ourWorker, nil)},
			{name: debezium, start: start(theirWorker, map[string]string{"connector.class": debeziumClass}), mostCPU: 0.25},
		}
	}
	return []testCase{
		{name: "snapshot", input: fromTable, records: 900_000, quick: 300_000, contenders: both(snapshot), budget: mostSeconds},
		{name: "stream-inserts", input: fromChanges, records: 500_000, quick: 150_000, contenders: both(inserts), budget: mostSeconds},
		{name: "stream-updates", input: fromChanges, records: 500_000, quick: 150_000, contenders: both(updates), budget: mostSeconds},
		{name: "latency", input: fromCommits},
	}
}

const debeziumClass = "io.debezium.connector.mariadb.MariaDbConnector"

// capture is the configuration of a source of one table: Debezium's keys, of which Outboard does not need those of the schema
// history.
func (st *stage) capture(prefix, table string, more map[string]string) map[string]string {
	return with(map[string]string{
		"connector.class": "MySqlSource", "topic.prefix": prefix,
		"database.hostname": st.orders.host, "database.port": st.orders.port, "database.user": databaseUser, "database.password": databaseUser,
		"database.server.id": fmt.Sprint(6000 + st.serial), "database.include.list": "shop", "table.include.list": "shop." + table,
		"schema.history.internal.kafka.bootstrap.servers": st.broker, "schema.history.internal.kafka.topic": prefix + "-history",
	}, plainJSON(), more)
}

// captured makes the topic of a table's changes, with the prefix of its name.
func (st *stage) captured(table string) (prefix, topic string, err error) {
	prefix = st.unique("live")
	topic = prefix + ".shop." + table
	return prefix, topic, st.createTopic(topic)
}

// snapshot reads the whole table.
func snapshot(who func(*stage) *worker, more map[string]string) func(*stage) (*running, error) {
	return func(st *stage) (*running, error) {
		prefix, topic, err := st.captured("orders")
		if err != nil {
			return nil, err
		}
		r, err := st.run(who(st), prefix, st.capture(prefix, "orders", more), func() error { return st.removeTopic(topic) })
		if err != nil {
			return nil, err
		}
		r.progress, r.stored = st.stored(topic), st.sizeOf(topic)
		return r, nil
	}
}

// moreChanges is how much more changes there are than a run takes.
const moreChanges = 1.2

// inserts reads rows that were inserted while the connector was stopped.
func inserts(who func(*stage) *worker, more map[string]string) func(*stage) (*running, error) {
	return func(st *stage) (*running, error) {
		table := strings.ReplaceAll(st.unique("orders"), "-", "_")
		if err := st.orders.make(st.ctx, table); err != nil {
			return nil, err
		}
		id := int64(firstProbe)
		probe := func(ctx context.Context) error {
			id++
			return st.orders.add(ctx, st.orders.db, table, id)
		}
		change := func(ctx context.Context) error {
			return st.orders.insert(ctx, table, int64(moreChanges*float64(st.size())))
		}
		return st.stream(who(st), table, more, probe, change, table)
	}
}

// updates reads rows that were updated while the connector was stopped.
func updates(who func(*stage) *worker, more map[string]string) func(*stage) (*running, error) {
	return func(st *stage) (*running, error) {
		probe := func(ctx context.Context) error {
			return st.orders.run(ctx, fmt.Sprintf("UPDATE shop.orders SET qty = qty + 1 WHERE id = %d", orderRows))
		}
		change := func(ctx context.Context) error {
			return st.orders.update(ctx, int64(moreChanges*float64(st.size())))
		}
		return st.stream(who(st), "orders", more, probe, change)
	}
}

// stream runs a connector until it has sent what probe changes, stops it, changes rows and starts it again: what is measured
// is how it catches up.
func (st *stage) stream(w *worker, table string, more map[string]string, probe, change func(context.Context) error, made ...string) (r *running, err error) {
	prefix, topic, err := st.captured(table)
	if err != nil {
		return nil, err
	}
	config := with(st.capture(prefix, table, more), map[string]string{"snapshot.mode": "no_data"})
	r, err = st.run(w, prefix, config, func() error {
		ctx, cancel := st.own()
		defer cancel()
		return errors.Join(st.removeTopic(topic), st.orders.forget(ctx, made...))
	})
	if err != nil {
		return nil, err
	}
	if err := st.fallBehind(w, prefix, topic, r, probe, change); err != nil {
		return nil, errors.Join(err, r.failed(context.WithoutCancel(st.ctx)), r.stop())
	}
	return r, nil
}

// fallBehind makes work for a connector that runs, and lets it begin.
func (st *stage) fallBehind(w *worker, name, topic string, r *running, probe, change func(context.Context) error) error {
	stored := st.stored(topic)
	if err := st.firstChange(stored, probe); err != nil {
		return err
	}
	if err := w.stopped(st.ctx, name); err != nil {
		return err
	}
	before, err := stored(st.ctx)
	if err != nil {
		return err
	}
	if err := change(st.ctx); err != nil {
		return err
	}
	r.progress = func(ctx context.Context) (int64, error) { n, err := stored(ctx); return n - before, err }
	r.stored = st.sizeOf(topic)
	r.since = time.Now()
	_, err = w.ask(st.ctx, http.MethodPut, "/connectors/"+name+"/resume", nil)
	return err
}

// firstProbe is far above the ids of the rows that count.
const firstProbe = 1_000_000_000

// firstChange changes a row until one such change is in the topic: the connector reads the binlog.
func (st *stage) firstChange(stored func(context.Context) (int64, error), probe func(context.Context) error) error {
	const patience = 500 * time.Millisecond
	last := time.Time{}
	return await(st.ctx, startLimit, "the first change to arrive", func(ctx context.Context) (bool, error) {
		if time.Since(last) > patience {
			last = time.Now()
			if err := probe(ctx); err != nil {
				return false, err
			}
		}
		n, err := stored(ctx)
		return n > 0, err
	})
}

// stopped stops a connector, which keeps its offsets, and waits until nothing of it runs.
func (w *worker) stopped(ctx context.Context, name string) error {
	if _, err := w.ask(ctx, http.MethodPut, "/connectors/"+name+"/stop", nil); err != nil {
		return err
	}
	err := await(ctx, startLimit, "connector "+name+" to stop", func(ctx context.Context) (bool, error) {
		text, err := w.ask(ctx, http.MethodGet, "/connectors/"+name+"/status", nil)
		return strings.Contains(string(text), `"STOPPED"`) && strings.Contains(strings.ReplaceAll(string(text), " ", ""), `"tasks":[]`), err
	})
	if err != nil {
		return err
	}
	return settle(ctx, w.pid)
}

// openDocuments fills the input with the table's rows, as a source writes them that has output=row.
func (st *stage) openDocuments() (err error) {
	if st.orders, err = openOrders(st.ctx, st.mariadb); err != nil {
		return err
	}
	st.cleanup = append(st.cleanup, st.orders.close)
	if err := st.orders.fill(st.ctx); err != nil {
		return err
	}
	filler, err := st.startOutboard(st.ctx, st.broker, true)
	if err != nil {
		return err
	}
	prefix, topic, err := st.captured("orders")
	if err != nil {
		return errors.Join(err, filler.stop())
	}
	st.inputs = topic
	st.cleanup = append(st.cleanup, func() error { return st.removeTopic(topic) })
	r, err := st.run(filler, prefix, st.capture(prefix, "orders", map[string]string{"output": "row"}), func() error { return nil })
	if err != nil {
		return errors.Join(err, filler.stop())
	}
	r.progress = st.stored(topic)
	ctx, cancel := context.WithTimeoutCause(st.ctx, runLimit, fmt.Errorf("topic %s was not full within %s", topic, runLimit))
	defer cancel()
	_, err = r.until(ctx, orderRows)
	return errors.Join(err, r.stop(), filler.stop())
}

// documentSink writes the rows of the input into an index of their topic's name.
func documentSink(st *stage) (*running, error) {
	r, err := st.sink(st.ours, st.indexing(nil))
	if err != nil {
		return nil, err
	}
	stop := r.stop
	r.stop = func() error {
		ctx, cancel := st.own()
		defer cancel()
		_, err := connect{st.search}.ask(ctx, http.MethodDelete, "/"+st.inputs, nil)
		return errors.Join(stop(), err)
	}
	return r, nil
}

// indexing is the configuration of a sink into the search server.
func (st *stage) indexing(more map[string]string) map[string]string {
	config := map[string]string{
		"connector.class": "ElasticsearchSink", "connection.url": st.search, "key.ignore": "false", "schema.ignore": "true", "behavior.on.null.values": "delete",
	}
	maps.Copy(config, plainJSON())
	maps.Copy(config, more)
	return config
}
