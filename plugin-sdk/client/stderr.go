package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"
)

const (
	// maxLine bounds a line in the log, keptLine one that is kept for error messages, in bytes.
	maxLine  = 16 << 10
	keptLine = 1 << 10
	// keptLines is how many lines are kept.
	keptLines = 50
	// maxRate is how many lines a process may log in a second.
	maxRate = 1000
)

// stderr turns the lines that a plugin writes to standard error into log lines of the host, and keeps the last of them. Lines in hclog's JSON
// keep their level and keys. They are foreign bytes: escaped, bounded in length and number.
type stderr struct {
	log hclog.Logger

	mu      sync.Mutex
	kept    []string // a ring once it is full
	next    int
	crash   []string // the lines from a panic on, until the process logs as if nothing happened
	noSpace bool     // the run time said that there is no memory

	window  time.Time // the second that is counted
	count   int
	dropped int
}

// noSpaceSigns are how Go and Java say that there is no memory.
var noSpaceSigns = []string{"fatal error: runtime: out of memory", "fatal error: runtime: cannot allocate memory", "java.lang.OutOfMemoryError"}

func newStderr(log hclog.Logger) *stderr { return &stderr{log: log} }

// line takes one line; cut is the number of bytes left out at its end.
func (s *stderr) line(line []byte, cut int) {
	line = bytes.TrimRight(line, "\r")
	if len(line) == 0 {
		return
	}
	entry, structured := parseEntry(line)

	s.mu.Lock()
	if structured {
		s.crash = nil
		if level := entry.level; level >= hclog.Info {
			s.keep(entry.String())
		}
	} else {
		s.keepPlain(entry.message)
	}
	level := entry.level
	if !structured && len(s.crash) > 0 {
		level = hclog.Error
	}
	admitted := s.log.GetLevel() <= level && s.admit()
	s.mu.Unlock()
	if !admitted {
		return
	}
	if cut > 0 {
		entry.args = append(entry.args, "cut_bytes", cut)
	}
	s.log.Log(level, entry.message, entry.args...)
}

// keep takes a line into the ring.
func (s *stderr) keep(text string) {
	text = printable(text, keptLine)
	if len(s.kept) < keptLines {
		s.kept = append(s.kept, text)
		return
	}
	s.kept[s.next] = text
	s.next = (s.next + 1) % keptLines
}

// keepPlain takes a line that is not a log entry, and may belong to a panic.
func (s *stderr) keepPlain(text string) {
	s.keep(text)
	text = printable(text, keptLine)
	switch {
	case crashes(text):
		s.crash = []string{text}
	case len(s.crash) > 0 && len(s.crash) < keptLines:
		s.crash = append(s.crash, text)
	}
	s.noSpace = s.noSpace || slices.ContainsFunc(noSpaceSigns, func(sign string) bool { return strings.Contains(text, sign) })
}

// admit counts a line to be logged and tells whether there is room for it in this second.
func (s *stderr) admit() bool {
	now := time.Now()
	if now.Sub(s.window) >= time.Second {
		s.window, s.count = now, 0
	}
	s.count++
	if s.count <= maxRate {
		return true
	}
	s.dropped++
	if s.dropped == 1 {
		time.AfterFunc(time.Second-now.Sub(s.window), s.reportDropped)
	}
	return false
}

func (s *stderr) reportDropped() {
	s.mu.Lock()
	n := s.dropped
	s.dropped = 0
	s.mu.Unlock()
	if n > 0 {
		s.log.Warn(fmt.Sprintf("plugin logs too much: dropped what was over %d lines a second", maxRate), "dropped_lines", n)
	}
}

// end returns what is to be told of a process that has ended: its last lines, or those of its panic when it failed; and whether it said that
// there was no memory.
func (s *stderr) end(failed bool) (lines []string, outOfMemory bool) {
	s.reportDropped()
	s.mu.Lock()
	defer s.mu.Unlock()
	if failed && len(s.crash) > 0 {
		return slices.Clone(s.crash), s.noSpace
	}
	return slices.Concat(s.kept[s.next:], s.kept[:s.next]), failed && s.noSpace
}

// crashes tells whether a line is the first that Go writes when a process dies.
func crashes(line string) bool {
	return strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")
}

// entry is one line for the log.
type entry struct {
	level   hclog.Level
	message string
	args    []any
}

// String is the form that is kept for error messages.
func (e entry) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "[%s] %s", strings.ToUpper(e.level.String()), e.message)
	for i := 0; i+1 < len(e.args); i += 2 {
		fmt.Fprintf(&b, " %v=%v", e.args[i], e.args[i+1])
	}
	return b.String()
}

// parseEntry reads a line of hclog's JSON. Any other line is its own message, with a level when it begins with one in brackets.
func parseEntry(line []byte) (entry, bool) {
	var fields map[string]any
	if line[0] == '{' {
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.UseNumber()
		if decoder.Decode(&fields) != nil || decoder.More() {
			fields = nil
		}
	}
	message, ok := fields["@message"].(string)
	name, _ := fields["@level"].(string)
	level := hclog.LevelFromString(name)
	if !ok || level == hclog.NoLevel || level == hclog.Off {
		return entry{level: bracketed(line), message: printable(string(line), maxLine)}, false
	}
	e := entry{level: level, message: printable(message, maxLine)}
	for _, key := range sortedKeys(fields) {
		switch key {
		case "@message", "@level", "@timestamp", "@module":
			continue
		}
		e.args = append(e.args, printable(key, keptLine), value(fields[key]))
	}
	return e, true
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// value makes a field safe to log.
func value(v any) any {
	switch v := v.(type) {
	case string:
		return printable(v, maxLine)
	case json.Number, bool, nil:
		return v
	}
	text, err := json.Marshal(v) // of what was just parsed
	if err != nil {
		return err.Error()
	}
	return printable(string(text), maxLine)
}

// bracketed returns the level that a plain line begins with, such as [WARN]; otherwise Info.
func bracketed(line []byte) hclog.Level {
	for _, l := range []hclog.Level{hclog.Trace, hclog.Debug, hclog.Info, hclog.Warn, hclog.Error} {
		if bytes.HasPrefix(line, []byte("["+strings.ToUpper(l.String())+"]")) {
			return l
		}
	}
	return hclog.Info
}

// printable escapes what could forge log lines or drive a terminal, and cuts the text to a number of bytes.
func printable(text string, limit int) string {
	safe := len(text) <= limit
	for _, r := range text {
		if !safe {
			break
		}
		safe = harmless(r)
	}
	if safe {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		if b.Len() > limit-len("…")-len(`\U0010ffff`) {
			b.WriteString("…")
			break
		}
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case harmless(r):
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

// harmless runes show as themselves and move nothing; RuneError stands for bytes that are not UTF-8.
func harmless(r rune) bool { return r == '\t' || r != utf8.RuneError && unicode.IsPrint(r) }

// lineWriter cuts a stream into lines. It is not safe for concurrent use; the stderr it writes to is.
type lineWriter struct {
	to  *stderr
	buf []byte
	cut int
}

// Write never fails.
func (w *lineWriter) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		line, rest, ended := bytes.Cut(b, []byte("\n"))
		room := min(maxLine-len(w.buf), len(line))
		w.buf = append(w.buf, line[:room]...)
		w.cut += len(line) - room
		if ended {
			w.flush()
		}
		b = rest
	}
	return n, nil
}

// flush ends the line.
func (w *lineWriter) flush() {
	w.to.line(w.buf, w.cut)
	w.buf, w.cut = w.buf[:0], 0
}
