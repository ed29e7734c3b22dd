package binlog

import (
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

func TestIncompleteImages(t *testing.T) {
	t.Parallel()
	columns := []column.Column{{Name: "a", Wire: 1}, {Name: "b", Wire: 1}, {Name: "c", Wire: 1}}
	e := &Event{Kind: Update, Extra: true, Body: []byte{1, 0, 0, 0, 0, 0, 1, 0, 2, 0, 3, 0b001, 0b110, 0, 7, 0b01, 9}}
	var r Rows
	if err := r.Reset(e, columns); err != nil {
		t.Fatal(err)
	}
	if r.Complete() {
		t.Error("the images count as complete")
	}
	if more, err := r.Next(); !more || err != nil {
		t.Fatal(more, err)
	}
	if got, want := showRow(r.Before())+" → "+showRow(r.After()), "07 - - → - NULL 09"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if more, err := r.Next(); more || err != nil || r.Rest() != 0 {
		t.Errorf("after the last row: %v, %v, %d bytes", more, err, r.Rest())
	}
}

func TestDamagedRows(t *testing.T) {
	t.Parallel()
	columns := []column.Column{{Name: "a", Wire: 1}, {Name: "b", Wire: 3}}
	for name, c := range map[string]struct {
		body []byte
		want string
	}{
		"no header":         {[]byte{1, 0, 0}, "damaged"},
		"no columns":        {[]byte{1, 0, 0, 0, 0, 0, 1, 0}, "damaged"},
		"other columns":     {[]byte{1, 0, 0, 0, 0, 0, 1, 0, 3, 0xff}, "3 columns for a table of 2"},
		"no bits":           {[]byte{1, 0, 0, 0, 0, 0, 1, 0, 2}, "damaged"},
		"nothing present":   {[]byte{1, 0, 0, 0, 0, 0, 1, 0, 2, 0, 5}, "damaged"},
		"value is cut":      {[]byte{1, 0, 0, 0, 0, 0, 1, 0, 2, 3, 0, 1, 2, 3}, "column b"},
		"null bits are cut": {[]byte{1, 0, 0, 0, 0, 0, 1, 0, 2, 3, 0, 1, 2, 3, 4, 5, 0}, "column a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r Rows
			err := r.Reset(&Event{Kind: Insert, Body: c.body}, columns)
			for more := true; more && err == nil; {
				more, err = r.Next()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func FuzzRows(f *testing.F) {
	for name, mariadb := range logs {
		var emitted []Event
		feed(f, newFramer(mariadb, begin, begin, &emitted), from(readLog(f, name), 4))
		var mapBody []byte
		for _, e := range emitted {
			switch e.Kind {
			case TableMap:
				mapBody = e.Body
			case Insert, Update, Delete:
				f.Add(uint8(e.Kind), e.Extra, e.Compressed, mapBody, e.Body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, extra, compressed bool, mapBody, body []byte) {
		m, err := table.ParseMap(mapBody, true)
		if err != nil {
			return
		}
		var r Rows
		if r.Reset(&Event{Kind: Kind(kind), Extra: extra, Compressed: compressed, Body: body}, columnsOf(m)) != nil {
			return
		}
		for {
			before := r.Rest()
			more, err := r.Next()
			if err != nil || !more {
				return
			}
			if r.Rest() >= before {
				t.Fatal("a row without bytes")
			}
		}
	})
}

// The time to split a row of ten columns into cells.
func BenchmarkSplit(b *testing.B) {
	var emitted []Event
	feed(b, newFramer(false, begin, begin, &emitted), from(readLog(b, "mysql"), 4))
	var m *table.Map
	var rows *Event
	for i := range emitted {
		e := &emitted[i]
		if e.Kind == TableMap && m == nil {
			m, _ = table.ParseMap(e.Body, false)
		}
		if e.Kind == Insert && (rows == nil || len(e.Body) > len(rows.Body)) {
			rows = e
		}
	}
	columns := columnsOf(m)
	var r Rows
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if err := r.Reset(rows, columns); err != nil {
			b.Fatal(err)
		}
		count, err := r.Count()
		if err != nil {
			b.Fatal(err)
		}
		n += count
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/row")
}
