package change

import (
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// Op is the kind of a change.
type Op byte

// The kinds, as the envelope has them.
const (
	Read     Op = 'r' // of a snapshot
	Create   Op = 'c'
	Update   Op = 'u'
	Delete   Op = 'd'
	Truncate Op = 't'
)

// Source is where and when a change was made: the envelope's source, transaction and times. The table is not part of it. It is only read, so that
// one may serve all rows of an event, or several goroutines.
type Source struct {
	Micros   int64  // when the change was made or, of a snapshot, the row was read: microseconds since the epoch
	Snapshot string // "true", "first", "first_in_data_collection", "last_in_data_collection", "last", "incremental"; "": streaming
	ServerID uint32
	GTID     string // "": none
	File     string
	Pos      uint64
	Row      int    // the row's number in its event; it alone may differ between rows without costing anything
	Thread   uint32 // of the connection that made the change; 0: not known
	Query    string // the statement; "": not known or not wanted

	// TransactionID, TotalOrder and TableOrder make the envelope's transaction: the numbers, from 1, of the change in it and among those of its
	// table. "": none.
	TransactionID          string
	TotalOrder, TableOrder int64

	// Now is when the record is made: nanoseconds since the epoch. Reading the clock once an event is enough.
	Now int64
}

// sourceSchema describes source.
func sourceSchema(connector string) (*data.Schema, error) {
	snapshot, err := data.NewSchema(data.String).Name("io.debezium.data.Enum").Version(1).Optional().
		Parameter("allowed", "true,first,first_in_data_collection,last_in_data_collection,last,false,incremental").Default("false").Build()
	if err != nil {
		return nil, err
	}
	return data.NewStruct("io.debezium.connector."+connector+".Source").Version(1).
		Field("version", data.StringSchema).
		Field("connector", data.StringSchema).
		Field("name", data.StringSchema).
		Field("ts_ms", data.Int64Schema).
		Field("snapshot", snapshot).
		Field("db", data.StringSchema).
		Field("sequence", data.OptionalStringSchema).
		Field("ts_us", data.OptionalInt64Schema).
		Field("ts_ns", data.OptionalInt64Schema).
		Field("table", data.OptionalStringSchema).
		Field("server_id", data.Int64Schema).
		Field("gtid", data.OptionalStringSchema).
		Field("file", data.StringSchema).
		Field("pos", data.Int64Schema).
		Field("row", data.Int32Schema).
		Field("thread", data.OptionalInt64Schema).
		Field("query", data.OptionalStringSchema).
		Build()
}

// transactionSchema describes transaction.
func transactionSchema() (*data.Schema, error) {
	return data.NewStruct("event.block").Version(1).Optional().
		Field("id", data.StringSchema).
		Field("total_order", data.Int64Schema).
		Field("data_collection_order", data.Int64Schema).
		Build()
}

// shared is what the rows of an event have in common in their source.
type shared struct {
	micros   int64
	snapshot string
	serverID uint32
	gtid     string
	file     string
	pos      uint64
	thread   uint32
	query    string
}

func (s *Source) shared() shared {
	return shared{s.Micros, s.Snapshot, s.ServerID, s.GTID, s.File, s.Pos, s.Thread, s.Query}
}

// appendSource writes source and returns where the row's number is. A null in snapshot reads as its default, false.
func (t *Table) appendSource(w *data.Writer, s *Source) (row int) {
	w.String(t.version)
	w.String(t.connector)
	w.String(t.prefix)
	w.Int64(s.Micros / 1000)
	optional(w, s.Snapshot)
	w.String(t.ID.Database)
	w.Null()
	w.Int64(s.Micros)
	w.Int64(s.Micros * 1000)
	w.String(t.ID.Name)
	w.Int64(int64(s.ServerID))
	optional(w, s.GTID)
	w.String(s.File)
	w.Int64(int64(s.Pos))
	row = w.Mark()
	w.Int32(int32(s.Row))
	if s.Thread == 0 {
		w.Null()
	} else {
		w.Int64(int64(s.Thread))
	}
	optional(w, s.Query)
	return row
}

func optional(w *data.Writer, text string) {
	if text == "" {
		w.Null()
	} else {
		w.String(text)
	}
}

// appendTail writes what follows source.
func (s *Source) appendTail(w *data.Writer, op Op) {
	if s.TransactionID == "" {
		w.Null()
	} else {
		w.Struct()
		w.String(s.TransactionID)
		w.Int64(s.TotalOrder)
		w.Int64(s.TableOrder)
		w.End()
	}
	letter := [1]byte{byte(op)}
	w.StringBytes(letter[:])
	w.Int64(s.Now / 1000000)
	w.Int64(s.Now / 1000)
	w.Int64(s.Now)
}
