package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugins/elasticsearch/bulk"
	"github.com/outboard-connect/outboard/plugins/elasticsearch/document"
	"github.com/outboard-connect/outboard/plugins/elasticsearch/search"
)

// task writes the records of some partitions.
type task struct {
	*settings
	log       hclog.Logger
	reports   bool // errant records do not fail the task
	client    *search.Client
	encoder   *document.Encoder
	writer    *bulk.Writer
	resources *resources

	operation bulk.Operation
	id        []byte
	stamped   []byte // a document with @timestamp

	left      tally // records that the configuration says to leave out
	conflicts tally // records that are older than what the server has
}

// tally counts records and says so from time to time.
type tally struct {
	count int
	first error // why, of the first one
	said  time.Time
}

// tallyEvery is how often one line says how many records there were.
const tallyEvery = time.Minute

func (t *tally) add(why error) {
	if t.count++; t.first == nil {
		t.first = why
	}
}

func (t *tally) say(log hclog.Logger, text string) {
	if t.count > 0 && time.Since(t.said) >= tallyEvery {
		log.Warn(text, "count", t.count, "err", t.first)
		*t = tally{said: time.Now()}
	}
}

// Start connects to the server.
func (t *task) Start(ctx context.Context, tc *sdk.SinkContext) error {
	s, err := load(tc.Config)
	if err != nil {
		return err
	}
	t.settings, t.log, t.reports = s, tc.Logger, tc.ReportsErrant
	if t.client, err = s.open(ctx, tc.Logger); err != nil {
		return err
	}
	t.encoder = document.NewEncoder(s.envelope, s.compactMaps, s.valueField)
	t.writer = bulk.NewWriter(t.client, s.writer)
	t.resources = &resources{
		client: t.client, log: tc.Logger, create: s.create && !s.external, dataStream: s.dataStream, template: s.template, compact: s.compactMaps,
	}
	return nil
}

// Put returns when the server has answered for all records of the batch.
func (t *task) Put(ctx context.Context, batch *sdk.SinkBatch) error {
	t.writer.Begin(ctx)
	for i, r := range batch.Records() {
		if err := t.add(ctx, batch, i, r); err != nil {
			t.writer.Cancel(err)
			break
		}
	}
	outcome, err := t.writer.Finish()
	if err != nil {
		return failure(err)
	}
	t.report(batch, outcome)
	return nil
}

// Stop closes the connections.
func (t *task) Stop(context.Context) error {
	if t.client != nil {
		t.client.Close()
	}
	return nil
}

// add adds what a record asks for. The error fails the batch; a record that makes no document does not.
func (t *task) add(ctx context.Context, batch *sdk.SinkBatch, i int, r *data.SinkRecord) error {
	doc, err := t.encoder.Encode(r.Value)
	if err != nil {
		t.invalid(batch, i, err)
		return nil
	}
	switch doc.Action {
	case document.Skip:
		t.left.add(errors.New("change events of no single row, such as TRUNCATE, change no document"))
		return nil
	case document.Delete:
		if !t.deletes(batch, i, r) {
			return nil
		}
	}
	if err = t.describe(r, doc); err != nil {
		if errors.Is(err, errLeaveOut) {
			t.left.add(err)
		} else {
			t.invalid(batch, i, err)
		}
		return nil
	}
	if doc.Action == document.Index {
		if err := t.ensure(ctx, r.Topic, doc.Schema); err != nil {
			return err
		}
	}
	t.writer.Add(i, &t.operation)
	return nil
}

// deletes tells whether a record without a document is to delete one.
func (t *task) deletes(batch *sdk.SinkBatch, i int, r *data.SinkRecord) bool {
	switch {
	case t.onNull == behaveIgnore:
		return false
	case t.onNull == behaveReport:
		t.invalid(batch, i, fmt.Errorf("the value is null, or tells of a deletion, and %s=%s: set it to %s or %s", keyOnNull, valueFail, valueDelete, valueIgnore))
		return false
	}
	// Without a key there is no document that could be meant.
	return !t.dataStream && t.idFor(r.Topic) == idOfKey && !r.Key.IsNull()
}

// errLeaveOut marks a record that cannot be written and need not be.
var errLeaveOut = errors.New("a null value does not tell where the document to delete is")

// describe makes the operation for a record.
func (t *task) describe(r *data.SinkRecord, doc document.Document) (err error) {
	o := &t.operation
	*o = bulk.Operation{Version: bulk.Unversioned, Document: doc.JSON}
	t.id = t.id[:0]
	source := t.idFor(r.Topic)
	switch {
	case source == idOfKey:
		t.id, err = t.encoder.AppendID(t.id, r.Key)
	case source == idOfCoordinates:
		t.id = appendCoordinates(t.id, r)
	}
	if err != nil {
		return err
	}
	o.ID = t.id
	switch {
	case doc.Action == document.Delete:
		o.Kind, o.Document = bulk.Delete, nil
	case t.dataStream:
		o.Kind = bulk.Create
		if t.stamped, err = document.AppendTimestamped(t.stamped[:0], doc.JSON, t.timestampPaths, r.Timestamp); err != nil {
			return err
		}
		o.Document = t.stamped
	case t.upsert:
		o.Kind = bulk.Upsert
	}
	if o.Index, err = t.indexOf(r, doc); err != nil {
		return err
	}
	if t.versions && source == idOfKey {
		if o.Version, err = t.versionOf(r); err != nil {
			return err
		}
	}
	return t.route(r, doc)
}

