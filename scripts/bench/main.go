package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const usage = `usage: bench bench|kafka-connect [flags]    (-h lists them)
       make bench ARGS="…"   make bench-kafka-connect ARGS="…"`

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
	case "bench", "kafka-connect":
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

	// Of kafka-connect alone, given by run.sh.
	kafka    string
	kafkaPID int
	services string
	group    string
}

// Times within which things happen, or something is wrong.
const (
	startLimit = 30 * time.Second
	runLimit   = 3 * time.Minute
	stopLimit  = 15 * time.Second
)

func parseSettings(command string, args []string) (settings, error) {
	s := settings{command: command}
	known, partitions := benchCases(), 6
	if command == "kafka-connect" {
		known, partitions = kafkaConnectCases(), 1
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
	f.StringVar(&s.kafka, "kafka", "", "kafka-connect: address of Kafka (set by run.sh)")
	f.IntVar(&s.kafkaPID, "kafka-pid", 0, "kafka-connect: process of Kafka (set by run.sh)")
	f.StringVar(&s.services, "services", "", "kafka-connect: folder with connect.sh (set by run.sh)")
	f.StringVar(&s.group, "group", "", "kafka-connect: group.id for the worker of Kafka Connect (set by run.sh)")
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
	case command == "kafka-connect" && (s.kafka == "" || s.services == "" || s.group == ""):
		return s, errors.New("-kafka, -services and -group are missing: start it with make bench-kafka-connect")
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

// lab is where the cases run.
type lab struct {
	settings
	self    string // this program, whose other commands are started
	folder  string // of files that nobody needs afterwards
	samples map[string]string
	serial  int
	log     io.Writer
}

func newLab(s settings) (*lab, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for _, needed := range []string{"outboard", "plugins/datagen", "plugins/blackhole", "plugins/file"} {
		if _, err := os.Stat(filepath.Join(s.bin, needed)); err != nil {
			return nil, fmt.Errorf("%w: run make build, or say with -bin where it is", err)
		}
	}
	if s.bin, err = filepath.Abs(s.bin); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "outboard-bench.")
	if err != nil {
		return nil, err
	}
	return &lab{settings: s, self: self, folder: folder, samples: map[string]string{}, log: os.Stderr}, nil
}

func (l *lab) close() {
	if l.keep {
		fmt.Fprintln(l.log, "logs are in", l.folder)
		return
	}
	_ = os.RemoveAll(l.folder) // it is in the folder for temporary files, which somebody else empties
}

// name returns a name that nothing else in this run has.
func (l *lab) unique(of string) string {
	l.serial++
	return fmt.Sprintf("%s-%d", of, l.serial)
}

func (l *lab) path(name string) string { return filepath.Join(l.folder, name) }

func (l *lab) say(format string, args ...any) {
	fmt.Fprintf(l.log, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
