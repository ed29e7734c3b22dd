package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugin-sdk/sdktest"
)

// follow starts a source for a file.
func follow(t *testing.T, p *sdktest.Plugin, path string, offsets *sdktest.Offsets) *sdktest.Source {
	t.Helper()
	s, err := p.StartSource("FileStreamSource", map[string]string{keyFile: path, keyTopic: "lines"}, offsets)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func inProcess(t *testing.T, path string) *sdktest.Source {
	t.Helper()
	return follow(t, sdktest.InProcess(t, plugin()), path, nil)
}

// expect takes as many records as there are texts and compares them.
func expect(t *testing.T, s *sdktest.Source, texts ...string) []sdktest.Record {
	t.Helper()
	records := s.Take(len(texts))
	if got := sdktest.Texts(records); !slices.Equal(got, texts) {
		t.Fatalf("%q came, expected %q", got, texts)
	}
	return records
}

func stop(t *testing.T, s *sdktest.Source) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	// Whatever the test did not expect is waiting now.
	if more := s.TakeWithin(1, 0); len(more) > 0 {
		t.Errorf("%s came in addition", more[0])
	}
}

func TestRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.txt")
	write(t, path, "Ärger\nx\n")
	s := inProcess(t, path)
	before := time.Now().Add(-time.Minute).UnixMilli()
	records := s.Take(2)
	for i, want := range []string{"Ärger", "x"} {
		r := records[i]
		if r.Topic != "lines" || r.Partition != data.NoPartition || !r.Key.IsNull() || r.Value.Kind != data.KindString || r.Text() != want || r.Timestamp < before {
			t.Errorf("record %d: %+v", i, r)
		}
		if p := fmt.Sprintf(`{"filename":%q}`, path); string(r.SourcePartition) != p {
			t.Errorf("source partition %s, expected %s", r.SourcePartition, p)
		}
		if n, _ := sdk.Offset(r.SourceOffset).Int64("position"); n != []int64{7, 9}[i] {
			t.Errorf("offset %s", r.SourceOffset)
		}
	}
	stop(t, s)
}

// TestLineEnds holds what is cut against Kafka's rules, however the text arrives.
func TestLineEnds(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		lines []string
	}{
		"newlines":           {"a\nb\n", []string{"a", "b"}},
		"empty lines":        {"\n\na\n", []string{"", "", "a"}},
		"windows":            {"a\r\nb\r\n", []string{"a", "b"}},
		"old mac":            {"a\rb\rc", []string{"a", "b"}},
		"return at the end":  {"a\r", nil},
		"newline and return": {"a\n\rb\n", []string{"a", "", "b"}},
		"mixed":              {"a\r\n\r\nb\rc\n\r\r\n", []string{"a", "", "b", "c", "", ""}},
		"unfinished":         {"a\nb", []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, step := range []int{len(c.text), 1, 2} {
				path := filepath.Join(t.TempDir(), "in.txt")
				write(t, path, "")
				l := opened(t, path)
				var got []string
				for from := 0; from < len(c.text); from += step {
					appendTo(t, path, c.text[from:min(from+step, len(c.text))])
					got = append(got, cutAll(t, l)...)
				}
				if !slices.Equal(got, c.lines) {
					t.Errorf("in steps of %d: %q, expected %q", step, got, c.lines)
				}
			}
		})
	}
}

// TestBuffer cuts a file that gives much at times and then is quiet: its buffer follows, and no line is harmed by that.
func TestBuffer(t *testing.T) {
	var text strings.Builder
	for i := 0; text.Len() < 4*readSize; i++ {
		text.WriteString(strings.Repeat("x", i%3000) + []string{"\n", "\r\n", "\r"}[i%3])
	}
	for name, c := range map[string]struct {
		step int
		size int // of the buffer after the first step
	}{
		"a little": {quietSize - 1, quietSize},
		"more":     {quietSize + 1, readSize},
		"much":     {readSize + quietSize/3, readSize},
		"all":      {text.Len(), readSize},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "in.txt")
			write(t, path, "")
			l := opened(t, path)
			var got []string
			for from := 0; from < text.Len(); from += c.step {
				appendTo(t, path, text.String()[from:min(from+c.step, text.Len())])
				got = append(got, cutAll(t, l)...)
				if from == 0 && len(l.buf) != c.size {
					t.Errorf("a buffer of %d bytes, expected is one of %d", len(l.buf), c.size)
				}
				left := l.end - l.start
				l.release()
				if small := len(l.buf) == quietSize; small != (left <= quietSize/2) {
					t.Errorf("a buffer of %d bytes is kept for the %d that are left", len(l.buf), left)
				}
			}
			want, rest := plainLines(text.String())
			if !slices.Equal(got, want) {
				t.Errorf("%d lines are not the %d of the file", len(got), len(want))
			}
			if l.position != int64(text.Len()-len(rest)) {
				t.Errorf("position %d with %d bytes left of %d", l.position, len(rest), text.Len())
			}
		})
	}
}

