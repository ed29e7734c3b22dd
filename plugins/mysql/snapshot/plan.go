package snapshot

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"
)

// planner divides a range of a key into pieces of about equal size without reading it: the optimizer estimates how many rows a range has by
// diving into the index, and a value half way between two others is looked up there, too. Each costs some reads of pages, however large the
// table is.
type planner struct {
	key key
	// estimate returns about how many rows there are from one bound on and before another.
	estimate func(ctx context.Context, from, to bound) (int64, error)
	// first returns the place of the first row of that range whose values begin with prefix and then are at least the last one of it, nil
	// when there is none. Without prefix it is the first row of the range.
	first func(ctx context.Context, from, to, prefix bound) (bound, error)
	// last returns the place of the last row of the range, nil when it is empty.
	last func(ctx context.Context, from, to bound) (bound, error)
}

// interval is a range of a key: rows from one bound on and before another.
type interval struct{ from, to bound }

// stretch is an interval whose first and last row are known.
type stretch struct {
	interval
	first, last bound
	rows        int64
}

const (
	// deepest bounds how often a stretch is halved: values may lie so that half way between them is nearly always at one end.
	deepest = 64
	// mostPieces bounds the queries of one plan.
	mostPieces = 256
)

// plan divides an interval into pieces of about that many rows, in order.
func (p *planner) plan(ctx context.Context, whole interval, target int64) ([]interval, error) {
	if len(p.key.columns) == 0 {
		return []interval{whole}, nil
	}
	s := stretch{interval: whole}
	var err error
	if s.rows, err = p.estimate(ctx, s.from, s.to); err != nil || s.rows <= target {
		return []interval{whole}, err
	}
	if s.first, err = p.first(ctx, s.from, s.to, nil); err != nil || s.first == nil {
		return []interval{whole}, err
	}
	if s.last, err = p.last(ctx, s.from, s.to); err != nil || s.last == nil {
		return []interval{whole}, err
	}
	var pieces []interval
	todo := []struct {
		stretch
		depth int
	}{{s, 0}}
	for len(todo) > 0 { // the leftmost is on top
		top := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if top.rows > target+target/2 && top.depth < deepest && len(pieces)+len(todo) < mostPieces {
			left, right, ok, err := p.halve(ctx, top.stretch)
			if err != nil {
				return nil, err
			}
			if ok {
				top.depth++
				top.stretch = right
				todo = append(todo, top)
				top.stretch = left
				todo = append(todo, top)
				continue
			}
		}
		pieces = append(pieces, top.interval)
	}
	return pieces, nil
}

// halve divides a stretch at a row about half way between its first and its last one.
func (p *planner) halve(ctx context.Context, s stretch) (left, right stretch, ok bool, err error) {
	at, err := p.middle(ctx, s)
	if err != nil || at == nil {
		return left, right, false, err
	}
	left = stretch{interval: interval{s.from, at}, first: s.first}
	right = stretch{interval: interval{at, s.to}, first: at, last: s.last}
	if left.last, err = p.last(ctx, left.from, left.to); err != nil || left.last == nil {
		return left, right, false, err
	}
	if left.rows, err = p.estimate(ctx, left.from, left.to); err != nil {
		return left, right, false, err
	}
	right.rows, err = p.estimate(ctx, right.from, right.to)
	return left, right, err == nil, err
}

// middle finds a row between the first and the last one of a stretch, nil when it does not know how.
func (p *planner) middle(ctx context.Context, s stretch) (bound, error) {
	differs := 0
	for differs < len(s.first) && s.first[differs] == s.last[differs] {
		differs++
	}
	if differs == len(s.first) {
		return nil, nil // one value
	}
	// Text is ordered by a collation that is only guessed here: where half way is past the end, another place may do.
	for _, fraction := range [][2]int64{{1, 2}, {1, 4}, {3, 4}, {1, 16}} {
		value, ok := p.key.columns[differs].between(s.first[differs], s.last[differs], fraction[0], fraction[1])
		if !ok {
			return nil, nil
		}
		prefix := append(append(bound{}, s.first[:differs]...), value)
		at, err := p.first(ctx, s.from, s.to, prefix)
		if err != nil || at != nil && !at.equal(s.first) {
			return at, err
		}
	}
	return nil, nil
}

// between returns a value that fraction of the way from low to high, above low.
func (c keyColumn) between(low, high string, numerator, denominator int64) (string, bool) {
	switch c.kind {
	case keyNumber:
		a, ok1 := new(big.Int).SetString(low, 10)
		b, ok2 := new(big.Int).SetString(high, 10)
		if !ok1 || !ok2 {
			return "", false
		}
		return interpolate(a, b, numerator, denominator).String(), true
	case keyDecimal:
		return betweenDecimals(low, high, numerator, denominator)
	case keyDate:
		return betweenDates(low, high, numerator, denominator)
	case keyUUID:
		return betweenUUIDs(low, high, numerator, denominator)
	case keyText:
		return betweenTexts(low, high, c.alphabet, numerator, denominator)
	case keyBytes:
		a, err1 := hex.DecodeString(low)
		b, err2 := hex.DecodeString(high)
		if err1 != nil || err2 != nil {
			return "", false
		}
		return hex.EncodeToString(betweenBytes(a, b, numerator, denominator)), true
	}
	return "", false
}

// interpolate returns a + (b-a)*n/d, at least a+1.
func interpolate(a, b *big.Int, n, d int64) *big.Int {
	m := new(big.Int).Sub(b, a)
	m.Mul(m, big.NewInt(n))
	m.Div(m, big.NewInt(d))
	if m.Sign() <= 0 {
		m.SetInt64(1)
	}
	return m.Add(m, a)
}

