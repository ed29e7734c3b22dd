package config

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parsed is the value of a key in every form that it may be asked for.
type parsed struct {
	declared Type
	given    bool   // stands in the configuration
	set      bool   // is given or has a default
	text     string // canonical: trimmed, numbers as Go prints them, elements joined by a comma
	list     []string
	whole    int64
	double   float64
	boolean  bool
}

// value finds the value of a key in a configuration, or its default, and says what is wrong with it.
func (k Key) value(values map[string]string) (parsed, []string) {
	text, given := values[k.Name]
	switch {
	case given:
	case k.Default != nil:
		text = *k.Default
	case k.Required:
		return parsed{declared: k.Type}, []string{k.missing()}
	default:
		return parsed{declared: k.Type}, nil
	}
	p, problems := k.check(text)
	p.given = given
	return p, problems
}

// check parses a text as the key's type and holds it against the key's rules. What cannot be parsed is not set.
func (k Key) check(text string) (parsed, []string) {
	p := parsed{declared: k.Type, set: true, text: trim(text)}
	if problem := k.parse(&p, text); problem != "" {
		problems := []string{problem}
		if k.Min != nil || k.Max != nil {
			// Kafka holds the value that could not be parsed, null, against the limits, and clients count the texts.
			problems = append(problems, k.invalid("null", "Value must be non-null"))
		}
		return parsed{declared: k.Type}, problems
	}
	if problem := k.hold(&p); problem != "" {
		return p, []string{problem}
	}
	return p, nil
}

// parse fills in the value from its text. It returns the problem, if any.
func (k Key) parse(p *parsed, given string) string {
	var err error
	switch {
	case k.Type == TypeBoolean:
		p.text = strings.ToLower(p.text)
		p.boolean = p.text == "true"
		if !p.boolean && p.text != "false" {
			return k.invalid(given, "Expected value to be either true or false")
		}
	case k.Type == TypeDouble:
		p.double, err = strconv.ParseFloat(p.text, 64)
		if err != nil || math.IsNaN(p.double) {
			return k.invalid(given, "Not a number of type DOUBLE. "+k.numberHint(p.text))
		}
	case k.Type.bits() > 0:
		p.whole, err = strconv.ParseInt(p.text, 10, k.Type.bits())
		if err != nil {
			return k.invalid(given, "Not a number of type "+k.Type.String()+". "+k.numberHint(p.text))
		}
		p.text, p.double = strconv.FormatInt(p.whole, 10), float64(p.whole)
	case k.Type == TypeList:
		if p.text == "" {
			return ""
		}
		p.list = strings.Split(p.text, ",")
		for i := range p.list {
			p.list[i] = trim(p.list[i])
		}
		p.text = strings.Join(p.list, ",")
	}
	return ""
}

// hold holds a parsed value against the key's rules and gives choices the spelling of Valid. It returns the first rule that is broken.
func (k Key) hold(p *parsed) string {
	if k.Type.number() {
		switch {
		case k.Min != nil && !(p.double >= *k.Min):
			return k.invalid(p.text, "Value must be at least "+decimal(*k.Min))
		case k.Max != nil && !(p.double <= *k.Max):
			return k.invalid(p.text, "Value must be no more than "+decimal(*k.Max))
		}
	}
	if k.Type != TypeList {
		return k.holdText(&p.text)
	}
	if k.NonEmpty && len(p.list) == 0 {
		return k.invalid("[]", "List may not be empty. Give one or more values separated by commas")
	}
	for i := range p.list {
		if problem := k.holdText(&p.list[i]); problem != "" {
			return problem
		}
	}
	p.text = strings.Join(p.list, ",")
	return ""
}

// holdText holds a text, or an element of a list, against the rules for texts.
func (k Key) holdText(text *string) string {
	if k.NonEmpty && *text == "" {
		if k.Type == TypeList {
			return k.invalid(*text, "String may not be empty. There is a comma too many in the list")
		}
		return k.invalid(*text, "String may not be empty")
	}
	if len(k.Valid) > 0 {
		same := func(valid string) bool { return valid == *text || k.IgnoreCase && strings.EqualFold(valid, *text) }
		i := slices.Index(k.Valid, *text)
		if i < 0 {
			i = slices.IndexFunc(k.Valid, same)
		}
		if i < 0 {
			return k.invalid(*text, k.choices(*text))
		}
		*text = k.Valid[i]
	}
	if k.Pattern != "" {
		pattern, err := whole(k.Pattern)
		if err != nil {
			return k.invalid(*text, fmt.Sprintf("Value cannot be checked, the pattern in the definition of %s is broken (%v). Report this to the author of the plugin", k.Name, err))
		}
		if !pattern.MatchString(*text) {
			return k.invalid(*text, "Value must match the regular expression "+k.Pattern+" from beginning to end")
		}
	}
	return ""
}

// missing is Kafka's text for a required key that is not given, and what the key is for.
func (k Key) missing() string {
	text := fmt.Sprintf("Missing required configuration %q which has no default value.", k.Name)
	if doc := firstSentence(k.Doc); doc != "" {
		text += " " + k.Name + ": " + show(doc)
	}
	return text
}

// invalid is Kafka's text for a value that breaks a rule. It shows no password.
func (k Key) invalid(value, message string) string {
	if k.Type == TypePassword {
		value = hidden
	}
	return "Invalid value " + show(value) + " for configuration " + k.Name + ": " + message
}

// show makes a foreign text safe to print and to log: the beginning of a long one, and quoted if it has control characters.
func show(text string) string {
	const longest = 200
	if len(text) > longest {
		cut := longest
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "…"
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

// choices is Kafka's text for a value that is not in Valid.
func (k Key) choices(text string) string {
	message := "String must be one of: "
	if k.IgnoreCase {
		message = "String must be one of (case insensitive): "
	}
	message += strings.Join(k.Valid, ", ")
	if k.Type == TypePassword {
		return message
	}
	if nearest := Nearest(text, k.Valid); nearest != "" {
		message += ". Did you mean " + nearest + "?"
	}
	return message
}

// numberHint says which numbers a key takes.
func (k Key) numberHint(text string) string {
	hint := "It takes a number"
	if bits := k.Type.bits(); bits > 0 {
		hint = fmt.Sprintf("It takes a whole number from %d to %d", int64(math.MinInt64)>>(64-bits), int64(math.MaxInt64)>>(64-bits))
	}
	switch {
	case k.Default != nil:
		hint += ", such as " + trim(*k.Default)
	case k.Min != nil:
		hint += ", such as " + decimal(*k.Min)
	}
	if strings.HasSuffix(k.Name, ".ms") {
		hint += " (milliseconds)"
	}
	if text == "" {
		hint += "; the value is empty"
	}
	return hint
}

// whole compiles a regular expression so that it matches whole texts.
func whole(pattern string) (*regexp.Regexp, error) {
	// On its own first: "a)(b" would be one between the parentheses that are put around it.
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, err
	}
	return regexp.Compile("^(?:" + pattern + ")$")
}

func decimal(number float64) string { return strconv.FormatFloat(number, 'f', -1, 64) }

// trim removes what Kafka, by way of Java, takes for white space around a value.
func trim(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return r <= ' ' })
}

// firstSentence is a text up to its first full stop that ends a sentence.
func firstSentence(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if i := strings.Index(text, ". "); i >= 0 {
		return text[:i+1]
	}
	return text
}
