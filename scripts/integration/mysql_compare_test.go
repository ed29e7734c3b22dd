//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// indexes are those of the tables of a database, named as their topics are.
type indexes struct {
	*search
	prefix string
}

// of is the name of a table's topic, and of its index.
func (x *indexes) of(table string) string { return x.prefix + table }

// prepare says that fields are kept as they come: a column that gets another type must not be refused.
func (x *indexes) prepare() {
	x.t.Helper()
	_, err := x.ask(x.t.Context(), http.MethodPut, "/_index_template/workload", map[string]any{
		"index_patterns": []string{x.prefix + "*"},
		"template":       map[string]any{"settings": map[string]any{"number_of_replicas": 0}, "mappings": map[string]any{"dynamic": false}},
	})
	if err != nil {
		x.t.Fatal(err)
	}
}

// settleLimit is how long nothing at all may move before what differs then is a difference. How long everything takes says nothing: a host
// that was killed delivers much again.
const settleLimit = 3 * time.Minute

// compare waits until all records are in the indexes and every table equals its own. What is not equal when nothing moves any more is told with
// what Kafka has of it.
func (l *workload) compare(x *indexes, k *kafka, group string) {
	l.t.Helper()
	begin := time.Now()
	last, moved := headway{}, begin
	for {
		before := l.headway(x, k, group)
		unequal, difference := l.unequal(x)
		now := l.headway(x, k, group)
		now.unequal = unequal
		if unequal == "" && now == before && now.done == now.produced {
			break
		}
		if now != last {
			last, moved = now, time.Now()
		}
		if time.Since(moved) > settleLimit {
			l.t.Fatalf("%s after the last change, when nothing had moved for %s: %s\n%s\n%s", time.Since(begin).Round(time.Second), settleLimit, now, difference, l.history(unequal, x, k))
		}
		time.Sleep(10 * pollEvery)
	}
	rows := 0
	for _, table := range l.tables {
		rows += l.count(table.name)
	}
	if rows == 0 {
		l.t.Error("no table has a row")
	}
	l.t.Logf("%d tables with %d rows equal their indexes %s after the last change; %s", len(l.tables), rows, time.Since(begin).Round(time.Millisecond), l.headway(x, k, group))
}

// unequal is the first table that does not equal its index, and what the difference is; nothing when all do.
func (l *workload) unequal(x *indexes) (table, difference string) {
	for _, t := range l.tables {
		if d := l.difference(t.name, x); d != "" {
			return t.name, d
		}
	}
	return "", ""
}

// headway says how far everything is.
type headway struct {
	unequal        string // the first table that does not equal its index
	produced, done int64  // records, by the source and by the sink's group
	trouble        string // why it is not known
}

func (p headway) String() string {
	text := fmt.Sprintf("%d records in Kafka, the sink is done with %d of them", p.produced, p.done)
	if p.unequal != "" {
		text += "; " + p.unequal + " is the first table that differs"
	}
	return text + p.trouble
}

func (l *workload) headway(x *indexes, k *kafka, group string) (p headway) {
	ends, err := k.admin.ListEndOffsets(l.t.Context(), l.topics(x)...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return headway{trouble: "; " + err.Error()}
	}
	offsets, err := k.admin.FetchOffsets(l.t.Context(), group)
	if err != nil {
		return headway{trouble: "; " + err.Error()}
	}
	ends.Each(func(o kadm.ListedOffset) { p.produced += o.Offset })
	offsets.Each(func(o kadm.OffsetResponse) { p.done += max(o.At, 0) })
	return p
}

// topics are those of the tables.
func (l *workload) topics(x *indexes) (names []string) {
	for _, table := range l.tables {
		names = append(names, x.of(table.name))
	}
	return names
}

// count is the number of rows of a table.
func (l *workload) count(table string) (n int) {
	l.t.Helper()
	if err := l.db.QueryRowContext(l.t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n); err != nil {
		l.t.Fatal(err)
	}
	return n
}

