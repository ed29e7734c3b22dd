package group

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// vectors reads what Kafka Connect's own classes wrote.
func vectors(t testing.TB) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(line, "#") || len(fields) != 3 {
			continue
		}
		if all[fields[0]], err = hex.DecodeString(fields[2]); err != nil {
			t.Fatal(err)
		}
	}
	if len(all) != 6 {
		t.Fatalf("%d vectors", len(all))
	}
	return all
}

// What the vectors say, in the words of their comments.
var (
	vectorRun     = []Work{{"c1", TheConnector}, {"c1", 0}, {"c1", 1}, {"c2", 3}}
	vectorRevoked = []Work{{"old", TheConnector}, {"old", 7}}
)

func vectorAssignment(version Protocol) memberAssignment {
	a := memberAssignment{version: version, leader: "w-1", leaderURL: "http://h:8083/", configOffset: 42, run: vectorRun}
	if version > Eager {
		a.revoked, a.delay = vectorRevoked, 300*time.Second
	}
	return a
}

var compareAll = cmp.AllowUnexported(memberMetadata{}, memberAssignment{}, mark{})

func TestVectors(t *testing.T) {
	all := vectors(t)
	for name, want := range map[string]memberAssignment{
		"a0": vectorAssignment(Eager), "a1": vectorAssignment(Compatible), "a2": vectorAssignment(Sessioned),
	} {
		got, err := decodeAssignment(all[name])
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, compareAll); diff != "" {
			t.Errorf("%s is read as something else: %s", name, diff)
		}
		if written := want.encode(); !bytes.Equal(written, all[name]) {
			t.Errorf("%s is written as\n%x, want\n%x", name, written, all[name])
		}
	}
	current := vectorAssignment(Sessioned)
	for name, want := range map[string]memberMetadata{
		"md": {version: Eager, url: "http://h:8083/", configOffset: 42},
		"mf": {version: Sessioned, url: "http://h:8083/", configOffset: -1},
		"ms": {version: Sessioned, url: "http://h:8083/", configOffset: 42, allocation: &current},
	} {
		got, err := decodeMetadata(all[name])
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, compareAll); diff != "" {
			t.Errorf("%s is read as something else: %s", name, diff)
		}
		if written := want.encode(); !bytes.Equal(written, all[name]) {
			t.Errorf("%s is written as\n%x, want\n%x", name, written, all[name])
		}
	}
}

// What an Outboard worker writes begins with what Kafka Connect's would have written, and is read back as it was, however
// much it is.
func TestMark(t *testing.T) {
	all := vectors(t)
	for name, a := range map[string]memberAssignment{"a0": vectorAssignment(Eager), "a1": vectorAssignment(Compatible), "a2": vectorAssignment(Sessioned)} {
		a.mark = &mark{more: true}
		if !bytes.HasPrefix(a.encode(), all[name]) {
			t.Errorf("%s is written as %x", name, a.encode())
		}
	}
	m := memberMetadata{version: Sessioned, url: "http://h:8083/", configOffset: -1, mark: &mark{}}
	if !bytes.HasPrefix(m.encode(), all["mf"]) {
		t.Errorf("mf is written as %x", m.encode())
	}
	for version := Eager; version <= Sessioned; version++ {
		for _, tasks := range []int{0, 1, 10_000} {
			a := memberAssignment{version: version, leader: "w", leaderURL: "http://h:8083/", configOffset: 1 << 40, mark: &mark{more: true}}
			for n := range tasks {
				a.run = append(a.run, Work{fmt.Sprintf("a-connector-with-a-name-of-usual-length-%03d", n/10), n % 10})
				a.revoked = append(a.revoked, Work{"other", n})
			}
			encoded := a.encode()
			got, err := decodeAssignment(encoded)
			if err != nil {
				t.Errorf("%s with %d tasks: %v", version, tasks, err)
			}
			if diff := cmp.Diff(a, got, compareAll); diff != "" {
				t.Errorf("%s with %d tasks is read back as something else: %.1000s", version, tasks, diff)
			}
			if len(encoded) > packLimit+tasks*4 {
				t.Errorf("%s with %d tasks takes %d bytes", version, tasks, len(encoded))
			}

			a.mark, a.revoked = nil, nil
			if version == Eager {
				a.version = Compatible // what has no room there is written in the next layout
			}
			m := memberMetadata{version: version, url: "http://h:8083/", allocation: &a, mark: &mark{leaving: true}}
			back, err := decodeMetadata(m.encode())
			if err != nil {
				t.Errorf("%s with %d tasks: %v", version, tasks, err)
			}
			if diff := cmp.Diff(m, back, compareAll); diff != "" {
				t.Errorf("%s with %d tasks is read back as something else: %.1000s", version, tasks, diff)
			}
		}
	}
}