// appendCoordinates appends the id that no other record has. The topic is the one it was read from: a transformation may
// give several topics the same name.
func appendCoordinates(dst []byte, r *data.SinkRecord) []byte {
	dst = append(append(dst, r.OriginalTopic...), '+')
	dst = append(strconv.AppendInt(dst, int64(r.OriginalPartition), 10), '+')
	return strconv.AppendInt(dst, r.Offset, 10)
}

func (t *task) indexOf(r *data.SinkRecord, doc document.Document) (string, error) {
	if name, ok := t.names[r.Topic]; ok {
		return name, nil
	}
	switch {
	case t.external:
		return "", fmt.Errorf("topic %s has no resource: add it to %s", r.Topic, keyResources)
	case doc.JSON == nil && t.pattern.UsesFields():
		return "", errLeaveOut
	}
	return t.pattern.Name(r.Topic, r.Timestamp, doc.JSON)
}

// epochBits is where the epoch begins in a version: offsets stay below.
const epochBits = 41

// versionOf returns the version of the document that a record makes.
func (t *task) versionOf(r *data.SinkRecord) (int64, error) {
	if t.versionHeader == "" {
		return t.epoch<<epochBits | r.Offset, nil
	}
	for i := len(r.Headers) - 1; i >= 0; i-- {
		h := &r.Headers[i]
		if h.Key != t.versionHeader {
			continue
		}
		text, err := data.AppendText(nil, h.Value)
		if err != nil {
			return 0, fmt.Errorf("header %s (%s) is damaged: %w", h.Key, keyVersionHeader, err)
		}
		n, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("header %s (%s) is no version: it has to be a whole number, not negative", h.Key, keyVersionHeader)
		}
		return n, nil
	}
	return 0, fmt.Errorf("the record has no header %s, which is to be the version of the document (%s)", t.versionHeader, keyVersionHeader)
}

func (t *task) route(r *data.SinkRecord, doc document.Document) error {
	switch {
	case t.routeByKey:
		id, err := t.encoder.AppendID(nil, r.Key)
		t.operation.Routing = string(id)
		return err
	case t.routePath == nil:
		return nil
	case doc.JSON == nil:
		return errLeaveOut
	}
	text, ok := t.routePath.Text(doc.JSON)
	if !ok || text == "" {
		return fmt.Errorf("the document has no text or number in %s, which is to choose the shard (%s)", t.routePath, keyRoutingPath)
	}
	t.operation.Routing = text
	return nil
}

// ensure sees to it that the operation's index is there.
func (t *task) ensure(ctx context.Context, topic string, schema *data.Schema) error {
	if t.external {
		return nil
	}
	if !t.schemas || t.dataStream || t.ignoreSchemas[topic] {
		schema = nil
	}
	return t.resources.ensure(ctx, t.operation.Index, schema)
}

// invalid decides about a record of which no document can be made.
func (t *task) invalid(batch *sdk.SinkBatch, i int, why error) {
	if t.dropInvalid && !t.reports {
		t.left.add(why)
		return
	}
	batch.Errant(i, why)
}

// report decides about the records that the server did not take.
func (t *task) report(batch *sdk.SinkBatch, outcome bulk.Outcome) {
	for _, rejected := range inOrder(outcome.Rejected) {
		if t.onMalformed == behaveReport || t.reports {
			batch.Errant(rejected.Record, rejected.Err)
		} else if t.onMalformed == behaveWarn {
			t.left.add(rejected.Err)
		}
	}
	t.left.say(t.log, "records are left out, as the configuration says")
	for _, conflict := range inOrder(outcome.Conflicts) {
		switch t.onConflict {
		case behaveReport:
			batch.Errant(conflict.Record, conflict.Err)
		case behaveWarn:
			t.conflicts.add(conflict.Err)
		}
	}
	t.conflicts.say(t.log, "the server has later versions of documents; that is as it should be for records that are read again, as after a crash; "+
		"if the topic was created anew or got more partitions, raise "+keyEpoch+" by one")
	if outcome.Retries > 0 {
		t.log.Debug("requests were sent again", "requests", outcome.Requests, "again", outcome.Retries)
	}
}

func inOrder(list []bulk.Rejection) []bulk.Rejection {
	slices.SortFunc(list, func(a, b bulk.Rejection) int { return cmp.Compare(a.Record, b.Record) })
	return list
}