// both returns the rows of a table, by their keys, and the documents of its index, by their ids.
func (l *workload) both(table string, x *indexes) (s shape, rows map[string]row, documents map[string]json.RawMessage, err error) {
	if s, err = l.db.shape(l.t.Context(), table); err != nil {
		return
	}
	if rows, err = l.db.rows(l.t.Context(), table, s); err != nil {
		return
	}
	documents, err = x.documents(x.of(table))
	return
}

// difference says what is not the same in a table and in its index, nothing when all is.
func (l *workload) difference(table string, x *indexes) string {
	s, rows, documents, err := l.both(table, x)
	if err != nil {
		return err.Error()
	}
	differences := s.differences(rows, documents)
	if len(differences) == 0 {
		return ""
	}
	return fmt.Sprintf("table %s has %d rows and its index %d documents, with %d differences:\n  %s",
		table, len(rows), len(documents), len(differences), strings.Join(differences[:min(5, len(differences))], "\n  "))
}

// differences compares the rows of a table with the documents of an index.
func (s shape) differences(rows map[string]row, documents map[string]json.RawMessage) (all []string) {
	seen := map[string]string{} // ids by keys
	for _, id := range slices.Sorted(maps.Keys(documents)) {
		all = append(all, s.documentDifferences(id, documents[id], rows, seen)...)
	}
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		if seen[key] == "" {
			all = append(all, fmt.Sprintf("row [%s] has no document", key))
		}
	}
	return all
}

// documentDifferences compares one document with its row, and remembers its id.
func (s shape) documentDifferences(id string, text []byte, rows map[string]row, seen map[string]string) (all []string) {
	r, err := s.document(text)
	if err != nil {
		all = append(all, fmt.Sprintf("document %s: %s: %.300s", id, strings.ReplaceAll(err.Error(), "\n", "; "), text))
	}
	key := s.key(r)
	if other := seen[key]; other != "" {
		all = append(all, fmt.Sprintf("documents %s and %s have the same key [%s]", other, id, key))
	}
	seen[key] = id
	want, there := rows[key]
	if !there {
		return append(all, fmt.Sprintf("document %s has no row: %.300s", id, text))
	}
	for i, c := range s.columns {
		if err == nil && r[i] != want[i] {
			all = append(all, fmt.Sprintf("document %s: %s %s is %.100s, in the table %.100s", id, c.name, c.sqlType, r[i], want[i]))
		}
	}
	return all
}

// history tells the last records of the rows that differ, as they are in the topic.
func (l *workload) history(table string, x *indexes, k *kafka) string {
	s, rows, documents, err := l.both(table, x)
	if err != nil {
		return err.Error()
	}
	seen, wrong := map[string]string{}, map[string]bool{}
	for id, text := range documents {
		if len(s.documentDifferences(id, text, rows, seen)) > 0 {
			r, _ := s.document(text) // the key is what matters
			wrong[s.key(r)] = true
		}
	}
	for key := range rows {
		if seen[key] == "" {
			wrong[key] = true
		}
	}
	records := map[string][]*kgo.Record{}
	for _, r := range k.records(l.t, x.of(table)) {
		if key := s.recordKey(r.Key); wrong[key] {
			records[key] = append(records[key], r)
		}
	}
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(wrong))[:min(3, len(wrong))] {
		fmt.Fprintf(&b, "  records of [%s]: %d\n", key, len(records[key]))
		for _, r := range records[key][max(0, len(records[key])-4):] {
			fmt.Fprintf(&b, "    partition %d offset %d %s: %.600s\n", r.Partition, r.Offset, r.Timestamp.UTC().Format(time.TimeOnly), r.Value)
		}
	}
	return b.String()
}

// recordKey is the key of a record as shape.key tells that of a row.
func (s shape) recordKey(text []byte) string {
	var fields map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil {
		return err.Error()
	}
	r := make(row, len(s.columns))
	for i, c := range s.columns {
		if c.key {
			r[i], _ = c.ofDocument(fields[c.name]) // what has another form is another key
		}
	}
	return s.key(r)
}

