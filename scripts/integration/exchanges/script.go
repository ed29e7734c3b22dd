package exchanges

import (
	"fmt"
	"strings"
)

// Step is a request, or something to wait for before the next one.
type Step struct {
	Line int
	// Label names a request, uniquely.
	Label        string
	Method, Path string
	Headers      [][2]string
	Body         string
	HasBody      bool

	// Until is what the answer to GET Path must hold; the step is then no request to compare.
	Until []string
}

// Parse reads a script:
//
//	# a comment
//	[label] PUT /connectors/a-{id}/config
//	: Content-Type: application/json
//	{"topic": "t"}
//
//	@until /connectors/a-{id}/status "RUNNING" "id":0
//
// Lines that begin with a colon are headers; the others up to an empty line are the body, which is JSON unless a header says
// otherwise. A step @until asks for a path again until the answer holds all the words.
func Parse(text string) ([]Step, error) {
	var steps []Step
	labels := map[string]bool{}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if rest, ok := strings.CutPrefix(line, "@until "); ok {
			words := strings.Fields(rest)
			if len(words) < 2 {
				return nil, fmt.Errorf("line %d: @until needs a path and a word", i+1)
			}
			steps = append(steps, Step{Line: i + 1, Method: "GET", Path: words[0], Until: words[1:]})
			continue
		}
		label, request, ok := strings.Cut(strings.TrimPrefix(line, "["), "] ")
		method, path, hasPath := strings.Cut(request, " ")
		if !ok || !strings.HasPrefix(line, "[") || !hasPath {
			return nil, fmt.Errorf("line %d: a request is [label] METHOD /path", i+1)
		}
		if labels[label] {
			return nil, fmt.Errorf("line %d: the label %s is there twice", i+1, label)
		}
		labels[label] = true
		s := Step{Line: i + 1, Label: label, Method: method, Path: path}
		var body []string
		for i++; i < len(lines) && lines[i] != ""; i++ {
			if header, ok := strings.CutPrefix(lines[i], ": "); ok {
				name, value, _ := strings.Cut(header, ": ")
				s.Headers = append(s.Headers, [2]string{name, value})
				continue
			}
			body = append(body, lines[i])
		}
		s.HasBody, s.Body = len(body) > 0, strings.Join(body, "\n")
		steps = append(steps, s)
	}
	return steps, nil
}
