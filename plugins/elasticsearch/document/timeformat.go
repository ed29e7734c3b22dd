package document

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// timePart is a literal or one field of a time, with the number of its letters.
type timePart struct {
	literal string
	letter  byte
	width   int
}

// timeLetters are those of Java's DateTimeFormatter that are known: how many may
// stand together, and in how many milliseconds such a field changes at the most often.
var timeLetters = map[byte]struct {
	widths []int
	grain  int64
}{
	'y': {[]int{2, 4}, hourMillis},
	'u': {[]int{4}, hourMillis},
	'Y': {[]int{4}, hourMillis}, // of the ISO week
	'M': {[]int{1, 2}, hourMillis},
	'd': {[]int{1, 2}, hourMillis},
	'D': {[]int{1, 3}, hourMillis},
	'w': {[]int{1, 2}, hourMillis}, // ISO week
	'H': {[]int{1, 2}, hourMillis},
	'm': {[]int{1, 2}, minuteMillis},
	's': {[]int{1, 2}, secondMillis},
}

const (
	secondMillis = 1000
	minuteMillis = 60 * secondMillis
	hourMillis   = 60 * minuteMillis
)

// parseTime reads a pattern of Java's DateTimeFormatter.
func parseTime(pattern string) (parts []timePart, grain int64, err error) {
	if pattern == "" {
		return nil, 0, errors.New("it needs a pattern, as in ${time:yyyy.MM.dd}")
	}
	grain = hourMillis
	for i := 0; i < len(pattern); {
		c := pattern[i]
		switch {
		case c == '\'':
			text, n, err := quotedLiteral(pattern[i:])
			if err != nil {
				return nil, 0, err
			}
			parts = append(parts, timePart{literal: text})
			i += n
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
			width := len(pattern[i:]) - len(strings.TrimLeft(pattern[i:], string(c)))
			known, ok := timeLetters[c]
			fits := false
			for _, w := range known.widths {
				fits = fits || w == width
			}
			if !ok || !fits {
				return nil, 0, fmt.Errorf("%q is not known: there are yyyy, yy, MM, dd, HH, mm, ss, DDD, YYYY and ww (of the ISO week); put letters that stand for themselves in '…'", pattern[i:i+width])
			}
			grain = min(grain, known.grain)
			parts = append(parts, timePart{letter: c, width: width})
			i += width
		default:
			parts = append(parts, timePart{literal: string(c)})
			i++
		}
	}
	for _, p := range parts {
		if p.literal == "" {
			continue
		}
		if err := CheckIndex("x" + p.literal); err != nil {
			return nil, 0, fmt.Errorf("%q %w", p.literal, err)
		}
	}
	return parts, grain, nil
}

// quotedLiteral returns the text in quotes at the beginning of a pattern, and how long it is with them.
func quotedLiteral(pattern string) (text string, n int, err error) {
	if strings.HasPrefix(pattern, "''") {
		return "'", 2, nil
	}
	inner, _, closed := strings.Cut(pattern[1:], "'")
	if !closed {
		return "", 0, fmt.Errorf("%s has no closing quote", pattern)
	}
	return inner, len(inner) + 2, nil
}

func appendTimeParts(dst []byte, parts []timePart, t time.Time) []byte {
	for _, p := range parts {
		n := 0
		switch p.letter {
		case 0:
			dst = append(dst, p.literal...)
			continue
		case 'y', 'u':
			if n = t.Year(); p.width == 2 {
				n = (n%100 + 100) % 100
			}
		case 'Y':
			n, _ = t.ISOWeek()
		case 'M':
			n = int(t.Month())
		case 'd':
			n = t.Day()
		case 'D':
			n = t.YearDay()
		case 'w':
			_, n = t.ISOWeek()
		case 'H':
			n = t.Hour()
		case 'm':
			n = t.Minute()
		case 's':
			n = t.Second()
		}
		dst = appendPadded(dst, n, p.width)
	}
	return dst
}

func appendPadded(dst []byte, n, width int) []byte {
	digits := strconv.Itoa(n)
	for range width - len(digits) {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}