// What is said of the workload depends on this: it must see what is wrong.
func TestDocumentDifferences(t *testing.T) {
	t.Parallel()
	s := shape{columns: []column{
		{name: "id", dataType: "int", sqlType: "int(11)", key: true}, {name: "name", dataType: "varchar", sqlType: "varchar(60)"},
		{name: "price", dataType: "double", sqlType: "double"}, {name: "paid", dataType: "bit", sqlType: "bit(1)"},
		{name: "at", dataType: "timestamp", sqlType: "timestamp(3)"}, {name: "raw", dataType: "blob", sqlType: "blob"},
	}}
	table := map[string]row{}
	for _, texts := range [][]any{{"1", "one", "1.50", "1", "2026-01-02 03:04:05.600", "\x01\x02"}, {"2", nil, nil, "0", nil, nil}} {
		r := row{}
		for i, c := range s.columns {
			var text []byte
			if texts[i] != nil {
				text = []byte(texts[i].(string))
			}
			value, err := c.ofTable(text)
			if err != nil {
				t.Fatal(err)
			}
			r = append(r, value)
		}
		table[s.key(r)] = r
	}
	const one = `{"id":1,"name":"one","price":1.5,"paid":true,"at":"2026-01-02T03:04:05.6Z","raw":"AQI="}`
	const two = `{"id":2,"name":null,"price":null,"paid":false,"at":null,"raw":null}`
	for name, c := range map[string]struct {
		documents map[string]string
		want      string // a part of the first difference; nothing when all is equal
	}{
		"equal":                {map[string]string{"1": one, "2": two}, ""},
		"other ids":            {map[string]string{"a": one, "b": two}, ""},
		"a row is missing":     {map[string]string{"1": one}, "row [=2] has no document"},
		"no documents":         {nil, "row [=1] has no document"},
		"deleted row":          {map[string]string{"1": one, "2": two, "3": strings.Replace(two, "2", "3", 1)}, "document 3 has no row"},
		"twice":                {map[string]string{"1": one, "1a": one, "2": two}, "documents 1 and 1a have the same key"},
		"older text":           {map[string]string{"1": strings.Replace(one, `"one"`, `"won"`, 1), "2": two}, "name varchar(60) is =won, in the table =one"},
		"null for a text":      {map[string]string{"1": strings.Replace(one, `"one"`, `null`, 1), "2": two}, "name varchar(60) is NULL"},
		"text for null":        {map[string]string{"1": one, "2": strings.Replace(two, `"name":null`, `"name":"NULL"`, 1)}, "name varchar(60) is =NULL, in the table NULL"},
		"another number":       {map[string]string{"1": strings.Replace(one, "1.5", "1.4", 1), "2": two}, "price double is =1.4"},
		"number as text":       {map[string]string{"1": strings.Replace(one, "1.5", `"1.5"`, 1), "2": two}, "price double is 1.5 (string)"},
		"other truth":          {map[string]string{"1": strings.Replace(one, "true", "false", 1), "2": two}, "paid bit(1) is =false"},
		"other moment":         {map[string]string{"1": strings.Replace(one, "05.6Z", "05.601Z", 1), "2": two}, "at timestamp(3) is =2026-01-02T03:04:05.601Z"},
		"a column is missing":  {map[string]string{"1": strings.Replace(one, `,"raw":"AQI="`, "", 1), "2": two}, "it has no raw"},
		"a column was dropped": {map[string]string{"1": one, "2": strings.Replace(two, "}", `,"old":1}`, 1)}, "it has old, which the table has not"},
	} {
		t.Run(name, func(t *testing.T) {
			documents := map[string]json.RawMessage{}
			for id, text := range c.documents {
				documents[id] = json.RawMessage(text)
			}
			found := s.differences(table, documents)
			if (len(found) == 0) != (c.want == "") || len(found) > 0 && !strings.Contains(found[0], c.want) {
				t.Errorf("found %q, want %q", found, c.want)
			}
		})
	}
}
