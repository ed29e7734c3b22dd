package change

import (
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// Transactions makes the records of the topic of transactions: one for the begin of each, one for its end. It is immutable and safe for
// concurrent use.
type Transactions struct {
	Topic      string
	key, value *data.Schema
}

// Count is how many changes of a table a transaction has.
type Count struct {
	Table  string // database.table
	Events int64
}

// NewTransactions makes it for a topic of the connector, such as "transaction".
func NewTransactions(o Options, name string) (*Transactions, error) {
	t := &Transactions{Topic: o.topic(name)}
	var err error
	if t.key, err = data.NewStruct("io.debezium.connector.common.TransactionMetadataKey").Version(1).Field("id", data.StringSchema).Build(); err != nil {
		return nil, err
	}
	count, err := data.NewStruct("event.collection").Version(1).Optional().
		Field("data_collection", data.StringSchema).Field("event_count", data.Int64Schema).Build()
	if err != nil {
		return nil, err
	}
	counts, err := data.NewArray(count).Optional().Build()
	if err != nil {
		return nil, err
	}
	t.value, err = data.NewStruct("io.debezium.connector.common.TransactionMetadataValue").Version(1).
		Field("status", data.StringSchema).
		Field("id", data.StringSchema).
		Field("event_count", data.OptionalInt64Schema).
		Field("data_collections", counts).
		Field("ts_ms", data.Int64Schema).
		Build()
	return t, err
}

// KeySchema returns the schema of keys.
func (t *Transactions) KeySchema() *data.Schema { return t.key }

// ValueSchema returns the schema of values.
func (t *Transactions) ValueSchema() *data.Schema { return t.value }

// Key writes the key.
func (t *Transactions) Key(w *data.Writer, id string) { w.String(id) }

// Begin writes the value for the begin of a transaction at a time in microseconds.
func (t *Transactions) Begin(w *data.Writer, id string, micros int64) {
	w.String("BEGIN")
	w.String(id)
	w.Null()
	w.Null()
	w.Int64(micros / 1000)
}

// End writes the value for its end, with the tables in the order of their first change.
func (t *Transactions) End(w *data.Writer, id string, micros int64, counts []Count) {
	total := int64(0)
	for _, c := range counts {
		total += c.Events
	}
	w.String("END")
	w.String(id)
	w.Int64(total)
	w.Array(len(counts))
	for _, c := range counts {
		w.Struct()
		w.String(c.Table)
		w.Int64(c.Events)
		w.End()
	}
	w.End()
	w.Int64(micros / 1000)
}

// Heartbeats makes the records of the topic of heartbeats. It is immutable and safe for concurrent use.
type Heartbeats struct {
	Topic      string
	prefix     string
	key, value *data.Schema
}

// NewHeartbeats makes it for topic.heartbeat.prefix, such as "__debezium-heartbeat".
func NewHeartbeats(o Options, topicPrefix string) (*Heartbeats, error) {
	h := &Heartbeats{prefix: o.Prefix}
	delimiter := o.Delimiter
	if delimiter == "" {
		delimiter = "."
	}
	h.Topic = topicPrefix + delimiter + o.Prefix
	var err error
	if h.key, err = data.NewStruct("io.debezium.connector.common.ServerNameKey").Version(1).Field("serverName", data.StringSchema).Build(); err != nil {
		return nil, err
	}
	h.value, err = data.NewStruct("io.debezium.connector.common.Heartbeat").Version(1).Field("ts_ms", data.Int64Schema).Build()
	return h, err
}

// KeySchema returns the schema of keys.
func (h *Heartbeats) KeySchema() *data.Schema { return h.key }

// ValueSchema returns the schema of values.
func (h *Heartbeats) ValueSchema() *data.Schema { return h.value }

// Key writes the key.
func (h *Heartbeats) Key(w *data.Writer) { w.String(h.prefix) }

// Value writes the value at a time in milliseconds since the epoch.
func (h *Heartbeats) Value(w *data.Writer, now int64) { w.Int64(now) }
