package client_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/client"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// A transcript is what went over one RPC, as the plugin saw it. testdata/v1 holds those of a plugin with SDK 1.0.0; a host
// must understand them for as long as there is a protocol of version 1. So they are recorded again only to tell more, never
// to make a test pass:
//
//	go test ./plugin-sdk/client -run TestFrozenPlugin -args -record
var record = flag.Bool("record", false, "record testdata/v1 with the SDK of today")

// fromHost and fromPlugin are who said an entry of a transcript.
const (
	fromHost   = 'h'
	fromPlugin = 'p'
)

// recorder writes transcripts: who, length, message.
type recorder struct {
	mu  sync.Mutex
	rpc map[string][]byte
}

func (r *recorder) note(t *testing.T, method string, who byte, m any) {
	switch framed := m.(type) {
	case *wire.ToSink:
		m = &framed.HostToSink
	case *wire.FromSource:
		m = &framed.SourceToHost
	case *wire.Lent:
		m = framed.Message()
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m.(proto.Message))
	if err != nil {
		t.Error(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	log := binary.AppendUvarint(append(r.rpc[method], who), uint64(len(b)))
	r.rpc[method] = append(log, b...)
}

type recordedStream struct {
	grpc.ServerStream
	note func(who byte, m any)
}

func (s recordedStream) RecvMsg(m any) error {
	err := s.ServerStream.RecvMsg(m)
	if err == nil {
		s.note(fromHost, m)
	}
	return err
}

func (s recordedStream) SendMsg(m any) error {
	s.note(fromPlugin, m)
	return s.ServerStream.SendMsg(m)
}

// options make a server record what it says and hears.
func (r *recorder) options(t *testing.T) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.StreamInterceptor(func(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			return next(srv, recordedStream{s, func(who byte, m any) { r.note(t, info.FullMethod, who, m) }})
		}),
		grpc.UnaryInterceptor(func(ctx context.Context, q any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			r.note(t, info.FullMethod, fromHost, q)
			a, err := next(ctx, q)
			if err == nil {
				r.note(t, info.FullMethod, fromPlugin, a)
			}
			return a, err
		}),
	}
}

// transcriptFile returns the file of an RPC.
func transcriptFile(method string) string {
	return filepath.Join("testdata", "v1", strings.ReplaceAll(strings.TrimPrefix(method, "/outboard.connect.v1."), "/", ".")+".bin")
}

// replay plays the plugin of a transcript: it says what that said, and waits where that had heard something.
func replay(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	log, err := os.ReadFile(transcriptFile(method))
	if err != nil {
		return err
	}
	for r := bufio.NewReader(bytes.NewReader(log)); ; {
		who, err := r.ReadByte()
		if err == io.EOF {
			return nil
		}
		n, err := binary.ReadUvarint(r)
		if err != nil {
			return fmt.Errorf("%s: %w", transcriptFile(method), err)
		}
		m := make([]byte, n)
		if _, err := io.ReadFull(r, m); err != nil {
			return fmt.Errorf("%s: %w", transcriptFile(method), err)
		}
		if who == fromHost {
			err = stream.RecvMsg(&m)
		} else {
			err = stream.SendMsg(&m)
		}
		if err != nil {
			return err
		}
	}
}

// asItIs is a codec for messages that are bytes already.
type asItIs struct{}

var _ encoding.CodecV2 = asItIs{}

func (asItIs) Name() string { return "proto" }

func (asItIs) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (asItIs) Unmarshal(b mem.BufferSlice, v any) error {
	*v.(*[]byte) = b.Materialize()
	return nil
}

