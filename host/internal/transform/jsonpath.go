package transform

import (
	"fmt"
	"strconv"
	"strings"
)

// Confluent's transformations name fields, and conditions, in JSONPath. Of that, this is read: paths of names, $.a.b and
// $['a']['b'], and at their end one condition in ?(…), which is turned into CEL.

// parseJSONPath reads a path of names.
func parseJSONPath(text string) (path, string) {
	p, rest, problem := jsonPathNames(text)
	if problem == "" && rest != "" {
		problem = fmt.Sprintf("%q at the end of the path is not read: there are names, as in $.a.b and $['a']['b'], and nothing else", rest)
	}
	if problem == "" && len(p) == 0 {
		problem = "The path names no field"
	}
	return p, problem
}

// jsonPathNames reads the names that a path begins with, behind $ or @.
func jsonPathNames(text string) (p path, rest, problem string) {
	rest = strings.TrimSpace(text)
	if rest == "" || rest[0] != '$' && rest[0] != '@' {
		return nil, rest, fmt.Sprintf("A path begins with $, which %q does not", text)
	}
	rest = rest[1:]
	for rest != "" {
		switch {
		case strings.HasPrefix(rest, "['") || strings.HasPrefix(rest, `["`):
			name, after, ok := strings.Cut(rest[2:], rest[1:2]+"]")
			if !ok {
				return p, rest, fmt.Sprintf("A name in brackets has no end in %q", text)
			}
			p, rest = append(p, name), after
		case rest[0] == '.' && len(rest) > 1 && rest[1] != '.' && rest[1] != '*' && rest[1] != '[':
			n := strings.IndexFunc(rest[1:], func(r rune) bool { return !isNameRune(r) })
			if n < 0 {
				n = len(rest) - 1
			}
			if n == 0 {
				return p, rest, fmt.Sprintf("A name is missing in %q", text)
			}
			p, rest = append(p, rest[1:1+n]), rest[1+n:]
		default:
			return p, rest, ""
		}
	}
	return p, "", ""
}

func isNameRune(r rune) bool {
	return r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7f
}

// jsonCondition is a condition of JSONPath: $.a.b[?(@.c == 'x')].
type jsonCondition struct {
	fields []path // all that must be there and not null
	cel    string
}

// parseJSONCondition reads a path with a condition at its end. Without one the path itself is the condition: it must lead
// to a value.
func parseJSONCondition(text, variable string) (*jsonCondition, string) {
	base, rest, problem := jsonPathNames(text)
	if problem != "" {
		return nil, problem
	}
	c := &jsonCondition{}
	if rest == "" {
		if len(base) == 0 {
			return nil, "The path names no field"
		}
		c.fields, c.cel = []path{base}, "true"
		return c, ""
	}
	inner, ok := strings.CutPrefix(rest, "[?(")
	if ok {
		inner, ok = strings.CutSuffix(strings.TrimSpace(inner), ")]")
	}
	if !ok {
		return nil, fmt.Sprintf("%q is not read: a condition is written [?(@.field == 'text')], at the end", rest)
	}
	p := conditionParser{text: inner, base: base, variable: variable, c: c}
	c.cel, problem = p.or()
	if problem == "" {
		if p.space(); p.at < len(inner) {
			problem = fmt.Sprintf("%q is not read in the condition", inner[p.at:])
		}
	}
	return c, problem
}

// conditionParser turns what stands in ?(…) into CEL.
type conditionParser struct {
	text     string
	at       int
	depth    int
	base     path
	variable string
	c        *jsonCondition
}

func (p *conditionParser) space() {
	for p.at < len(p.text) && p.text[p.at] <= ' ' {
		p.at++
	}
}

func (p *conditionParser) take(token string) bool {
	p.space()
	if strings.HasPrefix(p.text[p.at:], token) {
		p.at += len(token)
		return true
	}
	return false
}

func (p *conditionParser) or() (string, string) {
	return p.joined("||", (*conditionParser).and)
}

func (p *conditionParser) and() (string, string) {
	return p.joined("&&", (*conditionParser).term)
}

