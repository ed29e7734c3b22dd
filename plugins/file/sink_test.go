package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/hashicorp/go-hclog"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugin-sdk/sdktest"
)

func sinkTo(t *testing.T, p *sdktest.Plugin, path string) *sdktest.Sink {
	t.Helper()
	s, err := p.StartSink("FileStreamSink", map[string]string{keyFile: path})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t *testing.T, s *sdktest.Sink, values ...data.Value) []sdktest.Errant {
	t.Helper()
	records := make([]data.SinkRecord, len(values))
	for i, v := range values {
		records[i] = data.SinkRecord{Topic: "t", Offset: int64(i), Value: v}
	}
	errant, err := s.Put(records)
	if err != nil {
		t.Fatal(err)
	}
	return errant
}

func TestSinkLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.txt")
	s := sinkTo(t, sdktest.InProcess(t, plugin()), path)
	order := data.NewStruct("Order").Field("id", data.Int32Schema).Field("note", data.OptionalStringSchema).MustBuild()
	row, err := data.Encode(nil, order, map[string]any{"id": 7, "note": "x"})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s,
		data.StringValue("text"), data.StringValue(""), data.BytesValue([]byte("b\xfftes")), data.Value{},
		data.JSONValue([]byte(`{"a": 1}`)), data.RowValue(order, row), data.RowValue(data.OptionalInt32Schema, nil))
	if _, err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	want := []string{"text", "", "b\xfftes", "null", `{"a": 1}`, "Struct{id=7,note=x}", "null"}
	if got := readLines(t, path); !slices.Equal(got, want) {
		t.Errorf("%q, expected %q", got, want)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode&0o600 != 0o600 || mode&0o133 != 0 {
		t.Errorf("the file was made with mode %v", mode)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func TestSinkErrant(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.txt")
	s := sinkTo(t, sdktest.InProcess(t, plugin()), path)
	errant := put(t, s, data.StringValue("a"), data.RowValue(data.Int32Schema, []byte{1}), data.StringValue("b"))
	if len(errant) != 1 || errant[0].Record.Offset != 1 || !strings.Contains(errant[0].Reason.Error(), "shorter") {
		t.Errorf("errant: %+v", errant)
	}
	if got := readLines(t, path); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%q", got)
	}
}

func TestSinkStdout(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// What go-plugin does after the start.
	before := os.Stdout
	os.Stdout = w
	defer func() { os.Stdout = before }()
	s := sinkTo(t, sdktest.InProcess(t, plugin()), "")
	put(t, s, data.StringValue("hello"), data.Value{})
	if _, err := s.Flush(); err != nil {
		t.Error(err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	b := make([]byte, 100)
	n, err := r.Read(b)
	if err != nil || string(b[:n]) != "hello\nnull\n" {
		t.Errorf("%q, %v", b[:n], err)
	}
}

func TestSinkAppends(t *testing.T) {
	for name, c := range map[string]struct{ before, after string }{
		"whole lines":                        {"old\n", "old\nnew\n"},
		"a line that a crash did not finish": {"old\nha", "old\nha\nnew\n"},
		"empty":                              {"", "new\n"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out.txt")
			write(t, path, c.before)
			s := sinkTo(t, sdktest.InProcess(t, plugin()), path)
			put(t, s, data.StringValue("new"))
			b, err := os.ReadFile(path)
			if err != nil || string(b) != c.after {
				t.Errorf("%q, %v; expected %q", b, err, c.after)
			}
		})
	}
}

func TestSinkRenamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.txt")
	s := sinkTo(t, sdktest.InProcess(t, plugin()), path)
	put(t, s, data.StringValue("1"))
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	put(t, s, data.StringValue("2"))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	put(t, s, data.StringValue("3"))
	if _, err := s.Flush(); err != nil {
		t.Error(err)
	}
	if got := readLines(t, path+".1"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("renamed: %q", got)
	}
	if got := readLines(t, path); !slices.Equal(got, []string{"3"}) {
		t.Errorf("new: %q", got)
	}
}

func TestSinkStartErrors(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		path  string
		parts []string
	}{
		"no folder":       {filepath.Join(dir, "none", "out.txt"), []string{keyFile, "none", "create it"}},
		"a folder":        {dir, []string{keyFile, dir, "name another file"}},
		"not a folder":    {filepath.Join(dir, "file", "x"), []string{keyFile, "name another file"}},
		"inside a device": {"/dev/null/x", []string{keyFile}},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, filepath.Join(dir, "file"), "")
			s, err := sdktest.InProcess(t, plugin()).StartSink("FileStreamSink", map[string]string{keyFile: c.path})
			checkError(t, err, sdk.Permanent, c.parts...)
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSinkShares has several tasks write to one file: lines stay whole.
func TestSinkShares(t *testing.T) {
	const tasks, batches, each = 4, 20, 100
	path := filepath.Join(t.TempDir(), "out.txt")
	p := sdktest.InProcess(t, plugin())
	var done sync.WaitGroup
	var want []string
	for task := range tasks {
		s := sinkTo(t, p, path)
		var all [][]data.SinkRecord
		for b := range batches {
			records := sdktest.Records("t", int32(task), int64(b*each), each)
			all = append(all, records)
			for _, r := range records {
				want = append(want, string(r.Value.Data))
			}
		}
		done.Go(func() {
			if _, err := s.Put(all...); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	got := readLines(t, path)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d lines, expected %d, or some are torn", len(got), len(want))
	}
}

// limitFileSize makes writes beyond a size fail half way, as a full disk does.
func limitFileSize(t *testing.T, size uint64) (lift func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limit := before
	limit.Cur = size
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
	})
}

func openAppender(t *testing.T, path string) *appender {
	t.Helper()
	p, err := newPlace(path)
	if err != nil {
		t.Fatal(err)
	}
	a := &appender{place: p, log: hclog.NewNullLogger()}
	if err := a.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.close() })
	return a
}

func TestAppenderFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.txt")
	a := openAppender(t, path)
	if err := a.append([]byte("first\n")); err != nil {
		t.Fatal(err)
	}
	lift := limitFileSize(t, 10)
	defer lift()
	for range 2 {
		err := a.append([]byte("second\nthird\n"))
		checkError(t, err, sdk.Retry, keyFile, path, "4 of 13 bytes")
		if got := readLines(t, path); !slices.Equal(got, []string{"first"}) {
			t.Fatalf("a failed write left %q", got)
		}
	}
	lift()
	if err := a.append([]byte("second\nthird\n")); err != nil {
		t.Fatal(err)
	}
	if got := readLines(t, path); !slices.Equal(got, []string{"first", "second", "third"}) {
		t.Errorf("%q", got)
	}
}

// TestAppenderLateMend is for a rest that could not be cut off at once.
func TestAppenderLateMend(t *testing.T) {
	for name, c := range map[string]struct {
		others string // written meanwhile
		want   string
	}{
		"alone":              {"", "first\nsecond\n"},
		"others wrote after": {"theirs\n", "first\nsectheirs\nsecond\n"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out.txt")
			write(t, path, "first\n")
			a := openAppender(t, path)
			appendTo(t, path, "sec"+c.others)
			a.torn, a.tornEnd = 6, 9
			if err := a.append([]byte("second\n")); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil || string(b) != c.want {
				t.Errorf("%q, %v; expected %q", b, err, c.want)
			}
		})
	}
}

func TestSinkFullDevice(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); errors.Is(err, fs.ErrNotExist) {
		return // a system that has none
	}
	p, err := newPlace(full)
	if err != nil {
		t.Fatal(err)
	}
	a := &appender{place: p, log: hclog.NewNullLogger()}
	if err := a.open(); err != nil {
		t.Fatal(err)
	}
	checkError(t, a.append([]byte("x\n")), sdk.Retry, fmt.Sprintf("%s=%s", keyFile, full), "0 of 2 bytes", "no space")
	if err := errors.Join(a.sync(), a.close()); err != nil {
		t.Error(err)
	}
}

// TestSinkKill kills the process between Flush and the next one: what was
// committed is in the file, and no line is torn.
func TestSinkKill(t *testing.T) {
	const each = 1000
	path := filepath.Join(t.TempDir(), "out.txt")
	binary := sdktest.Build(t, ".")
	committed := int64(0)
	for run := range 3 {
		p := sdktest.Binary(t, binary)
		s := sinkTo(t, p, path)
		if _, err := s.Put(sdktest.Records("t", 0, committed, each)); err != nil {
			t.Fatal(err)
		}
		offsets, err := s.Flush()
		if err != nil || len(offsets) != 1 {
			t.Fatalf("%v, %v", offsets, err)
		}
		committed = offsets[0].Offset
		if _, err := s.Put(sdktest.Records("t", 0, committed, each)); err != nil {
			t.Fatal(err)
		}
		p.Kill()
		present := map[string]bool{}
		for _, line := range readLines(t, path) {
			present[line] = true
		}
		for _, r := range sdktest.Records("t", 0, 0, int(committed)) {
			if line := string(r.Value.Data); !present[line] {
				t.Fatalf("run %d: %q is committed and not in the file", run, line)
			}
		}
	}
}
