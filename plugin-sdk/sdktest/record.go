package sdktest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// Record is a record of a source, in memory of its own.
type Record struct {
	data.SourceRecord
	// Seq is the number of the batch that it came in.
	Seq uint64
	// last tells that it is the last one of its batch.
	last bool
}

// Text returns the value as people read it.
func (r Record) Text() string {
	text, err := data.AppendText(nil, r.Value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// String describes a record for messages.
func (r Record) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "topic %s partition %d key %s value %s", r.Topic, r.Partition, describe(r.Key), describe(r.Value))
	for _, h := range r.Headers {
		fmt.Fprintf(&b, " header %s=%s", h.Key, describe(h.Value))
	}
	if r.SourcePartition != nil {
		fmt.Fprintf(&b, " from %s", r.SourcePartition)
	}
	return b.String()
}

func describe(v data.Value) string {
	text, err := data.AppendText(nil, v)
	if err != nil {
		return err.Error()
	}
	if len(text) > 200 {
		return fmt.Sprintf("%s(%d bytes, %.200q…)", v.Kind, len(text), text)
	}
	return fmt.Sprintf("%s(%q)", v.Kind, text)
}

// equal compares all but the time, which is another one in a replay.
func (r Record) equal(o Record) bool {
	return r.Topic == o.Topic && r.Partition == o.Partition && same(r.Key, o.Key) && same(r.Value, o.Value) &&
		slices.EqualFunc(r.Headers, o.Headers, func(a, b data.Header) bool { return a.Key == b.Key && same(a.Value, b.Value) }) &&
		bytes.Equal(r.SourcePartition, o.SourcePartition)
}

func same(a, b data.Value) bool {
	return a.Kind == b.Kind && a.Schema.Equal(b.Schema) && a.IsNull() == b.IsNull() && bytes.Equal(a.Data, b.Data)
}

func own(r *data.SourceRecord, seq uint64) Record {
	c := Record{SourceRecord: *r, Seq: seq}
	c.Key.Data, c.Value.Data = bytes.Clone(r.Key.Data), bytes.Clone(r.Value.Data)
	c.Headers = nil
	for _, h := range r.Headers {
		h.Value.Data = bytes.Clone(h.Value.Data)
		c.Headers = append(c.Headers, h)
	}
	c.SourcePartition, c.SourceOffset = bytes.Clone(r.SourcePartition), bytes.Clone(r.SourceOffset)
	return c
}

// Texts returns the values as people read them.
func Texts(records []Record) []string {
	texts := make([]string, len(records))
	for i, r := range records {
		texts[i] = r.Text()
	}
	return texts
}
