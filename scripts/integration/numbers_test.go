//go:build integration

package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// digits is the length of a number in a record.
const digits = 16

// numbered returns lines with the numbers from first on.
func numbered(first, count int) string {
	var b strings.Builder
	for n := range count {
		fmt.Fprintf(&b, "%0*d\n", digits, first+n)
	}
	return b.String()
}

// appendTo writes to the end of a file, which need not exist.
func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// arrivals follows a file that a sink writes numbered lines to. All methods are safe for concurrent use.
type arrivals struct {
	path string
	mu   sync.Mutex
	at   int64  // bytes read
	rest []byte // of a line that has no end yet
	next int64  // the smallest number that has not arrived
	// lines counts all of them, those that arrived again too.
	lines int64
	torn  int64  // lines that a writer which was killed did not finish
	wrong string // the first line that cannot be right
}

// look takes up what was written since the last look.
func (a *arrivals) look() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	file, err := os.Open(a.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := io.ReadAll(io.NewSectionReader(file, a.at, 1<<40))
	if err != nil {
		return err
	}
	a.at += int64(len(text))
	text = append(a.rest, text...)
	for {
		line, rest, complete := bytes.Cut(text, []byte{'\n'})
		if !complete {
			a.rest = text
			return nil
		}
		a.line(line)
		text = rest
	}
}

// line takes up one line. Numbers come in order; a line may come again, with all that follow it, but not before its turn.
func (a *arrivals) line(line []byte) {
	a.lines++
	number, err := strconv.ParseInt(string(line), 10, 64)
	switch {
	case len(line) < digits && (err == nil || len(line) == 0):
		a.torn++
	case len(line) != digits || err != nil:
		a.complain("line %d is %q", a.lines, line)
	case number > a.next:
		a.complain("number %d came when %d had not come", number, a.next)
	case number == a.next:
		a.next++
	}
}

func (a *arrivals) complain(format string, args ...any) {
	if a.wrong == "" {
		a.wrong = fmt.Sprintf(format, args...)
	}
}

// count returns how many numbers from 0 on have arrived, and how many lines there are.
func (a *arrivals) count() (numbers, lines int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.next, a.lines
}

// await waits until the numbers up to n, without n, have arrived.
func (a *arrivals) await(t *testing.T, limit time.Duration, n int64) {
	t.Helper()
	eventually(t, limit, fmt.Sprintf("%d numbers in %s", n, a.path), func() string {
		a.check(t)
		numbers, _ := a.count()
		switch {
		case numbers > n:
			t.Fatalf("%s: %d numbers arrived, there are only %d", a.path, numbers, n)
		case numbers < n:
			return fmt.Sprintf("%d have arrived", numbers)
		}
		return ""
	})
}

// check looks at the file and fails the test if a line of it is wrong.
func (a *arrivals) check(t *testing.T) {
	t.Helper()
	if err := a.look(); err != nil {
		t.Fatal(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.wrong != "" {
		t.Fatalf("%s: %s", a.path, a.wrong)
	}
}

// once checks that no line arrived twice, and that none is torn.
func (a *arrivals) once(t *testing.T) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.lines != a.next || a.torn != 0 {
		t.Errorf("%s has %d lines for %d numbers, %d of them torn: after orderly stops nothing comes twice", a.path, a.lines, a.next, a.torn)
	}
}

// progress remembers when a count grew.
type progress struct {
	mu    sync.Mutex
	moves []time.Time
	last  int64
}

// follow asks for the count until the context ends. What cannot be told counts as no progress.
func (p *progress) follow(ctx context.Context, count func(context.Context) (int64, error)) {
	for tick := time.NewTicker(pollEvery); ; {
		if n, err := count(ctx); err == nil {
			p.note(n)
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}

// note takes up a count of now.
func (p *progress) note(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n > p.last {
		p.last = n
		p.moves = append(p.moves, time.Now())
	}
}

// pause returns the longest time without progress between two moments.
func (p *progress) pause(from, to time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	longest, since := time.Duration(0), from
	for _, at := range p.moves {
		if at.Before(from) {
			continue
		}
		if at.After(to) {
			break
		}
		longest, since = max(longest, at.Sub(since)), at
	}
	return max(longest, to.Sub(since))
}

// longest is the longest pause between a moment and the last progress.
func (p *progress) longest(from time.Time) time.Duration { return p.pause(from, p.end()) }

// end is the last time of progress.
func (p *progress) end() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.moves) == 0 {
		return time.Time{}
	}
	return p.moves[len(p.moves)-1]
}
