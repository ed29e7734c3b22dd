package storage_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/internal/storage"
)

// The test binary runs itself as the process that dies, or whose disk is full.
const childPath, childRole = "STORAGE_TEST_LOG", "STORAGE_TEST_ROLE"

func TestMain(m *testing.M) {
	roles := map[string]func(string) error{"append": appendUntilKilled, "full": appendToFullDisk}
	if run := roles[os.Getenv(childRole)]; run != nil {
		if err := run(os.Getenv(childPath)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), childRole+"="+role, childPath+"="+path)
	command.Stderr = os.Stderr
	return command
}

const crashWriters = 6

// appendUntilKilled appends ever greater numbers, two entries an append, and prints each number when it is acknowledged.
func appendUntilKilled(path string) error {
	log, err := storage.OpenFileLog(path, hclog.NewNullLogger())
	if err != nil {
		return err
	}
	r := &reader{}
	if err := log.Follow(context.Background(), r.take); err != nil {
		return err
	}
	state := r.state()
	padding := strings.Repeat("x", 3000) // so that the file is compacted now and then
	var wg sync.WaitGroup
	for w := range crashWriters {
		wg.Go(func() {
			n := 0
			fmt.Sscan(state[fmt.Sprint(w, "/a")], &n)
			for {
				n++
				number := fmt.Sprint(n, " ", padding)
				if err := log.Append(context.Background(), entry(fmt.Sprint(w, "/a"), number), entry(fmt.Sprint(w, "/b"), number)); err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				fmt.Printf("%d %d\n", w, n)
			}
		})
	}
	wg.Wait()
	return nil
}

// What was acknowledged is there after a kill at any moment, and each append as a whole or not at all.
func TestFileLogSurvivesKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	acknowledged := [crashWriters]int{}
	for round := range 10 {
		command := child(t, "append", path)
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		life := 1 + rand.IntN(300)
		for lines := bufio.NewScanner(out); lines.Scan(); life-- {
			var w, n int
			if _, err := fmt.Sscan(lines.Text(), &w, &n); err == nil {
				acknowledged[w] = n
			}
			if life == 0 {
				command.Process.Kill() // and read on: what it printed before counts
			}
		}
		command.Wait()
		if life > 0 {
			t.Fatalf("round %d: the process ended by itself", round)
		}

		log := openFile(t, path, hclog.NewNullLogger())
		state := follow(t, log).state()
		for w, n := range acknowledged {
			a, b := state[fmt.Sprint(w, "/a")], state[fmt.Sprint(w, "/b")]
			stored := 0
			fmt.Sscan(a, &stored)
			if a != b || stored < n {
				t.Fatalf("round %d, writer %d: %d is acknowledged, %.10q and %.10q are stored", round, w, n, a, b)
			}
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// appendToFullDisk limits the size of files, which looks like a full disk to the log.
func appendToFullDisk(path string) error {
	log, err := storage.OpenFileLog(path, hclog.NewNullLogger())
	if err != nil {
		return err
	}
	if err := log.Follow(context.Background(), func(storage.Entry) {}); err != nil {
		return err
	}
	if err := log.Append(context.Background(), entry("before", "1")); err != nil {
		return err
	}
	var unlimited syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &unlimited); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 4096, Max: unlimited.Max}); err != nil {
		return err
	}
	if err := log.Append(context.Background(), entry("lost", strings.Repeat("x", 10_000))); err == nil {
		return fmt.Errorf("an append to a full disk succeeded")
	}
	if log.Err() != nil {
		return fmt.Errorf("a full disk failed the log for good: %w", log.Err())
	}
	if err := log.Append(context.Background(), entry("small", "fits")); err != nil {
		return fmt.Errorf("an append that fits: %w", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &unlimited); err != nil {
		return err
	}
	if err := log.Append(context.Background(), entry("after", strings.Repeat("y", 10_000))); err != nil {
		return fmt.Errorf("an append after space was made: %w", err)
	}
	return log.Close()
}

func TestFileLogOnFullDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	if err := child(t, "full", path).Run(); err != nil {
		t.Fatal(err)
	}
	state := follow(t, openFile(t, path, hclog.NewNullLogger())).state()
	if len(state) != 3 || state["before"] != "1" || state["small"] != "fits" || len(state["after"]) != 10_000 {
		t.Errorf("state %.200q", state)
	}
}

// written returns the bytes of a file log after one append an entry.
func written(t *testing.T, entries ...storage.Entry) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	log := openFile(t, path, hclog.NewNullLogger())
	follow(t, log)
	for _, e := range entries {
		put(t, log, e)
	}
	log.Close()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// However much of the last write is missing, the log opens with what was acknowledged before, says so, and goes on.
