package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const usage = `usage: bench bench|kafka-connect|mysql|mysql-debezium [flags]    (-h lists them)
       make bench ARGS="…"         make bench-kafka-connect ARGS="…"
       make bench-mysql ARGS="…"   make bench-mysql-debezium ARGS="…"`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := command(ctx, os.Args[1:])
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	stop()
	os.Exit(1)
}

// command runs a command line. The last three commands are processes of a benchmark.
func command(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	switch name, rest := args[0], args[1:]; name {
	case "bench", "kafka-connect", "mysql", "mysql-debezium":
		s, err := parseSettings(name, rest)
		if err != nil {
			return err
		}
		return benchmark(ctx, s)
	case "broker":
		return runBroker(ctx, rest)
	case "produce":
		return runProduce(ctx, rest)
	case "consume":
		return runConsume(ctx, rest)
	default:
		return fmt.Errorf("unknown command %q\n%s", name, usage)
	}
}

// settings are the flags.
type settings struct {
	command    string
	cases      []testCase
	rounds     int
	records    int64 // 0: the case's own
	quick      bool
	partitions int
	bin        string
	out        string
	keep       bool

	// Of all but bench, given by run.sh.
	kafka    string
	kafkaPID int
	// Of the two beside Kafka Connect, given by run.sh.
	services string
	group    string
	// Of mysql and mysql-debezium, given by run.sh.
	mariadb string // host:port
	search  string // URL; of mysql alone
}

// realKafka tells whether the broker is Apache Kafka, which keeps what it gets.
func (s settings) realKafka() bool { return s.command != "bench" }

// besideKafkaConnect tells whether there are contenders that run in Kafka Connect.
func (s settings) besideKafkaConnect() bool {
	return s.command == "kafka-connect" || s.command == "mysql-debezium"
}

// tables tells whether records come from a database.
func (s settings) tables() bool { return s.command == "mysql" || s.command == "mysql-debezium" }

// Times within which things happen, or something is wrong.
const (
	startLimit = 2 * time.Minute
	runLimit   = 3 * time.Minute
	stopLimit  = 15 * time.Second
)

func parseSettings(command string, args []string) (settings, error) {
	s := settings{command: command}
	known, partitions := benchCases(), 6
	switch command {
	case "kafka-connect":
		known, partitions = kafkaConnectCases(), 1
	case "mysql":
		known, partitions = mysqlCases(), 1
	case "mysql-debezium":
		known, partitions = debeziumCases(), 1
	}
	f := flag.NewFlagSet(command, flag.ContinueOnError)
	chosen := f.String("cases", "", "cases to run: names or beginnings of names, separated by commas, or as arguments behind the flags; all without them")
	f.IntVar(&s.rounds, "rounds", 5, "rounds that count; one more is run before them and dropped")
	f.Int64Var(&s.records, "records", 0, "records of each run; 0: as many as the case takes")
	f.BoolVar(&s.quick, "quick", false, "fewer records and, unless -rounds is given, 2 rounds")
	f.IntVar(&s.partitions, "partitions", partitions, "partitions of the topics")
	f.StringVar(&s.bin, "bin", "bin", "folder with outboard and plugins/, as make build makes them")
	f.StringVar(&s.out, "out", "bin/bench", "folder of the results")
	f.BoolVar(&s.keep, "keep", false, "leave the logs of the processes")
	f.StringVar(&s.kafka, "kafka", "", "address of Kafka (set by run.sh)")
	f.IntVar(&s.kafkaPID, "kafka-pid", 0, "process of Kafka (set by run.sh)")
	f.StringVar(&s.services, "services", "", "folder with connect.sh (set by run.sh)")
	f.StringVar(&s.group, "group", "", "group.id for the worker of Kafka Connect (set by run.sh)")
	f.StringVar(&s.mariadb, "mariadb", "", "address of MariaDB (set by run.sh)")
	f.StringVar(&s.search, "search", "", "URL of OpenSearch (set by run.sh)")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	given := map[string]bool{}
	f.Visit(func(x *flag.Flag) { given[x.Name] = true })
	if s.quick && !given["rounds"] {
		s.rounds = 2
	}
	switch {
	case s.rounds < 1:
		return s, fmt.Errorf("-rounds %d: one is the least", s.rounds)
	case s.partitions < 1:
		return s, fmt.Errorf("-partitions %d: one is the least", s.partitions)
	case s.records < 0:
		return s, fmt.Errorf("-records %d is negative", s.records)
	case s.realKafka() && s.kafka == "" || s.besideKafkaConnect() && (s.services == "" || s.group == "") || s.tables() && s.mariadb == "" || command == "mysql" && s.search == "":
		return s, fmt.Errorf("the servers are missing: start it with make bench-%s", command)
	}
	var err error
	s.cases, err = choose(known, append(strings.FieldsFunc(*chosen, func(r rune) bool { return r == ',' }), f.Args()...))
	return s, err
}

// benchmark runs the chosen cases and reports. What was measured before a failure is reported too.
func benchmark(ctx context.Context, s settings) error {
	l, err := newLab(s)
	if err != nil {
		return err
	}
	defer l.close()
	r, err := newReport(ctx, s)
	if err != nil {
		return err
	}
	err = l.runCases(ctx, r)
	return errors.Join(err, r.close(os.Stdout, err))
}
