package config

import (
	"fmt"
	"slices"
	"strings"
)

// Lint returns what keeps a definition from good validation, documentation and forms, one line each, beginning with the key; none means
// that it is in order. It is meant for a test of every plugin.
func (d Definition) Lint() []string {
	var problems []string
	names := d.Names()
	for i, k := range d {
		report := func(format string, args ...any) {
			problems = append(problems, fmt.Sprintf("%s: %s", k.Name, fmt.Sprintf(format, args...)))
		}
		k.lintName(report)
		k.lintForm(report)
		k.lintRules(report)
		k.lintValues(report)
		if slices.Contains(names[:i], k.Name) {
			report("is declared twice")
		}
		for _, dependent := range k.Dependents {
			if !slices.Contains(names, dependent) {
				report("Dependents names %s, which is no key of the definition", dependent)
			}
		}
	}
	return problems
}

type report func(format string, args ...any)

func (k Key) lintName(report report) {
	if k.Name == "" || k.Name != trim(k.Name) || strings.ContainsAny(k.Name, "=: \t\r\n") {
		report("the name %q cannot stand in a properties file; use lower case and dots, such as batch.size", k.Name)
	}
	last := k.Name[strings.LastIndexByte(k.Name, '.')+1:]
	if slices.Contains([]string{"password", "passphrase", "secret"}, last) && k.Type != TypePassword {
		report("by its name it is a secret; make its type TypePassword, so that it is never shown")
	}
}

func (k Key) lintForm(report report) {
	if !k.Type.known() {
		report("has no type; set Type")
	}
	if k.Importance < ImportanceHigh || k.Importance > ImportanceLow {
		report("has no importance; set Importance")
	}
	if k.Width > WidthLong {
		report("Width is none of the constants")
	}
	if strings.TrimSpace(k.Doc) == "" {
		report("is not documented; set Doc")
	}
	if strings.TrimSpace(k.Group) == "" {
		report("has no group; set Group")
	}
	if strings.TrimSpace(k.DisplayName) == "" {
		report("has no label; set DisplayName")
	}
	if k.Order < 0 {
		report("Order is %d; count from 1, or leave it out", k.Order)
	}
}

func (k Key) lintRules(report report) {
	if k.Required && k.Default != nil {
		report("a key with a default is never missing; drop Required or Default")
	}
	if !k.Type.number() && (k.Min != nil || k.Max != nil) {
		report("Min and Max are for numbers")
	}
	if k.Min != nil && k.Max != nil && *k.Min > *k.Max {
		report("Min %s is above Max %s", decimal(*k.Min), decimal(*k.Max))
	}
	if k.NonEmpty && (k.Type.number() || k.Type == TypeBoolean) {
		report("NonEmpty is for texts and lists")
	}
	if k.IgnoreCase && len(k.Valid) == 0 {
		report("IgnoreCase does nothing without Valid")
	}
	if _, err := whole(k.Pattern); err != nil {
		report("Pattern is broken: %v", err)
	}
}

// lintValues holds everything the definition itself suggests against its own rules.
func (k Key) lintValues(report report) {
	if k.Default != nil {
		if k.Type == TypePassword && *k.Default != "" {
			report("a password that everybody knows is none; drop Default")
		}
		if _, problems := k.check(*k.Default); len(problems) > 0 {
			report("Default: %s", problems[0])
		}
	}
	check := func(field string, values []string) {
		for _, v := range values {
			if _, problems := k.check(v); len(problems) > 0 {
				report("%s: %s", field, problems[0])
			}
		}
	}
	check("Valid", k.Valid)
	check("Recommended", k.Recommended)
}
