package isolation

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Version is a version that orders as Maven orders it, which is what Kafka Connect does: 1.0-alpha < 1.0-beta < 1.0-rc < 1.0-SNAPSHOT < 1.0 =
// 1.0.0 < 1.0-sp < 1.0.1 < 1.10. As in semantic versioning a v before the first digit and what follows a + do not count.
type Version struct {
	text  string
	items list
}

// maxVersion is how much of a version is looked at, in bytes. Lists nest as deep as a version is long.
const maxVersion = 255

// ParseVersion reads a version. Any text is one; of a very long one the end does not count.
func ParseVersion(text string) Version {
	core, _, _ := strings.Cut(strings.TrimSpace(text), "+")
	core = strings.ToLower(core[:min(len(core), maxVersion)])
	if len(core) > 1 && core[0] == 'v' && digit(core[1]) {
		core = core[1:]
	}
	return Version{text: text, items: parseItems(core)}
}

// String returns the text that was parsed.
func (v Version) String() string { return v.text }

// Compare is negative when v is older than w, positive when it is newer.
func (v Version) Compare(w Version) int { return v.items.compare(w.items) }

// item is one part of a version: a number, a qualifier or a list. Missing parts compare as nil.
type item interface {
	// compare compares with an item of any kind, or nil.
	compare(item) int
	// null tells that the item, at the end, changes nothing: 0, "", final, an empty list.
	null() bool
}

type (
	number    string // without leading zeros, the empty text is zero
	qualifier string
	list      []item
)

// qualifiers are those with a meaning, in order; the empty one is the release itself.
var qualifiers = []string{"alpha", "beta", "milestone", "rc", "snapshot", "", "sp"}

func (n number) null() bool { return n == "" }

func (n number) compare(o item) int {
	switch o := o.(type) {
	case nil:
		return len(n) // 1.0 == 1, 1.1 > 1
	case number:
		if c := cmp.Compare(len(n), len(o)); c != 0 {
			return c
		}
		return strings.Compare(string(n), string(o))
	}
	return 1 // 1.1 > 1-sp, 1.1 > 1-1
}

func (q qualifier) null() bool { return q == "" }

// rank orders the qualifiers that mean something; all others come after them, by the alphabet.
func (q qualifier) rank() int {
	if i := slices.Index(qualifiers, string(q)); i >= 0 {
		return i
	}
	return len(qualifiers)
}

func (q qualifier) compare(o item) int {
	switch o := o.(type) {
	case nil:
		return cmp.Compare(q.rank(), qualifier("").rank()) // 1-rc < 1, 1-sp > 1
	case qualifier:
		if c := cmp.Compare(q.rank(), o.rank()); c != 0 || q.rank() < len(qualifiers) {
			return c
		}
		return strings.Compare(string(q), string(o))
	}
	return -1 // 1-any < 1.1, 1-any < 1-1
}

func (l list) null() bool { return len(l) == 0 }

func (l list) compare(o item) int {
	switch o := o.(type) {
	case nil:
		for _, i := range l {
			if c := i.compare(nil); c != 0 {
				return c
			}
		}
		return 0
	case number:
		return -1 // 1-1 < 1.0.x
	case qualifier:
		return 1 // 1-1 > 1-sp
	case list:
		for i := range max(len(l), len(o)) {
			if c := l.at(i, o); c != 0 {
				return c
			}
		}
	}
	return 0
}

// at compares the parts at one position, of which the shorter list has none.
func (l list) at(i int, o list) int {
	switch {
	case i >= len(l):
		return -o[i].compare(nil)
	case i >= len(o):
		return l[i].compare(nil)
	}
	return l[i].compare(o[i])
}

// parseItems splits a version at dots, at hyphens, and between digits and letters. A hyphen, or a change from digits to letters and back, opens
// a list within the list.
func parseItems(text string) list {
	levels := []list{{}}
	add := func(i item) { levels[len(levels)-1] = append(levels[len(levels)-1], i) }
	open := func() { levels = append(levels, list{}) }
	start, digits := 0, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '.' || c == '-':
			if i == start {
				add(number(""))
			} else {
				add(parseItem(digits, text[start:i], false))
			}
			start = i + 1
			if c == '-' {
				open()
			}
		case digit(c):
			if !digits && i > start {
				add(parseItem(false, text[start:i], true))
				start = i
				open()
			}
			digits = true
		default:
			if digits && i > start {
				add(parseItem(true, text[start:i], false))
				start = i
				open()
			}
			digits = false
		}
	}
	if start < len(text) {
		add(parseItem(digits, text[start:], false))
	}
	// Close the lists from the innermost out, each without what changes nothing at its end.
	var inner list
	for i := len(levels) - 1; i >= 0; i-- {
		l := levels[i]
		if i < len(levels)-1 {
			l = append(l, inner)
		}
		inner = normalized(l)
	}
	return inner
}