func TestFileLogTornTail(t *testing.T) {
	t.Parallel()
	before := written(t, entry("a", "1"), tombstone("x"))
	whole := written(t, entry("a", "1"), tombstone("x"), entry("torn", "away"))
	garbled := bytes.Clone(whole)
	garbled[len(garbled)-1] ^= 1
	damaged := map[string][]byte{"zeros in its place": append(bytes.Clone(before), make([]byte, 5000)...), "garbled": garbled}
	for n := len(before) + 1; n < len(whole); n++ {
		damaged[fmt.Sprint(n-len(before), " bytes of it")] = whole[:n]
	}
	for name, content := range damaged {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			log := openFile(t, path, hclog.New(&hclog.LoggerOptions{Output: &said}))
			r := follow(t, log)
			if state := r.state(); len(state) != 1 || state["a"] != "1" {
				t.Errorf("state %q", state)
			}
			if !strings.Contains(said.String(), "cut short") {
				t.Errorf("no warning: %s", &said)
			}
			put(t, log, entry("b", "2"))
			log.Close()
			said.Reset()
			log = openFile(t, path, hclog.New(&hclog.LoggerOptions{Output: &said}))
			if state := follow(t, log).state(); len(state) != 2 || said.Len() > 0 {
				t.Errorf("opened again: state %q, log %s", state, &said)
			}
		})
	}
}

// Files that are not ours, or that lost acknowledged data, are refused and not touched.
func TestFileLogRefuses(t *testing.T) {
	t.Parallel()
	whole := written(t, entry("a", strings.Repeat("1", 100)), entry("b", "2"))
	flip := func(at int) []byte {
		content := bytes.Clone(whole)
		content[at] ^= 0x40
		return content
	}
	cases := map[string]struct {
		content []byte
		want    string
	}{
		"a text file":              {[]byte("connector=a\n"), "neither a log of Outboard nor an offset file of Kafka Connect"},
		"a cut header":             {whole[:20], "neither a log of Outboard"},
		"a damaged header":         {flip(18), "header is damaged"},
		"damage before good data":  {flip(80), "damaged at byte 28, with good data after it at byte"},
		"a damaged length":         {flip(28), "damaged at byte 28"},
		"Java, but cut short":      {javaSample(t, "offsets.bin")[:1000], "cannot be read: it ends too early"},
		"Java, but not a map":      {javaSample(t, "list.bin"), "not a java.util.HashMap"},
		"Java, a map of texts":     {javaSample(t, "strings.bin"), "in place of an array of bytes"},
		"Java, with bytes after":   {append(javaSample(t, "empty.bin"), 0), "1 bytes follow the map"},
		"Java, only the beginning": {javaSample(t, "empty.bin")[:4], "it ends too early"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, "offsets")
			if err := os.WriteFile(path, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			log, err := storage.OpenFileLog(path, hclog.NewNullLogger())
			if err == nil {
				log.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %q does not name %q and the file", err, c.want)
			}
			left, _ := os.ReadFile(path)
			if !bytes.Equal(left, c.content) {
				t.Error("the file was changed")
			}
			if files, _ := os.ReadDir(folder); len(files) != 1 {
				t.Errorf("files were left behind: %v", files)
			}
		})
	}
	t.Run("a folder that does not exist", func(t *testing.T) {
		_, err := storage.OpenFileLog(filepath.Join(t.TempDir(), "no", "log"), hclog.NewNullLogger())
		if err == nil || !strings.Contains(err.Error(), "does not exist: create it") {
			t.Error(err)
		}
	})
	t.Run("a folder in place of a file", func(t *testing.T) {
		if _, err := storage.OpenFileLog(t.TempDir(), hclog.NewNullLogger()); err == nil {
			t.Error("it was opened")
		}
	})
}

func TestFileLogIsNotShared(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	log := openFile(t, path, hclog.NewNullLogger())
	refused := func(when string) {
		t.Helper()
		if second, err := storage.OpenFileLog(path, hclog.NewNullLogger()); err == nil {
			second.Close()
			t.Fatalf("%s: it was opened twice", when)
		} else if !strings.Contains(err.Error(), "in use by another worker") {
			t.Errorf("%s: %v", when, err)
		}
	}
	refused("new")
	follow(t, log)
	for range 60 { // enough garbage for a compaction, which replaces the file
		put(t, log, entry("k", strings.Repeat("v", 50_000)))
	}
	refused("compacted")
	log.Close()
	openFile(t, path, hclog.NewNullLogger())
}

