package evolution

import (
	"fmt"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// Difference is one way in which a schema breaks with another.
type Difference struct {
	// Path is where: "" for the whole, else names of fields with dots between them, [] for the elements of an array, {key} and {value} for the
	// parts of a map.
	Path string
	// Text says what is different, after the path: "is INT64 and was INT32".
	Text string
}

// String returns the difference as a clause: "field price is INT64 and was INT32".
func (d Difference) String() string {
	if d.Path == "" {
		return "it " + d.Text
	}
	return "field " + d.Path + " " + d.Text
}

// Differences returns how a schema breaks with the one that is known, nothing when it does not; the package documentation has the rules.
// Exchanging the two changes the texts, and not whether there are any.
func Differences(known, next *data.Schema) []Difference {
	var found []Difference
	compare("", known, next, func(path, text string) { found = append(found, Difference{path, text}) })
	return found
}

func compare(path string, known, next *data.Schema, report func(path, text string)) {
	if known.Type() != next.Type() || known.Name() != next.Name() {
		report(path, fmt.Sprintf("is %s and was %s", describe(next), describe(known)))
		return
	}
	if path != "" && known.Optional() != next.Optional() {
		if next.Optional() {
			report(path, "may be null and could not be")
		} else {
			report(path, "must not be null and could be")
		}
	}
	switch known.Type() {
	case data.Bytes:
		was, _ := known.Parameter(data.DecimalScale)
		is, _ := next.Parameter(data.DecimalScale)
		if known.Name() == data.DecimalName && was != is {
			report(path, fmt.Sprintf("has scale %s and had %s", is, was))
		}
	case data.Array:
		compare(path+"[]", known.Element(), next.Element(), report)
	case data.Map:
		compare(path+"{key}", known.Key(), next.Key(), report)
		compare(path+"{value}", known.Element(), next.Element(), report)
	case data.Struct:
		compareFields(path, known, next, report)
	}
}

func compareFields(path string, known, next *data.Schema, report func(path, text string)) {
	if path != "" {
		path += "."
	}
	for _, f := range known.Fields() {
		switch at := next.Lookup(f.Name); {
		case at >= 0:
			compare(path+f.Name, f.Schema, next.Fields()[at].Schema, report)
		case !dispensable(f.Schema):
			report(path+f.Name, fmt.Sprintf("is gone and was a required %s", describe(f.Schema)))
		}
	}
	for _, f := range next.Fields() {
		if known.Lookup(f.Name) < 0 && !dispensable(f.Schema) {
			report(path+f.Name, fmt.Sprintf("is new, a required %s without default", describe(f.Schema)))
		}
	}
}

// dispensable tells whether a reader can do without a field.
func dispensable(s *data.Schema) bool {
	_, hasDefault := s.Default()
	return s.Optional() || hasDefault
}

// describe names type and logical type.
func describe(s *data.Schema) string {
	if s.Name() == "" {
		return s.Type().String()
	}
	return s.Type().String() + "(" + s.Name() + ")"
}
