package search

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the answers are taken for into testdata/answers")

// TestAnswers holds what recorded answers are taken for, and what people are told, against testdata/answers: a block each,
//
//	item|answer NAME
//	OPERATION|METHOD STATUS JSON
//	CLASS
//	TEXT, unless it is done
func TestAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/answers/*.txt")
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var blocks []string
			for _, block := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
				if !strings.HasPrefix(block, "#") {
					block = checkAnswer(t, block)
				}
				blocks = append(blocks, block)
			}
			if *update {
				if err := os.WriteFile(file, []byte(strings.Join(blocks, "\n\n")+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// checkAnswer returns the block as it should be.
func checkAnswer(t *testing.T, block string) string {
	t.Helper()
	lines := strings.SplitN(block, "\n", 3)
	kind, name, _ := strings.Cut(lines[0], " ")
	parts := strings.SplitN(lines[1], " ", 3)
	status, err := strconv.Atoi(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var class Class
	var says string
	if kind == "item" {
		item := Item{Operation: parts[0], Status: status}
		if parts[2] != "-" {
			if err := json.Unmarshal([]byte(parts[2]), &item.Fault); err != nil {
				t.Fatal(err)
			}
		}
		if class = item.Class(); class != Done {
			says = "\n" + item.Explain("orders", false)
		}
	} else {
		c := &Client{identity: identity{`the user "elastic"`, "connection.password", "connection.username and connection.password"}}
		r := c.refusal(&answer{status: status, header: http.Header{}, body: []byte(parts[2]), url: "http://es:9200"}, "write")
		class, says = r.Class(), "\n"+r.Error()
	}
	want := fmt.Sprintf("%s\n%s\n%s%s", lines[0], lines[1], class, says)
	if block != want && !*update {
		t.Errorf("%s:\ngot  %s\nwant %s", name, strings.TrimPrefix(want, lines[0]+"\n"+lines[1]+"\n"), lines[len(lines)-1])
	}
	return want
}
