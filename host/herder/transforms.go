package herder

import (
	"slices"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// Transforms are the transformations and predicates of the worker. The zero value has none.
type Transforms struct {
	Known []TransformInfo
	// Definition returns the keys of those that a configuration names, Check what is wrong with them beyond single keys, as texts
	// for users by key. Both are safe for concurrent use; nil: there are none.
	Definition func(values map[string]string) config.Definition
	Check      func(values map[string]string) map[string][]string
}

// Types of transforms in lists of plugins.
const (
	TypeTransformation = "transformation"
	TypePredicate      = "predicate"
)

// TransformInfo is a transformation or predicate that configurations may name.
type TransformInfo struct {
	// Class is the name that lists show; Aliases are accepted too.
	Class   string
	Aliases []string
	// Type is TypeTransformation or TypePredicate.
	Type string
	// Definition is that of its settings, without the prefix.
	Definition config.Definition
}

// transform finds a transformation or predicate by its class or an alias.
func (s *Settings) transform(class string) (TransformInfo, bool) {
	for _, t := range s.Transforms.Known {
		if t.Class == class || slices.Contains(t.Aliases, class) {
			return t, true
		}
	}
	return TransformInfo{}, false
}
