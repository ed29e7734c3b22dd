package sdktest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// complaints is a test that notes what it is told instead of failing.
type complaints struct {
	testing.TB
	mu    sync.Mutex
	texts []string
}

func (c *complaints) note(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts = append(c.texts, text)
}

func (c *complaints) Error(args ...any)                 { c.note(fmt.Sprint(args...)) }
func (c *complaints) Errorf(format string, args ...any) { c.note(fmt.Sprintf(format, args...)) }
func (c *complaints) Fatal(args ...any)                 { c.Error(args...); runtime.Goexit() }
func (c *complaints) Fatalf(format string, args ...any) { c.Errorf(format, args...); runtime.Goexit() }

// complains checks what a part of the suite says; no words: nothing.
func complains(t *testing.T, p *Plugin, part func(*Plugin), words string) {
	t.Helper()
	c := &complaints{TB: t}
	p.t = c
	done := make(chan struct{})
	go func() { // for Goexit
		defer close(done)
		part(p)
	}()
	<-done
	p.t = t
	all := strings.Join(c.texts, "\n")
	if words == "" && all != "" {
		t.Errorf("a good plugin is said to be bad: %s", all)
	}
	if !strings.Contains(all, words) {
		t.Errorf("the complaint is %q, it should say %q", all, words)
	}
}

// counter is a source that can be good or bad.
type counter struct {
	sdk.SourceTask
	n        int64
	forgets  bool // does not read where to resume
	silent   bool // takes any configuration
	nameless bool // does not name the key
	noisy    bool // writes another value each time
}

var counterPartition = sdk.NewPartition("counter", "one")

var counterConfig = config.Definition{{
	Name: "limit", Type: config.TypeInt, Required: true, Importance: config.ImportanceHigh, Group: "Counter", DisplayName: "Limit", Doc: "Where to stop.",
}}

func (c *counter) Start(ctx context.Context, tc *sdk.SourceContext) error {
	if _, err := counterConfig.Parse(tc.Config); err != nil && !c.silent {
		if c.nameless {
			return errors.New("something is wrong")
		}
		return err
	}
	if c.forgets {
		return nil
	}
	offset, err := tc.Offset(ctx, counterPartition)
	c.n, _ = offset.Int64("n")
	return err
}

func (c *counter) Poll(ctx context.Context, batch *sdk.SourceBatch) error {
	if c.n >= 100 {
		<-ctx.Done()
		return nil
	}
	for range 10 {
		c.n++
		value := fmt.Sprint(c.n)
		if c.noisy {
			value = fmt.Sprintf("%p %d", c, c.n)
		}
		batch.Add("t").ValueString(value).OffsetInt64(counterPartition, "n", c.n)
	}
	return nil
}

func (c *counter) Stop(context.Context) error { return nil }

func counterPlugin(t *testing.T, make func() *counter) *Plugin {
	return InProcess(t, sdk.Plugin{Name: "counter", Version: "1", Sources: []sdk.Source{{
		Description: sdk.Description{Class: "Counter", Documentation: "Counts.", Config: counterConfig},
		Task:        func() sdk.SourceTask { return make() },
	}}})
}

var counterCase = SourceCase{
	Class: "Counter", Records: 100, Bad: map[string]string{"limit": "x"},
	Config: func(testing.TB) map[string]string { return map[string]string{"limit": "1"} },
}

func TestSourceParts(t *testing.T) {
	c := counterCase
	bad := func(p *Plugin) { badConfig(p, c.Class, c.Config(p.t), c.Bad) }
	// Errors of configuration come from the task, since there is no Connector.
	for name, x := range map[string]struct {
		task  counter
		part  func(*Plugin)
		words string
	}{
		"good, start":      {counter{}, c.startAndStop, ""},
		"good, resume":     {counter{}, c.resume, ""},
		"good, credit":     {counter{}, c.creditAndPause, ""},
		"good, bad config": {counter{}, bad, ""},
		"forgets":          {counter{forgets: true}, c.resume, "record 0 is"},
		"noisy":            {counter{noisy: true}, c.resume, "record 0 is"},
		"silent":           {counter{silent: true}, bad, "expected an error that names the key"},
		"nameless":         {counter{nameless: true}, bad, "expected an error that names the key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			complains(t, counterPlugin(t, func() *counter { c := x.task; return &c }), x.part, x.words)
		})
	}
}

