package cli

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

var update = flag.Bool("update", false, "write what the cases of testdata give as what they should give")

// TestWorkerConfig reads cases of the form: the mode, properties, a line ---, and what comes of them.
func TestWorkerConfig(t *testing.T) {
	files, err := filepath.Glob("testdata/config/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			given, want, _ := strings.Cut(string(text), "---\n")
			mode, properties, _ := strings.Cut(given, "\n")
			props, err := parseProperties([]byte(properties))
			if err != nil {
				t.Fatal(err)
			}
			modes := map[string]modes{"mode: worker": distributed, "mode: standalone": standalone}
			c, err := parseWorkerConfig(props, modes[mode])
			var got strings.Builder
			for _, text := range c.warnings {
				got.WriteString("warning: " + text + "\n")
			}
			for _, text := range c.inert {
				got.WriteString("inert: " + text + "\n")
			}
			if err != nil {
				got.WriteString("error: " + err.Error() + "\n")
			}
			if *update {
				if err := os.WriteFile(file, []byte(given+"---\n"+got.String()), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got.String() != want {
				t.Errorf("got\n%s\nwant\n%s", got.String(), want)
			}
		})
	}
}

// TestKafkasOwnFiles: the files that come with Kafka are accepted as they are, with nothing to remark.
func TestKafkasOwnFiles(t *testing.T) {
	for file, mode := range map[string]modes{"connect-distributed.properties": distributed, "connect-standalone.properties": standalone} {
		t.Run(file, func(t *testing.T) {
			path := filepath.Join("testdata/kafka", file)
			check := func(props map[string]string) {
				t.Helper()
				c, err := parseWorkerConfig(props, mode)
				if err != nil {
					t.Fatal(err)
				}
				if len(c.warnings)+len(c.inert) > 0 {
					t.Errorf("remarks: %q %q", c.warnings, c.inert)
				}
				if got := c.Duration("offset.flush.interval.ms").Seconds(); got != 10 {
					t.Errorf("offset.flush.interval.ms is %v s", got)
				}
			}
			props, err := readProperties(path)
			if err != nil {
				t.Fatal(err)
			}
			check(props)

			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			// With the examples in the comments taken up.
			all, err := parseProperties([]byte(strings.ReplaceAll(string(text), "\n#", "\n")))
			if err != nil {
				t.Fatal(err)
			}
			maps.DeleteFunc(all, func(key, value string) bool { return value == "" })
			check(all)
		})
	}
}

// TestWorkerKeys: what every row of the table owes its reader.
func TestWorkerKeys(t *testing.T) {
	seen := map[string]modes{}
	for _, k := range workerKeys {
		if k.modes == 0 {
			t.Errorf("%s is known to no worker", k.Name)
		}
		if seen[k.Name]&k.modes != 0 {
			t.Errorf("%s is there twice", k.Name)
		}
		seen[k.Name] |= k.modes
		if k.fate == used && (k.why != "" || k.Doc == "") {
			t.Errorf("%s is used: it needs documentation, and no reason why it is not", k.Name)
		}
		if k.fate != used && k.why == "" {
			t.Errorf("%s is not used: it needs a reason", k.Name)
		}
		if k.Default != nil {
			if _, err := (config.Definition{k.Key}).Parse(map[string]string{}); err != nil {
				t.Errorf("the default of %s: %v", k.Name, err)
			}
		}
	}
}

func TestTopics(t *testing.T) {
	props, err := readProperties("testdata/kafka/connect-distributed.properties")
	if err != nil {
		t.Fatal(err)
	}
	props["status.storage.partitions"] = "-1"
	props["offset.storage.segment.bytes"] = "1000"
	props["offset.storage.cleanup.policy"] = "delete"
	props["config.storage.replication.factor"] = "-1"
	c, err := parseWorkerConfig(props, distributed)
	if err != nil {
		t.Fatal(err)
	}
	topics := c.topics()
	names := []string{}
	for _, topic := range topics {
		names = append(names, topic.Name)
	}
	if want := []string{"connect-configs", "connect-offsets", "connect-status"}; !slices.Equal(names, want) {
		t.Fatalf("topics %v, want %v", names, want)
	}
	if c := topics[0]; c.Partitions != 1 || !c.OnePartition || c.ReplicationFactor != -1 || len(c.Configs) != 0 {
		t.Errorf("config topic %+v", c)
	}
	if o := topics[1]; o.Partitions != 25 || o.OnePartition || o.ReplicationFactor != 1 || !maps.Equal(o.Configs, map[string]string{"segment.bytes": "1000"}) {
		t.Errorf("offset topic %+v", o)
	}
	if s := topics[2]; s.Partitions != -1 || s.Setting != "status.storage" {
		t.Errorf("status topic %+v", s)
	}
}