func TestFileLogCompacts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	log := openFile(t, path, hclog.NewNullLogger())
	follow(t, log)
	put(t, log, entry("first", "stays"))
	for i := range 200 {
		for k := range 10 {
			i := 10*i + k
			put(t, log, entry(fmt.Sprint("k", i%50), strings.Repeat(fmt.Sprint(i%10), 2000)), tombstone("gone"))
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 1<<20+1<<16 {
		t.Errorf("4 MB were written over 100 kB, and the file has %d bytes", info.Size())
	}
	log.Close()
	log = openFile(t, path, hclog.NewNullLogger())
	r := follow(t, log)
	state := r.state()
	if len(state) != 51 || state["first"] != "stays" || state["k49"] != strings.Repeat("9", 2000) {
		t.Errorf("%d keys, first %q, k49 %.10q", len(state), state["first"], state["k49"])
	}
	put(t, log, entry("next", ""))
	readToEnd(t, log)
	entries := r.all()
	if got := entries[len(entries)-1].Offset; got != 4001 {
		t.Errorf("the offset after 4001 entries is %d: compaction must not let it fall back", got)
	}
}

func javaSample(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "java", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// An offset file that Kafka Connect wrote becomes ours, and the original stays.
func TestFileLogImportsJava(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T, sample string) (path string, state map[string]string) {
		path = filepath.Join(t.TempDir(), "connect.offsets")
		if err := os.WriteFile(path, javaSample(t, sample), 0o644); err != nil {
			t.Fatal(err)
		}
		log := openFile(t, path, hclog.NewNullLogger())
		state = follow(t, log).state()
		put(t, log, entry("new", "entry"))
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if kept, err := os.ReadFile(path + ".java-backup"); err != nil || !bytes.Equal(kept, javaSample(t, sample)) {
			t.Errorf("the original was not kept: %v", err)
		}
		again := follow(t, openFile(t, path, hclog.NewNullLogger())).state()
		if len(again) != len(state)+1 || again["new"] != "entry" {
			t.Errorf("opened again: %d entries after %d and one", len(again), len(state))
		}
		return path, state
	}
	t.Run("offsets", func(t *testing.T) {
		_, state := open(t, "offsets.bin")
		want := map[string]string{
			`["file-source",{"filename":"/tmp/a.txt"}]`:            `{"position":1234567890123}`,
			`["file-source",{"filename":"/tmp/ümläut \"x\".txt"}]`: `{"position":0}`,
			`["many",{"table":"t39"}]`:                             `{"id":39}`,
		}
		for key, value := range want {
			if state[key] != value {
				t.Errorf("%s is %s, want %s", key, state[key], value)
			}
		}
		if len(state) != 43 || state[`["cdc",{"server":"db1","database":"orders"}]`] == "" {
			t.Errorf("%d entries: %q", len(state), state)
		}
	})
	t.Run("empty", func(t *testing.T) {
		if _, state := open(t, "empty.bin"); len(state) != 0 {
			t.Errorf("state %q", state)
		}
	})
	t.Run("references and nulls", func(t *testing.T) {
		_, state := open(t, "shared.bin")
		if len(state) != 2 || state[`["a",{"f":"1"}]`] != `{"position":7}` || state[`["a",{"f":"2"}]`] != `{"position":7}` {
			t.Errorf("state %q", state)
		}
	})
	t.Run("a backup of something else is not overwritten", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "connect.offsets")
		os.WriteFile(path, javaSample(t, "offsets.bin"), 0o644)
		os.WriteFile(path+".java-backup", []byte("precious"), 0o644)
		_, err := storage.OpenFileLog(path, hclog.NewNullLogger())
		if err == nil || !strings.Contains(err.Error(), "move it away") {
			t.Error(err)
		}
		if left, _ := os.ReadFile(path + ".java-backup"); string(left) != "precious" {
			t.Errorf("the backup is now %.20q", left)
		}
	})
	t.Run("a conversion that was interrupted is taken up", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "connect.offsets")
		for suffix, content := range map[string][]byte{"": javaSample(t, "offsets.bin"), ".java-backup": javaSample(t, "offsets.bin"), ".new": []byte("half")} {
			os.WriteFile(path+suffix, content, 0o644)
		}
		if state := follow(t, openFile(t, path, hclog.NewNullLogger())).state(); len(state) != 43 {
			t.Errorf("%d entries", len(state))
		}
	})
}

// Every character is quoted as Kafka Connect's JsonConverter quotes it.
func TestQuotingIsKafkas(t *testing.T) {
	t.Parallel()
	text := string(javaSample(t, "quoting.txt"))
	log := openFile(t, "", hclog.NewNullLogger())
	r := &reader{}
	if err := log.Follow(t.Context(), r.take); err != nil {
		t.Fatal(err)
	}
	offsets := storage.NewOffsetStore(log, hclog.NewNullLogger())
	entries, err := offsets.Entries(text, []storage.PartitionOffset{{Partition: []byte(`{}`), Offset: []byte(`{}`)}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(entries[0].Key), "["+string(javaSample(t, "quoting.json"))+",{}]"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	var back []any
	if err := json.Unmarshal(entries[0].Key, &back); err != nil || back[0] != text {
		t.Errorf("it does not read back: %v", err)
	}
}
