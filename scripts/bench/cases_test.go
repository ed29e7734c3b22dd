package main

import (
	"slices"
	"strings"
	"testing"
)

func TestCases(t *testing.T) {
	for command, known := range map[string][]testCase{"bench": benchCases(), "kafka-connect": kafkaConnectCases(), "mysql": mysqlCases(), "mysql-debezium": debeziumCases()} {
		t.Run(command, func(t *testing.T) {
			seen := map[string]bool{}
			for _, c := range known {
				if seen[c.name] {
					t.Errorf("two cases %s", c.name)
				}
				seen[c.name] = true
				if c.input == without || c.input == crowd || c.input == fromCommits {
					continue
				}
				if c.quick <= 0 || c.records < c.quick {
					t.Errorf("%s: %d records when quick, %d else", c.name, c.quick, c.records)
				}
				if !slices.ContainsFunc(c.contenders, func(x contender) bool { return x.name == subject }) || len(c.contenders) < 2 && c.budget == 0 {
					t.Errorf("%s: there is nothing to compare", c.name)
				}
				if _, err := codecOf(c.codec); err != nil && c.payload.name != "" {
					t.Errorf("%s: %v", c.name, err)
				}
			}
		})
	}
}

func TestChoose(t *testing.T) {
	tests := map[string]struct {
		words []string
		want  string
		error string
	}{
		"all":            {want: "a-1 a-2 b"},
		"name":           {words: []string{"b"}, want: "b"},
		"beginning":      {words: []string{"a"}, want: "a-1 a-2"},
		"several, mixed": {words: []string{"b", "a-2", "b"}, want: "a-2 b"},
		"unknown":        {words: []string{"a", "c"}, error: `no case begins with "c"; there are a-1, a-2, b`},
	}
	known := []testCase{{name: "a-1"}, {name: "a-2"}, {name: "b"}}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			chosen, err := choose(known, test.words)
			checkError(t, err, test.error)
			var names []string
			for _, c := range chosen {
				names = append(names, c.name)
			}
			if got := strings.Join(names, " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if len(known) != 3 || known[0].name != "a-1" || known[2].name != "b" {
				t.Fatalf("the table was changed: %+v", known)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	tests := map[string]struct {
		command string
		args    []string
		check   func(settings) bool
		error   string
	}{
		"defaults":             {command: "bench", check: func(s settings) bool { return s.rounds == 5 && s.partitions == 6 && len(s.cases) == len(benchCases()) }},
		"quick":                {command: "bench", args: []string{"-quick"}, check: func(s settings) bool { return s.rounds == 2 }},
		"quick with rounds":    {command: "bench", args: []string{"-quick", "-rounds", "4"}, check: func(s settings) bool { return s.rounds == 4 }},
		"cases by flag":        {command: "bench", args: []string{"-cases", "sink-100,idle"}, check: func(s settings) bool { return len(s.cases) == 3 }},
		"cases by argument":    {command: "bench", args: []string{"-rounds", "1", "idle"}, check: func(s settings) bool { return len(s.cases) == 1 }},
		"unknown case":         {command: "bench", args: []string{"speed"}, error: "no case begins with"},
		"no rounds":            {command: "bench", args: []string{"-rounds", "0"}, error: "-rounds 0"},
		"no partitions":        {command: "bench", args: []string{"-partitions", "0"}, error: "-partitions 0"},
		"records":              {command: "bench", args: []string{"-records", "-1"}, error: "-records -1"},
		"without run.sh":       {command: "kafka-connect", error: "make bench-kafka-connect"},
		"mysql without run.sh": {command: "mysql", args: []string{"-kafka", "127.0.0.1:1", "-mariadb", "127.0.0.1:2"}, error: "make bench-mysql"},
		"mysql": {
			command: "mysql", args: []string{"-kafka", "127.0.0.1:1", "-mariadb", "127.0.0.1:2", "-search", "http://127.0.0.1:3"},
			check: func(s settings) bool { return s.partitions == 1 && len(s.cases) == len(mysqlCases()) && s.tables() },
		},
		"debezium without run.sh": {command: "mysql-debezium", args: []string{"-kafka", "127.0.0.1:1", "-mariadb", "127.0.0.1:2"}, error: "make bench-mysql-debezium"},
		"kafka connect": {
			command: "kafka-connect", args: []string{"-kafka", "127.0.0.1:1", "-services", "x", "-group", "g"},
			check: func(s settings) bool { return s.partitions == 1 && len(s.cases) == len(kafkaConnectCases()) },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := parseSettings(test.command, test.args)
			checkError(t, err, test.error)
			if test.check != nil && !test.check(s) {
				t.Errorf("got %+v", s)
			}
		})
	}
}