// Messages that are cut off anywhere are refused, unless what is missing are fields that writers may leave out.
func TestTruncated(t *testing.T) {
	for name, data := range vectors(t) {
		for n := range data {
			var err error
			if name[0] == 'm' {
				_, err = decodeMetadata(data[:n])
			} else {
				_, err = decodeAssignment(data[:n])
			}
			if err == nil && !slices.Contains(mayEnd(name, data), n) {
				t.Errorf("%s cut off after %d of %d bytes is no error", name, n, len(data))
			}
			if err != nil && slices.Contains(mayEnd(name, data), n) {
				t.Errorf("%s without its last fields: %v", name, err)
			}
		}
	}
}

// mayEnd are the lengths after which a message may end: before the arrays of an assignment, and before an allocation.
func mayEnd(name string, data []byte) []int {
	const head, ofMetadata = 2 + 2 + 5 + 16 + 8, 2 + 16 + 8
	run := len(encodeWork(vectorRun))
	switch name {
	case "a0":
		return []int{head}
	case "a1", "a2":
		return []int{head, head + run, len(data) - 4}
	case "ms", "mf":
		return []int{ofMetadata}
	}
	return nil
}

func encodeWork(work []Work) []byte { return appendWork(nil, work) }

// Foreign bytes are read or refused; what was read is written and read back the same.
func FuzzAssignment(f *testing.F) {
	for name, data := range vectors(f) {
		if name[0] == 'a' {
			f.Add(data)
			f.Add((&mark{more: true}).append(data, pack(data)))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := decodeAssignment(data)
		if err != nil {
			return
		}
		again, err := decodeAssignment(a.encode())
		if err != nil {
			t.Fatalf("%+v: %v", a, err)
		}
		if a.version == Eager && a.mark == nil {
			a.revoked = nil
		}
		if diff := cmp.Diff(normal(a), normal(again), compareAll); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzMetadata(f *testing.F) {
	for name, data := range vectors(f) {
		if name[0] == 'm' {
			f.Add(data)
			f.Add((&mark{leaving: true}).append(data, pack(vectorAssignment(Sessioned).encode())))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeMetadata(data)
		if err != nil {
			return
		}
		again, err := decodeMetadata(m.encode())
		if err != nil {
			t.Fatalf("%+v: %v", m, err)
		}
		for _, x := range []*memberMetadata{&m, &again} {
			if x.allocation != nil {
				a := normal(*x.allocation)
				a.version, a.delay, a.revoked = 0, 0, nil // an allocation is written in the layout of its message
				x.allocation = &a
			}
		}
		if diff := cmp.Diff(m, again, compareAll); diff != "" {
			t.Fatal(diff)
		}
	})
}

// normal is an assignment with its work in order.
func normal(a memberAssignment) memberAssignment {
	slices.SortFunc(a.run, compareWork)
	slices.SortFunc(a.revoked, compareWork)
	return a
}

func TestParseProtocol(t *testing.T) {
	for text, want := range map[string]Protocol{"eager": Eager, "Compatible": Compatible, "SESSIONED": Sessioned} {
		if got, err := ParseProtocol(text); err != nil || got != want {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	if _, err := ParseProtocol("default"); err == nil || !strings.Contains(err.Error(), "connect.protocol=default is none of eager, compatible, sessioned") {
		t.Errorf("the error is %v", err)
	}
}