func opened(t *testing.T, path string) *lines {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	l := new(lines)
	if err := l.open(f, 0); err != nil {
		t.Fatal(err)
	}
	return l
}

// cutAll returns the lines up to the end of the file.
func cutAll(t *testing.T, l *lines) []string {
	t.Helper()
	var got []string
	for {
		line, ok, err := l.next()
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			got = append(got, string(line))
			continue
		}
		n, err := l.fill()
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return got
		}
	}
}

// FuzzLines cuts any text, in any steps, as the plain definition of a line does.
func FuzzLines(f *testing.F) {
	f.Add("a\r\nb\rc\n\r", uint8(1))
	f.Add("\xff\xfe\n\n\r\r\n", uint8(3))
	f.Add(strings.Repeat("x", 300)+"\r\n", uint8(7))
	f.Fuzz(func(t *testing.T, text string, step uint8) {
		if len(text) > 1024 {
			return
		}
		path := filepath.Join(t.TempDir(), "in.txt")
		writer, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer writer.Close()
		l := opened(t, path)
		var got []string
		size := max(int(step), len(text)/20, 1)
		for from := 0; from < len(text); from += size {
			if _, err := writer.WriteString(text[from:min(from+size, len(text))]); err != nil {
				t.Fatal(err)
			}
			got = append(got, cutAll(t, l)...)
		}
		want, rest := plainLines(text)
		if !slices.Equal(got, want) {
			t.Errorf("%q, expected %q", got, want)
		}
		if l.position != int64(len(text)-len(rest)) {
			t.Errorf("position %d with %d bytes left of %d", l.position, len(rest), len(text))
		}
	})
}

// plainLines is what a line is, without a thought of speed.
func plainLines(text string) (lines []string, rest string) {
	for {
		i := strings.IndexAny(text, "\r\n")
		if i < 0 || text[i] == '\r' && i+1 == len(text) {
			return lines, text
		}
		lines = append(lines, text[:i])
		if strings.HasPrefix(text[i:], "\r\n") {
			i++
		}
		text = text[i+1:]
	}
}

func TestFileAppearsLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	path := filepath.Join(dir, "in.txt")
	s := inProcess(t, path)
	s.Grant(1)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	appendTo(t, path, "first\n")
	expect(t, s, "first")
	appendTo(t, path, "sec")
	appendTo(t, path, "ond\nthird, not finished")
	expect(t, s, "second")
	stop(t, s)
}

func TestManyLines(t *testing.T) {
	const n = 100_000
	path := filepath.Join(t.TempDir(), "in.txt")
	write(t, path, numbered(0, n))
	s := inProcess(t, path)
	for i, r := range s.Take(n) {
		if want := fmt.Sprintf("line %d", i); r.Text() != want {
			t.Fatalf("record %d is %q", i, r.Text())
		}
	}
	stop(t, s)
}

func TestBatchSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.txt")
	write(t, path, numbered(0, 10))
	s, err := sdktest.InProcess(t, plugin()).StartSource("FileStreamSource",
		map[string]string{keyFile: path, keyTopic: "lines", keyBatchSize: "4"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range s.Take(10) {
		if want := uint64(i/4 + 1); r.Seq != want {
			t.Errorf("record %d came in batch %d, expected is %d", i, r.Seq, want)
		}
	}
	stop(t, s)
}

func TestTruncation(t *testing.T) {
	for name, text := range map[string]string{
		"shorter":                  "new\n",
		"longer, other beginning":  "new " + strings.Repeat("and longer ", 50) + "\n",
		"as long, other beginning": "old 9\nold 8\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "in.txt")
			write(t, path, "old 1\nold 2\n")
			s := inProcess(t, path)
			expect(t, s, "old 1", "old 2")
			write(t, path, text) // os.WriteFile truncates and writes the same file
			want := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
			records := expect(t, s, want...)
			if n, _ := sdk.Offset(records[0].SourceOffset).Int64("position"); n != int64(len(want[0])+1) {
				t.Errorf("offset %s after truncation", records[0].SourceOffset)
			}
			stop(t, s)
		})
	}
}

