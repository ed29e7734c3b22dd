package transform

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// dateFormat is a pattern of Java's SimpleDateFormat, in English and in UTC. It writes as Java does and reads as Java does
// when it is lenient: what is beyond the range of a field counts over to the next one, and text behind what the pattern
// asks for does not matter.
type dateFormat struct {
	pattern string
	parts   []datePart
	since   time.Time // the first moment that a year of two digits may mean, 80 years back
}

// datePart is a run of one letter, or a text.
type datePart struct {
	letter byte // 0: text
	count  int
	text   string
}

const dateLetters = "GyYMLwWDdFEuaHkKhmsSzZX"

// parseDateFormat reads a pattern.
func parseDateFormat(pattern string) (*dateFormat, string) {
	f := &dateFormat{pattern: pattern, since: time.Now().UTC().AddDate(-80, 0, 0)}
	for i := 0; i < len(pattern); {
		c := pattern[i]
		switch {
		case c == '\'':
			text, n := quotedText(pattern[i:])
			if n < 0 {
				return nil, "Unterminated quote in the date format; a quote is written as two"
			}
			f.addText(text)
			i += n
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			n := 1
			for i+n < len(pattern) && pattern[i+n] == c {
				n++
			}
			if strings.IndexByte(dateLetters, c) < 0 {
				return nil, fmt.Sprintf("Illegal pattern character '%c' in the date format; text must stand between single quotes, and the letters are %s", c, dateLetters)
			}
			if c == 'X' && n > 3 {
				return nil, "invalid ISO 8601 format in the date format: there are X, XX and XXX"
			}
			f.parts = append(f.parts, datePart{letter: c, count: n})
			i += n
		default:
			_, n := utf8.DecodeRuneInString(pattern[i:])
			f.addText(pattern[i : i+n])
			i += n
		}
	}
	return f, ""
}

// quotedText reads a text between quotes; two quotes are one, also outside of a text. n is the length of what was read, -1
// when there is no closing quote.
func quotedText(s string) (text string, n int) {
	if strings.HasPrefix(s, "''") {
		return "'", 2
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] != '\'':
			b.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == '\'':
			b.WriteByte('\'')
			i++
		default:
			return b.String(), i + 1
		}
	}
	return "", -1
}

func (f *dateFormat) addText(text string) {
	if n := len(f.parts); n > 0 && f.parts[n-1].letter == 0 {
		f.parts[n-1].text += text
		return
	}
	f.parts = append(f.parts, datePart{text: text})
}

// append appends a moment, in milliseconds since the epoch.
func (f *dateFormat) append(dst []byte, millis int64) []byte {
	t := time.UnixMilli(millis).UTC()
	for _, p := range f.parts {
		dst = p.append(dst, t)
	}
	return dst
}

func (p datePart) append(dst []byte, t time.Time) []byte {
	switch p.letter {
	case 0:
		return append(dst, p.text...)
	case 'G':
		if t.Year() <= 0 {
			return append(dst, "BC"...)
		}
		return append(dst, "AD"...)
	case 'y':
		return p.year(dst, yearOfEra(t.Year()))
	case 'Y':
		return p.year(dst, weekYear(t))
	case 'M', 'L':
		switch {
		case p.count >= 4:
			return append(dst, t.Month().String()...)
		case p.count == 3:
			return append(dst, t.Month().String()[:3]...)
		}
		return padded(dst, int(t.Month()), p.count)
	case 'w':
		return padded(dst, weekOfYear(t), p.count)
	case 'W':
		return padded(dst, (t.Day()+int(firstWeekday(t))-1)/7+1, p.count)
	case 'D':
		return padded(dst, t.YearDay(), p.count)
	case 'd':
		return padded(dst, t.Day(), p.count)
	case 'F':
		return padded(dst, (t.Day()-1)/7+1, p.count)
	case 'E':
		if p.count >= 4 {
			return append(dst, t.Weekday().String()...)
		}
		return append(dst, t.Weekday().String()[:3]...)
	case 'u':
		return padded(dst, (int(t.Weekday())+6)%7+1, p.count)
	case 'a':
		if t.Hour() >= 12 {
			return append(dst, "PM"...)
		}
		return append(dst, "AM"...)
	case 'H':
		return padded(dst, t.Hour(), p.count)
	case 'k':
		return padded(dst, (t.Hour()+23)%24+1, p.count)
	case 'K':
		return padded(dst, t.Hour()%12, p.count)
	case 'h':
		return padded(dst, (t.Hour()+11)%12+1, p.count)
	case 'm':
		return padded(dst, t.Minute(), p.count)
	case 's':
		return padded(dst, t.Second(), p.count)
	case 'S':
		return padded(dst, t.Nanosecond()/1e6, p.count)
	case 'z':
		if p.count >= 4 {
			return append(dst, "Coordinated Universal Time"...)
		}
		return append(dst, "UTC"...)
	case 'Z':
		return append(dst, "+0000"...)
	}
	return append(dst, 'Z') // X
}

