// The plugin choosy has a sink that asks for records in an order of its own and fails when they come in another, to test
// the host.
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync/atomic"
	"time"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

func main() {
	sdk.Serve(sdk.Plugin{Name: "choosy", Version: "1.0.0", Sinks: []sdk.Sink{{
		Description: sdk.Description{Class: "ChoosySink", Config: config.Definition{
			{Name: "mode", Type: config.TypeString, Doc: "What it asks for when the first record comes: pause, rewind or die; others nothing."},
			{Name: "late", Type: config.TypeLong, Doc: "How many records may come after their partition was paused."},
			{Name: "marker", Type: config.TypeString, Doc: "A file that is made by the first task that dies; there is one death only."},
		}},
		Task: func() sdk.SinkTask { return &sink{next: map[sdk.TopicPartition]int64{}} },
	}}})
}

type sink struct {
	tc   *sdk.SinkContext
	mode string
	late int64
	next map[sdk.TopicPartition]int64

	asked  bool
	wanted sdk.TopicPartition // the partition of the first record
	paused atomic.Bool        // the others are
}

func (s *sink) Start(_ context.Context, tc *sdk.SinkContext) error {
	s.tc, s.mode = tc, tc.Config["mode"]
	_, err := fmt.Sscan(tc.Config["late"], &s.late)
	return err
}

func (s *sink) Put(_ context.Context, b *sdk.SinkBatch) error {
	for _, r := range b.Records() {
		tp := sdk.TopicPartition{Topic: r.Topic, Partition: r.Partition}
		next, seen := s.next[tp]
		if seen && r.Offset != next && (s.mode != "rewind" || tp != s.wanted || r.Offset != 0) || !seen && r.Offset != 0 && s.mode != "die" {
			return sdk.Fatal(fmt.Errorf("%v: offset %d came where %d was due", tp, r.Offset, next))
		}
		s.next[tp] = r.Offset + 1
		if s.paused.Load() && tp != s.wanted {
			if s.late--; s.late < 0 {
				return sdk.Fatal(fmt.Errorf("%v: records come though it is paused", tp))
			}
		}
		if !s.asked {
			s.asked, s.wanted = true, tp
			s.ask()
		}
	}
	return nil
}

func (s *sink) ask() {
	switch s.mode {
	case "pause":
		others := slices.DeleteFunc(slices.Collect(maps.Keys(s.tc.Assignment())), func(tp sdk.TopicPartition) bool { return tp == s.wanted })
		s.tc.Pause(others...)
		s.paused.Store(true)
		time.AfterFunc(500*time.Millisecond, func() {
			s.paused.Store(false)
			s.tc.Resume(others...)
		})
	case "rewind":
		s.tc.Rewind(sdk.PartitionOffset{Topic: s.wanted.Topic, Partition: s.wanted.Partition})
	case "die":
		f, err := os.OpenFile(s.tc.Config["marker"], os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return
		}
		f.Close()
		s.tc.Pause(slices.Collect(maps.Keys(s.tc.Assignment()))...)
		time.Sleep(200 * time.Millisecond) // the host hears of the pauses
		os.Exit(3)
	}
}

func (s *sink) Stop(context.Context) error { return nil }
