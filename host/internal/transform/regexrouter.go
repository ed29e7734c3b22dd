package transform

import (
	"regexp"
	"strconv"
	"strings"
)

// regexRouter is Kafka's RegexRouter: a topic whose whole name matches gets another name.
type regexRouter struct {
	regex *regexp.Regexp
	parts []replacementPart
	names interned
}

// replacementPart is a text, or a group of the match.
type replacementPart struct {
	text  string
	group int // -1: text
}

func newRegexRouter(s settings) (built, error) {
	regex, err := s.regex("regex")
	if err != nil {
		return built{}, err
	}
	parts, problem := parseReplacement(s.text("replacement"), regex)
	if problem != "" {
		return built{}, s.wrong("replacement", "%s", problem)
	}
	return built{transformation: &regexRouter{regex: regex, parts: parts}}, nil
}

// parseReplacement reads a replacement as Java's Matcher does: $1 and ${name} are groups, a backslash takes the meaning from
// the character behind it.
func parseReplacement(text string, regex *regexp.Regexp) (parts []replacementPart, problem string) {
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			parts = append(parts, replacementPart{literal.String(), -1})
			literal.Reset()
		}
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\\':
			if i++; i == len(text) {
				return nil, "character to be escaped is missing: a backslash at the end must be written twice"
			}
			literal.WriteByte(text[i])
		case '$':
			rest := text[i+1:]
			if name, _, ok := strings.Cut(strings.TrimPrefix(rest, "{"), "}"); ok && strings.HasPrefix(rest, "{") {
				at := regex.SubexpIndex(name)
				if at < 0 {
					return nil, "No group with name {" + name + "} is in the regular expression"
				}
				flush()
				parts = append(parts, replacementPart{"", at})
				i += len(name) + 2
				continue
			}
			if rest == "" || !isDigit(rest[0]) {
				return nil, "Illegal group reference: a number of a group must follow $; write \\$ for the character"
			}
			group, n := int(rest[0]-'0'), 1
			if group > regex.NumSubexp() {
				return nil, "No group " + strconv.Itoa(group) + " is in the regular expression"
			}
			for n < len(rest) && isDigit(rest[n]) && group*10+int(rest[n]-'0') <= regex.NumSubexp() {
				group = group*10 + int(rest[n]-'0')
				n++
			}
			flush()
			parts = append(parts, replacementPart{"", group})
			i += n
		default:
			literal.WriteByte(c)
		}
	}
	flush()
	return parts, ""
}

func (t *regexRouter) apply(m *message) (bool, error) {
	to, ok := t.names.get(m.topic)
	if !ok {
		to = t.route(m.topic)
		t.names.put(m.topic, to)
	}
	m.topic = to
	return true, nil
}

func (t *regexRouter) route(topic string) string {
	match := t.regex.FindStringSubmatch(topic)
	if match == nil {
		return topic
	}
	var b strings.Builder
	for _, p := range t.parts {
		if p.group < 0 {
			b.WriteString(p.text)
		} else {
			b.WriteString(match[p.group])
		}
	}
	return b.String()
}
