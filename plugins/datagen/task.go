package main

import (
	"context"
	"fmt"
	"math"
	"strconv"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// task makes the records of one slice.
type task struct {
	topic     string
	partition sdk.Partition
	sequence  bool // keys are numbers
	headers   []string
	make      func(r *sdk.Record, number int64)

	first, step int64 // record k of the slice has the number first + k*step
	next, end   int64 // in records of the slice
	pace        pace
	number      digits
}

// maxHeaders bounds the headers of a record.
const maxHeaders = 64

// Start finds out where to resume.
func (t *task) Start(ctx context.Context, tc *sdk.SourceContext) error {
	v, err := parse(taskConfig(), tc.Config)
	if err != nil {
		return err
	}
	t.topic, t.sequence = v.String(keyTopic), v.String(keyKey) == keySequence
	for i := range v.Int(keyHeaders) {
		t.headers = append(t.headers, "header"+strconv.Itoa(i))
	}
	t.first, t.step = v.Int64(keySlice), v.Int64(keySlices)
	if t.first < 0 || t.first >= t.step {
		return sdk.Fatal(fmt.Errorf("%s=%d: there are %d slices, from 0; these keys are set by the connector, leave them out", keySlice, t.first, t.step))
	}
	t.end = math.MaxInt64
	if total := v.Int64(keyRecords); total > 0 {
		t.end = (total - t.first + t.step - 1) / t.step
	}
	if v.String(keyShape) == shapeRow {
		t.make = newRows(v.Int64(keySeed)).write
	} else {
		t.make = newTexts(v.Int64(keySeed), v.Int(keyValueSize)).write
	}
	t.pace = newPace(v.Float64(keyRate) / float64(t.step))
	t.partition = partitionOf(t.first, t.step)
	stored, err := tc.Offset(ctx, t.partition)
	if err != nil {
		return fmt.Errorf("reading the stored offset of %s: %w", t.partition, err)
	}
	if t.next, err = nextOf(stored); err != nil {
		return sdk.Fatal(fmt.Errorf("stored %w; reset or alter the connector's offsets", err))
	}
	tc.Logger.Info("making records", "topic", t.topic, "partition", t.partition.String(), "next", t.next)
	return nil
}

// Poll appends what is due.
func (t *task) Poll(ctx context.Context, batch *sdk.SourceBatch) error {
	if t.next >= t.end {
		<-ctx.Done() // all is made
		return nil
	}
	due := min(t.pace.wait(ctx), t.end-t.next)
	if due <= 0 {
		return nil
	}
	from := t.next
	for more := true; more; due-- {
		r := t.add(batch)
		if more = due > 1 && !batch.Full(); more {
			r.Offset(t.partition, nil) // the last one's covers it
		} else {
			r.OffsetInt64(t.partition, offsetField, t.next)
		}
	}
	t.pace.spend(t.next - from)
	return nil
}

// add appends one record, without an offset.
func (t *task) add(batch *sdk.SourceBatch) *sdk.Record {
	number := t.first + t.next*t.step
	t.next++
	r := batch.Add(t.topic)
	if t.sequence || len(t.headers) > 0 {
		t.number.set(number)
	}
	if t.sequence {
		r.KeyBytes(t.number.text[:])
	}
	t.make(r, number)
	for _, name := range t.headers {
		r.Header(name, data.Value{Kind: data.KindString, Data: t.number.text[:]})
	}
	return r
}

// Stop has nothing to do.
func (t *task) Stop(context.Context) error { return nil }