func (p datePart) year(dst []byte, year int) []byte {
	if p.count == 2 {
		return padded(dst, year%100, 2)
	}
	return padded(dst, year, p.count)
}

func yearOfEra(year int) int {
	if year <= 0 {
		return 1 - year
	}
	return year
}

// firstWeekday is the day of the week on which the month of t begins.
func firstWeekday(t time.Time) time.Weekday {
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC).Weekday()
}

// weekOfYear counts weeks from Sunday to Saturday; the first is the one with January 1.
func weekOfYear(t time.Time) int {
	if weekYear(t) > t.Year() {
		return 1
	}
	first := time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC).Weekday()
	return (t.YearDay()-1+int(first))/7 + 1
}

// weekYear is the year that the week of t belongs to: the next one when its Saturday is in that.
func weekYear(t time.Time) int { return t.AddDate(0, 0, 6-int(t.Weekday())).Year() }

// padded appends a number with zeros in front to at least that many digits.
func padded(dst []byte, n, digits int) []byte {
	var room [20]byte
	i := len(room)
	for ; n > 0 || i == len(room); n /= 10 {
		i--
		room[i] = byte('0' + n%10)
	}
	for range digits - (len(room) - i) {
		dst = append(dst, '0')
	}
	return append(dst, room[i:]...)
}

// dateFields are what a text says about a moment.
type dateFields struct {
	year, month, day, yearDay    int
	hour, minute, second, millis int
	afternoon                    bool
	short                        bool // the year has two digits
	bc                           bool
	zone                         int // minutes east of UTC
}

// parse reads a moment; false when the text does not match.
func (f *dateFormat) parse(text string) (millis int64, ok bool) {
	d := dateFields{year: 1970, month: 1, day: 1}
	at := 0
	for i, p := range f.parts {
		if p.letter == 0 {
			if !strings.HasPrefix(text[at:], p.text) {
				return 0, false
			}
			at += len(p.text)
			continue
		}
		for at < len(text) && (text[at] == ' ' || text[at] == '\t') {
			at++
		}
		n, ok := p.parse(&d, text[at:], i+1 < len(f.parts) && f.parts[i+1].isNumber())
		if !ok {
			return 0, false
		}
		at += n
	}
	return d.moment(f.since), true
}

// moment resolves the fields.
func (d *dateFields) moment(since time.Time) int64 {
	if d.bc {
		d.year = 1 - d.year
	}
	if d.short {
		d.year += since.Year() - since.Year()%100
		if d.year < since.Year() {
			d.year += 100
		}
	}
	millis := d.millisIn(d.year)
	if d.short && d.year == since.Year() && millis < since.UnixMilli() {
		return d.millisIn(d.year + 100)
	}
	return millis
}

func (d *dateFields) millisIn(year int) int64 {
	month, day := time.Month(d.month), d.day
	if d.yearDay != 0 {
		month, day = time.January, d.yearDay
	}
	hour := d.hour
	if d.afternoon {
		hour += 12
	}
	// In two steps: what is beyond a day must not overflow the nanoseconds of one call.
	days := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix()
	return (days+int64(hour)*3600+int64(d.minute-d.zone)*60+int64(d.second))*1000 + int64(d.millis)
}

// isNumber tells whether a field is read as a number, which must not run into another one.
func (p datePart) isNumber() bool {
	switch p.letter {
	case 0, 'G', 'E', 'a', 'z', 'Z', 'X':
		return false
	case 'M', 'L':
		return p.count <= 2
	}
	return true
}

