package position

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Set is a set of GTIDs of one server's kind. Of MariaDB it has every transaction of a domain up to the last one, as MariaDB itself
// counts. The zero value is empty. Sets share nothing once made with Clone; Add is the only method that changes one.
type Set struct {
	entries []entry // by source
}

type entry struct {
	source Source
	server uint32 // MariaDB's, of the last transaction
	ranges []span // ascending, neither overlapping nor adjacent
}

// span is a range of numbers, both ends inclusive.
type span struct{ first, last uint64 }

// ParseSet reads a set as the servers write it:
//
//	24bc7850-2c16-11ee-be56-0242ac120002:1-7:9,3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5
//	0-1-7,1-1-3
//
// White space is allowed around commas, line ends anywhere. "" is the empty set.
func ParseSet(text string) (Set, error) {
	var s Set
	text = strings.NewReplacer("\n", "", "\r", "").Replace(text)
	if strings.TrimSpace(text) == "" {
		return s, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		var err error
		if strings.Contains(part, ":") {
			err = s.parseMySQL(part)
		} else {
			err = s.parseMariaDB(part)
		}
		if err != nil {
			return Set{}, fmt.Errorf("GTID set %q: %w", text, err)
		}
	}
	for _, e := range s.entries {
		if e.source.MariaDB != s.entries[0].source.MariaDB {
			return Set{}, fmt.Errorf("GTID set %q: it has GTIDs of MySQL and of MariaDB", text)
		}
	}
	return s, nil
}

func (s *Set) parseMySQL(text string) error {
	fields := strings.Split(text, ":")
	uuid, err := parseUUID(strings.TrimSpace(fields[0]))
	if err != nil {
		return err
	}
	source := Source{UUID: uuid}
	for _, field := range fields[1:] {
		field = strings.TrimSpace(field)
		if field == "" {
			return errors.New("an interval is empty")
		}
		if field[0] < '0' || field[0] > '9' {
			source.Tag = strings.ToLower(field)
			continue
		}
		from, to, isRange := strings.Cut(field, "-")
		first, err := parseNumber(from)
		if err != nil {
			return err
		}
		last := first
		if isRange {
			if last, err = parseNumber(to); err != nil {
				return err
			}
		}
		if last < first {
			return fmt.Errorf("interval %q ends before it begins", field)
		}
		s.add(source, 0, span{first, last})
	}
	return nil
}

func (s *Set) parseMariaDB(text string) error {
	fields := strings.Split(text, "-")
	if len(fields) != 3 {
		return fmt.Errorf("%q is neither UUID:numbers nor domain-server-number", text)
	}
	domain, err1 := strconv.ParseUint(fields[0], 10, 32)
	server, err2 := strconv.ParseUint(fields[1], 10, 32)
	n, err3 := strconv.ParseUint(fields[2], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("%q is not domain-server-number", text)
	}
	if n > 0 {
		s.Add(GTID{Source: Source{MariaDB: true, Domain: uint32(domain)}, Server: uint32(server), N: n})
	}
	return nil
}

func parseNumber(text string) (uint64, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 63)
	if err != nil || n == 0 || n == math.MaxInt64 {
		return 0, fmt.Errorf("%q is not a transaction number", text)
	}
	return n, nil
}

// Add adds one transaction.
func (s *Set) Add(g GTID) {
	if g.N == 0 {
		return
	}
	if g.MariaDB {
		s.add(g.Source, g.Server, span{1, g.N})
		return
	}
	s.add(g.Source, 0, span{g.N, g.N})
}

func (s *Set) add(source Source, server uint32, r span) {
	i, found := s.find(source)
	if !found {
		s.entries = slices.Insert(s.entries, i, entry{source, server, []span{r}})
		return
	}
	e := &s.entries[i]
	if r.last >= e.ranges[len(e.ranges)-1].last {
		e.server = server
	}
	e.ranges = insert(e.ranges, r)
}

func (s *Set) find(source Source) (int, bool) {
	return slices.BinarySearchFunc(s.entries, source, func(e entry, source Source) int { return e.source.compare(source) })
}

// insert adds a range and joins what then touches. The usual one continues the last.
func insert(ranges []span, r span) []span {
	if n := len(ranges); r.first == ranges[n-1].last+1 {
		ranges[n-1].last = r.last
		return ranges
	}
	// All ranges from i up to j touch the new one.
	i, _ := slices.BinarySearchFunc(ranges, r.first, func(s span, first uint64) int {
		if s.last+1 < first {
			return -1
		}
		return 1
	})
	j := i
	for j < len(ranges) && ranges[j].first <= r.last+1 {
		r.first, r.last = min(r.first, ranges[j].first), max(r.last, ranges[j].last)
		j++
	}
	return slices.Replace(ranges, i, j, r)
}

// Empty tells that the set has no transaction.
func (s Set) Empty() bool { return len(s.entries) == 0 }

// MariaDB tells that the set has MariaDB's GTIDs.
func (s Set) MariaDB() bool { return len(s.entries) > 0 && s.entries[0].source.MariaDB }

// Clone returns a copy that shares nothing.
func (s Set) Clone() Set {
	entries := slices.Clone(s.entries)
	for i := range entries {
		entries[i].ranges = slices.Clone(entries[i].ranges)
	}
	return Set{entries}
}

// Has tells whether a transaction is in the set.
func (s Set) Has(g GTID) bool {
	i, found := s.find(g.Source)
	return found && covered(span{g.N, g.N}, s.entries[i].ranges)
}

