package snapshot

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

// answer is what a server sends to one statement, packet by packet.
type answer [][]byte

// ask makes a connection whose server gives one answer, in pieces of some bytes, and then closes.
func ask(t testing.TB, a answer, pieces int) *conn {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = ours.Close(); _ = theirs.Close() })
	go func() {
		defer func() { _ = theirs.Close() }()
		header := make([]byte, 4)
		if _, err := io.ReadFull(theirs, header); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, theirs, int64(header[0])|int64(header[1])<<8|int64(header[2])<<16); err != nil {
			return
		}
		var all []byte
		for i, p := range a {
			all = append(all, byte(len(p)), byte(len(p)>>8), byte(len(p)>>16), byte(i+1))
			all = append(all, p...)
		}
		for len(all) > 0 {
			n := min(pieces, len(all))
			if _, err := theirs.Write(all[:n]); err != nil {
				return
			}
			all = all[n:]
		}
	}()
	return &conn{net: ours, server: &Server{QueryTimeout: 5 * time.Second}, buf: make([]byte, 64)}
}

func text(s string) []byte { return append([]byte{byte(len(s))}, s...) }

func definition(name string) []byte {
	p := bytes.Join([][]byte{text("def"), text("shop"), text("o"), text("orders"), text(name), text(name)}, nil)
	return append(p, 0x0c, 45, 0, 200, 0, 0, 0, 253, 1, 0, 0, 0, 0)
}

var eof = []byte{0xfe, 0, 0, 2, 0}

func rowOf(values ...string) []byte {
	var p []byte
	for _, v := range values {
		if v == "NULL" {
			p = append(p, 0xfb)
		} else {
			p = append(p, text(v)...)
		}
	}
	return p
}

func TestQuery(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	longRow := append(append([]byte{0xfd, byte(len(long)), byte(len(long) >> 8), byte(len(long) >> 16)}, long...), text("2")...)
	refused := append([]byte{0xff, 0x7a, 0x04, '#', '4', '2', 'S', '0', '2'}, "Table 'a.b' doesn't exist"...)
	head := answer{{2}, definition("id"), definition("name"), eof}
	tests := map[string]struct {
		answer answer
		want   []string // rows; the last may be an error, after !
	}{
		"rows":               {append(head, rowOf("1", "Ada"), rowOf("2", "NULL"), rowOf("", "Bob"), eof), []string{"1,Ada", "2,NULL", ",Bob"}},
		"none":               {append(head, eof), nil},
		"no result":          {answer{{0, 0, 0, 2, 0, 0, 0}}, nil},
		"long":               {append(head, longRow, eof), []string{long + ",2"}},
		"refused":            {answer{refused}, []string{"!1146"}},
		"refused in between": {append(head, rowOf("1", "Ada"), refused), []string{"1,Ada", "!1146"}},
		"cut off":            {append(head, rowOf("1", "Ada")), []string{"1,Ada", "!closed the connection"}},
		"row too short":      {append(head, rowOf("1")), []string{"!cannot be read"}},
		"row too long":       {append(head, rowOf("1", "2", "3")), []string{"!cannot be read"}},
		"value cut off":      {append(head, []byte{1, '1', 9, '2'}), []string{"!cannot be read"}},
		"no definition":      {answer{{2}, {1, 2}}, []string{"!cannot be read"}},
		"a file is wanted":   {answer{{0xfb, 'x'}}, []string{"!asks for a file"}},
		"empty packet":       {answer{{}}, []string{"!cannot be read"}},
		"too many columns":   {answer{{0xfc, 0xff, 0xff}}, []string{"!cannot be read"}},
	}
	for name, test := range tests {
		for _, pieces := range []int{1 << 20, 7} {
			if pieces == 7 && len(test.answer) > 4 && len(test.answer[4]) > 1000 {
				continue
			}
			t.Run(name, func(t *testing.T) {
				c := ask(t, test.answer, pieces)
				got := readAll(t.Context(), c)
				for i, want := range test.want {
					if i >= len(got) {
						t.Fatalf("%d rows instead of %d", len(got), len(test.want))
					}
					if fails, ok := strings.CutPrefix(want, "!"); ok {
						if !strings.HasPrefix(got[i], "!") || !strings.Contains(got[i], fails) {
							t.Errorf("row %d: %.100q instead of an error with %q", i, got[i], fails)
						}
					} else if got[i] != want {
						t.Errorf("row %d: %.100q instead of %.100q", i, got[i], want)
					}
				}
				if len(got) != len(test.want) {
					t.Errorf("%d rows instead of %d: %.200q", len(got), len(test.want), got)
				}
			})
		}
	}
}

