package metrics

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what is answered to testdata")

// TestText writes worker.json of each folder of testdata; metrics.txt is what must come out.
func TestText(t *testing.T) {
	folders, err := filepath.Glob("testdata/*/worker.json")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range folders {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			given, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var w Worker
			decoder := json.NewDecoder(bytes.NewReader(given))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&w); err != nil {
				t.Fatal(err)
			}
			got := w.Text()
			wanted := filepath.Join(filepath.Dir(file), "metrics.txt")
			if *update {
				if err := os.WriteFile(wanted, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wanted)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), string(got)); d != "" {
				t.Errorf("- want, + got:\n%s", d)
			}
			if _, err := parse(got); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTableIsWellFormed(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := map[string]bool{}
	for _, m := range table {
		s := m.spelling()
		if !name.MatchString(s) || seen[s] {
			t.Errorf("%s of %s is %s: spelled wrong, or there twice", m.name, m.group, s)
		}
		seen[s] = true
		if m.kind != counter && m.kind != gauge {
			t.Errorf("%s is a %q", s, m.kind)
		}
		if m.help == "" || strings.Contains(m.help, "\n") {
			t.Errorf("%s has the help %q", s, m.help)
		}
	}
}

func TestHelpIsEscaped(t *testing.T) {
	m := metric{group: "g", name: "n", kind: gauge, help: "a\\b\n\"c\""}
	if got, want := string(m.appendHead(nil)), "# HELP kafka_connect_g_n a\\\\b\\n\"c\"\n# TYPE kafka_connect_g_n gauge\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// sample is a line of the format.
type sample struct {
	labels map[string]string
	value  int64
}

// parse reads the text format, and refuses what a scraper would: a family without its own head, or that is not in one piece, a series
// that is there twice.
func parse(text []byte) (map[string][]sample, error) {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		return nil, fmt.Errorf("the last line does not end")
	}
	families, help, typed, seen := map[string][]sample{}, "", "", map[string]bool{}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(text), "\n"), "\n") {
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			if help, _, ok = strings.Cut(rest, " "); !ok || seen[help] {
				return nil, fmt.Errorf("%q: no help, or the second one", line)
			}
			seen[help] = true
			continue
		}
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			if typed, _, _ = strings.Cut(rest, " "); typed != help {
				return nil, fmt.Errorf("%q follows the help of %s", line, help)
			}
			continue
		}
		if line == "" && len(text) == 0 {
			break
		}
		name, s, err := parseSample(line)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		if series := name + fmt.Sprintf("%q", s.labels); name != typed || seen[series] {
			return nil, fmt.Errorf("%q: of another family, or there twice", line)
		} else {
			seen[series] = true
		}
		families[name] = append(families[name], s)
	}
	return families, nil
}

func parseSample(line string) (name string, s sample, err error) {
	end := strings.IndexAny(line, "{ ")
	if end < 0 {
		return "", s, fmt.Errorf("no value")
	}
	name, line, s.labels = line[:end], line[end:], map[string]string{}
	if strings.HasPrefix(line, "{") {
		line = line[1:]
		for {
			label, rest, ok := strings.Cut(line, `="`)
			if !ok {
				return "", s, fmt.Errorf("no label at %q", line)
			}
			var value strings.Builder
			i := 0
			for ; i < len(rest) && rest[i] != '"'; i++ {
				if rest[i] != '\\' {
					value.WriteByte(rest[i])
					continue
				}
				i++
				if i == len(rest) || !strings.ContainsRune(`\n"`, rune(rest[i])) {
					return "", s, fmt.Errorf("unknown escape at %q", rest)
				}
				value.WriteString(map[byte]string{'\\': `\`, 'n': "\n", '"': `"`}[rest[i]])
			}
			if i == len(rest) {
				return "", s, fmt.Errorf("the label %s does not end", label)
			}
			s.labels[label], line = value.String(), rest[i+1:]
			if strings.HasPrefix(line, "}") {
				line = line[1:]
				break
			}
			if line, ok = strings.CutPrefix(line, ","); !ok {
				return "", s, fmt.Errorf("no comma at %q", line)
			}
		}
	}
	value, ok := strings.CutPrefix(line, " ")
	if !ok {
		return "", s, fmt.Errorf("no value at %q", line)
	}
	s.value, err = strconv.ParseInt(value, 10, 64)
	return name, s, err
}

// FuzzText reads back what is written for any names.
func FuzzText(f *testing.F) {
	f.Add("lines", "RUNNING", 0, int64(1))
	f.Add("a\"b\\c\nd", "", -1, int64(-5))
	f.Add("\\", "\"} 1\nfoo 2", 1<<40, int64(1<<62))
	f.Add("\xff\u2028\r", "é\xc3", 3, int64(0))
	f.Fuzz(func(t *testing.T, name, status string, number int, value int64) {
		w := Worker{
			Connectors: []Connector{{Name: name, Status: status}},
			Tasks: []Task{
				{Connector: name, Number: number, Status: status, Type: Source, Records: value, TaskErrors: TaskErrors{Skipped: value}},
				{Connector: name + "x", Number: number, Status: status, Type: Sink, Records: value},
			},
		}
		families, err := parse(w.Text())
		if err != nil {
			t.Fatalf("%v in\n%s", err, w.Text())
		}
		valid := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
		task := map[string]string{"connector": valid(name), "task": strconv.Itoa(number)}
		other := map[string]string{"connector": valid(name + "x"), "task": strconv.Itoa(number)}
		stated := map[string]string{"connector": valid(name), "status": valid(strings.ToLower(status))}
		for family, want := range map[string][]sample{
			"kafka_connect_connector_status":                      {{stated, 1}},
			"kafka_connect_source_task_source_record_write_total": {{task, value}},
			"kafka_connect_sink_task_sink_record_send_total":      {{other, value}},
			"kafka_connect_task_error_total_records_skipped":      {{task, value}, {other, 0}},
			"kafka_connect_worker_task_count":                     {{map[string]string{}, 2}},
		} {
			if d := cmp.Diff(want, families[family], cmp.AllowUnexported(sample{})); d != "" {
				t.Errorf("%s, - want, + got:\n%s", family, d)
			}
		}
		names := []string{}
		for line := range strings.SplitSeq(string(w.Text()), "\n") {
			if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
				names = append(names, rest)
			}
		}
		if !slices.IsSorted(names) {
			t.Errorf("families are not sorted: %q", names)
		}
	})
}
