package client

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// What a process wrote before its end is read, however late its reader comes, and nobody is waited for that holds the pipe still.
func TestOutputOfTheDead(t *testing.T) {
	tests := map[string]struct {
		written int
		want    int
	}{
		"nothing":                           {},
		"some":                              {written: 60_000, want: 60_000},
		"a child that left writes for ever": {written: -1, want: maxLastWords},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer write.Close()
			defer read.Close()
			if test.written > 0 {
				if _, err := io.WriteString(write, strings.Repeat("x", test.written)); err != nil {
					t.Fatal(err)
				}
			}
			if err := read.SetReadDeadline(time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
			var source io.Reader = &output{pipe: read}
			if test.written < 0 {
				source = &refilled{output: output{pipe: read}, pipe: write}
			}
			got, err := io.ReadAll(source)
			if err != nil || len(got) < test.want || len(got) > test.want+64<<10 {
				t.Errorf("read %d bytes, want %d; %v", len(got), test.want, err)
			}
		})
	}
}

// refilled is an output whose pipe never is empty.
type refilled struct {
	output output
	pipe   *os.File
}

func (r *refilled) Read(b []byte) (int, error) {
	b = b[:min(len(b), 4096)] // less than a pipe holds: the writer must not wait for this reader
	if _, err := r.pipe.Write(make([]byte, len(b))); err != nil {
		return 0, err
	}
	return r.output.Read(b)
}

// A process that lives is waited for.
func TestOutputOfTheLiving(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	got := make(chan string, 1)
	go func() {
		text, err := io.ReadAll(&output{pipe: read})
		if err != nil {
			t.Error(err)
		}
		got <- string(text)
	}()
	for range 3 {
		if _, err := io.WriteString(write, "word "); err != nil {
			t.Fatal(err)
		}
	}
	write.Close()
	if text := <-got; text != "word word word " {
		t.Errorf("got %q", text)
	}
}
