package config

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Values is a configuration that was checked against its definition; [Definition.Parse] makes it. A key that was neither given nor has a
// default reads as zero, "" or an empty list; [Values.Has] and [Values.Set] tell the difference.
//
// To ask for a key that is not in the definition, or by a method that does not fit its type, is a mistake in the program: the methods
// panic and name the key. They may be called at the same time.
type Values struct {
	keys map[string]parsed
	raw  map[string]string
}

func newValues(d Definition, values map[string]string) Values {
	return Values{keys: make(map[string]parsed, len(d)), raw: maps.Clone(values)}
}

// String returns the value of a STRING, CLASS or PASSWORD key, without white space around it.
func (v Values) String(name string) string {
	return v.get("String", name, TypeString, TypeClass, TypePassword).text
}

// Int returns the value of an INT or SHORT key.
func (v Values) Int(name string) int {
	return int(v.get("Int", name, TypeInt, TypeShort).whole)
}

// Int64 returns the value of a LONG, INT or SHORT key.
func (v Values) Int64(name string) int64 {
	return v.get("Int64", name, TypeLong, TypeInt, TypeShort).whole
}

// Bool returns the value of a BOOLEAN key.
func (v Values) Bool(name string) bool {
	return v.get("Bool", name, TypeBoolean).boolean
}

// Float64 returns the value of a DOUBLE key.
func (v Values) Float64(name string) float64 {
	return v.get("Float64", name, TypeDouble).double
}

// List returns the elements of a LIST key, without white space around them. The list is shared: do not change it.
func (v Values) List(name string) []string {
	return v.get("List", name, TypeList).list
}

// Duration returns the value of a LONG, INT or SHORT key that counts milliseconds. What a Duration cannot hold (more than 292 years, as in
// Java's Long.MAX_VALUE for "never") reads as the longest one.
func (v Values) Duration(name string) time.Duration {
	const most = math.MaxInt64 / int64(time.Millisecond)
	switch ms := v.get("Duration", name, TypeLong, TypeInt, TypeShort).whole; {
	case ms > most:
		return math.MaxInt64
	case ms < -most:
		return math.MinInt64
	default:
		return time.Duration(ms) * time.Millisecond
	}
}

// Has tells whether the configuration gives the key, as opposed to a default or nothing.
func (v Values) Has(name string) bool { return v.get("Has", name).given }

// Set tells whether the key has a value, given or by default.
func (v Values) Set(name string) bool { return v.get("Set", name).set }

// Raw returns a copy of the configuration as it was given: no defaults, nothing trimmed, with keys that are not in the definition.
func (v Values) Raw() map[string]string {
	if v.raw == nil {
		return map[string]string{}
	}
	return maps.Clone(v.raw)
}

func (v Values) get(method, name string, types ...Type) parsed {
	p, ok := v.keys[name]
	if !ok {
		panic(v.undeclared(method, name))
	}
	declared := p.declared
	if !declared.known() {
		declared = TypeString
	}
	if len(types) > 0 && !slices.Contains(types, declared) {
		names := make([]string, len(types))
		for i, t := range types {
			names[i] = t.String()
		}
		panic(fmt.Sprintf("config: Values.%s(%q): the key is declared as %s, the method reads %s", method, name, declared, strings.Join(names, ", ")))
	}
	return p
}

func (v Values) undeclared(method, name string) string {
	known := slices.Sorted(maps.Keys(v.keys))
	text := fmt.Sprintf("config: Values.%s(%q): the definition has no such key", method, name)
	if nearest := Nearest(name, known); nearest != "" {
		return text + fmt.Sprintf("; did you mean %q?", nearest)
	}
	if len(known) == 0 {
		return text + "; it is empty, or the Values do not come from Definition.Parse"
	}
	return text + ", only " + strings.Join(known, ", ")
}