// TestRogue plays plugins that break the protocol, which the SDK does not let happen.
func TestRogue(t *testing.T) {
	started := &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Started{Started: &connectv1.Started{}}}
	batch := func(seq uint64, count uint32) *connectv1.SourceToHost {
		return &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Batch{Batch: &connectv1.RecordBatch{Seq: seq, Count: count, Topics: []string{"t"}}}}
	}
	drained := func(last uint64) *connectv1.SourceToHost {
		return &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Drained{Drained: &connectv1.Drained{LastSeq: last}}}
	}
	for name, x := range map[string]struct {
		after []*connectv1.SourceToHost // Started and the first credit
		words string
	}{
		"fine":              {[]*connectv1.SourceToHost{batch(1, 50), batch(2, 50)}, ""},
		"greedy":            {[]*connectv1.SourceToHost{batch(1, 50), batch(2, 50), batch(3, 1)}, "batch 3 came, credit was granted for 2"},
		"gap":               {[]*connectv1.SourceToHost{batch(1, 1), batch(3, 1)}, "batch 3 came after batch 1"},
		"empty":             {[]*connectv1.SourceToHost{batch(1, 0)}, "batch 1 is empty"},
		"malformed":         {[]*connectv1.SourceToHost{{Message: &connectv1.SourceToHost_Batch{Batch: &connectv1.RecordBatch{Seq: 1, Count: 1}}}}, "malformed"},
		"after Drained":     {[]*connectv1.SourceToHost{drained(0), batch(1, 1)}, "after Drained"},
		"Drained too early": {[]*connectv1.SourceToHost{batch(1, 1), drained(7)}, "batch 7 was the last"},
	} {
		t.Run(name, func(t *testing.T) {
			server := grpc.NewServer(sdk.ServerOptions()...)
			connectv1.RegisterSourceTaskServer(server, &rogue{first: started, after: x.after})
			complains(t, serve(t, server), func(p *Plugin) {
				s, err := p.StartSource("Rogue", nil, nil)
				if err != nil {
					p.t.Fatal(err)
				}
				s.Grant(2)
				s.await("the end", func() bool { return s.over != nil || s.seq == 2 && x.words == "" })
				if s.over != nil {
					p.t.Error(s.over)
				}
			}, x.words)
		})
	}
}

// rogue sends what it is told to once credit is granted.
type rogue struct {
	connectv1.UnimplementedSourceTaskServer
	first *connectv1.SourceToHost
	after []*connectv1.SourceToHost
}

func (r *rogue) Run(stream connectv1.SourceTask_RunServer) error {
	if _, err := stream.Recv(); err != nil { // Start
		return err
	}
	if err := stream.Send(r.first); err != nil {
		return err
	}
	if _, err := stream.Recv(); err != nil { // credit
		return err
	}
	for _, m := range r.after {
		if err := stream.Send(m); err != nil {
			return err
		}
	}
	<-stream.Context().Done()
	return nil
}

// bucket is a sink that can be good or bad.
type bucket struct {
	mu     *sync.Mutex
	got    *[]string
	drops  bool
	early  bool
	errant bool
	fails  bool
}

func (b *bucket) Start(context.Context, *sdk.SinkContext) error { return nil }

