package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

const (
	keyDelay     = "delay.ms"
	keyFailEvery = "fail.every"
	keyFailKind  = "fail.kind"

	kindRetriable = "retriable"
	kindFatal     = "fatal"
	kindErrant    = "errant"
)

var sinkConfig = config.Definition{
	{
		Name: keyDelay, Type: config.TypeLong, Default: config.Default("0"), Min: config.Limit(0), Importance: config.ImportanceMedium,
		Group: "Trouble", Order: 1, Width: config.WidthShort, DisplayName: "Delay",
		Doc: "How many milliseconds each batch takes.",
	},
	{
		Name: keyFailEvery, Type: config.TypeLong, Default: config.Default("0"), Min: config.Limit(0), Importance: config.ImportanceMedium,
		Group: "Trouble", Order: 2, Width: config.WidthShort, DisplayName: "Fail every", Dependents: []string{keyFailKind},
		Doc: "Every how many records of a task one fails. 0 means never.",
	},
	{
		Name: keyFailKind, Type: config.TypeString, Default: config.Default(kindRetriable), Valid: []string{kindRetriable, kindFatal, kindErrant}, Importance: config.ImportanceMedium,
		Group: "Trouble", Order: 3, Width: config.WidthShort, DisplayName: "Kind of failure",
		Doc: "How it fails. With retriable, the batch of the record fails once and succeeds when it is tried again; " +
			"with fatal, the task fails for good; with errant, the record is reported as one that can never be written.",
	},
}

// task takes records and forgets them.
type task struct {
	delay     time.Duration
	failEvery int64
	failKind  string
	log       hclog.Logger

	records, bytes int64
	// excused is the number of the last record of the batch that failed last: it
	// succeeds when it is tried again.
	excused int64
}

func (t *task) Start(_ context.Context, tc *sdk.SinkContext) error {
	v, err := sinkConfig.Parse(tc.Config)
	if err != nil {
		return sdk.Fatal(err)
	}
	t.delay, t.failEvery, t.failKind, t.log = v.Duration(keyDelay), v.Int64(keyFailEvery), v.String(keyFailKind), tc.Logger
	return nil
}

// Put counts the batch when all of it succeeds.
func (t *task) Put(ctx context.Context, batch *sdk.SinkBatch) error {
	if err := t.slow(ctx); err != nil {
		return err
	}
	bytes := int64(0)
	for i, r := range batch.Records() {
		bytes += int64(sizeOf(r))
		if n := t.records + int64(i) + 1; t.failEvery > 0 && n%t.failEvery == 0 {
			if err := t.fail(batch, i, n, r); err != nil {
				return err
			}
		}
	}
	t.records += int64(batch.Len())
	t.bytes += bytes
	return nil
}

func (t *task) slow(ctx context.Context) error {
	if t.delay == 0 {
		return nil
	}
	timer := time.NewTimer(t.delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// fail does with record n, the i-th of the batch, what is configured.
func (t *task) fail(batch *sdk.SinkBatch, i int, n int64, r *data.SinkRecord) error {
	err := fmt.Errorf("record %d of this task (topic %s, partition %d, offset %d) fails because of %s=%d; set that to 0 to make it stop",
		n, r.Topic, r.Partition, r.Offset, keyFailEvery, t.failEvery)
	switch t.failKind {
	case kindErrant:
		batch.Errant(i, err)
		return nil
	case kindFatal:
		return sdk.Fatal(err)
	}
	if n <= t.excused {
		return nil
	}
	t.excused = t.records + int64(batch.Len())
	return sdk.Retriable(err)
}

// sizeOf touches every field.
func sizeOf(r *data.SinkRecord) int {
	size := len(r.Topic) + len(r.Key.Data) + len(r.Value.Data)
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value.Data)
	}
	return size
}

// Flush says how much there was; nothing is buffered.
func (t *task) Flush(context.Context) error {
	t.total()
	return nil
}

func (t *task) Stop(context.Context) error {
	if t.log != nil {
		t.total()
	}
	return nil
}

func (t *task) total() {
	t.log.Debug("records taken so far", "records", t.records, "bytes", t.bytes)
}
