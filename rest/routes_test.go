package rest

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// operation is a method of a path of openapi.yaml.
type operation struct {
	ID      string
	Codes   []string
	HasBody bool
}

// describedOperations reads the operations of openapi.yaml, "GET /path" each, by its indentation: a path has two spaces, a method
// four, what a method has six, and a status code eight.
func describedOperations(t *testing.T) map[string]operation {
	t.Helper()
	_, text, ok := strings.Cut(string(description), "\npaths:\n")
	text, _, end := strings.Cut(text, "\ncomponents:\n")
	if !ok || !end {
		t.Fatal("openapi.yaml has no paths or no components")
	}
	found := map[string]operation{}
	var path, key string
	for line := range strings.SplitSeq(text, "\n") {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case indent == 2:
			path, key = name, ""
		case indent == 4 && name != "parameters":
			key = strings.ToUpper(name) + " " + path
			if _, twice := found[key]; twice {
				t.Errorf("%s is described twice", key)
			}
			found[key] = operation{}
		case indent == 4:
			key = ""
		case key == "":
		case indent == 6 && name == "operationId":
			o := found[key]
			o.ID = strings.TrimSpace(value)
			found[key] = o
		case indent == 6 && name == "requestBody":
			o := found[key]
			o.HasBody = true
			found[key] = o
		case indent == 8 && strings.HasPrefix(name, `"`):
			o := found[key]
			o.Codes = append(o.Codes, strings.Trim(name, `"`))
			found[key] = o
		}
	}
	return found
}

var parameter = regexp.MustCompile(`:(\w+)`)

func TestOpenAPIDescribesTheRoutes(t *testing.T) {
	want, got := map[string]string{}, map[string]string{}
	for _, r := range slices.Concat(routes, signedRoutes) {
		want[r.method+" "+parameter.ReplaceAllString(r.path, "{$1}")] = r.operation
	}
	for key, o := range describedOperations(t) {
		got[key] = o.ID
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("routes.go and openapi.yaml differ (- routes, + openapi):\n%s", d)
	}
	if ids := slices.Sorted(maps.Values(got)); len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("an operationId is there twice: %v", ids)
	}
}

func TestOpenAPIDescribesTheAnswers(t *testing.T) {
	for key, o := range describedOperations(t) {
		method, path, _ := strings.Cut(key, " ")
		var must []string
		if o.HasBody {
			must = append(must, "400", "413", "415")
		}
		if method != "GET" {
			must = append(must, "403")
		}
		if strings.Contains(path, "{connector}") && key != "PUT /connectors/{connector}/config" {
			must = append(must, "404")
		}
		for _, code := range must {
			if !slices.Contains(o.Codes, code) {
				t.Errorf("%s does not describe %s", key, code)
			}
		}
		if !slices.ContainsFunc(o.Codes, func(code string) bool { return code[0] == '2' }) {
			t.Errorf("%s describes no success", key)
		}
	}
}

func TestOpenAPIReferencesLeadSomewhere(t *testing.T) {
	defined := map[string]bool{}
	_, components, _ := strings.Cut(string(description), "\ncomponents:\n")
	var kind string
	for line := range strings.SplitSeq(components, "\n") {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		name, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch indent {
		case 2:
			kind = name
		case 4:
			if kind != "securitySchemes" { // those are referred to by their names alone
				defined["#/components/"+kind+"/"+name] = false
			}
		}
	}
	for _, match := range regexp.MustCompile(`\$ref: "([^"]*)"`).FindAllStringSubmatch(string(description), -1) {
		if _, ok := defined[match[1]]; !ok {
			t.Errorf("openapi.yaml refers to %s, which it does not define", match[1])
		}
		defined[match[1]] = true
	}
	for name, used := range defined {
		if !used {
			t.Errorf("openapi.yaml defines %s, which nothing uses", name)
		}
	}
}

func TestRoutesAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range slices.Concat(routes, signedRoutes) {
		if key := r.method + " " + r.path; seen[key] {
			t.Errorf("%s is there twice", key)
		} else {
			seen[key] = true
		}
		if len(r.path) > 1 && strings.HasSuffix(r.path, "/") {
			t.Errorf("%s: requests are routed without their trailing slash", r.path)
		}
	}
}
