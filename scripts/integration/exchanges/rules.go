package exchanges

import (
	"fmt"
	"path"
	"strings"
)

// Rules explain differences. They are lines of the form
//
//	labels | fields | reason
//
// with * for any text in labels and fields.
type Rules struct {
	rules []rule
}

type rule struct {
	line           int
	labels, fields string
	reason         string
	// continued: it explains only texts of the other side that begin with those of the one.
	continued bool
	// sometimes: that it explains nothing is fine, too.
	sometimes bool
	used      bool
}

const (
	// continues begins the reason of a rule that explains no more than that one text goes on where the other ends.
	continues = "(goes on) "
	// sometimes begins that of a rule for what one of the servers answers sometimes so and sometimes otherwise.
	sometimes = "(sometimes) "
)

// ParseRules reads rules. Empty lines, and those that begin with #, count for nothing.
func ParseRules(text string) (*Rules, error) {
	r := &Rules{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.SplitN(line, "|", 3)
		if len(parts) != 3 || strings.TrimSpace(parts[2]) == "" {
			return nil, fmt.Errorf("line %d: a rule is labels | fields | reason", n)
		}
		made := rule{line: n, labels: strings.TrimSpace(parts[0]), fields: strings.TrimSpace(parts[1]), reason: strings.TrimSpace(parts[2])}
		made.reason, made.continued = strings.CutPrefix(made.reason, continues)
		made.reason, made.sometimes = strings.CutPrefix(made.reason, sometimes)
		r.rules = append(r.rules, made)
	}
	return r, nil
}

// Explain returns the reason for a difference, of the first rule that fits.
func (r *Rules) Explain(d Difference) (reason string, ok bool) {
	for i := range r.rules {
		rule := &r.rules[i]
		if !matches(rule.labels, d.Label) || !matches(rule.fields, d.Field) {
			continue
		}
		if rule.continued && !goesOn(d.One, d.Other) {
			continue
		}
		rule.used = true
		return rule.reason, true
	}
	return "", false
}

// goesOn tells whether a JSON string begins with another one, but for a full stop at the end of that.
func goesOn(one, other string) bool {
	one = strings.TrimSuffix(strings.TrimSuffix(one, `"`), ".")
	return one != "" && one[0] == '"' && strings.HasPrefix(other, one)
}

// Unused returns the rules that have explained nothing.
func (r *Rules) Unused() []string {
	var unused []string
	for _, rule := range r.rules {
		if !rule.used && !rule.sometimes {
			unused = append(unused, fmt.Sprintf("line %d: %s | %s | %s", rule.line, rule.labels, rule.fields, rule.reason))
		}
	}
	return unused
}

// matches compares with a pattern in which * stands for any text. Brackets mean themselves.
func matches(pattern, text string) bool {
	escape := strings.NewReplacer(`\`, `\\`, "[", `\[`, "?", `\?`, "/", "\x00")
	ok, err := path.Match(escape.Replace(pattern), strings.ReplaceAll(text, "/", "\x00"))
	return err == nil && ok
}
