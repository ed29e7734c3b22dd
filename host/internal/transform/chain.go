package transform

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// Chain is the transformations of a connector in the order of transforms. It belongs to one task and one goroutine; it
// keeps what it works out about schemas as long as it lives.
type Chain struct {
	steps []step
	m     message
}

// step is a transformation with the condition under which it is applied.
type step struct {
	alias, class   string
	transformation transformation
	condition      *condition // nil: always
	negate         bool
}

// condition is a predicate as a step names it.
type condition struct {
	alias, class string
	predicate    predicate
}

// transformation changes a message. It says whether to keep it.
type transformation interface {
	apply(m *message) (keep bool, err error)
}

// predicate tells whether a message is of a kind.
type predicate interface {
	test(m *message) (bool, error)
}

// Error is a transformation or predicate that failed on a record.
type Error struct {
	// Alias is the name that the configuration gives it, Class its Java class.
	Alias, Class string
	// Predicate tells that it is a predicate.
	Predicate bool
	Err       error
}

// Error says what happened, in which transformation or predicate.
func (e *Error) Error() string {
	kind := "transformation"
	if e.Predicate {
		kind = "predicate"
	}
	return fmt.Sprintf("%s %s (%s): %v", kind, e.Alias, e.Class[strings.LastIndexByte(e.Class, '.')+1:], e.Err)
}

// Unwrap returns what went wrong.
func (e *Error) Unwrap() error { return e.Err }

// NewChain makes the chain that a connector's configuration asks for with transforms and predicates. It is empty without
// them. The error has a line for each mistake, which names the full key, its value and what to write instead.
func NewChain(values map[string]string) (*Chain, error) {
	conditions := map[string]*condition{}
	var problems []error
	for _, alias := range aliases(values, "predicates") {
		d, built, err := build(Predicate, alias, values)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		conditions[alias] = &condition{alias, d.Class, built.predicate}
	}
	c := &Chain{}
	for _, alias := range aliases(values, "transforms") {
		d, built, err := build(Transformation, alias, values)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		s := step{alias: alias, class: d.Class, transformation: built.transformation}
		if err := s.when(values, conditions); err != nil {
			problems = append(problems, err)
		}
		c.steps = append(c.steps, s)
	}
	return c, errors.Join(problems...)
}

// when gives the step its condition.
func (s *step) when(values map[string]string, conditions map[string]*condition) error {
	framework := config.Transformation(s.alias, nil)[2:] // without type and version, which are read elsewhere
	parsed, err := framework.Parse(values)
	if err != nil {
		return err
	}
	predicate, negate := "transforms."+s.alias+".predicate", "transforms."+s.alias+".negate"
	s.negate = parsed.Bool(negate)
	switch {
	case parsed.Set(predicate):
		alias := parsed.String(predicate)
		if s.condition = conditions[alias]; s.condition == nil && !slices.Contains(aliases(values, "predicates"), alias) {
			return &settingError{predicate, fmt.Sprintf("Invalid value %q for configuration %s: No predicate has this alias. "+
				"Add it to predicates and configure predicates.%s.type", alias, predicate, alias)}
		}
	case s.negate:
		return &settingError{negate, fmt.Sprintf("Config '%s' was provided but there is no config '%s' defining a predicate to be negated.", negate, predicate)}
	}
	return nil
}

// aliases returns the aliases that a list names, each once.
func aliases(values map[string]string, list string) []string {
	var found []string
	for _, alias := range strings.Split(values[list], ",") {
		if alias = strings.TrimSpace(alias); alias != "" && !slices.Contains(found, alias) {
			found = append(found, alias)
		}
	}
	return found
}

// Empty tells that there is nothing to apply.
func (c *Chain) Empty() bool { return len(c.steps) == 0 }

// Apply sends a record through the chain. keep is false when a transformation drops it; r is then as it was, and so it is
// after an error, which is an [*Error]. Otherwise r has its new form, in memory of a and in the memory it came with.
func (c *Chain) Apply(a *Arena, r *Record) (keep bool, err error) {
	m := &c.m
	m.open(a, r)
	for i := range c.steps {
		s := &c.steps[i]
		if s.condition != nil {
			ok, err := s.condition.predicate.test(m)
			if err != nil {
				return true, &Error{Alias: s.condition.alias, Class: s.condition.class, Predicate: true, Err: err}
			}
			if ok == s.negate {
				continue
			}
		}
		keep, err := s.transformation.apply(m)
		if err != nil {
			return true, &Error{Alias: s.alias, Class: s.class, Err: err}
		}
		if !keep {
			return false, nil
		}
	}
	if err := m.close(r); err != nil {
		last := c.steps[len(c.steps)-1]
		return true, &Error{Alias: last.alias, Class: last.class, Err: err}
	}
	return true, nil
}
