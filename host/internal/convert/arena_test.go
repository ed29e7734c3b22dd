package convert

import (
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

func TestArena(t *testing.T) {
	c := converter(t, "Json", "schemas.enable=false")
	var a Arena
	var outs [][]byte
	for range 1000 {
		out, err := c.FromConnect(&a, "topic", data.StringValue("0123456789"))
		if err != nil {
			t.Fatal(err)
		}
		outs = append(outs, out)
	}
	for i, out := range outs {
		if string(out) != `"0123456789"` {
			t.Fatalf("result %d became %q", i, out)
		}
		if cap(out) != len(out) {
			t.Fatalf("result %d can be appended to", i)
		}
	}
	large := cap(a.buf)
	a.Reset()
	if cap(a.buf) != large {
		t.Error("Reset gave memory back that is needed again")
	}
	if _, err := c.FromConnect(&a, "topic", data.StringValue(strings.Repeat("x", 2*keep))); err != nil {
		t.Fatal(err)
	}
	a.Reset() // all of it was used
	if cap(a.buf) < 2*keep {
		t.Error("Reset gave memory back that was used")
	}
	for range small - 1 {
		a.Reset() // none of it was used
	}
	if cap(a.buf) < 2*keep {
		t.Error("Reset gave memory back too early")
	}
	a.Reset()
	if cap(a.buf) != 0 {
		t.Error("Reset kept the memory that one large batch needed")
	}
	a.Grow(100)
	room := a.buf[:100]
	if _, err := c.FromConnect(&a, "topic", data.StringValue("in the room")); err != nil {
		t.Fatal(err)
	}
	if got := string(room[:13]); a.Len() != 13 || got != `"in the room"` {
		t.Errorf("Grow made room; then %d bytes were used, and it holds %q", a.Len(), got)
	}
	a.Reset()
	if out := a.cut(a.buf, 0); out == nil {
		t.Error("an empty result is null")
	}
}
