package main

import (
	"fmt"

	"github.com/outboard-connect/outboard/plugins/mysql/binlog"
	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// transactions marks the transactions in the stream, with provide.transaction.metadata.
type transactions struct {
	records *change.Transactions
	id      string
	micros  int64
	total   int64
	counts  []change.Count
	byTable map[table.ID]int
}

// begin starts a transaction. One that was begun before a restart has its record already.
func (t *transactions) begin(out *output, e *binlog.Event) error {
	t.id, t.micros, t.total, t.counts = e.GTID.String(), e.Micros, 0, t.counts[:0]
	if t.id == "" {
		t.id = fmt.Sprintf("file=%s,pos=%d", e.File, e.Start)
	}
	clear(t.byTable)
	if e.Done != 0 {
		return nil
	}
	t.records.Begin(out.value.start(t.records.ValueSchema()), t.id, t.micros)
	return t.write(out)
}

// count notes changes of a table and returns the number of the last one among all and among those of the table.
func (t *transactions) count(id table.ID, n int64) (total, ofTable int64) {
	i, known := t.byTable[id]
	if !known {
		i = len(t.counts)
		t.byTable[id] = i
		t.counts = append(t.counts, change.Count{Table: id.String()})
	}
	t.total += n
	t.counts[i].Events += n
	return t.total, t.counts[i].Events
}

// end ends the transaction.
func (t *transactions) end(out *output) error {
	if t.id == "" {
		return nil
	}
	t.records.End(out.value.start(t.records.ValueSchema()), t.id, t.micros, t.counts)
	err := t.write(out)
	t.id = ""
	return err
}

func (t *transactions) write(out *output) error {
	value, err := out.value.finish()
	if err != nil {
		return err
	}
	t.records.Key(out.key.start(t.records.KeySchema()), t.id)
	key, err := out.key.finish()
	if err != nil {
		return err
	}
	out.write(t.records.Topic, t.records.KeySchema(), key, t.records.ValueSchema(), value)
	return nil
}
