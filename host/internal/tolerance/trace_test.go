package tolerance_test

import (
	"testing"

	"github.com/outboard-connect/outboard/host/internal/tolerance"
)

func TestTrace(t *testing.T) {
	for name, c := range map[string]struct {
		message string
		frames  []string
		want    string
	}{
		"a line":            {"it broke", []string{"outboard.worker.task(a-0)"}, "x.Y: it broke\n\tat outboard.worker.task(a-0)"},
		"lines are causes":  {"it broke\n\n  the disk\r\nthe cable\n", []string{"a", "b()"}, "x.Y: it broke\n\tat a\n\tat b()\nCaused by: the disk\nCaused by: the cable"},
		"nothing to say":    {"", nil, "x.Y: "},
		"an empty line led": {"\nthe disk", nil, "x.Y: \nCaused by: the disk"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tolerance.Trace("x.Y", c.message, c.frames...); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
