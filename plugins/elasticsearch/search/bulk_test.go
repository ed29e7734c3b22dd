package search

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestBulkAnswers(t *testing.T) {
	done := `{"errors":false,"items":[{"index":{"status":201}},{"delete":{"status":200}}]}`
	for name, c := range map[string]struct {
		body string
		n    int
		want string // of the error; else nil items
	}{
		"all done":           {done, 2, ""},
		"fewer than sent":    {done, 3, "has 2 items, 3 were sent"},
		"more than sent":     {done, 1, "has 2 items, 1 were sent"},
		"cut":                {done[:40], 2, "none"},
		"empty":              {"", 0, "none"},
		"another answer":     {`{"acknowledged":true}`, 0, "has 0 items"},
		"two operations":     {`{"errors":true,"items":[{"index":{"status":201},"delete":{"status":200}}]}`, 1, "has 2 operations"},
		"no status":          {`{"errors":true,"items":[{"index":{}}]}`, 1, "has the status 0"},
		"a page":             {"<html>", 1, "none"},
		"errors, none there": {`{"errors":true,"items":[{"index":{"status":201}}]}`, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			items, err := parseBulk([]byte(c.body), c.n)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, %v", items, err)
			}
		})
	}
}

// FuzzBulkAnswer feeds what a stranger could answer: no panic, and what is taken for an answer has an item for each operation.
func FuzzBulkAnswer(f *testing.F) {
	for _, file := range []string{"elasticsearch7", "opensearch2", "elasticsearch8"} {
		text, err := os.ReadFile("testdata/answers/" + file + ".txt")
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if parts := strings.SplitN(line, " ", 3); len(parts) == 3 && json.Valid([]byte(parts[2])) {
				f.Add([]byte(`{"errors":true,"items":[{"`+parts[0]+`":{"status":`+parts[1]+`,"error":`+parts[2]+`}}]}`), 1)
			}
		}
	}
	f.Add([]byte(`{"errors":false,"items":[{"index":{"status":201}}]}`), 1)
	f.Fuzz(func(t *testing.T, body []byte, n int) {
		items, err := parseBulk(body, n)
		if err == nil && items != nil && len(items) != n {
			t.Fatalf("%d items for %d operations", len(items), n)
		}
		for i := range items {
			items[i].Class()
			if items[i].Explain("a", false) == "" || items[i].Explain("a", true) == "" {
				t.Fatal("no words")
			}
		}
	})
}
