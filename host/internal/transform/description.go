package transform

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// Kind tells transformations from predicates.
type Kind uint8

// The kinds of plugins in this package.
const (
	Transformation Kind = iota
	Predicate
)

// String returns the kind's name as /connector-plugins has it.
func (k Kind) String() string {
	if k == Predicate {
		return "predicate"
	}
	return "transformation"
}

// list returns the key that names the aliases of the kind, which is also the prefix of their keys.
func (k Kind) list() string {
	if k == Predicate {
		return "predicates"
	}
	return "transforms"
}

// Description tells of a built-in transformation or predicate.
type Description struct {
	// Class is the Java class that existing configurations name; for those that exist nowhere else it is the short name.
	Class string
	// Name is the short name: the class without its package. Aliases are further names.
	Name    string
	Aliases []string
	Kind    Kind
	// Definition is that of its settings, without the prefix.
	Definition config.Definition

	build func(s settings) (built, error)
}

// built is what a description builds: one of the two.
type built struct {
	transformation transformation
	predicate      predicate
}

// Is tells whether class is one of the names.
func (d Description) Is(class string) bool {
	return class == d.Class || class == d.Name || slices.Contains(d.Aliases, class)
}

// Find returns the built-in transformation or predicate that class names: a Java class name, a short name or an alias.
func Find(kind Kind, class string) (Description, bool) {
	for _, d := range Known() {
		if d.Kind == kind && d.Is(class) {
			return d, true
		}
	}
	return Description{}, false
}

// unknown says that there is no such class, and what there is.
func unknown(kind Kind, class string) string {
	var names []string
	sides := false
	for _, d := range Known() {
		if d.Kind == kind {
			names = append(names, d.Name)
			sides = sides || d.Is(class+"$Value")
		}
	}
	text := fmt.Sprintf("Class %s could not be found.", class)
	if sides {
		return text + fmt.Sprintf(" Write %s$Key or %s$Value, for the part of the record that it works on.", class, class)
	}
	if near := config.Nearest(class[strings.LastIndexByte(class, '.')+1:], names); near != "" {
		text += fmt.Sprintf(" Did you mean %s?", near)
	}
	return text + fmt.Sprintf(" Every %s there is: %s", kind, strings.Join(names, ", "))
}

// build makes the transformation or predicate of an alias.
func build(kind Kind, alias string, values map[string]string) (Description, built, error) {
	prefix := kind.list() + "." + alias + "."
	class := strings.TrimSpace(values[prefix+"type"])
	if class == "" {
		return Description{}, built{}, &settingError{prefix + "type", fmt.Sprintf(
			"Missing required configuration %q which has no default value. It is the class of the %s that %s=%s names.", prefix+"type", kind, kind.list(), values[kind.list()])}
	}
	d, ok := Find(kind, class)
	if !ok {
		return d, built{}, &settingError{prefix + "type", fmt.Sprintf("Invalid value %s for configuration %stype: %s", class, prefix, unknown(kind, class))}
	}
	s, err := d.settings(prefix, values)
	if err != nil {
		return d, built{}, err
	}
	b, err := d.build(s)
	return d, b, err
}

// Definition returns the keys of all transformations and predicates that a configuration names: those that the framework
// gives each alias, and those of its class, in the order of Kafka Connect's answers. An alias without a known class has the
// framework's keys only.
func Definition(values map[string]string) config.Definition {
	var all config.Definition
	predicates := aliases(values, "predicates")
	add := func(kind Kind, alias, group string, framework config.Definition) {
		all = append(all, framework...)
		prefix := kind.list() + "." + alias + "."
		if d, ok := Find(kind, strings.TrimSpace(values[prefix+"type"])); ok {
			all = append(all, d.Definition.WithPrefix(prefix, group+": "+alias)...)
		}
	}
	for _, alias := range aliases(values, "transforms") {
		add(Transformation, alias, config.GroupTransforms, config.Transformation(alias, predicates))
	}
	for _, alias := range predicates {
		add(Predicate, alias, config.GroupPredicates, config.Predicate(alias))
	}
	return all
}

// Check holds the configuration of a connector against the rules of its transformations and predicates that a single key
// cannot express: classes that exist, settings that fit each other, texts that can be read. It returns texts for users by
// key, to be added to what config.CheckSource or config.CheckSink and Validate of [Definition] say; what those report is
// not in it.
func Check(values map[string]string) map[string][]string {
	found := map[string][]string{}
	for _, kind := range []Kind{Transformation, Predicate} {
		for _, alias := range aliases(values, kind.list()) {
			if strings.TrimSpace(values[kind.list()+"."+alias+".type"]) == "" {
				continue // the key is required, which Definition says
			}
			_, _, err := build(kind, alias, values)
			var s *settingError
			if errors.As(err, &s) {
				found[s.key] = append(found[s.key], s.text)
			}
		}
	}
	return found
}
