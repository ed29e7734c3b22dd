package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// records are what the connectors of a server have emitted so far.
type records struct {
	client *kgo.Client
	server string
	byRun  map[string][]*kgo.Record
}

// A line of a recording: a topic's schemas, or one record.
type line struct {
	Topic       string            `json:"topic"`
	KeySchema   json.RawMessage   `json:"keySchema,omitempty"`
	ValueSchema json.RawMessage   `json:"valueSchema,omitempty"`
	Key         json.RawMessage   `json:"key,omitempty"`
	Value       json.RawMessage   `json:"value,omitempty"`
	Headers     []json.RawMessage `json:"headers,omitempty"`
}

func (s *server) listen(ctx context.Context) (*records, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.broker), kgo.ConsumeRegex(), kgo.ConsumeTopics("^(__debezium-heartbeat\\.)?"+s.name+"-.*"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.MetadataMaxAge(time.Second), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		return nil, err
	}
	return &records{client: client, server: s.name, byRun: map[string][]*kgo.Record{}}, client.Ping(ctx)
}

func (r *records) close() { r.client.Close() }

// await reads until every run has a record whose value has the mark, and then all that the topics hold.
func (r *records) await(ctx context.Context, what, mark string) error {
	missing := map[string]bool{}
	for _, run := range runs {
		missing[run.name] = true
	}
	for len(missing) > 0 {
		if err := r.poll(ctx, time.Minute, func(topic, run string, value []byte) {
			if bytes.Contains(value, []byte(mark)) && (!strings.Contains(mark, "after") || strings.HasSuffix(topic, ".marker")) {
				delete(missing, run)
			}
		}); err != nil {
			return fmt.Errorf("waiting for %s of %v: %w", what, missing, err)
		}
	}
	// A topic may be found late, and producers write to several at once. Heartbeats go on for ever.
	quiet := time.Now()
	for time.Since(quiet) < 5*time.Second {
		err := r.poll(ctx, time.Second, func(topic, _ string, _ []byte) {
			if strings.Contains(topic, ".") {
				quiet = time.Now()
			}
		})
		if err != nil && (!errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil) {
			return err
		}
	}
	return nil
}

// poll takes what comes next, or fails when nothing does.
func (r *records) poll(ctx context.Context, patience time.Duration, see func(topic, run string, value []byte)) error {
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	fetches := r.client.PollFetches(wait)
	if wait.Err() != nil {
		return fmt.Errorf("no records for %v: %w", patience, wait.Err())
	}
	fetches.EachRecord(func(record *kgo.Record) {
		topic := strings.TrimPrefix(record.Topic, "__debezium-heartbeat.")
		run, _, _ := strings.Cut(strings.TrimPrefix(topic, r.server+"-"), ".")
		r.byRun[run] = append(r.byRun[run], record)
		see(topic, run, record.Value)
	})
	return nil
}

func (r *records) keep(folder string) error {
	for _, run := range runs {
		var out bytes.Buffer
		type schemas struct{ key, value []byte }
		known := map[string]schemas{}
		slices.SortStableFunc(r.byRun[run.name], func(a, b *kgo.Record) int {
			return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Offset, b.Offset))
		})
		for _, record := range r.byRun[run.name] {
			if strings.HasSuffix(record.Topic, ".marker") {
				continue
			}
			keySchema, key, err := split(record.Key)
			if err != nil {
				return err
			}
			valueSchema, value, err := split(record.Value)
			if err != nil {
				return err
			}
			last := known[record.Topic]
			if valueSchema == nil {
				valueSchema = last.value // of a tombstone
			}
			if !bytes.Equal(last.key, keySchema) || !bytes.Equal(last.value, valueSchema) {
				known[record.Topic] = schemas{keySchema, valueSchema}
				if err := write(&out, line{Topic: record.Topic, KeySchema: keySchema, ValueSchema: valueSchema}); err != nil {
					return err
				}
			}
			l := line{Topic: record.Topic, Key: key, Value: value}
			for _, h := range record.Headers {
				// The context headers hold a random number.
				if strings.HasPrefix(h.Key, "__debezium.context.") {
					continue
				}
				text, err := json.Marshal(map[string]string{h.Key: string(h.Value)})
				if err != nil {
					return err
				}
				l.Headers = append(l.Headers, text)
			}
			if err := write(&out, l); err != nil {
				return err
			}
		}
		if err := store(filepath.Join(folder, run.name+".jsonl.gz"), out.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func split(text []byte) (schema, payload json.RawMessage, err error) {
	if text == nil {
		return nil, nil, nil
	}
	var both struct {
		Schema  json.RawMessage `json:"schema"`
		Payload json.RawMessage `json:"payload"`
	}
	err = json.Unmarshal(text, &both)
	return both.Schema, both.Payload, err
}

func write(out *bytes.Buffer, l line) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(l)
}

// store compresses a file; the same content is the same file.
func store(path string, content []byte) error {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(content); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}