// Contains tells whether all of another set is in this one.
func (s Set) Contains(other Set) bool { return other.Minus(s).Empty() }

func covered(r span, by []span) bool {
	i, _ := slices.BinarySearchFunc(by, r.first, func(s span, first uint64) int {
		if s.last < first {
			return -1
		}
		return 1
	})
	return i < len(by) && by[i].first <= r.first && r.last <= by[i].last
}

// Union returns what is in one of the two sets.
func (s Set) Union(other Set) Set {
	u := s.Clone()
	for _, e := range other.entries {
		for _, r := range e.ranges {
			u.add(e.source, e.server, r)
		}
	}
	return u
}

// Minus returns what is in this set and not in another.
func (s Set) Minus(other Set) Set {
	var rest Set
	for _, e := range s.entries {
		ranges := e.ranges
		if i, found := other.find(e.source); found {
			ranges = subtract(e.ranges, other.entries[i].ranges)
		}
		if len(ranges) > 0 {
			rest.entries = append(rest.entries, entry{e.source, e.server, slices.Clone(ranges)})
		}
	}
	return rest
}

func subtract(from, what []span) []span {
	var rest []span
	for _, r := range from {
		for _, w := range what {
			if w.last < r.first {
				continue
			}
			if w.first > r.last {
				break
			}
			if w.first > r.first {
				rest = append(rest, span{r.first, w.first - 1})
			}
			r.first = w.last + 1
		}
		if r.first <= r.last {
			rest = append(rest, r)
		}
	}
	return rest
}

// Filter returns the part of the set whose sources are kept. A source is asked for by what settings name it: a UUID, or domain-server of
// MariaDB.
func (s Set) Filter(keep func(source string) bool) Set {
	var kept Set
	for _, e := range s.entries {
		if keep(GTID{Source: e.source, Server: e.server}.SourceName()) {
			kept.entries = append(kept.entries, e)
		}
	}
	return kept.Clone()
}

// SourceName is what settings call the source of a transaction: a UUID, or domain-server of MariaDB.
func (g GTID) SourceName() string {
	if g.MariaDB {
		return fmt.Sprintf("%d-%d", g.Domain, g.Server)
	}
	return string(appendUUID(nil, g.UUID))
}

// Append appends the set as ParseSet reads it.
func (s Set) Append(dst []byte) []byte {
	for i, e := range s.entries {
		if e.source.MariaDB {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = GTID{e.source, e.server, e.ranges[len(e.ranges)-1].last}.Append(dst)
			continue
		}
		// The tags of a server follow its UUID.
		switch {
		case i > 0 && s.entries[i-1].source.UUID == e.source.UUID:
		case i > 0:
			dst = appendUUID(append(dst, ','), e.source.UUID)
		default:
			dst = appendUUID(dst, e.source.UUID)
		}
		if e.source.Tag != "" {
			dst = append(append(dst, ':'), e.source.Tag...)
		}
		for _, r := range e.ranges {
			dst = strconv.AppendUint(append(dst, ':'), r.first, 10)
			if r.last > r.first {
				dst = strconv.AppendUint(append(dst, '-'), r.last, 10)
			}
		}
	}
	return dst
}

// String is the text of Append.
func (s Set) String() string { return string(s.Append(nil)) }

// Encode returns the set in the binary form of MySQL's replication protocol.
func (s Set) Encode() []byte {
	tagged := slices.ContainsFunc(s.entries, func(e entry) bool { return e.source.Tag != "" })
	var dst []byte
	if tagged {
		// The format is in the lowest and in the highest byte, the number of sources between them.
		dst = binary.LittleEndian.AppendUint64(dst, 1|uint64(len(s.entries))<<8|1<<56)
	} else {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(len(s.entries)))
	}
	for _, e := range s.entries {
		dst = append(dst, e.source.UUID[:]...)
		if tagged {
			dst = append(append(dst, byte(len(e.source.Tag)<<1)), e.source.Tag...)
		}
		dst = binary.LittleEndian.AppendUint64(dst, uint64(len(e.ranges)))
		for _, r := range e.ranges {
			dst = binary.LittleEndian.AppendUint64(dst, r.first)
			dst = binary.LittleEndian.AppendUint64(dst, r.last+1)
		}
	}
	return dst
}

// DecodeSet reads the binary form of Encode, which a file of the log also has at its beginning.
func DecodeSet(src []byte) (Set, error) {
	var s Set
	damaged := errors.New("the GTID set at the beginning of the binary log file is damaged")
	if len(src) < 8 {
		return s, damaged
	}
	count := binary.LittleEndian.Uint64(src)
	tagged := src[7] == 1
	if tagged {
		count = count << 8 >> 16
	}
	src = src[8:]
	for range count {
		if len(src) < 16+8 {
			return Set{}, damaged
		}
		source := Source{UUID: [16]byte(src)}
		src = src[16:]
		if tagged {
			n := int(src[0] >> 1)
			if len(src) < 1+n+8 {
				return Set{}, damaged
			}
			source.Tag = string(src[1 : 1+n])
			src = src[1+n:]
		}
		n := binary.LittleEndian.Uint64(src)
		src = src[8:]
		if n > uint64(len(src))/16 {
			return Set{}, damaged
		}
		for range n {
			first, end := binary.LittleEndian.Uint64(src), binary.LittleEndian.Uint64(src[8:])
			src = src[16:]
			if first == 0 || end <= first || end > math.MaxInt64 {
				return Set{}, damaged
			}
			s.add(source, 0, span{first, end - 1})
		}
	}
	return s, nil
}