func (p *conditionParser) joined(operator string, part func(*conditionParser) (string, string)) (string, string) {
	all, problem := part(p)
	for problem == "" && p.take(operator) {
		var next string
		if next, problem = part(p); problem == "" {
			all += " " + operator + " " + next
		}
	}
	return "(" + all + ")", problem
}

// mostNestedConditions is the deepest nesting of parentheses and negations.
const mostNestedConditions = 50

func (p *conditionParser) term() (string, string) {
	if p.depth++; p.depth > mostNestedConditions {
		return "", fmt.Sprintf("The condition is nested deeper than %d", mostNestedConditions)
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("!"):
		inner, problem := p.term()
		return "!" + inner, problem
	case p.take("("):
		inner, problem := p.or()
		if problem == "" && !p.take(")") {
			problem = "A closing parenthesis is missing in the condition"
		}
		return inner, problem
	}
	left, field, problem := p.operand()
	if problem != "" {
		return "", problem
	}
	for _, operator := range [...]string{"==", "!=", "<=", ">=", "<", ">"} {
		if p.take(operator) {
			right, _, problem := p.operand()
			return "(" + left + " " + operator + " " + right + ")", problem
		}
	}
	switch {
	case p.take("=~"):
		return p.matches(left)
	case p.take("in"):
		return p.in(left)
	case !field:
		return "", "A condition compares a field, as in @.field == 'text'"
	}
	return "true", "" // the field is there, which is asked for anyway
}

// operand reads a field or a literal.
func (p *conditionParser) operand() (cel string, field bool, problem string) {
	p.space()
	rest := p.text[p.at:]
	switch {
	case strings.HasPrefix(rest, "@"):
		names, after, problem := jsonPathNames(rest)
		if problem != "" {
			return "", true, problem
		}
		p.at = len(p.text) - len(after)
		full := append(append(path{}, p.base...), names...)
		p.c.fields = append(p.c.fields, full)
		cel = p.variable
		for _, n := range full {
			cel += "[" + strconv.Quote(n) + "]"
		}
		return cel, true, ""
	case strings.HasPrefix(rest, "'") || strings.HasPrefix(rest, `"`):
		text, n := quotedLiteral(rest)
		if n < 0 {
			return "", false, "A text has no end in the condition"
		}
		p.at += n
		return strconv.Quote(text), false, ""
	}
	n := 0
	for n < len(rest) && (isNameRune(rune(rest[n])) || rest[n] == '.' || rest[n] == '+') {
		n++
	}
	word := rest[:n]
	if _, ok := parseDecimal(word); !ok && word != "true" && word != "false" && word != "null" {
		return "", false, fmt.Sprintf("%q is neither a field such as @.a nor a literal", rest)
	}
	p.at += n
	return strings.TrimPrefix(word, "+"), false, ""
}

// quotedLiteral reads a text between quotes of one kind; n is its length with them, -1 when it has no end.
func quotedLiteral(s string) (text string, n int) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == s[0]:
			return b.String(), i + 1
		default:
			b.WriteByte(s[i])
		}
	}
	return "", -1
}

// matches reads a regular expression between slashes.
func (p *conditionParser) matches(left string) (string, string) {
	p.space()
	rest := p.text[p.at:]
	if !strings.HasPrefix(rest, "/") {
		return "", "A regular expression stands between slashes, as in @.field =~ /a.*/"
	}
	end := 1
	for end < len(rest) && rest[end] != '/' {
		if rest[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(rest) {
		return "", "A regular expression has no closing slash"
	}
	regex := strings.ReplaceAll(rest[1:end], `\/`, "/")
	p.at += end + 1
	if p.take("i") {
		regex = "(?i)" + regex
	}
	return left + ".matches(" + strconv.Quote("^(?:"+regex+")$") + ")", ""
}

// in reads a list of literals.
func (p *conditionParser) in(left string) (string, string) {
	if !p.take("[") {
		return "", "A list stands in brackets, as in @.field in ['a', 'b']"
	}
	var all []string
	for !p.take("]") {
		if len(all) > 0 && !p.take(",") {
			return "", "A list has no end in the condition"
		}
		element, field, problem := p.operand()
		if problem != "" || field {
			return "", "A list has literals, and nothing else"
		}
		all = append(all, element)
	}
	return "(" + left + " in [" + strings.Join(all, ", ") + "])", ""
}
