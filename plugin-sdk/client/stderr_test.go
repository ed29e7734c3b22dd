package client

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/scripts/bubble"
)

func newTestStderr(level hclog.Level) (*lineWriter, *stderr, *lockedBuffer) {
	var out lockedBuffer
	s := newStderr(hclog.New(&hclog.LoggerOptions{Output: &out, Level: level, DisableTime: true}))
	return &lineWriter{to: s}, s, &out
}

func lastBytes(b *lockedBuffer) string {
	text := b.String()
	return text[max(0, len(text)-100):]
}

func TestStderrLines(t *testing.T) {
	long := strings.Repeat("x", maxLine+5)
	tests := map[string]struct{ in, want string }{
		"plain":                   {"hello\n", "[INFO]  hello\n"},
		"without an end":          {"hello", "[INFO]  hello\n"},
		"Windows":                 {"hello\r\n\r\n\n", "[INFO]  hello\n"},
		"level in brackets":       {"[WARN] hello\n[ERROR] ho\n", "[WARN]  [WARN] hello\n[ERROR] [ERROR] ho\n"},
		"below the level":         {"[DEBUG] hello\n" + `{"@level":"debug","@message":"m"}` + "\n", ""},
		"hclog":                   {`{"@level":"error","@message":"m","@module":"x","b":true,"a":"s","n":1e3,"o":{"k":[1]}}`, "[ERROR] m: a=s b=true n=1e3 o=\"{\\\"k\\\":[1]}\"\n"},
		"message of another type": {`{"@level":"error","@message":1}`, `[INFO]  {"@level":"error","@message":1}` + "\n"},
		"level of another type":   {`{"@level":3,"@message":"m"}`, `[INFO]  {"@level":3,"@message":"m"}` + "\n"},
		"JSON of somebody else":   {`{"msg":"m"}`, `[INFO]  {"msg":"m"}` + "\n"},
		"broken JSON":             {`{"@level":"error","@message":"m"`, `[INFO]  {"@level":"error","@message":"m"` + "\n"},
		"two objects":             {`{"@level":"error","@message":"m"} {}`, `[INFO]  {"@level":"error","@message":"m"} {}` + "\n"},
		"forged line":             {"a\r[ERROR] b\x1b[2J\u202e\n", `[INFO]  a\x0d[ERROR] b\x1b[2J\u202e` + "\n"},
		"panic":                   {"panic: no\ngoroutine 1\n" + `{"@level":"info","@message":"m"}` + "\nx\n", "[ERROR] panic: no\n[ERROR] goroutine 1\n[INFO]  m\n[INFO]  x\n"},
		"long":                    {long + "\nnext\n", "[INFO]  " + long[:maxLine] + ": cut_bytes=5\n[INFO]  next\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, _, out := newTestStderr(hclog.Info)
			for part := range slices.Chunk([]byte(test.in), 7) {
				_, _ = w.Write(part)
			}
			w.flush()
			if out.String() != test.want {
				t.Errorf("got  %q\nwant %q", out.String(), test.want)
			}
		})
	}
}

func TestStderrKeeps(t *testing.T) {
	w, s, _ := newTestStderr(hclog.Off)
	for i := range keptLines + 10 {
		fmt.Fprintf(w, "line %d\n", i)
	}
	fmt.Fprintln(w, `{"@level":"warn","@message":"hot","degrees":99}`)
	fmt.Fprintln(w, `{"@level":"debug","@message":"chatter"}`)
	fmt.Fprintln(w, strings.Repeat("ä", keptLine))
	lines, oom := s.end(true)
	if len(lines) != keptLines || lines[0] != "line 12" || lines[keptLines-2] != "[WARN] hot degrees=99" || oom {
		t.Errorf("got %q, %t", lines, oom)
	}
	if last := lines[keptLines-1]; len(last) > keptLine || !strings.HasSuffix(last, "ä…") {
		t.Errorf("got %d bytes, %q", len(last), last)
	}

	fmt.Fprintln(w, "fatal error: runtime: out of memory")
	for i := range 200 {
		fmt.Fprintf(w, "goroutine %d\n", i)
	}
	if lines, oom := s.end(true); lines[0] != "fatal error: runtime: out of memory" || len(lines) != keptLines || !oom {
		t.Errorf("got %q, %t", lines, oom)
	}
	if lines, oom := s.end(false); lines[0] != "goroutine 150" || oom {
		t.Errorf("got %q, %t", lines, oom)
	}
}

func TestStderrRate(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w, s, out := newTestStderr(hclog.Info)
		time.Sleep(time.Minute)
		for range maxRate + 7 {
			fmt.Fprintln(w, "again")
		}
		if n := strings.Count(out.String(), "again"); n != maxRate {
			t.Errorf("%d lines", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		const report = "plugin logs too much: dropped what was over 1000 lines a second: dropped_lines=7\n"
		if !strings.HasSuffix(out.String(), report) {
			t.Errorf("no report: %q", lastBytes(out))
		}
		fmt.Fprintln(w, "later")
		if !strings.HasSuffix(out.String(), "[INFO]  later\n") {
			t.Error("the next second is not a new one")
		}
		for range 2 * maxRate {
			fmt.Fprintln(w, "again")
		}
		s.end(true) // the process ended before the second did
		if !strings.HasSuffix(out.String(), "dropped_lines=1001\n") {
			t.Errorf("no report: %q", lastBytes(out))
		}
		lines, _ := s.end(true)
		if len(lines) != keptLines {
			t.Errorf("dropped lines are not kept: %q", lines)
		}
	})
}

func FuzzStderr(f *testing.F) {
	for _, seed := range []string{
		"plain\n", "panic: x\ny\n", `{"@level":"info","@message":"m","@timestamp":1,"k":{"a":[null]}}` + "\n", "\xff\x00\u202e\n", "{}\n", "[]\n", "null",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		w, s, out := newTestStderr(hclog.Trace)
		if n, err := w.Write(in); n != len(in) || err != nil {
			t.Fatal(n, err)
		}
		w.flush()
		for _, r := range out.String() {
			if r != '\n' && !harmless(r) {
				t.Fatalf("%q reached the log", r)
			}
		}
		if got, most := strings.Count(out.String(), "\n"), bytes.Count(in, []byte("\n"))+1; got > most {
			t.Fatalf("%d lines of %d", got, most)
		}
		lines, _ := s.end(true)
		for _, line := range lines {
			if len(line) > keptLine || !utf8.ValidString(line) || strings.Contains(line, "\n") {
				t.Fatalf("kept %q", line)
			}
		}
	})
}

func TestPrintable(t *testing.T) {
	tests := map[string]struct {
		in    string
		limit int
		want  string
	}{
		"harmless":       {"naïve\t世界", 100, "naïve\t世界"},
		"controls":       {"a\nb\x00\x7f\u0085", 100, `a\x0ab\x00\x7f\x85`},
		"not UTF-8":      {"a\xffb", 100, `a\xffb`},
		"direction":      {"\u202etxt", 100, `\u202etxt`},
		"beyond 16 bits": {"\U000e0001", 100, `\U000e0001`},
		"cut":            {strings.Repeat("a", 50), 30, strings.Repeat("a", 18) + "…"},
		"just fits":      {strings.Repeat("a", 30), 30, strings.Repeat("a", 30)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := printable(test.in, test.limit); got != test.want || len(got) > test.limit {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
