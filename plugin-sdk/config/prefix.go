package config

import (
	"slices"
	"strings"
)

// WithPrefix returns the values whose keys begin with the prefix, under what follows it: of "transforms.route.regex" and
// the prefix "transforms.route." that is "regex". A key that is the prefix and nothing more is left out.
func WithPrefix(values map[string]string, prefix string) map[string]string {
	rest := map[string]string{}
	for name, value := range values {
		if name, ok := strings.CutPrefix(name, prefix); ok && name != "" {
			rest[name] = value
		}
	}
	return rest
}

// WithPrefix returns the definition as part of a larger configuration: every key, and every dependent, with the prefix
// before its name, all in the given group. It is the counterpart of the function [WithPrefix].
func (d Definition) WithPrefix(prefix, group string) Definition {
	prefixed := slices.Clone(d)
	for i := range prefixed {
		k := &prefixed[i]
		k.Name, k.Group = prefix+k.Name, group
		k.Dependents = slices.Clone(k.Dependents)
		for j := range k.Dependents {
			k.Dependents[j] = prefix + k.Dependents[j]
		}
	}
	return prefixed
}