func (b *bucket) Put(_ context.Context, batch *sdk.SinkBatch) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fails = !b.fails; b.fails {
		return sdk.Retriable(errors.New("once more"))
	}
	for i, r := range batch.Records() {
		switch {
		case b.errant:
			batch.Errant(i, errors.New("not this one"))
		case b.drops && r.Offset == 3:
		default:
			*b.got = append(*b.got, string(r.Value.Data))
		}
	}
	return nil
}

func (b *bucket) PreCommit(_ context.Context, offsets []sdk.PartitionOffset) ([]sdk.PartitionOffset, error) {
	for i := range offsets {
		if b.early {
			offsets[i].Offset++
		}
	}
	return offsets, nil
}

func (b *bucket) Stop(context.Context) error { return nil }

func TestSinkParts(t *testing.T) {
	for name, x := range map[string]struct {
		sink  bucket
		words string
	}{
		"good":    {bucket{}, ""},
		"drops":   {bucket{drops: true}, "846 values arrived, 850 were put"},
		"early":   {bucket{early: true}, "lets offset 1 of sdktest-a-1 be committed"},
		"refuses": {bucket{errant: true}, "10 records were reported as errant"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			x.sink.mu, x.sink.got = new(sync.Mutex), &got
			p := InProcess(t, sdk.Plugin{Name: "bucket", Version: "1", Sinks: []sdk.Sink{{
				Description: sdk.Description{Class: "Bucket"}, Task: func() sdk.SinkTask { s := x.sink; return &s },
			}}})
			c := SinkCase{
				Class: "Bucket", Config: func(testing.TB) map[string]string { return nil },
				Written: func(testing.TB, map[string]string) []string { return got },
			}
			complains(t, p, c.putAndFlush, x.words)
		})
	}
}

func TestDescribe(t *testing.T) {
	task := func() sdk.SinkTask { return nil }
	undocumented := config.Definition{{Name: "x", Type: config.TypeInt}}
	for name, x := range map[string]struct {
		suite Suite
		words string
	}{
		"good": {Suite{Plugin: sdk.Plugin{Name: "p", Version: "1", Sinks: []sdk.Sink{{Description: sdk.Description{Class: "S", Documentation: "d"}, Task: task}}},
			Sinks: []SinkCase{{Class: "S"}}}, ""},
		"no case":          {Suite{Plugin: sdk.Plugin{Name: "p", Version: "1", Sinks: []sdk.Sink{{Description: sdk.Description{Class: "S", Documentation: "d"}, Task: task}}}}, "no case"},
		"no documentation": {Suite{Plugin: sdk.Plugin{Name: "p", Version: "1", Sinks: []sdk.Sink{{Description: sdk.Description{Class: "S"}, Task: task}}}}, "not documented"},
		"poor key": {Suite{Plugin: sdk.Plugin{Name: "p", Version: "1",
			Sinks: []sdk.Sink{{Description: sdk.Description{Class: "S", Documentation: "d", Config: undocumented}, Task: task}}}}, "S: x: is not documented"},
		"class of blanks": {Suite{Plugin: sdk.Plugin{Name: "p", Version: "1", Sinks: []sdk.Sink{{Description: sdk.Description{Class: "my sink"}, Task: task}}}}, "class name"},
	} {
		t.Run(name, func(t *testing.T) {
			complains(t, InProcess(t, x.suite.Plugin), x.suite.describe, x.words)
		})
	}
}

func TestUncommitted(t *testing.T) {
	record := func(partition, offset string) Record {
		r := Record{SourceRecord: data.SourceRecord{SourcePartition: []byte(partition)}}
		if offset != "" {
			r.SourceOffset = []byte(offset)
		}
		return r
	}
	records := []Record{record("a", "1"), record("a", ""), record("b", "1"), record("a", "3"), record("b", "")}
	for n, want := range []int{5, 4, 4, 3, 1, 1} {
		offsets, rest := uncommitted(records, n)
		if len(rest) != want {
			t.Errorf("of 5 records %d are not committed after %d, expected are %d (%v)", len(rest), n, want, offsets.stored)
		}
	}
}