// normalized leaves out what changes nothing before the end and before an inner list: 1.0-rc is 1-rc.
func normalized(l list) list {
	for i := len(l) - 1; i >= 0; i-- {
		if l[i].null() {
			l = slices.Delete(l, i, i+1)
		} else if _, ok := l[i].(list); !ok {
			break
		}
	}
	return l
}

func parseItem(digits bool, text string, beforeDigit bool) item {
	if digits {
		return number(strings.TrimLeft(text, "0"))
	}
	if beforeDigit {
		switch text {
		case "a":
			return qualifier("alpha")
		case "b":
			return qualifier("beta")
		case "m":
			return qualifier("milestone")
		}
	}
	switch text {
	case "ga", "final", "release":
		return qualifier("")
	case "cr":
		return qualifier("rc")
	}
	return qualifier(text)
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// Requirement is what a configuration demands of a plugin's version.
type Requirement struct {
	text      string
	intervals []interval // none: any version
}

// interval holds versions between two bounds; a nil bound does not limit.
type interval struct {
	from, to                   *Version
	includesFrom, includesUpTo bool
}

// ParseRequirement reads the value of a *.plugin.version key: nothing or "latest" is the newest, a version is exactly that, and a Maven range
// such as [1.0,2.0), (,2.0] or [1.0,1.2),[1.5,) is the newest in there.
func ParseRequirement(text string) (Requirement, error) {
	r := Requirement{text: text}
	rest := strings.TrimSpace(text)
	if rest == "" || rest == "latest" {
		return r, nil
	}
	if !strings.ContainsAny(rest, "[](),") {
		v := ParseVersion(rest)
		r.intervals = []interval{{from: &v, to: &v, includesFrom: true, includesUpTo: true}}
		return r, nil
	}
	for rest != "" {
		end := strings.IndexAny(rest, "])")
		if end < 0 {
			return r, rangeError(text, errors.New("a bracket is not closed"))
		}
		i, err := parseInterval(rest[:end+1])
		if err != nil {
			return r, rangeError(text, err)
		}
		r.intervals = append(r.intervals, i)
		rest = strings.TrimSpace(rest[end+1:])
		if after, ok := strings.CutPrefix(rest, ","); ok {
			if rest = strings.TrimSpace(after); rest == "" {
				return r, rangeError(text, errors.New("nothing follows the last comma"))
			}
		} else if rest != "" {
			return r, rangeError(text, fmt.Errorf("%q follows a closed bracket", rest))
		}
	}
	return r, nil
}

func rangeError(text string, err error) error {
	return fmt.Errorf("invalid version range %s: %w; write a version such as 1.2.3, a range such as [1.0,2.0), or latest", strconv.Quote(text), err)
}

func parseInterval(text string) (interval, error) {
	if text[0] != '[' && text[0] != '(' {
		return interval{}, fmt.Errorf("%q does not begin with [ or (", text)
	}
	i := interval{includesFrom: text[0] == '[', includesUpTo: text[len(text)-1] == ']'}
	bounds := strings.Split(text[1:len(text)-1], ",")
	if len(bounds) > 2 {
		return i, fmt.Errorf("%q has more than two bounds", text)
	}
	for k, b := range bounds {
		b = strings.TrimSpace(b)
		if strings.ContainsAny(b, "[](") {
			return i, fmt.Errorf("%q holds a second bracket", text)
		}
		if b == "" {
			continue
		}
		v := ParseVersion(b)
		if k == 0 {
			i.from = &v
		}
		if k == len(bounds)-1 {
			i.to = &v
		}
	}
	switch {
	case len(bounds) == 1 && (i.from == nil || !i.includesFrom || !i.includesUpTo):
		return i, fmt.Errorf("%q is one version, write it as [1.0]", text)
	case i.from != nil && i.to != nil && i.from.Compare(*i.to) > 0:
		return i, fmt.Errorf("%q begins after its end", text)
	}
	return i, nil
}

// String returns the text that was parsed.
func (r Requirement) String() string { return r.text }

// Admits tells whether a version satisfies the requirement.
func (r Requirement) Admits(v Version) bool {
	return len(r.intervals) == 0 || slices.ContainsFunc(r.intervals, func(i interval) bool { return i.contains(v) })
}

func (i interval) contains(v Version) bool {
	if i.from != nil {
		if c := v.Compare(*i.from); c < 0 || c == 0 && !i.includesFrom {
			return false
		}
	}
	if i.to != nil {
		if c := v.Compare(*i.to); c > 0 || c == 0 && !i.includesUpTo {
			return false
		}
	}
	return true
}