func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.txt")
	write(t, path, "1\n")
	s := inProcess(t, path)
	expect(t, s, "1")
	// A writer that has not opened the new file yet.
	old, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, path, "4\n")
	if _, err := old.WriteString("2\n3, the last one without an end"); err != nil {
		t.Fatal(err)
	}
	expect(t, s, "2", "3, the last one without an end", "4")
	stop(t, s)
}

func TestNotUTF8(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.txt")
	write(t, path, "good\nb\xe4d\ngood again\n")
	s := inProcess(t, path)
	records := expect(t, s, "good", "b\xe4d", "good again")
	for i, want := range []data.Kind{data.KindString, data.KindBytes, data.KindString} {
		if got := records[i].Value.Kind; got != want {
			t.Errorf("record %d is of kind %s, expected is %s", i, got, want)
		}
	}
	stop(t, s)
}

func TestLongLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.txt")
	long := strings.Repeat("x", 3*readSize)
	write(t, path, long+"\nshort\n"+long)
	s := inProcess(t, path)
	expect(t, s, long, "short")
	appendTo(t, path, "y\n")
	expect(t, s, long+"y")
	appendTo(t, path, strings.Repeat("x", maxLine+1))
	err := s.AwaitFailure()
	checkError(t, err, sdk.Permanent, keyFile, path, "longer than")
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// checkError tells whether an error is of a class and says certain things.
func checkError(t *testing.T, err error, class sdk.Class, parts ...string) {
	t.Helper()
	var e *sdk.Error
	if !errors.As(err, &e) || e.Class != class {
		t.Fatalf("error %v is not of class %d", err, class)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

func TestResume(t *testing.T) {
	// Each step is what happens to the file while the task is down.
	type down func(t *testing.T, path string)
	rename := func(t *testing.T, path string) {
		t.Helper()
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		down down
		want []string
	}{
		"nothing":  {func(*testing.T, string) {}, []string{"2", "3"}},
		"appended": {func(t *testing.T, path string) { appendTo(t, path, "4\n") }, []string{"2", "3", "4"}},
		"truncated": {func(t *testing.T, path string) { write(t, path, "n\n") },
			[]string{"n"}},
		"truncated, longer than before": {func(t *testing.T, path string) { write(t, path, "other\nlines\nthan\nbefore\n") },
			[]string{"other", "lines", "than", "before"}},
		"renamed":         {func(t *testing.T, path string) { rename(t, path) }, []string{"2", "3"}},
		"rotated":         {func(t *testing.T, path string) { rename(t, path); write(t, path, "new\n") }, []string{"2", "3", "new"}},
		"rotated, longer": {func(t *testing.T, path string) { rename(t, path); write(t, path, "1\n2\n3\n4\n") }, []string{"2", "3", "1", "2", "3", "4"}},
		"replaced": {func(t *testing.T, path string) {
			t.Helper()
			// A second name keeps the inode from being used again.
			if err := errors.Join(os.Link(path, filepath.Join(t.TempDir(), "kept")), os.Remove(path)); err != nil {
				t.Fatal(err)
			}
			write(t, path, "1\n2\n3\n4\n")
		}, []string{"1", "2", "3", "4"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "in.txt")
			write(t, path, "1\n2\n3\n")
			p, offsets := sdktest.InProcess(t, plugin()), new(sdktest.Offsets)
			s := follow(t, p, path, offsets)
			s.Commit(expect(t, s, "1", "2", "3")[0])
			stop(t, s)
			c.down(t, path)
			s = follow(t, p, path, offsets)
			expect(t, s, c.want...)
			stop(t, s)
		})
	}
}

// TestTakeover resumes from offsets as Kafka's source stores them: it counts
// characters, those outside the basic plane twice.
func TestTakeover(t *testing.T) {
	const text = "ä€\n😀!\nlast\n"
	for name, c := range map[string]struct {
		offset string
		want   []string
	}{
		"beginning":       {`{"position":0}`, []string{"ä€", "😀!", "last"}},
		"two and a half":  {`{"position":3}`, []string{"😀!", "last"}},
		"beyond":          {`{"position":7}`, []string{"last"}},
		"file is shorter": {`{"position":1000}`, []string{"ä€", "😀!", "last"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "in.txt")
			write(t, path, text)
			offsets := new(sdktest.Offsets)
			offsets.Set(sdk.NewPartition(filenameField, path), sdk.Offset(c.offset))
			s := follow(t, sdktest.InProcess(t, plugin()), path, offsets)
			records := expect(t, s, c.want...)
			if n, _ := sdk.Offset(records[len(records)-1].SourceOffset).Int64("position"); n != int64(len(text)) {
				t.Errorf("the last offset is %s, the file has %d bytes", records[len(records)-1].SourceOffset, len(text))
			}
			stop(t, s)
		})
	}
}

func TestStartErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "in.txt")
	for name, c := range map[string]struct {
		config map[string]string
		offset string
		parts  []string
	}{
		"no file":         {map[string]string{keyTopic: "t"}, "", []string{keyFile}},
		"no topic":        {map[string]string{keyFile: file}, "", []string{keyTopic}},
		"offset of words": {map[string]string{keyFile: file, keyTopic: "t"}, `{"position":"x"}`, []string{"position", "reset or alter"}},
		"offset without":  {map[string]string{keyFile: file, keyTopic: "t"}, `{"line":3}`, []string{"position", "reset or alter"}},
		"offset negative": {map[string]string{keyFile: file, keyTopic: "t"}, `{"position":-1}`, []string{"non-negative", "reset or alter"}},
		"offset identity": {map[string]string{keyFile: file, keyTopic: "t"}, `{"position":1,"file":"zebra"}`, []string{"zebra", "reset or alter"}},
	} {
		t.Run(name, func(t *testing.T) {
			offsets := new(sdktest.Offsets)
			if c.offset != "" {
				offsets.Set(sdk.NewPartition(filenameField, file), sdk.Offset(c.offset))
			}
			s, err := sdktest.InProcess(t, plugin()).StartSource("FileStreamSource", c.config, offsets)
			checkError(t, err, sdk.Permanent, c.parts...)
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	s := inProcess(t, dir)
	s.Grant(1)
	checkError(t, s.AwaitFailure(), sdk.Permanent, keyFile, dir, "folder")
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func TestUnreadable(t *testing.T) {
	// A link to itself: permissions do not stop root, who may run this test.
	path := filepath.Join(t.TempDir(), "in.txt")
	if err := os.Symlink(path, path); err != nil {
		t.Fatal(err)
	}
	s := inProcess(t, path)
	s.Grant(1)
	checkError(t, s.AwaitRetry(), sdk.Retry, keyFile, path, "symbolic link")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, path, "mended\n")
	expect(t, s, "mended")
	stop(t, s)
}

// TestKill kills the process at any moment: nothing is lost, and what comes
// twice was not committed.
func TestKill(t *testing.T) {
	const n = 60_000
	path := filepath.Join(t.TempDir(), "in.txt")
	write(t, path, numbered(0, n/2))
	binary := sdktest.Build(t, ".")
	offsets := new(sdktest.Offsets)
	committed := 0
	for run := range 3 {
		p := sdktest.Binary(t, binary)
		s := follow(t, p, path, offsets)
		records := s.Take(7001 + 999*run)
		for i, r := range records {
			if want := fmt.Sprintf("line %d", committed+i); r.Text() != want {
				t.Fatalf("run %d: record %d is %q, expected %q", run, i, r.Text(), want)
			}
		}
		done := len(records) - 1234
		s.Commit(records[:done]...)
		committed += done
		if run == 1 {
			appendTo(t, path, numbered(n/2, n)) // while it is read
		}
		p.Kill()
	}
	s := follow(t, sdktest.Binary(t, binary), path, offsets)
	for i, r := range s.Take(n - committed) {
		if want := fmt.Sprintf("line %d", committed+i); r.Text() != want {
			t.Fatalf("the last run: record %d is %q, expected %q", i, r.Text(), want)
		}
	}
	stop(t, s)
}

func TestAlterOffsets(t *testing.T) {
	config := map[string]string{keyFile: "/tmp/in.txt", keyTopic: "t"}
	partition := sdk.NewPartition(filenameField, "/tmp/in.txt")
	for name, c := range map[string]struct {
		partition sdk.Partition
		offset    string
		wrong     string // part of the error; empty: accepted
	}{
		"position":             {partition, `{"position":17}`, ""},
		"zero":                 {partition, `{"position":0}`, ""},
		"ours":                 {partition, `{"position":17,"file":"2a-100-0badcafe"}`, ""},
		"another file":         {sdk.NewPartition(filenameField, "/tmp/before.txt"), `{"position":17}`, ""},
		"reset":                {partition, "", ""},
		"reset of rubbish":     {sdk.NewPartition("table", "x"), "", ""},
		"no position":          {partition, `{"line":1}`, "'position'"},
		"null":                 {partition, `{"position":null}`, "Long value"},
		"text":                 {partition, `{"position":"17"}`, "Long value"},
		"fraction":             {partition, `{"position":1.5}`, "Long value"},
		"negative":             {partition, `{"position":-1}`, "non-negative"},
		"identity":             {partition, `{"position":1,"file":"2a-100"}`, "names no file"},
		"identity, too long":   {partition, `{"position":1,"file":"2a-101-0"}`, "256"},
		"no filename":          {sdk.NewPartition("table", "x"), `{"position":1}`, "'filename'"},
		"filename is a number": {sdk.NewPartition(filenameField, 5), `{"position":1}`, "'filename'"},
	} {
		t.Run(name, func(t *testing.T) {
			var offset sdk.Offset
			if c.offset != "" {
				offset = sdk.Offset(c.offset)
			}
			handled, err := sdktest.InProcess(t, plugin()).AlterSourceOffsets("FileStreamSource", config, sdk.SourceOffset{Partition: c.partition, Offset: offset})
			switch {
			case c.wrong == "" && (err != nil || !handled):
				t.Errorf("%t, %v", handled, err)
			case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
				t.Errorf("%v does not say %q", err, c.wrong)
			}
		})
	}
	if handled, err := sdktest.InProcess(t, plugin()).AlterSinkOffsets("FileStreamSink", map[string]string{}, sdk.PartitionOffset{Topic: "t", Offset: -1}); !handled || err != nil {
		t.Errorf("sink: %t, %v", handled, err)
	}
}

func FuzzStoredOffset(f *testing.F) {
	for _, s := range []string{`{"position":1}`, `{"position":1,"file":"2a-100-0badcafe"}`, `{"position":1e3}`, `[]`, `{`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseStored(sdk.Offset(text))
		if err != nil {
			return
		}
		if s.position < 0 {
			t.Errorf("%q gives position %d", text, s.position)
		}
		if s.id != nil {
			if again, err := parseIdentity(s.id.String()); err != nil || again != *s.id {
				t.Errorf("%v reads back as %v, %v", s.id, again, err)
			}
		}
	})
}

func TestPlace(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "secret"), "x\n")
	write(t, filepath.Join(root, "in.txt"), "inside\n")
	if err := errors.Join(
		os.Symlink(filepath.Join(outside, "secret"), filepath.Join(root, "link")),
		os.Symlink(outside, filepath.Join(root, "folder")),
		os.Symlink("in.txt", filepath.Join(root, "fine")),
	); err != nil {
		t.Fatal(err)
	}
	t.Setenv(rootVariable, root)
	t.Chdir(root)
	for name, c := range map[string]struct {
		path string
		ok   bool
	}{
		"inside":             {filepath.Join(root, "in.txt"), true},
		"relative":           {"in.txt", true},
		"link inside":        {"fine", true},
		"outside":            {filepath.Join(outside, "secret"), false},
		"dots":               {root + "/../" + filepath.Base(outside) + "/secret", false},
		"dots from relative": {"../../etc/passwd", false},
		"link outside":       {"link", false},
		"folder outside":     {"folder/secret", false},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := newPlace(c.path)
			if err == nil {
				defer p.Close()
				var f *os.File
				if f, err = p.open(); err == nil {
					_ = f.Close()
				}
			}
			if (err == nil) != c.ok {
				t.Errorf("%s: %v", c.path, err)
			}
		})
	}
	s := inProcess(t, "in.txt")
	expect(t, s, "inside")
	stop(t, s)
}

// BenchmarkLine is what a line of 100 bytes costs from the file to the host's
// end of the stream.
func BenchmarkLine(b *testing.B) {
	b.ReportAllocs()
	path := filepath.Join(b.TempDir(), "in.txt")
	write(b, path, strings.Repeat(strings.Repeat("x", 99)+"\n", b.N))
	s, err := sdktest.InProcess(b, plugin()).StartSource("FileStreamSource", map[string]string{keyFile: path, keyTopic: "lines"}, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(100)
	b.ResetTimer()
	s.Skip(b.N)
	b.StopTimer()
	if err := s.Stop(); err != nil {
		b.Fatal(err)
	}
}

func TestSupportsExactlyOnce(t *testing.T) {
	var c sdk.ExactlyOnceSource = &sourceConnector{}
	if !c.SupportsExactlyOnce(map[string]string{keyFile: "/var/log/in"}) || c.SupportsExactlyOnce(nil) {
		t.Error("a file is read exactly once, and nothing else is")
	}
}