// readAll returns rows as text, and an error as the last one.
func readAll(ctx context.Context, c *conn) (result []string) {
	describe := func(err error) string {
		var answer *driver.MySQLError
		if errors.As(err, &answer) {
			return "!1146"
		}
		return "!" + err.Error()
	}
	rs, err := c.query(ctx, "SELECT 1")
	if err != nil {
		return []string{describe(err)}
	}
	cells := make([]column.Cell, len(c.columns))
	for {
		more, err := rs.next(cells)
		if err != nil {
			return append(result, describe(err))
		}
		if !more {
			return result
		}
		var values []string
		for _, cell := range cells {
			if cell.State == column.Null {
				values = append(values, "NULL")
			} else {
				values = append(values, string(cell.Bytes))
			}
		}
		result = append(result, strings.Join(values, ","))
	}
}

// A value of more than 16 MiB comes in several packets.
func TestLargeRow(t *testing.T) {
	const size = 1<<24 + 100
	row := make([]byte, 9, size)
	row[0] = 0xfe
	binary.LittleEndian.PutUint64(row[1:], size-9)
	row = append(row, bytes.Repeat([]byte{'y'}, size-9)...)
	c := ask(t, answer{{1}, definition("a"), eof, row[:1<<24-1], row[1<<24-1:], eof}, 1<<20)
	rs, err := c.query(t.Context(), "SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	cells := make([]column.Cell, 1)
	if more, err := rs.next(cells); !more || err != nil || len(cells[0].Bytes) != size-9 {
		t.Fatal(more, err, len(cells[0].Bytes))
	}
	if more, err := rs.next(cells); more || err != nil {
		t.Fatal(more, err)
	}
}

func TestQueryEndsWithContext(t *testing.T) {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = theirs.Close() })
	go func() { _, _ = io.Copy(io.Discard, theirs) }() // and says nothing
	c := &conn{net: ours, server: &Server{}, buf: make([]byte, 64)}
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	if _, err := c.query(ctx, "SELECT SLEEP(1000)"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if !c.broken {
		t.Error("the connection could be used again")
	}
}

func TestQueryTimeout(t *testing.T) {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = theirs.Close() })
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	c := &conn{net: ours, server: &Server{QueryTimeout: time.Millisecond}, buf: make([]byte, 64)}
	if _, err := c.query(t.Context(), "SELECT SLEEP(1000)"); err == nil || !strings.Contains(err.Error(), "database.query.timeout.ms=1") {
		t.Error(err)
	}
}

// Whatever a server sends, nothing is read beyond it, and nothing panics.
func FuzzRows(f *testing.F) {
	f.Add([]byte{2}, definition("id"), rowOf("1", "2"))
	f.Add([]byte{1}, []byte{0xfb}, eof)
	f.Fuzz(func(t *testing.T, first, second, third []byte) {
		var cells [3]column.Cell
		_ = split(third, cells[:])
		_, _ = parseField(second)
		_ = serverError(first)
		_, _, _ = lengthEncoded(first)
		_ = isEOF(first)
	})
}

func BenchmarkRows(b *testing.B) {
	row := rowOf("123456", "4711", "SKU-000000004711", "shipped", "7", "19.99", strings.Repeat("f", 64), "2024-01-01 00:00:00.123", "2024-06-01 00:00:00.456", "1")
	cells := make([]column.Cell, 10)
	b.ReportAllocs()
	for b.Loop() {
		if err := split(row, cells); err != nil {
			b.Fatal(err)
		}
	}
}
