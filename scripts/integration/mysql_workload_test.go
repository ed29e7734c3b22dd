//go:build integration

package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// plan says how much the workload does.
type plan struct {
	duration time.Duration
	seed     uint64
	database string
	pause    time.Duration // the longest between two faults
}

func readPlan(t *testing.T) plan {
	t.Helper()
	p := plan{duration: 15 * time.Second, seed: 1, database: "mariadb", pause: time.Second}
	if text, ok := os.LookupEnv("OUTBOARD_WORKLOAD_DURATION"); ok {
		var err error
		if p.duration, err = time.ParseDuration(text); err != nil || p.duration <= 0 {
			t.Fatalf("OUTBOARD_WORKLOAD_DURATION is %q: it takes a duration such as 10m", text)
		}
	}
	if text, ok := os.LookupEnv("OUTBOARD_WORKLOAD_SEED"); ok {
		var err error
		if p.seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("OUTBOARD_WORKLOAD_SEED is %q: it takes a number", text)
		}
	}
	if text, ok := os.LookupEnv("OUTBOARD_WORKLOAD_DATABASE"); ok {
		if text != "mariadb" && text != "mysql" {
			t.Fatalf("OUTBOARD_WORKLOAD_DATABASE is %q: it takes mariadb or mysql", text)
		}
		p.database = text
	}
	if p.duration >= time.Minute {
		p.pause = 6 * time.Second
	}
	return p
}

// output is the source's setting in this run: half of all seeds try each.
func (p plan) output() string {
	if p.seed%2 == 0 {
		return "row"
	}
	return "envelope"
}

// Whatever is killed while tables change, at the end every table equals its index, document by document.
func TestMySQLToSearchWorkload(t *testing.T) {
	t.Parallel()
	p := readPlan(t)
	t.Logf("for %s with seed %d on %s, output=%s", p.duration, p.seed, p.database, p.output())
	// What a transaction's commit promised must outlast a kill.
	durable := []string{"--sync-binlog=1", "--innodb-flush-log-at-trx-commit=1", "--innodb-lock-wait-timeout=5"}
	servers := newServers(t, []string{"kafka"}, append([]string{p.database}, durable...), []string{"opensearch"})
	broker, base, engine := servers[0], servers[1], servers[2]

	w := newWorker(t, newKafka(t, broker.address), map[string]string{
		"key.converter": jsonConverter, "key.converter.schemas.enable": "false",
		"value.converter": jsonConverter, "value.converter.schemas.enable": "false",
		// What a kill makes come again is still much, and the end, when the sink has committed all, is soon known.
		"offset.flush.interval.ms": "10000",
	})
	w.start()
	db := newDatabase(t, base)
	load := newWorkload(t, db, p.seed)
	index := &indexes{search: newSearch(t, engine, w.prefix), prefix: w.prefix + "." + db.name + "."}
	index.prepare()
	for _, table := range load.tables {
		w.kafka.create(t, index.of(table.name), 3, nil)
	}
	stop := load.start()

	source, sink := w.prefix+"-source", w.prefix+"-sink"
	w.put(source, db.source(w.prefix, map[string]string{
		"output": p.output(), "decimal.handling.mode": "string", "signal.data.collection": db.name + "." + signals,
	}))
	w.put(sink, map[string]string{
		"connector.class": "ElasticsearchSink", "tasks.max": "2", "connection.url": engine.address,
		"topics.regex": w.prefix + `\.` + db.name + `\.t[0-9]+`, "key.ignore": "false", "schema.ignore": "true", "behavior.on.null.values": "delete",
	})
	strikes := strikeInTurn(t, p, map[string]func(random *rand.Rand){
		"source plugin": func(*rand.Rand) { killPlugin(w, source) },
		"sink plugin":   func(*rand.Rand) { killPlugin(w, sink) },
		"host":          func(*rand.Rand) { w.kill(); w.start() },
		"broker":        bounce(broker),
		"database":      bounce(base),
		"search server": bounce(engine),
	})
	stop()
	t.Logf("%s, after %d faults", load.summary(), strikes)
	if load.committed.Load() < 200 || load.altered.Load() == 0 {
		t.Errorf("too little was done to prove anything: %s", load.summary())
	}

	load.compare(index, w.kafka, "connect-"+sink)
	w.awaitState(source, "RUNNING", 1)
	w.awaitState(sink, "RUNNING", 2)
	w.stop()
	// What was on its way must not have changed anything any more.
	for _, table := range load.tables {
		if d := load.difference(table.name, index); d != "" {
			t.Errorf("after the worker has stopped: %s", d)
		}
	}
}

// killPlugin kills the process of a connector, as soon as there is one.
func killPlugin(w *worker, connector string) {
	w.t.Helper()
	eventually(w.t, flowLimit, "a process of "+connector+" to kill", func() string {
		if pid := w.plugin(connector); pid != 0 {
			sigkill(w.t, pid)
			return ""
		}
		return "there is none"
	})
}

// bounce returns what kills a server or, as often, stops it in order, and starts it again.
func bounce(s *server) func(*rand.Rand) {
	return func(random *rand.Rand) {
		s.t.Helper()
		if random.IntN(2) == 0 {
			s.kill()
		} else {
			s.stop()
		}
		s.start()
	}
}

// strikeInTurn strikes all victims in an order and at moments that the seed says, again and again until the time is over,
// and once at least. It returns the number of strikes.
func strikeInTurn(t *testing.T, p plan, victims map[string]func(*rand.Rand)) (strikes int) {
	t.Helper()
	random := rand.New(rand.NewPCG(p.seed, 0))
	var names []string
	for _, name := range []string{"source plugin", "sink plugin", "host", "broker", "database", "search server"} {
		if victims[name] == nil {
			t.Fatalf("nothing strikes the %s", name)
		}
		names = append(names, name)
	}
	begin := time.Now()
	for strikes == 0 || time.Since(begin) < p.duration {
		random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, name := range names {
			time.Sleep(time.Duration(random.Int64N(int64(p.pause))))
			if t.Failed() {
				return strikes
			}
			at := time.Now()
			victims[name](random)
			t.Logf("%6.1fs: the %s, back after %s", at.Sub(begin).Seconds(), name, time.Since(at).Round(time.Millisecond))
			strikes++
		}
	}
	return strikes
}

// newServers starts several servers of the test's own at the same time, each a name and its options.
func newServers(t *testing.T, wanted ...[]string) []*server {
	t.Helper()
	servers := make([]*server, len(wanted))
	problems := make([]error, len(wanted))
	var starting sync.WaitGroup
	for i, one := range wanted {
		servers[i] = keepServer(t, one[0], one[1:]...)
		starting.Go(func() { problems[i] = servers[i].run("start", servers[i].options...) })
	}
	starting.Wait()
	for _, err := range problems {
		if err != nil {
			t.Fatal(err)
		}
	}
	return servers
}

// summary says what was done.
func (l *workload) summary() string {
	return fmt.Sprintf("%d transactions (%d rolled back, %d failed), %d statements, %d changes of tables, %d snapshots asked for",
		l.committed.Load(), l.rolledBack.Load(), l.failed.Load(), l.statements.Load(), l.altered.Load(), l.asked.Load())
}
