package document

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// Pattern makes names of indexes. Not safe for concurrent use.
//
//	${topic}               the topic in lower case
//	${field:customer.city} a text, number or boolean of the document, in lower case
//	${time:yyyy.MM.dd}     the record's time in UTC
type Pattern struct {
	text   string
	parts  []part
	fields bool
	grain  int64 // milliseconds in which the time part does not change, 0: there is none
	names  map[nameKey]string
	byText map[string]string
	room   []byte
}

// part is one of: a literal, the topic, a field, a time.
type part struct {
	literal string
	topic   bool
	field   Path
	time    []timePart
}

// nameKey is what a name depends on when it depends on no field.
type nameKey struct {
	topic string
	span  int64
}

// ParsePattern reads a pattern.
func ParsePattern(text string) (*Pattern, error) {
	p := &Pattern{text: text, names: map[nameKey]string{}, byText: map[string]string{}}
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "${")
		if before != "" {
			p.parts = append(p.parts, part{literal: before})
		}
		if !found {
			break
		}
		inner, behind, closed := strings.Cut(after, "}")
		if !closed {
			return nil, fmt.Errorf("${%s has no closing bracket", after)
		}
		if err := p.add(inner); err != nil {
			return nil, err
		}
		rest = behind
	}
	if len(p.parts) == 0 {
		return nil, errors.New("it is empty")
	}
	return p, p.checkLiterals()
}

func (p *Pattern) add(inner string) error {
	name, argument, _ := strings.Cut(inner, ":")
	switch name {
	case "topic":
		p.parts = append(p.parts, part{topic: true})
		return nil
	case "field":
		path, err := DotPath(argument)
		if err != nil {
			return fmt.Errorf("${%s}: %w", inner, err)
		}
		p.fields = true
		p.parts = append(p.parts, part{field: path})
		return nil
	case "time":
		parts, grain, err := parseTime(argument)
		if err != nil {
			return fmt.Errorf("${%s}: %w", inner, err)
		}
		if p.grain == 0 || grain < p.grain {
			p.grain = grain
		}
		p.parts = append(p.parts, part{time: parts})
		return nil
	}
	return fmt.Errorf("${%s} is not known: there are ${topic}, ${field:name} and ${time:yyyy.MM.dd}", inner)
}

// checkLiterals refuses what no name could have.
func (p *Pattern) checkLiterals() error {
	for i, part := range p.parts {
		text := part.literal
		if text == "" {
			continue
		}
		if i > 0 {
			text = "x" + text
		}
		if err := CheckIndex(text); err != nil {
			return fmt.Errorf("%q %w", part.literal, err)
		}
	}
	return nil
}

// String returns the pattern as it was given.
func (p *Pattern) String() string { return p.text }

// UsesFields tells whether a name depends on the document, so that a record
// without value has none.
func (p *Pattern) UsesFields() bool { return p.fields }

// mostNames bounds the names that are remembered.
const mostNames = 10_000

// Name returns the name for a record: its topic, its time in milliseconds since
// the epoch, its document. It allocates nothing for a name it has made before.
func (p *Pattern) Name(topic string, millis int64, document []byte) (string, error) {
	if p.grain > 0 && millis == data.NoTimestamp {
		return "", fmt.Errorf("the record has no time, which the name of its index needs (%s)", p.text)
	}
	if p.fields {
		return p.make(topic, millis, document)
	}
	key := nameKey{topic: topic}
	if p.grain > 0 {
		key.span = floorDiv(millis, p.grain)
	}
	if name, ok := p.names[key]; ok {
		return name, nil
	}
	name, err := p.make(topic, millis, nil)
	if err != nil {
		return "", err
	}
	if len(p.names) >= mostNames {
		clear(p.names)
	}
	p.names[key] = name
	return name, nil
}

func (p *Pattern) make(topic string, millis int64, document []byte) (string, error) {
	b := p.room[:0]
	for i := range p.parts {
		switch part := &p.parts[i]; {
		case part.topic:
			b = append(b, lower(topic)...)
		case part.field != nil:
			from := len(b)
			var ok bool
			if b, ok = scalar(b, part.field.Lookup(document)); !ok {
				return "", fmt.Errorf("the document has no text or number in field %s, which the name of its index needs (%s)", part.field, p.text)
			}
			copy(b[from:], lower(string(b[from:])))
		case part.time != nil:
			b = appendTimeParts(b, part.time, time.UnixMilli(millis).UTC())
		default:
			b = append(b, part.literal...)
		}
	}
	if len(p.parts) > 0 && p.parts[0].topic {
		b = trimStart(b)
	}
	p.room = b
	if name, ok := p.byText[string(b)]; ok {
		return name, nil
	}
	name := string(b)
	if err := CheckIndex(name); err != nil {
		return "", fmt.Errorf("the name of the index would be %q (%s), which %w", name, p.text, err)
	}
	if len(p.byText) >= mostNames {
		clear(p.byText)
	}
	p.byText[name] = name
	return name, nil
}

// lower lowers the case of ASCII letters only, so that the length stays the same.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// trimStart leaves out what a topic may begin with and an index may not.
func trimStart(b []byte) []byte {
	for len(b) > 1 && (b[0] == '-' || b[0] == '_' || b[0] == '+') {
		b = b[1:]
	}
	return b
}

// mostName is the longest name of an index in bytes.
const mostName = 255

// CheckIndex says what keeps a text from being the name of an index.
func CheckIndex(name string) error {
	switch {
	case name == "":
		return errors.New("is empty")
	case name == ".", name == "..":
		return errors.New("is not allowed as the name of an index")
	case len(name) > mostName:
		return fmt.Errorf("is longer than %d bytes", mostName)
	case strings.ContainsAny(name[:1], "-_+"):
		return errors.New("begins with -, _ or +")
	case !utf8.ValidString(name):
		return errors.New("is not UTF-8")
	case strings.ContainsAny(name, "\\/*?\"<>| ,#:"):
		return errors.New(`has one of \ / * ? " < > | , # : or a blank`)
	}
	for _, r := range name {
		if r < ' ' {
			return errors.New("has a control character")
		}
		if 'A' <= r && r <= 'Z' {
			return errors.New("has upper case letters")
		}
	}
	return nil
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
