package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/convert"
	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/kafka"
	"github.com/outboard-connect/outboard/host/internal/provider"
	"github.com/outboard-connect/outboard/host/internal/transform"
	"github.com/outboard-connect/outboard/plugin-sdk/client"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// Preview is a record on its way through a configuration, which nothing was written of.
type Preview struct {
	// Stages are the record as it came, from the connector or through the converters, and after each transformation, by its alias.
	Stages []PreviewStage `json:"stages"`
	// Kafka is the record's form in Kafka: what a sink reads, what a source would write. Nil when it did not get there.
	Kafka *PreviewBytes `json:"kafka"`
	// Dropped is the transformation that drops the record, Error why it cannot go on; both empty for one that comes through.
	Dropped string `json:"dropped,omitempty"`
	Error   string `json:"error,omitempty"`
}

// PreviewStage is a record at one place. Key, value and headers are JSON with their schema.
type PreviewStage struct {
	Name      string          `json:"name"`
	Topic     string          `json:"topic"`
	Partition *int32          `json:"partition"`
	Timestamp *int64          `json:"timestamp"`
	Key       json.RawMessage `json:"key"`
	Value     json.RawMessage `json:"value"`
	Headers   []PreviewHeader `json:"headers"`
}

// PreviewHeader is a header of a PreviewStage.
type PreviewHeader struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
}

// PreviewBytes is a record in Kafka.
type PreviewBytes struct {
	Topic   string               `json:"topic"`
	Key     *PreviewText         `json:"key"`
	Value   *PreviewText         `json:"value"`
	Headers []PreviewBytesHeader `json:"headers"`
}

// PreviewBytesHeader is a header of PreviewBytes.
type PreviewBytesHeader struct {
	Name  string       `json:"name"`
	Value *PreviewText `json:"value"`
}

// PreviewText is bytes as a text, or in base64 where they are none.
type PreviewText struct {
	Text   *string `json:"text,omitempty"`
	Base64 []byte  `json:"base64,omitempty"`
	Size   int     `json:"size"`
}

// previewer takes records through a configuration.
type previewer struct {
	config map[string]string
	conv   *converters
	json   convert.Converter
	names  []string           // of the transformations
	chains []*transform.Chain // the first, the first two, …
	arena  transform.Arena
}

// Preview takes up to n records through a configuration, and writes nothing: no record, no offset, no schema. A source runs
// in a process of its own, from where it begins without stored offsets, until there are n records or ctx ends; of a sink's
// topics the first records that are there are read, outside its group. The error is about the configuration or the
// connector; that of a record is in it. Neither shows what the configuration refers to, not even where a transformation
// puts it into records.
func (w *Worker) Preview(ctx context.Context, config map[string]string, n int) ([]Preview, error) {
	resolved, err := w.settings.Providers.Resolve(config)
	if err != nil {
		return nil, err
	}
	previews, err := w.preview(ctx, resolved.Values, n)
	for i := range previews {
		previews[i].hide(resolved)
	}
	return previews, discreet(resolved, err)
}

func (w *Worker) preview(ctx context.Context, config map[string]string, n int) ([]Preview, error) {
	c, err := w.find(config)
	if err != nil {
		return nil, err
	}
	p, err := w.newPreviewer(config)
	if err != nil {
		return nil, err
	}
	if c.Description.GetType() == connectv1.ConnectorType_CONNECTOR_TYPE_SINK {
		return w.previewSink(ctx, p, n)
	}
	return w.previewSource(ctx, c, p, n)
}

// hide takes out what references stand for.
func (v *Preview) hide(resolved *provider.Resolved) {
	if !resolved.Secret() {
		return
	}
	v.Error = resolved.Hide(v.Error)
	for i := range v.Stages {
		s := &v.Stages[i]
		s.Topic, s.Key, s.Value = resolved.Hide(s.Topic), hideJSON(resolved, s.Key), hideJSON(resolved, s.Value)
		for j := range s.Headers {
			h := &s.Headers[j]
			h.Name, h.Value = resolved.Hide(h.Name), hideJSON(resolved, h.Value)
		}
	}
	if v.Kafka == nil {
		return
	}
	v.Kafka.Topic = resolved.Hide(v.Kafka.Topic)
	v.Kafka.Key.hide(resolved)
	v.Kafka.Value.hide(resolved)
	for i := range v.Kafka.Headers {
		h := &v.Kafka.Headers[i]
		h.Name = resolved.Hide(h.Name)
		h.Value.hide(resolved)
	}
}

