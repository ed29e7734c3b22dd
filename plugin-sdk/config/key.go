package config

import "slices"

// Key declares one key of a configuration: everything needed to check it, to document it and to draw a form field.
// Values are texts, as in a properties file; the methods of [Values] give them their type.
type Key struct {
	Name string
	Type Type
	// Default is the value of a key that is not given, see the function [Default]. Nil: the key has no value then.
	Default *string
	// Required keys must be given. A key with a default is never missing, so only one of the two makes sense.
	Required   bool
	Importance Importance
	// Doc tells what the key does, for people who do not know the code: what happens when it is larger or smaller, the unit, an example.
	// Plain text; the first sentence stands for the whole where there is little room.
	Doc string
	// Group is the heading under which documentation and forms show the key.
	Group string
	// Order is the position within the group, from 1; 0 is after the others.
	Order int
	Width Width
	// DisplayName labels the form field, such as "Batch size". Empty: the name.
	DisplayName string
	// Dependents names the keys that make sense, or are valid, depending on this one.
	Dependents []string
	// Min and Max limit a number, inclusive, see the function [Limit].
	Min, Max *float64
	// Valid lists the only values allowed; for a list, the only elements.
	Valid []string
	// IgnoreCase compares with Valid without regard to case. The parsed value has the spelling of Valid.
	IgnoreCase bool
	// NonEmpty demands a text that is not blank; for a list, at least one element and no blank ones.
	NonEmpty bool
	// Pattern is a regular expression (RE2 syntax) that the whole value must match; for a list, every element.
	Pattern string
	// Recommended are suggestions for a form; other values are allowed too. Empty: Valid is suggested.
	Recommended []string
}

// Default makes the default of a [Key].
func Default(value string) *string { return &value }

// Limit makes a limit of a [Key], inclusive.
func Limit(value float64) *float64 { return &value }

// Definition declares a configuration: its keys, in the order in which documentation, forms and answers show them.
// Treat one as constant: copies share its slices, and all methods may run at the same time.
type Definition []Key

// Lookup finds a key by its name.
func (d Definition) Lookup(name string) (Key, bool) {
	if i := slices.IndexFunc(d, func(k Key) bool { return k.Name == name }); i >= 0 {
		return d[i], true
	}
	return Key{}, false
}

// Names returns the names of all keys, in order.
func (d Definition) Names() []string {
	names := make([]string, len(d))
	for i, k := range d {
		names[i] = k.Name
	}
	return names
}

// Groups returns the groups of the keys, in order of their first key, without the empty one. It is never nil.
func (d Definition) Groups() []string {
	groups := []string{}
	for _, k := range d {
		if k.Group != "" && !slices.Contains(groups, k.Group) {
			groups = append(groups, k.Group)
		}
	}
	return groups
}
