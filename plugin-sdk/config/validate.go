package config

import (
	"errors"
	"slices"
)

// Value is what validation says of one key.
type Value struct {
	Name string
	// Value is the value, or the default when none is given, as the connector will see it: trimmed, and a password in plain text.
	// Nil: there is neither, or it cannot be read as the key's type. One that only breaks a rule is there, as in Kafka Connect.
	Value *string
	// Recommended are suggestions for a form.
	Recommended []string
	// Errors are texts for users, in Kafka's words with a hint added. They show no password.
	Errors []string
	// Visible is false when the key has no effect with this configuration, so that a form may hide it. A definition alone never says so.
	Visible bool
}

// Validate checks a configuration and returns one result a key, in the order of the definition. Values without a key are ignored: a
// connector's configuration also has the keys of the framework, of converters and of transformations. Parse succeeds when no
// result has errors.
func (d Definition) Validate(values map[string]string) []Value {
	results := make([]Value, len(d))
	for i, k := range d {
		p, problems := k.value(values)
		results[i] = Value{Name: k.Name, Recommended: k.recommended(), Errors: problems, Visible: true}
		if p.set {
			results[i].Value = &p.text
		}
	}
	return results
}

// recommended are the suggestions for a key: its own, or else the only values allowed.
func (k Key) recommended() []string {
	if len(k.Recommended) > 0 {
		return slices.Clone(k.Recommended)
	}
	return slices.Clone(k.Valid)
}

// Parse checks a configuration and makes it available by type. The error joins what is wrong with all keys, a line each, in the order of
// the definition; every line names the key, its value and what is allowed.
func (d Definition) Parse(values map[string]string) (Values, error) {
	result := newValues(d, values)
	var problems []error
	for _, k := range d {
		p, texts := k.value(values)
		result.keys[k.Name] = p
		for _, text := range texts {
			problems = append(problems, errors.New(text))
		}
	}
	if len(problems) > 0 {
		return Values{}, errors.Join(problems...)
	}
	return result, nil
}