// hideJSON is hide for JSON, which becomes a text when something else than a text is hidden in it.
func hideJSON(resolved *provider.Resolved, text json.RawMessage) json.RawMessage {
	hidden := resolved.Hide(string(text))
	if text == nil || hidden == string(text) {
		return text
	}
	if json.Valid([]byte(hidden)) {
		return json.RawMessage(hidden)
	}
	quoted, _ := json.Marshal(hidden) // a string always has a JSON form
	return quoted
}

func (t *PreviewText) hide(resolved *provider.Resolved) {
	if t == nil {
		return
	}
	if t.Text != nil {
		text := resolved.Hide(*t.Text)
		t.Text = &text
	}
	if t.Base64 != nil {
		t.Base64 = []byte(resolved.Hide(string(t.Base64)))
	}
}

func (w *Worker) newPreviewer(config map[string]string) (*previewer, error) {
	quiet := maps.Clone(config)
	workers := maps.Clone(w.settings.Properties)
	for _, use := range []string{"key", "value", "header"} { // a schema would be written
		quiet[use+".converter.auto.register.schemas"] = "false"
		workers[use+".converter.auto.register.schemas"] = "false"
	}
	p := &previewer{config: config}
	var err error
	if p.conv, err = newConverters(workers, quiet); err != nil {
		return nil, err
	}
	if p.json, err = convert.New("JsonConverter", map[string]string{"schemas.enable": "true"}, convert.Value); err != nil {
		return nil, err
	}
	for name := range strings.SplitSeq(config["transforms"], ",") {
		if name = strings.TrimSpace(name); name != "" {
			p.names = append(p.names, name)
		}
	}
	for i := range p.names {
		part := maps.Clone(config)
		part["transforms"] = strings.Join(p.names[:i+1], ",")
		chain, err := transform.NewChain(part)
		if err != nil {
			return nil, err
		}
		p.chains = append(p.chains, chain)
	}
	return p, nil
}

// follow takes a record through the transformations. It returns it in its last form, false when it does not come through.
func (p *previewer) follow(v *Preview, rec transform.Record) (transform.Record, bool) {
	for i, chain := range p.chains {
		next := rec
		keep, err := chain.Apply(&p.arena, &next)
		switch {
		case err != nil:
			v.Error = err.Error()
			return rec, false
		case !keep:
			v.Dropped = p.names[i]
			return rec, false
		}
		v.Stages = append(v.Stages, p.stage(p.names[i], next))
		if i == len(p.chains)-1 {
			return next, true
		}
	}
	return rec, true
}

func (p *previewer) stage(name string, rec transform.Record) PreviewStage {
	s := PreviewStage{Name: name, Topic: rec.Topic, Key: p.show(rec.Key), Value: p.show(rec.Value), Headers: []PreviewHeader{}}
	if rec.Partition >= 0 {
		s.Partition = &rec.Partition
	}
	if rec.Timestamp != data.NoTimestamp {
		s.Timestamp = &rec.Timestamp
	}
	for _, h := range rec.Headers {
		s.Headers = append(s.Headers, PreviewHeader{h.Key, p.show(h.Value)})
	}
	return s
}

// show is a value as JSON with its schema.
func (p *previewer) show(v data.Value) json.RawMessage {
	text, err := p.json.FromConnect(&convert.Arena{}, "", v)
	if err != nil {
		text, _ = json.Marshal(map[string]string{"error": err.Error()})
	}
	return text
}

// showBytes shows bytes of Kafka.
func showBytes(b []byte) *PreviewText {
	if b == nil {
		return nil
	}
	t := &PreviewText{Size: len(b)}
	if text := string(b); utf8.Valid(b) && !strings.ContainsRune(text, 0) {
		t.Text = &text
	} else {
		t.Base64 = b
	}
	return t
}

func showRecord(k *kgo.Record) *PreviewBytes {
	b := &PreviewBytes{Topic: k.Topic, Key: showBytes(k.Key), Value: showBytes(k.Value), Headers: []PreviewBytesHeader{}}
	for _, h := range k.Headers {
		b.Headers = append(b.Headers, PreviewBytesHeader{h.Key, showBytes(h.Value)})
	}
	return b
}