// parse reads a field; n is the length of what it took. A number that another one follows at once has as many digits as
// the pattern has letters.
func (p datePart) parse(d *dateFields, text string, abuts bool) (n int, ok bool) {
	switch p.letter {
	case 'G':
		return nameOf(text, 2, func(i int) string { return [...]string{"AD", "BC"}[i] }, func(i int) { d.bc = i == 1 })
	case 'E':
		return nameOf(text, 7, func(i int) string { return time.Weekday(i).String() }, nil)
	case 'a':
		return nameOf(text, 2, func(i int) string { return [...]string{"AM", "PM"}[i] }, func(i int) { d.afternoon = i == 1 })
	case 'z', 'Z', 'X':
		return d.parseZone(text, p)
	case 'M', 'L':
		if p.count >= 3 {
			return nameOf(text, 12, func(i int) string { return time.Month(i + 1).String() }, func(i int) { d.month = i + 1 })
		}
	case 'Y', 'w', 'W', 'F', 'u':
		return 0, false // these are written, not read
	}
	most := len(text)
	if abuts {
		if most < p.count {
			return 0, false
		}
		most = p.count
	}
	number, n := leadingNumber(text[:most])
	if n == 0 {
		return 0, false
	}
	p.set(d, number, n)
	return n, true
}

// leadingNumber reads the digits that a text begins with.
func leadingNumber(text string) (number, n int) {
	for n < len(text) && isDigit(text[n]) {
		if number > math.MaxInt32/10 {
			return 0, 0
		}
		number = number*10 + int(text[n]-'0')
		n++
	}
	return number, n
}

// set gives a field its number, which has n digits.
func (p datePart) set(d *dateFields, number, n int) {
	switch p.letter {
	case 'y':
		d.year, d.short = number, p.count <= 2 && n == 2
	case 'M', 'L':
		d.month = number
	case 'D':
		d.yearDay = number
	case 'd':
		d.day = number
	case 'H', 'K':
		d.hour = number
	case 'k':
		if d.hour = number; number == 24 {
			d.hour = 0
		}
	case 'h':
		if d.hour = number; number == 12 {
			d.hour = 0
		}
	case 'm':
		d.minute = number
	case 's':
		d.second = number
	case 'S':
		d.millis = number
	}
}

// nameOf finds the longest of several names, or of their first three letters, that a text begins with, in any case.
func nameOf(text string, names int, name func(int) string, found func(int)) (n int, ok bool) {
	best := -1
	for i := range names {
		full := name(i)
		for _, form := range [...]string{full, full[:min(3, len(full))]} {
			if len(form) > n && len(text) >= len(form) && strings.EqualFold(text[:len(form)], form) {
				best, n = i, len(form)
			}
		}
	}
	if best < 0 {
		return 0, false
	}
	if found != nil {
		found(best)
	}
	return n, true
}

// zones are the names of time zones that are read, besides offsets, in minutes east of UTC.
var zones = [...]struct {
	name    string
	minutes int
}{
	{"Coordinated Universal Time", 0}, {"Greenwich Mean Time", 0},
	{"UTC", 0}, {"GMT", 0}, {"WEST", 60}, {"WET", 0}, {"CEST", 120}, {"CET", 60}, {"EEST", 180}, {"EET", 120}, {"MSK", 180}, {"JST", 540},
	{"EST", -300}, {"EDT", -240}, {"CST", -360}, {"CDT", -300}, {"MST", -420}, {"MDT", -360}, {"PST", -480}, {"PDT", -420},
}

// parseZone reads a time zone.
func (d *dateFields) parseZone(text string, p datePart) (n int, ok bool) {
	if p.letter == 'X' {
		if strings.HasPrefix(text, "Z") {
			return 1, true
		}
		return d.offset(text, 2, p.count > 1, p.count == 3)
	}
	if len(text) > 3 && strings.HasPrefix(text, "GMT") && (text[3] == '+' || text[3] == '-') {
		n, ok := d.offset(text[3:], 1, true, true)
		return n + 3, ok
	}
	if n, ok := d.offset(text, 2, true, false); ok {
		return n, true
	}
	for _, z := range zones {
		if len(text) >= len(z.name) && strings.EqualFold(text[:len(z.name)], z.name) {
			d.zone = z.minutes
			return len(z.name), true
		}
	}
	return 0, false
}

// offset reads +hhmm, or +hh:mm, or +hh without minutes. The hours have two digits, or one where least says so.
func (d *dateFields) offset(text string, least int, minutes, colon bool) (n int, ok bool) {
	if len(text) < 2 || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	hours, n := leadingNumber(text[1:min(3, len(text))])
	if n < least {
		return 0, false
	}
	n++
	zone := hours * 60
	if minutes {
		if colon {
			if len(text) <= n || text[n] != ':' {
				return 0, false
			}
			n++
		}
		if len(text) < n+2 || !isDigit(text[n]) || !isDigit(text[n+1]) {
			return 0, false
		}
		zone += int(text[n]-'0')*10 + int(text[n+1]-'0')
		n += 2
	}
	if text[0] == '-' {
		zone = -zone
	}
	d.zone = zone
	return n, true
}
