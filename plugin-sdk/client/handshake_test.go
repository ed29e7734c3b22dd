package client

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadLine(t *testing.T) {
	tests := map[string]struct {
		in, line, more string
		limit          int
	}{
		"line":           {in: " hello \r\nworld", line: "hello", more: "world", limit: 100},
		"without an end": {in: "hello", line: "hello", limit: 100},
		"nothing":        {limit: 100},
		"empty line":     {in: "\nx", more: "x", limit: 100},
		"too long":       {in: "hello world", line: "hello", limit: 5},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := strings.NewReader(test.in)
			line, more := readLine(in, test.limit)
			if line != test.line || string(more) != test.more {
				t.Errorf("got %q, %q", line, more)
			}
			if line, _ := readLine(iotest.OneByteReader(strings.NewReader(test.in)), test.limit); line != test.line {
				t.Errorf("byte by byte: %q", line)
			}
		})
	}
	if line, _ := readLine(io.MultiReader(strings.NewReader("hel"), iotest.ErrReader(errors.New("broken"))), 10); line != "hel" {
		t.Errorf("got %q", line)
	}
}

func FuzzHandshake(f *testing.F) {
	f.Add("1|1|unix|/run/p/socket|grpc|")
	f.Add("1|1|unix|/run/p/../socket|grpc|")
	f.Add("1|1|tcp|127.0.0.1:1|grpc")
	f.Add("\x1b[2J|||||")
	f.Fuzz(func(t *testing.T, line string) {
		err := checkHandshake(line, "/run/p", 1)
		if err == nil {
			rest, ok := strings.CutPrefix(line, "1|1|unix|/run/p/")
			if !ok || !strings.Contains(rest, "|grpc") {
				t.Errorf("accepted %q", line)
			}
			return
		}
		for _, r := range err.Error() {
			if !harmless(r) {
				t.Errorf("%q reached the error", r)
			}
		}
	})
}