func betweenDecimals(low, high string, n, d int64) (string, bool) {
	scale := max(decimals(low), decimals(high))
	a, ok1 := unscaled(low, scale)
	b, ok2 := unscaled(high, scale)
	if !ok1 || !ok2 {
		return "", false
	}
	digits := interpolate(a, b, n, d)
	sign := ""
	if digits.Sign() < 0 {
		sign = "-"
	}
	text := new(big.Int).Abs(digits).String()
	if scale == 0 {
		return sign + text, true
	}
	if len(text) <= scale {
		text = strings.Repeat("0", scale-len(text)+1) + text
	}
	return sign + text[:len(text)-scale] + "." + text[len(text)-scale:], true
}

func decimals(text string) int {
	_, fraction, _ := strings.Cut(text, ".")
	return len(fraction)
}

func unscaled(text string, scale int) (*big.Int, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	return new(big.Int).SetString(whole+fraction+strings.Repeat("0", scale-len(fraction)), 10)
}

func betweenDates(low, high string, n, d int64) (string, bool) {
	layout := time.DateOnly
	if len(low) > len(layout) {
		layout = time.DateTime
		if fraction := len(low) - len(layout); fraction > 1 {
			layout += "." + strings.Repeat("0", fraction-1)
		}
	}
	a, err1 := time.Parse(layout, low)
	b, err2 := time.Parse(layout, high)
	if err1 != nil || err2 != nil {
		return "", false // dates that are none, such as 0000-00-00
	}
	seconds := b.Unix() - a.Unix()
	m := a.Add(time.Second * time.Duration(min(seconds, 1<<33)/d*n))
	text := m.Format(layout)
	return text, text > low
}

// betweenUUIDs returns some UUID. The server orders them by other digits first, but any value is as good as another where they are random.
func betweenUUIDs(low, high string, n, d int64) (string, bool) {
	a, err1 := hex.DecodeString(strings.ReplaceAll(low, "-", ""))
	b, err2 := hex.DecodeString(strings.ReplaceAll(high, "-", ""))
	if err1 != nil || err2 != nil || len(a) != 16 || len(b) != 16 {
		return "", false
	}
	if bytes.Compare(a, b) > 0 {
		a, b = b, a
	}
	m := betweenBytes(a, b, n, d)
	return fmt.Sprintf("%x-%x-%x-%x-%x", m[:4], m[4:6], m[6:8], m[8:10], m[10:16]), true
}

// texts are compared by their first characters beyond what both have in common, as digits of a number.
const textDigits = 6

// alphabet ranks the characters of a key column, about as its collation does. Rank 0 is the end of a text.
type alphabet struct {
	binary  bool // by number; otherwise as in nearly every collation that does not tell case apart
	unicode bool // the column takes all characters; otherwise only those of ASCII are sure
}

// asciiOrder is the order of ASCII in nearly every collation that does not tell case apart. Capital letters have the ranks of small ones.
const asciiOrder = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f\t\n\v\f\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz"

// base is one more than the largest rank.
func (a alphabet) base() int64 {
	if a.unicode {
		return utf8.MaxRune + 2
	}
	return utf8.RuneSelf + 1
}

func (a alphabet) rank(r rune) int64 {
	switch {
	case r >= utf8.RuneSelf && !a.unicode:
		return utf8.RuneSelf
	case r < utf8.RuneSelf && !a.binary:
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		r = rune(strings.IndexByte(asciiOrder, byte(r)))
	}
	return int64(r) + 1
}

func (a alphabet) character(rank int64) rune {
	r := rune(rank - 1)
	switch {
	case !a.binary && int(r) < len(asciiOrder):
		return rune(asciiOrder[r])
	case !a.binary && r < utf8.RuneSelf:
		return 'z'
	case r >= 0xd800 && r < 0xe000:
		return 0xe000 // those between are no characters
	}
	return r
}

// number reads a text as digits.
func (a alphabet) number(text []rune) *big.Int {
	sum := new(big.Int)
	for i := range textDigits {
		sum.Mul(sum, big.NewInt(a.base()))
		if i < len(text) {
			sum.Add(sum, big.NewInt(a.rank(text[i])))
		}
	}
	return sum
}

func betweenTexts(low, high string, a alphabet, n, d int64) (string, bool) {
	from, to := []rune(low), []rune(high)
	common := 0
	for common < len(from) && common < len(to) && a.rank(from[common]) == a.rank(to[common]) {
		common++
	}
	x, y := a.number(from[common:]), a.number(to[common:])
	if x.Cmp(y) >= 0 {
		return "", false // the collation orders them otherwise
	}
	m := interpolate(x, y, n, d)
	digits := make([]int64, textDigits)
	for i := textDigits - 1; i >= 0; i-- {
		var digit big.Int
		m.DivMod(m, big.NewInt(a.base()), &digit)
		digits[i] = digit.Int64()
	}
	text := from[:common:common]
	for _, digit := range digits {
		if digit == 0 {
			break
		}
		text = append(text, a.character(digit))
	}
	return string(text), true
}

// bytesDigits is the same for bytes.
const bytesDigits = 16

func betweenBytes(low, high []byte, n, d int64) []byte {
	size := max(len(low), len(high), 1)
	common := 0
	for common < len(low) && common < len(high) && low[common] == high[common] {
		common++
	}
	size = min(size, common+bytesDigits)
	number := func(b []byte) *big.Int {
		padded := make([]byte, size)
		copy(padded, b)
		return new(big.Int).SetBytes(padded)
	}
	m := interpolate(number(low), number(high), n, d)
	return m.FillBytes(make([]byte, max(size, (m.BitLen()+7)/8)))
}