// previewSource runs the source.
func (w *Worker) previewSource(ctx context.Context, c *isolation.Connector, p *previewer, n int) ([]Preview, error) {
	name := p.config["name"]
	lease, err := w.settings.Supervisor.Acquire(ctx, isolation.Request{
		Plugin: c.Plugin, Key: fmt.Sprintf("preview %d", w.previews.Add(1)), Name: "preview of " + c.Class()})
	if err != nil {
		return nil, err
	}
	defer lease.Release()
	l, err := limits(p.config)
	if err != nil {
		return nil, err
	}
	none := func(partitions [][]byte) ([][]byte, error) { return make([][]byte, len(partitions)), nil }
	running, err := client.StartConnector(ctx, lease.Process().Conn(), name, c.Class(), p.config,
		client.ConnectorEvents{Reconfigure: func() {}, Failed: func(*client.AuthorError) {}, ReadOffsets: none}, l)
	if err != nil {
		return nil, explain(lease, err, "Connector.Start")
	}
	defer func() {
		_ = running.Stop(context.WithoutCancel(ctx), w.settings.GracefulTimeout) // the process ends anyway
	}()
	configs, err := running.TaskConfigs(ctx, 1)
	if err != nil {
		return nil, err
	}
	if len(configs) == 0 {
		return []Preview{}, nil
	}
	// The stream has no deadline of its own: what came before ctx ended counts.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, end)()
	stream, err := client.StartSourceTask(life, lease.Process().Conn(), client.TaskStart{
		Connector: name, Class: c.Class(), Config: configs[0]}, 1, 1<<20, false, l)
	if err != nil {
		return nil, explain(lease, err, "SourceTask.Start")
	}
	defer stream.Abort(nil)
	if err := stream.AwaitStarted(none); err != nil {
		return nil, explain(lease, err, "SourceTask.Start")
	}
	return p.read(ctx, stream, n)
}

// read takes records of a source until there are enough or ctx ends.
func (p *previewer) read(ctx context.Context, stream *client.SourceTask, n int) ([]Preview, error) {
	previews := []Preview{}
	var decoder wire.Decoder
	for len(previews) < n {
		ev, err := stream.Next()
		switch {
		case err != nil && ctx.Err() != nil:
			return previews, nil // what there was in time
		case err != nil:
			return nil, err
		case ev.Failed != nil:
			return nil, ev.Failed
		case ev.Drained:
			return previews, nil
		case ev.ReadOffsets != nil:
			_ = stream.Offsets(ev.ReadOffsets, make([][]byte, len(ev.ReadOffsets.GetPartitions())), nil)
		case ev.Batch != nil:
			if err := decoder.Open(ev.Batch.Batch); err != nil {
				return nil, err
			}
			var rec data.SourceRecord
			for decoder.NextSource(&rec) && len(previews) < n {
				previews = append(previews, p.source(&rec))
			}
			cost := len(ev.Batch.Batch.GetValues()) + len(ev.Batch.Batch.GetKeys())
			ev.Batch.Release()
			_ = stream.Grant(1, uint64(cost)+1, false)
		}
	}
	return previews, nil
}

func (p *previewer) source(rec *data.SourceRecord) Preview {
	first := transform.Record{Topic: rec.Topic, Partition: rec.Partition, Offset: transform.NoOffset, Timestamp: rec.Timestamp,
		Key: rec.Key, Value: rec.Value, Headers: rec.Headers}
	v := Preview{Stages: []PreviewStage{p.stage("connector", first)}}
	last, ok := p.follow(&v, first)
	if !ok {
		return v
	}
	run := &sourceRun{task: &task{}, conv: p.conv}
	var k kgo.Record
	failed := run.convert(&batch{made: &made{}}, &k, &data.SourceRecord{Topic: last.Topic, Partition: last.Partition, Timestamp: last.Timestamp,
		Key: last.Key, Value: last.Value, Headers: last.Headers}, time.Now())
	if failed != nil {
		v.Error = fmt.Sprintf("%s: %v", failed.stage, failed.err)
		return v
	}
	v.Kafka = showRecord(&k)
	return v
}

// previewSink reads what is first in the topics of a sink.
func (w *Worker) previewSink(ctx context.Context, p *previewer, n int) ([]Preview, error) {
	cfg, err := w.settings.client(kafka.Consumer, TaskID{Connector: p.config["name"]}, p.config, w.log)
	if err != nil {
		return nil, err
	}
	subscription, err := subscribe(p.config)
	if err != nil {
		return nil, err
	}
	opts := append(cfg.Options, append(subscription, kgo.ConsumerGroup(""), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))...)
	consumer, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("making the consumer: %w", err)
	}
	defer consumer.Close()
	run := &sinkRun{conv: p.conv, chain: &transform.Chain{}}
	previews := []Preview{}
	for len(previews) < n {
		fetches := consumer.PollRecords(ctx, n-len(previews))
		if ctx.Err() != nil {
			return previews, nil
		}
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("reading the topics: %w", err)
		}
		for _, k := range fetches.Records() {
			v := Preview{Kafka: showRecord(k)}
			if _, failed := run.read(k); failed != nil {
				v.Error = fmt.Sprintf("%s: %v", failed.stage, failed.err)
			} else {
				v.Stages = append(v.Stages, p.stage("converter", run.rec))
				p.follow(&v, run.rec)
			}
			previews = append(previews, v)
		}
	}
	return previews, nil
}