// TestFrozenPlugin plays a host's part with the SDK of today and with the recording of an old plugin.
func TestFrozenPlugin(t *testing.T) {
	plays := func(t *testing.T, conn *grpc.ClientConn) {
		playDescribe(t, conn)
		playConnector(t, conn)
		playSource(t, conn)
		playSink(t, conn)
	}
	t.Run("today", func(t *testing.T) {
		r := &recorder{rpc: map[string][]byte{}}
		serveInBubble(t, r.options(t), plugin(t, frozenPlugin()), plays)
		if !*record || t.Failed() {
			return
		}
		for method, log := range r.rpc {
			if err := os.WriteFile(transcriptFile(method), log, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("recorded", func(t *testing.T) {
		serveInBubble(t, []grpc.ServerOption{grpc.UnknownServiceHandler(replay), grpc.ForceServerCodecV2(asItIs{})}, func(*grpc.Server) {}, plays)
	})
}

var frozenSchema = data.NewStruct("example.Order").Version(3).Doc("an order").
	Field("id", data.Int64Schema).
	Field("name", data.NewSchema(data.String).Optional().Default("nobody").MustBuild()).
	Field("total", data.NewDecimal(2).MustBuild()).
	Field("tags", data.NewArray(data.OptionalStringSchema).MustBuild()).
	Field("more", data.NewMap(data.StringSchema, data.AnySchema).MustBuild()).
	MustBuild()

// frozenRow returns a row of frozenSchema.
func frozenRow(id int64) data.Value {
	var w data.Writer
	w.Reset(nil, frozenSchema)
	w.Int64(id)
	w.Null()
	w.DecimalInt64(-1250)
	w.Array(2)
	w.String("a")
	w.Null()
	w.End()
	w.Map(1)
	w.String("k")
	w.Bool(true)
	w.End()
	row, err := w.Finish()
	if err != nil {
		panic(err)
	}
	return data.RowValue(frozenSchema, row)
}

// frozenRowBytes is frozenRow(7): null bits, id, total, tags, more.
const frozenRowBytes = "01 0700000000000000 02fb1e 02020161 0100016b0701"

// frozenPlugin does by itself all that a plugin can do.
func frozenPlugin() sdk.Plugin {
	d := sdk.Description{Class: "Frozen", Aliases: []string{"org.example.Frozen"}, Documentation: "It never changes.", MaxTasks: 2,
		Config: config.Definition{{Name: "topic", Type: config.TypeString, Required: true, Importance: config.ImportanceHigh}}}
	sink := d
	sink.Class, sink.Aliases = "FrozenSink", nil
	return sdk.Plugin{Name: "frozen", Version: "1.2.3",
		Sources: []sdk.Source{{Description: d, Connector: func() sdk.Connector { return &frozenConnector{} }, Task: func() sdk.SourceTask { return &frozenSource{} }}},
		Sinks:   []sdk.Sink{{Description: sink, Task: func() sdk.SinkTask { return &frozenSink{} }}},
	}
}

type frozenConnector struct{ cc *sdk.ConnectorContext }

func (c *frozenConnector) Start(ctx context.Context, cc *sdk.ConnectorContext) error {
	c.cc = cc
	_, err := cc.Offsets(ctx, place)
	return err
}

func (c *frozenConnector) TaskConfigs(_ context.Context, most int) ([]map[string]string, error) {
	c.cc.RequestReconfiguration()
	c.cc.Fail(sdk.RetryAfter(errors.New("lost sight of the system"), time.Minute))
	return []map[string]string{{"part": "1"}, {"part": "2"}}[:most], nil
}

func (c *frozenConnector) Stop(context.Context) error { return errors.New("stopped badly") }

func (c *frozenConnector) Validate(context.Context, map[string]string) ([]config.Value, error) {
	return []config.Value{{Name: "topic", Errors: []string{"is taken"}, Recommended: []string{"orders"}}}, nil
}

type frozenSource struct{ polls int }

func (s *frozenSource) Start(ctx context.Context, tc *sdk.SourceContext) error {
	_, err := tc.Offset(ctx, place)
	time.Sleep(3 * time.Second) // a heartbeat
	return err
}

func (s *frozenSource) Poll(_ context.Context, b *sdk.SourceBatch) error {
	s.polls++
	switch s.polls {
	case 1:
		b.Add("orders").KeyString("k7").Value(frozenRow(7)).TimestampMillis(1_700_000_000_000).KafkaPartition(3).
			Header("h", data.StringValue("v")).Header("none", data.Value{}).OffsetInt64(place, "n", 7)
		b.Add("texts").ValueString("text").TimestampMillis(1_699_999_999_999).Offset(sdk.NewPartition("file", "b"), nil)
		b.Add("orders").Value(data.JSONValue([]byte(`{"a":1}`))).Header("row", frozenRow(8))
		b.Add("orders").KeyBytes(nil).ValueBytes([]byte{})
		return nil
	case 2:
		return sdk.RetryAfter(errors.New("try later"), 5*time.Second)
	case 3:
		b.Add("orders").Key(frozenRow(9)).Offset(place, sdk.NewOffset("n", 9))
		return nil
	}
	return sdk.Fatal(errors.New("table dropped"))
}

func (s *frozenSource) Stop(context.Context) error { return errors.New("stopped badly") }

type frozenSink struct {
	tc   *sdk.SinkContext
	puts int
}

func (s *frozenSink) Start(_ context.Context, tc *sdk.SinkContext) error { s.tc = tc; return nil }

func (s *frozenSink) Open(_ context.Context, p []sdk.PartitionOffset) ([]sdk.PartitionOffset, error) {
	return []sdk.PartitionOffset{{Topic: p[0].Topic, Partition: p[0].Partition, Offset: 5}}, nil
}

func (s *frozenSink) Put(_ context.Context, b *sdk.SinkBatch) error {
	switch s.puts++; s.puts {
	case 1:
		b.Errant(1, errors.New("too long"))
	case 2:
		return sdk.RetryAfter(errors.New("busy"), 250*time.Millisecond)
	case 3:
		tp := sdk.TopicPartition{Topic: "orders", Partition: 3}
		s.tc.Pause(tp)
		s.tc.Resume(tp)
		s.tc.Rewind(sdk.PartitionOffset{Topic: "orders", Partition: 3, Offset: 1})
		s.tc.RequestCommit()
	}
	return nil
}

func (s *frozenSink) PreCommit(_ context.Context, o []sdk.PartitionOffset) ([]sdk.PartitionOffset, error) {
	o[0].Offset--
	return o, nil
}

func (s *frozenSink) Close(context.Context, []sdk.TopicPartition) error {
	return errors.New("closed badly")
}
func (s *frozenSink) Stop(context.Context) error { return errors.New("stopped badly") }

func playDescribe(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	d, err := connectv1.NewPluginClient(conn).Describe(t.Context(), &connectv1.DescribeRequest{HostVersion: "1.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.CheckDescription(d); err != nil {
		t.Error(err)
	}
	var got []string
	for _, c := range d.GetConnectors() {
		k := wire.ConfigKeyFromProto(c.GetConfig()[0])
		got = append(got, fmt.Sprintf("%s %v %v live %v alters %v tasks %d key %s %v required %v", c.GetClass(), c.GetAliases(), c.GetType(),
			c.GetLiveValidation(), c.GetAltersOffsets(), c.GetMaxTasks(), k.Name, k.Type, k.Required))
	}
	expectLines(t, "Describe", got,
		"Frozen [org.example.Frozen] CONNECTOR_TYPE_SOURCE live true alters false tasks 2 key topic STRING required true",
		"FrozenSink [] CONNECTOR_TYPE_SINK live false alters false tasks 2 key topic STRING required true")
	values, err := client.Validate(t.Context(), conn, "Frozen", map[string]string{"topic": "x"}, client.Limits{})
	if err != nil || len(values) != 1 || fmt.Sprint(values[0].Errors, values[0].Recommended) != "[is taken] [orders]" {
		t.Errorf("Validate: %v, %v", values, err)
	}
}

func playConnector(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	var mu sync.Mutex
	var got []string
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprintf(format, args...))
	}
	c, err := client.StartConnector(t.Context(), conn, "c", "Frozen", map[string]string{"topic": "x"}, client.ConnectorEvents{
		Reconfigure: func() { note("reconfigure") },
		Failed:      func(e *client.AuthorError) { note("failed: %s", aboutAuthor(e)) },
		ReadOffsets: func(p [][]byte) ([][]byte, error) { note("read %s", p); return make([][]byte, len(p)), nil },
	}, client.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	configs, err := c.TaskConfigs(t.Context(), 2)
	note("%v %v", configs, err)
	note("stopped: %v", c.Stop(t.Context(), time.Second))
	expectLines(t, "Connector", got, `read [{"file":"a"}]`, "reconfigure", "failed: Connector: lost sight of the system, retriable after 1m0s",
		"[map[part:1] map[part:2]] <nil>", "stopped: stopped badly")
}

func aboutAuthor(e *client.AuthorError) string {
	text := e.Method + ": " + e.Message
	if e.Retriable {
		text += fmt.Sprintf(", retriable after %s", e.RetryAfter)
	}
	if e.Fatal {
		text += ", fatal"
	}
	return text
}

func playSource(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	var got []string
	note := func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }
	task, err := client.StartSourceTask(t.Context(), conn, client.TaskStart{Connector: "c", Class: "Frozen", Generation: 1}, 8, 1<<20, false, client.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	err = task.AwaitStarted(func(p [][]byte) ([][]byte, error) { note("read %s", p); return make([][]byte, len(p)), nil })
	note("started: %v", err)
	var d wire.Decoder
	for drained := false; !drained; {
		ev, err := task.Next()
		switch {
		case err != nil:
			t.Fatal(err)
		case ev.Batch != nil:
			if err := d.Open(ev.Batch.Batch); err != nil {
				t.Fatal(err)
			}
			note("batch %d", ev.Batch.Batch.GetSeq())
			var r data.SourceRecord
			for d.NextSource(&r) {
				note("  %s-%d %d key %s value %s%s at %s%s", r.Topic, r.Partition, max(r.Timestamp, -1), about(r.Key), about(r.Value), aboutHeaders(r.Headers),
					r.SourcePartition, r.SourceOffset)
			}
			ev.Batch.Release()
		case ev.Retrying != nil:
			note("retrying: %s", aboutAuthor(ev.Retrying))
		case ev.Failed != nil:
			note("failed: %s", aboutAuthor(ev.Failed))
		case ev.Drained:
			drained = true
		}
	}
	if err := task.Ack(2); err != nil {
		t.Fatal(err)
	}
	note("finished: %v", task.Finish())
	expectLines(t, "SourceTask", got, `read [{"file":"a"}]`, "started: <nil>", "batch 1",
		`  orders-3 1700000000000 key string "k7" value row example.Order [`+frozenRowBytes+`] h=string "v" none=none null at {"file":"a"}{"n":7}`,
		`  texts--1 1699999999999 key none null value string "text" at {"file":"b"}`,
		`  orders--1 -1 key none null value json "{\"a\":1}" row=row example.Order [`+strings.Replace(frozenRowBytes, "07", "08", 1)+`] at `,
		`  orders--1 -1 key bytes null value bytes "" at `,
		"retrying: SourceTask.Poll: try later, retriable after 5s", "batch 2",
		`  orders--1 -1 key row example.Order [`+strings.Replace(frozenRowBytes, "07", "09", 1)+`] value none null at {"file":"a"}{"n":9}`,
		"failed: SourceTask.Poll: table dropped, fatal", "finished: stopped badly")
}

func about(v data.Value) string {
	switch {
	case v.Data == nil:
		return v.Kind.String() + " null"
	case v.Kind != data.KindRow:
		return fmt.Sprintf("%v %q", v.Kind, v.Data)
	}
	if err := data.Check(v.Schema, v.Data); err != nil || !v.Schema.Equal(frozenSchema) {
		return fmt.Sprintf("row of %v, %v", v.Schema, err)
	}
	d := v.Data
	return fmt.Sprintf("row %s [%x %x %x %x %x]", v.Schema.Name(), d[:1], d[1:9], d[9:12], d[12:16], d[16:])
}

func aboutHeaders(headers []data.Header) string {
	text := ""
	for _, h := range headers {
		text += " " + h.Key + "=" + about(h.Value)
	}
	return text
}

// frozenBatch is a batch of the host; schemas go out once with the builder.
func frozenBatch(t *testing.T, b *wire.Builder, seq uint64) *connectv1.RecordBatch {
	t.Helper()
	for i, offset := range []int64{40, 41, 45} {
		b.Begin("orders", 3, 1_700_000_000_000+int64(i))
		b.Key(data.StringValue(fmt.Sprint(i)))
		b.Value(frozenRow(int64(i)))
		b.Header("h", data.StringValue("v"))
		b.Sink(offset, data.TimestampCreate, "", 0)
		b.End()
	}
	b.Begin("texts", 0, data.NoTimestamp)
	b.Sink(2, data.TimestampLogAppend, "before", 9)
	b.End()
	m, err := b.Batch(seq)
	if err != nil {
		t.Fatal(err)
	}
	return proto.CloneOf(m)
}

func playSink(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	var got []string
	note := func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }
	task, err := client.StartSinkTask(t.Context(), conn, client.TaskStart{Connector: "c", Class: "FrozenSink"}, true, forget, client.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	note("started: %v", task.AwaitStarted())
	var b wire.Builder
	first := frozenBatch(t, &b, 1)
	b.Reset()
	second := frozenBatch(t, &b, 2)
	position := []*connectv1.PartitionOffset{{Topic: "orders", Partition: 3, Offset: 40}}
	next := func() {
		t.Helper()
		ev, err := task.Next()
		switch {
		case err != nil:
			note("end: %v", err)
		case ev.Opened != nil:
			note("opened %d, rewind %s", ev.Opened.GetId(), aboutPositions(ev.Opened.GetRewind()))
		case ev.Put != nil:
			text := ""
			if e := client.AuthorErrorOf(ev.Put.GetError(), ""); e != nil {
				text = " " + aboutAuthor(e)
			}
			for _, e := range ev.Put.GetErrant() {
				text += fmt.Sprintf(" errant %d %s", e.GetIndex(), e.GetError().GetMessage())
			}
			note("put %d%s", ev.Put.GetSeq(), text)
		case ev.Committable != nil:
			note("committable %d: %s", ev.Committable.GetId(), aboutPositions(ev.Committable.GetOffsets()))
		case ev.Closed != nil:
			note("closed %d: %s", ev.Closed.GetId(), aboutAuthor(client.AuthorErrorOf(ev.Closed.GetError(), "")))
		case ev.Request != nil:
			q := ev.Request
			note("request pause %d resume %d rewind %s commit %v", len(q.GetPause()), len(q.GetResume()), aboutPositions(q.GetRewind()), q.GetCommit())
		}
	}
	task.Open(1, position)
	next()
	task.Put(first)
	next()
	task.Put(second)
	next()
	task.Put(second)
	for range 5 {
		next()
	}
	task.Commit(2, position)
	next()
	task.Close(3, []*connectv1.TopicPartition{{Topic: "orders", Partition: 3}}, false)
	next()
	task.Stop(time.Second)
	next()
	expectLines(t, "SinkTask", got, "started: <nil>", "opened 1, rewind orders-3@5", "put 1 errant 1 too long", "put 2 SinkTask.Put: busy, retriable after 250ms",
		"request pause 1 resume 0 rewind  commit false", "request pause 0 resume 1 rewind  commit false",
		"request pause 0 resume 0 rewind orders-3@1 commit false", "request pause 0 resume 0 rewind  commit true", "put 2",
		"committable 2: orders-3@39", "closed 3: SinkTask.Close: closed badly", "end: stopping: stopped badly")
}

func aboutPositions(list []*connectv1.PartitionOffset) string {
	var all []string
	for _, p := range list {
		all = append(all, fmt.Sprintf("%s-%d@%d", p.GetTopic(), p.GetPartition(), p.GetOffset()))
	}
	return strings.Join(all, " ")
}

func expectLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestFrozenReader reads a batch of today's host as an old plugin would: with a reader that knows only what version 1 of
// connect.proto says.
func TestFrozenReader(t *testing.T) {
	var b wire.Builder
	encoded, err := proto.Marshal(frozenBatch(t, &b, 1))
	if err != nil {
		t.Fatal(err)
	}
	m := &connectv1.RecordBatch{}
	if err := proto.Unmarshal(encoded, m); err != nil {
		t.Fatal(err)
	}
	if s := m.GetSchemas(); len(s) != 1 || s[0].GetId() != 16 || s[0].GetType() != connectv1.Type_TYPE_STRUCT || len(s[0].GetFields()) != 5 || s[0].GetName() != "example.Order" {
		t.Errorf("schemas are %v", s)
	}
	row := func(id string) string {
		return strings.ReplaceAll(strings.Replace(frozenRowBytes, "07", id, 1), " ", "")
	}
	expectLines(t, "the old reader", frozenRead(m),
		"orders-3@40 1:1700000000000 key 2:30 value 16:"+row("00")+" h=2:76",
		"orders-3@41 1:1700000000001 key 2:31 value 16:"+row("01")+" h=2:76",
		"orders-3@45 1:1700000000002 key 2:32 value 16:"+row("02")+" h=2:76",
		"texts-0@2 2:none from before-9 key 0:null value 0:null")
}

// frozenRead must not be changed: it stands for plugins that were built long ago.
func frozenRead(m *connectv1.RecordBatch) (lines []string) {
	pick := func(column []uint32, i, n int) uint32 {
		switch {
		case len(column) == 0:
			return 0
		case len(column) == 1 && n != 1:
			return column[0]
		}
		return column[i]
	}
	n, headers := int(m.GetCount()), 0
	for i := range n {
		headers += int(pick(m.HeaderCount, i, n))
	}
	var key, value, header, headerAt int
	take := func(blob []byte, at *int, typ, length uint32) string {
		if length == 0 {
			return fmt.Sprintf("%d:null", typ)
		}
		from := *at
		*at += int(length) - 1
		return fmt.Sprintf("%d:%x", typ, blob[from:*at])
	}
	offset := m.GetBaseOffset()
	for i := range n {
		if len(m.Offset) == 1 {
			offset += m.Offset[0]
		} else if len(m.Offset) > 1 {
			offset += m.Offset[i]
		}
		ts := "none"
		var stamp uint64
		if len(m.Timestamp) == 1 {
			stamp = m.Timestamp[0]
		} else if len(m.Timestamp) > 1 {
			stamp = m.Timestamp[i]
		}
		if stamp > 0 {
			z := stamp - 1
			ts = fmt.Sprint(m.GetBaseTimestamp() + int64(z>>1) ^ -int64(z&1))
		}
		line := fmt.Sprintf("%s-%d@%d %d:%s", m.Topics[pick(m.Topic, i, n)], int(pick(m.Partition, i, n))-1, offset, pick(m.TimestampType, i, n), ts)
		if o := pick(m.OriginalTopic, i, n); o > 0 {
			line += fmt.Sprintf(" from %s-%d", m.Topics[o-1], int(pick(m.OriginalPartition, i, n))-1)
		}
		line += " key " + take(m.Keys, &key, pick(m.KeyType, i, n), pick(m.KeyLength, i, n))
		line += " value " + take(m.Values, &value, pick(m.ValueType, i, n), pick(m.ValueLength, i, n))
		for range pick(m.HeaderCount, i, n) {
			line += " " + m.HeaderKeys[pick(m.HeaderKey, headerAt, headers)] + "=" +
				take(m.Headers, &header, pick(m.HeaderType, headerAt, headers), pick(m.HeaderLength, headerAt, headers))
			headerAt++
		}
		lines = append(lines, line)
	}
	return lines
}

// The bytes in proto/README.md, which people compare theirs with, are those of this code.
func TestBytesOfTheReadme(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "proto", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	person := data.NewStruct("Person").Field("id", data.Int64Schema).Field("name", data.OptionalStringSchema).Field("note", data.OptionalStringSchema).MustBuild()
	row, err := data.Encode(nil, person, map[string]any{"id": int64(7), "name": "Ada", "note": nil})
	if err != nil {
		t.Fatal(err)
	}
	var b wire.Builder
	b.Begin("t", data.NoPartition, 1_700_000_000_000)
	b.Key(data.StringValue("a"))
	b.Value(data.RowValue(person, row))
	b.Header("h", data.StringValue("x"))
	b.Source(`{"p":1}`, nil)
	b.End()
	b.Begin("t", data.NoPartition, 1_700_000_000_001)
	b.Key(data.StringValue("b"))
	b.Source(`{"p":1}`, []byte(`{"n":2}`))
	b.End()
	m, err := b.Batch(1)
	if err != nil {
		t.Fatal(err)
	}
	message, err := (&connectv1.SourceToHost{Message: &connectv1.SourceToHost_Batch{Batch: m}}).MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, block := range strings.Split(string(text), "```hex\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		digits := ""
		for line := range strings.Lines(block) {
			line, _, _ = strings.Cut(line, "#")
			digits += strings.Join(strings.Fields(line), "")
		}
		got = append(got, digits)
	}
	expectLines(t, "the blocks of bytes", got, fmt.Sprintf("%x", row), fmt.Sprintf("%x", message))
}
