package config

import (
	"fmt"
	"slices"
	"strings"
)

// Markdown renders the definition for a README or a terminal: a table a group, in order, with a heading if the group has a name.
func (d Definition) Markdown() string {
	var b strings.Builder
	groups := d.Groups()
	if slices.ContainsFunc(d, func(k Key) bool { return k.Group == "" }) {
		groups = append([]string{""}, groups...)
	}
	for i, group := range groups {
		if i > 0 {
			b.WriteString("\n")
		}
		if group != "" {
			fmt.Fprintf(&b, "### %s\n\n", cell(group))
		}
		b.WriteString("| Key | Type | Default | Importance | Description |\n| --- | --- | --- | --- | --- |\n")
		for _, k := range d.in(group) {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", code(k.Name), strings.ToLower(k.Type.String()), k.defaultCell(), strings.ToLower(k.Importance.String()), k.description())
		}
	}
	return b.String()
}

// in returns the keys of a group by their order; those without one come last.
func (d Definition) in(group string) Definition {
	keys := slices.DeleteFunc(slices.Clone(d), func(k Key) bool { return k.Group != group })
	slices.SortStableFunc(keys, func(a, b Key) int {
		switch {
		case a.Order == b.Order:
			return 0
		case a.Order == 0 || b.Order != 0 && a.Order > b.Order:
			return 1
		default:
			return -1
		}
	})
	return keys
}

func (k Key) defaultCell() string {
	switch {
	case k.required():
		return "**required**"
	case k.Default == nil:
		return ""
	case *k.Default == "":
		return "empty"
	case k.Type == TypePassword:
		return code(hidden)
	default:
		return code(*k.Default)
	}
}

// description is the documentation with the rules that a value must keep.
func (k Key) description() string {
	parts := []string{}
	if doc := cell(k.Doc); doc != "" {
		parts = append(parts, doc)
	}
	if len(k.Valid) > 0 {
		choices := make([]string, len(k.Valid))
		for i, v := range k.Valid {
			choices[i] = code(v)
		}
		text := "One of " + strings.Join(choices, ", ")
		if k.Type == TypeList {
			text = "Any of " + strings.Join(choices, ", ")
		}
		if k.IgnoreCase {
			text += ", in any case"
		}
		parts = append(parts, text+".")
	}
	switch {
	case k.Min != nil && k.Max != nil:
		parts = append(parts, fmt.Sprintf("From %s to %s.", decimal(*k.Min), decimal(*k.Max)))
	case k.Min != nil:
		parts = append(parts, fmt.Sprintf("At least %s.", decimal(*k.Min)))
	case k.Max != nil:
		parts = append(parts, fmt.Sprintf("At most %s.", decimal(*k.Max)))
	}
	if k.Pattern != "" {
		parts = append(parts, "Matches "+code(k.Pattern)+".")
	}
	return strings.Join(parts, " ")
}

// cell makes a text fit into a cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

// code makes a text a code span, fenced by more backticks than it has in a row.
func code(text string) string {
	text = cell(text)
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}
