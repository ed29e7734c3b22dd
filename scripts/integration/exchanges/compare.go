package exchanges

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Difference is a field in which two answers differ. A field that one does not have is absent there.
type Difference struct {
	Label string
	// Field is status, a header, or a path in the body, such as body.tasks[0].state. Elements that have a name are called by it.
	Field      string
	One, Other string
}

// String shows the difference.
func (d Difference) String() string {
	return fmt.Sprintf("%s | %s | %s ≠ %s", d.Label, d.Field, d.One, d.Other)
}

const absent = "(absent)"

// Compare returns the fields in which answers to a request differ, sorted. The bodies of an answer and a refusal have nothing
// in common, and are one difference.
func Compare(label string, one, other Answer) []Difference {
	a, b := fields(one), fields(other)
	if (one.Status >= 400) != (other.Status >= 400) {
		a, b = whole(a, one), whole(b, other)
	}
	var differences []Difference
	for _, field := range slices.Sorted(maps.Keys(union(a, b))) {
		x, inA := a[field]
		y, inB := b[field]
		if !inA {
			x = absent
		}
		if !inB {
			y = absent
		}
		if strings.HasSuffix(field, orderOf) && inA && inB {
			x, y = inCommon(x, y)
		}
		if x != y {
			differences = append(differences, Difference{label, field, x, y})
		}
	}
	return differences
}

// whole leaves the body in one piece.
func whole(fields map[string]string, a Answer) map[string]string {
	maps.DeleteFunc(fields, func(field, _ string) bool { return strings.HasPrefix(field, "body") })
	fields["body"] = a.Body
	return fields
}

func union(a, b map[string]string) map[string]bool {
	all := map[string]bool{}
	for key := range a {
		all[key] = true
	}
	for key := range b {
		all[key] = true
	}
	return all
}

// fields takes an answer apart.
func fields(a Answer) map[string]string {
	all := map[string]string{"status": fmt.Sprint(a.Status)}
	for name, value := range a.Headers {
		all[name] = value
	}
	decoder := json.NewDecoder(strings.NewReader(a.Body))
	decoder.UseNumber()
	var body any
	if a.Body == "" {
		return all
	}
	if decoder.Decode(&body) != nil || decoder.More() {
		all["body"] = fmt.Sprintf("%q", a.Body)
		return all
	}
	flatten(all, "body", body)
	return all
}

// orderOf ends the field that tells the order of the elements of a list.
const orderOf = ".order of elements"

// flatten notes the leaves of a JSON value by their paths.
func flatten(all map[string]string, path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		if len(v) == 0 {
			all[path] = "{}"
		}
		for key, member := range v {
			flatten(all, path+"."+key, member)
		}
	case []any:
		if len(v) == 0 {
			all[path] = "[]"
		}
		var names []string
		for i, element := range v {
			name := nameOf(element)
			if name == "" || strings.HasSuffix(path, ".errors") { // a sentence is no name
				name = fmt.Sprint(i)
			}
			for again := 2; slices.Contains(names, name); again++ {
				name = fmt.Sprintf("%s#%d", strings.Split(name, "#")[0], again)
			}
			names = append(names, name)
			flatten(all, path+"["+name+"]", element)
		}
		if len(v) > 0 && nameOf(v[0]) != "" && !strings.HasSuffix(path, ".errors") {
			all[path+orderOf] = strings.Join(names, " ")
		}
	default:
		all[path] = leaf(v)
	}
}

// nameOf is what an element of a list is called, empty if it is called by its place.
func nameOf(element any) string {
	switch e := element.(type) {
	case string:
		return e
	case map[string]any:
		if value, ok := e["value"].(map[string]any); ok {
			e = value
		}
		for _, key := range []string{"name", "class"} {
			if name, ok := e[key].(string); ok {
				return name
			}
		}
		if partition, ok := e["partition"]; ok {
			return leaf(partition)
		}
	}
	return ""
}

// leaf is the compact JSON of a value, with members in order.
func leaf(value any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}

// inCommon drops from two orders what is not in both.
func inCommon(x, y string) (string, string) {
	a, b := strings.Split(x, " "), strings.Split(y, " ")
	keep := func(list, other []string) string {
		var kept []string
		for _, e := range list {
			if slices.Contains(other, e) {
				kept = append(kept, e)
			}
		}
		return strings.Join(kept, " ")
	}
	return keep(a, b), keep(b, a)
}
