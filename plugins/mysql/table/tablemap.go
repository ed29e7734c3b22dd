package table

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

// Map is a table map event: what the log says of a table before its rows. Slices are parts of the event.
type Map struct {
	TableID uint64
	ID      ID
	// Types and Meta are those of the columns. Meta has the bytes of the event as a number: of DECIMAL, CHAR, ENUM and SET the first byte is
	// the high one (precision and scale; real type and length), of VARCHAR and BIT the low one.
	Types []byte
	Meta  []uint16
	// Nullable has a bit for each column, the lowest first.
	Nullable []byte

	// Names are those of the columns, nil without binlog_row_metadata=FULL.
	Names []string

	signedness  []byte // a bit for each numeric column, the highest first; nil: not known
	charsets    collations
	enumCharset collations
	enums, sets [][]string // members, in the character set of the column
	geometry    []uint64
	key         []int // nil: none or not known
	mariadb     bool
}

// collations of the columns of one kind: a default and exceptions by position among them, or one each.
type collations struct {
	each       []uint64
	byDefault  uint64
	exceptions map[uint64]uint64
	known      bool
}

func (c collations) of(i int) (uint64, bool) {
	if !c.known {
		return 0, false
	}
	if c.each != nil {
		if i >= len(c.each) {
			return 0, false
		}
		return c.each[i], true
	}
	if id, ok := c.exceptions[uint64(i)]; ok {
		return id, true
	}
	return c.byDefault, true
}

var errMap = errors.New("a table map event is damaged")

// MapIdentity returns what a table map begins with: the number that its row events name and the name of the table. Both slices of bytes
// are parts of the event; rest is all that follows the number, equal as long as the table is.
func MapIdentity(body []byte) (tableID uint64, database, name, rest []byte, err error) {
	if len(body) < 6+2+1 {
		return 0, nil, nil, nil, errMap
	}
	tableID = TableID(body)
	rest = body[6:]
	src := body[8:]
	n := int(src[0])
	if len(src) < 1+n+1+1 {
		return 0, nil, nil, nil, errMap
	}
	database = src[1 : 1+n]
	src = src[1+n+1:]
	n = int(src[0])
	if len(src) < 1+n+1 {
		return 0, nil, nil, nil, errMap
	}
	return tableID, database, src[1 : 1+n], rest, nil
}

// TableID returns the number at the beginning of a table map or row event, which has at least six bytes.
func TableID(body []byte) uint64 {
	return uint64(binary.LittleEndian.Uint32(body)) | uint64(binary.LittleEndian.Uint16(body[4:]))<<32
}

// ParseMap reads the body of a table map event. mariadb tells the dialect, since the servers do not agree on what has a character set.
func ParseMap(body []byte, mariadb bool) (*Map, error) {
	tableID, database, name, _, err := MapIdentity(body)
	if err != nil {
		return nil, err
	}
	m := &Map{TableID: tableID, ID: ID{string(database), string(name)}, mariadb: mariadb}
	src := body[8+1+len(database)+1+1+len(name)+1:]
	count, src, ok := Packed(src)
	if !ok || count > uint64(len(src)) {
		return nil, errMap
	}
	m.Types, src = src[:count], src[count:]
	size, src, ok := Packed(src)
	if !ok || size > uint64(len(src)) {
		return nil, errMap
	}
	if m.Meta, err = metaOf(m.Types, src[:size]); err != nil {
		return nil, err
	}
	src = src[size:]
	bits := (len(m.Types) + 7) / 8
	if len(src) < bits {
		return nil, errMap
	}
	m.Nullable = src[:bits]
	if err := m.optional(src[bits:]); err != nil {
		return nil, err
	}
	return m, nil
}

// metaOf reads the meta data of the types.
func metaOf(types, src []byte) ([]uint16, error) {
	meta := make([]uint16, len(types))
	for i, t := range types {
		n := 0
		switch t {
		case column.WireString, column.WireNewDecimal, column.WireVarchar, column.WireVarString, column.WireVarcharCompressed, column.WireBit, column.WireEnum, column.WireSet:
			n = 2
		case column.WireBlob, column.WireTinyBlob, column.WireMediumBlob, column.WireLongBlob, column.WireBlobCompressed, column.WireDouble, column.WireFloat, column.WireGeometry, column.WireVector, column.WireJSON,
			column.WireTime2, column.WireDateTime2, column.WireTimestamp2:
			n = 1
		}
		if len(src) < n {
			return nil, errMap
		}
		switch {
		case n == 1:
			meta[i] = uint16(src[0])
		case n == 2 && (t == column.WireVarchar || t == column.WireVarString || t == column.WireVarcharCompressed || t == column.WireBit):
			meta[i] = binary.LittleEndian.Uint16(src)
		case n == 2:
			meta[i] = binary.BigEndian.Uint16(src)
		}
		src = src[n:]
	}
	return meta, nil
}

// The kinds of optional meta data.
const (
	optionalSignedness     = 1
	optionalDefaultCharset = 2
	optionalColumnCharset  = 3
	optionalNames          = 4
	optionalSetMembers     = 5
	optionalEnumMembers    = 6
	optionalGeometry       = 7
	optionalKey            = 8
	optionalPrefixKey      = 9
	optionalEnumDefault    = 10
	optionalEnumCharset    = 11
)

// geometryPoint is the number of POINT among the spatial types.
const geometryPoint = 1

func (m *Map) optional(src []byte) error {
	for len(src) > 0 {
		kind := src[0]
		size, rest, ok := Packed(src[1:])
		if !ok || size > uint64(len(rest)) {
			return errMap
		}
		field := rest[:size]
		src = rest[size:]
		var err error
		switch kind {
		case optionalSignedness:
			m.signedness = field
		case optionalDefaultCharset:
			m.charsets, err = defaultCollations(field)
		case optionalColumnCharset:
			m.charsets, err = eachCollation(field)
		case optionalEnumDefault:
			m.enumCharset, err = defaultCollations(field)
		case optionalEnumCharset:
			m.enumCharset, err = eachCollation(field)
		case optionalNames:
			m.Names, err = names8(field)
			if err == nil && len(m.Names) != len(m.Types) {
				err = errMap
			}
		case optionalSetMembers:
			m.sets, err = members(field)
		case optionalEnumMembers:
			m.enums, err = members(field)
		case optionalGeometry:
			m.geometry, err = numbers(field)
		case optionalKey:
			err = m.keyOf(field, 1)
		case optionalPrefixKey:
			err = m.keyOf(field, 2)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Packed reads a number of variable length, as the protocol has it; false when it is damaged.
func Packed(src []byte) (n uint64, rest []byte, ok bool) {
	if len(src) == 0 {
		return 0, nil, false
	}
	size := 0
	switch src[0] {
	case 0xfb, 0xff:
		return 0, nil, false
	case 0xfc:
		size = 2
	case 0xfd:
		size = 3
	case 0xfe:
		size = 8
	default:
		return uint64(src[0]), src[1:], true
	}
	if len(src) < 1+size {
		return 0, nil, false
	}
	for i := size; i > 0; i-- {
		n = n<<8 | uint64(src[i])
	}
	return n, src[1+size:], true
}

func numbers(src []byte) ([]uint64, error) {
	var ns []uint64
	for len(src) > 0 {
		n, rest, ok := Packed(src)
		if !ok {
			return nil, errMap
		}
		ns, src = append(ns, n), rest
	}
	return ns, nil
}

func defaultCollations(src []byte) (collations, error) {
	ns, err := numbers(src)
	if err != nil || len(ns)%2 != 1 {
		return collations{}, errMap
	}
	c := collations{byDefault: ns[0], exceptions: make(map[uint64]uint64), known: true}
	for i := 1; i < len(ns); i += 2 {
		c.exceptions[ns[i]] = ns[i+1]
	}
	return c, nil
}

func eachCollation(src []byte) (collations, error) {
	ns, err := numbers(src)
	return collations{each: ns, known: true}, err
}

func names8(src []byte) ([]string, error) {
	var names []string
	for len(src) > 0 {
		n := int(src[0])
		if len(src) < 1+n {
			return nil, errMap
		}
		names = append(names, string(src[1:1+n]))
		src = src[1+n:]
	}
	return names, nil
}

func members(src []byte) ([][]string, error) {
	var all [][]string
	for len(src) > 0 {
		count, rest, ok := Packed(src)
		if !ok || count > uint64(len(rest)) {
			return nil, errMap
		}
		src = rest
		list := make([]string, 0, count)
		for range count {
			n, rest, ok := Packed(src)
			if !ok || n > uint64(len(rest)) {
				return nil, errMap
			}
			list = append(list, string(rest[:n]))
			src = rest[n:]
		}
		all = append(all, list)
	}
	return all, nil
}

// keyOf reads the positions of the key's columns; with a step of two each is followed by the length of its prefix.
func (m *Map) keyOf(src []byte, step int) error {
	ns, err := numbers(src)
	if err != nil || len(ns)%step != 0 {
		return errMap
	}
	m.key = nil
	for i := 0; i < len(ns); i += step {
		if ns[i] >= uint64(len(m.Types)) {
			return errMap
		}
		m.key = append(m.key, int(ns[i]))
	}
	return nil
}

// Full tells whether the map has the names of the columns, which it has with binlog_row_metadata=FULL.
func (m *Map) Full() bool { return m.Names != nil }

// realType returns the type that a column has beneath CHAR, by which ENUM and SET are sent.
func (m *Map) realType(i int) byte {
	if m.Types[i] == column.WireString {
		if t := byte(m.Meta[i] >> 8); t == column.WireEnum || t == column.WireSet {
			return t
		}
	}
	return m.Types[i]
}

func (m *Map) nullable(i int) bool { return m.Nullable[i/8]&(1<<(i%8)) != 0 }

// details is what the optional meta data say of one column.
type details struct {
	unsigned, signKnown bool
	collation           uint64
	collationKnown      bool
	members             []string
	point               bool
}

// eachColumn hands out the optional meta data, which are in order of the columns of each kind.
func (m *Map) eachColumn(f func(i int, d details)) {
	var numeric, character, enumOrSet, enum, set, geometry int
	for i := range m.Types {
		var d details
		t := m.realType(i)
		switch t {
		case column.WireTiny, column.WireShort, column.WireInt24, column.WireLong, column.WireLongLong, column.WireNewDecimal, column.WireFloat, column.WireDouble:
			if numeric/8 < len(m.signedness) {
				d.unsigned, d.signKnown = m.signedness[numeric/8]&(0x80>>(numeric%8)) != 0, true
			}
			numeric++
		case column.WireYear:
			if m.mariadb { // for which a year is a number without a sign
				numeric++
			}
		case column.WireEnum, column.WireSet:
			d.collation, d.collationKnown = m.enumCharset.of(enumOrSet)
			enumOrSet++
			if t == column.WireEnum && enum < len(m.enums) {
				d.members = m.enums[enum]
			}
			if t == column.WireSet && set < len(m.sets) {
				d.members = m.sets[set]
			}
			if t == column.WireEnum {
				enum++
			} else {
				set++
			}
		case column.WireString, column.WireVarString, column.WireVarchar, column.WireBlob, column.WireVarcharCompressed, column.WireBlobCompressed:
			d.collation, d.collationKnown = m.charsets.of(character)
			character++
		case column.WireGeometry:
			if m.mariadb {
				character++
			}
			d.point = geometry < len(m.geometry) && m.geometry[geometry] == geometryPoint
			geometry++
		}
		f(i, d)
	}
}

// fits tells whether a column of a shape can have a type and meta data of a table map.
func (charsets Charsets) fits(c *column.Column, wire byte, meta uint16) bool {
	real := wire
	if wire == column.WireString {
		if t := byte(meta >> 8); t == column.WireEnum || t == column.WireSet {
			real = t
		}
	}
	is := func(types ...byte) bool { return bytes.IndexByte(types, real) >= 0 }
	switch c.Type {
	case column.TinyInt:
		return is(column.WireTiny)
	case column.SmallInt:
		return is(column.WireShort)
	case column.MediumInt:
		return is(column.WireInt24)
	case column.Int:
		return is(column.WireLong)
	case column.BigInt:
		return is(column.WireLongLong)
	case column.Float:
		return is(column.WireFloat)
	case column.Double:
		return is(column.WireDouble)
	case column.Decimal:
		return is(column.WireNewDecimal) && int(meta>>8) == c.Length && int(meta&0xff) == c.Scale
	case column.Bit:
		return is(column.WireBit) && int(meta&0xff)+int(meta>>8)*8 == c.Length
	case column.Year:
		return is(column.WireYear)
	case column.Date:
		return is(column.WireDate, column.WireNewDate)
	case column.Time:
		return is(column.WireTime) && c.Scale == 0 || is(column.WireTime2) && int(meta) == c.Scale
	case column.DateTime:
		return is(column.WireDateTime) && c.Scale == 0 || is(column.WireDateTime2) && int(meta) == c.Scale
	case column.Timestamp:
		return is(column.WireTimestamp) && c.Scale == 0 || is(column.WireTimestamp2) && int(meta) == c.Scale
	case column.String:
		switch {
		case is(column.WireBlob, column.WireBlobCompressed):
			return strings.HasSuffix(c.SQLType, "TEXT") && meta == lengthBytes(c.SQLType)
		case is(column.WireString):
			return charsets.holds(c, stringLength(meta))
		case is(column.WireVarcharCompressed): // a byte tells how it is compressed
			return charsets.holds(c, int(meta)-1)
		}
		return is(column.WireVarchar, column.WireVarString) && charsets.holds(c, int(meta))
	case column.Binary:
		return is(column.WireString) && stringLength(meta) == c.Length
	case column.Blob:
		switch {
		case is(column.WireBlob, column.WireBlobCompressed):
			return strings.HasSuffix(c.SQLType, "BLOB") && meta == lengthBytes(c.SQLType)
		case is(column.WireVarcharCompressed):
			return int(meta)-1 == c.Length
		}
		return is(column.WireVarchar, column.WireVarString) && int(meta) == c.Length
	case column.Enum:
		return is(column.WireEnum)
	case column.Set:
		return is(column.WireSet)
	case column.JSON:
		return is(column.WireJSON)
	case column.Point, column.Geometry:
		return is(column.WireGeometry)
	case column.Vector:
		return is(column.WireVector)
	case column.UUID, column.INET6:
		return is(column.WireString) && stringLength(meta) == 16
	case column.INET4:
		return is(column.WireString) && stringLength(meta) == 4
	}
	return false
}

// holds tells whether a column of characters has a length in bytes.
func (charsets Charsets) holds(c *column.Column, bytes int) bool {
	n := charsets.bytes(c.Charset)
	return n == 0 || n*c.Length == bytes
}

// lengthBytes returns how many bytes the length of a TEXT or BLOB has.
func lengthBytes(sqlType string) uint16 {
	switch {
	case strings.HasPrefix(sqlType, "TINY"):
		return 1
	case strings.HasPrefix(sqlType, "MEDIUM"):
		return 3
	case strings.HasPrefix(sqlType, "LONG"):
		return 4
	}
	return 2
}

// stringLength returns the length in bytes of a CHAR or BINARY, whose two highest bits are hidden in the type.
func stringLength(meta uint16) int {
	return int(meta&0xff) | int((meta>>4)&0x300^0x300)
}

// plainTypes are the types of columns that the type in the map names by itself.
var plainTypes = map[byte]struct {
	kind column.Type
	name string
}{
	column.WireTiny:       {column.TinyInt, "TINYINT"},
	column.WireShort:      {column.SmallInt, "SMALLINT"},
	column.WireInt24:      {column.MediumInt, "MEDIUMINT"},
	column.WireLong:       {column.Int, "INT"},
	column.WireLongLong:   {column.BigInt, "BIGINT"},
	column.WireFloat:      {column.Float, "FLOAT"},
	column.WireDouble:     {column.Double, "DOUBLE"},
	column.WireNewDecimal: {column.Decimal, "DECIMAL"},
	column.WireBit:        {column.Bit, "BIT"},
	column.WireYear:       {column.Year, "YEAR"},
	column.WireDate:       {column.Date, "DATE"},
	column.WireNewDate:    {column.Date, "DATE"},
	column.WireTime:       {column.Time, "TIME"},
	column.WireTime2:      {column.Time, "TIME"},
	column.WireDateTime:   {column.DateTime, "DATETIME"},
	column.WireDateTime2:  {column.DateTime, "DATETIME"},
	column.WireTimestamp:  {column.Timestamp, "TIMESTAMP"},
	column.WireTimestamp2: {column.Timestamp, "TIMESTAMP"},
	column.WireEnum:       {column.Enum, "ENUM"},
	column.WireSet:        {column.Set, "SET"},
	column.WireJSON:       {column.JSON, "JSON"},
	column.WireVector:     {column.Vector, "VECTOR"},
	column.WireGeometry:   {column.Geometry, "GEOMETRY"},
}

// derive makes a column of what the map says alone.
func (m *Map) derive(i int, d details, charsets Charsets) (column.Column, error) {
	c := column.Column{Nullable: m.nullable(i), Unsigned: d.unsigned}
	meta := m.Meta[i]
	var charset Charset
	if d.collationKnown {
		var ok bool
		if charset, ok = charsets.byCollation[d.collation]; !ok {
			return c, fmt.Errorf("collation %d is not known to the server", d.collation)
		}
	}
	binary := charset.Name == "binary" || charset.Name == ""
	set := func(t column.Type, name string) { c.Type, c.SQLType = t, name }
	t := m.realType(i)
	if plain, ok := plainTypes[t]; ok {
		set(plain.kind, plain.name)
	}
	switch t {
	case column.WireNewDecimal:
		c.Length, c.Scale = int(meta>>8), int(meta&0xff)
	case column.WireBit:
		c.Length = int(meta&0xff) + int(meta>>8)*8
	case column.WireYear:
		c.Length = 4
	case column.WireTime, column.WireTime2, column.WireDateTime, column.WireDateTime2, column.WireTimestamp, column.WireTimestamp2:
		c.Scale = int(meta)
	case column.WireEnum, column.WireSet:
		c.Charset = charset.Name
		for _, member := range d.members {
			text, err := column.Decode(charset.Name, []byte(member))
			if err != nil {
				return c, fmt.Errorf("a member of %s: %w", c.SQLType, err)
			}
			c.Members = append(c.Members, text)
		}
	case column.WireGeometry:
		if d.point {
			set(column.Point, "POINT")
		}
	case column.WireString:
		c.Length = stringLength(meta)
		if binary {
			set(column.Binary, "BINARY")
		} else {
			set(column.String, "CHAR")
			c.Charset, c.Length = charset.Name, c.Length/max(charset.Bytes, 1)
		}
	case column.WireVarchar, column.WireVarString, column.WireVarcharCompressed:
		c.Length = int(meta)
		if binary {
			set(column.Blob, "VARBINARY")
		} else {
			set(column.String, "VARCHAR")
			c.Charset, c.Length = charset.Name, c.Length/max(charset.Bytes, 1)
		}
	case column.WireBlob, column.WireBlobCompressed:
		size := [...]string{"", "TINY", "", "MEDIUM", "LONG"}[min(meta, 4)]
		if binary {
			set(column.Blob, size+"BLOB")
		} else {
			set(column.String, size+"TEXT")
			c.Charset = charset.Name
		}
	}
	if c.Type == column.Unknown {
		return c, fmt.Errorf("its type %d is not known", t)
	}
	if c.Unsigned {
		c.SQLType += " UNSIGNED"
	}
	return c, nil
}

// Shape makes the shape that the map describes, with binlog_row_metadata=FULL. What the map lacks comes from the shapes given, first to last:
// for each column from one with the same name that can have its type, for the key from one that knows the table's columns. complete tells
// that every column was found in one of them. charsets are those of ReadCharsets.
func (m *Map) Shape(charsets Charsets, known ...*Shape) (shape *Shape, complete bool, err error) {
	if !m.Full() {
		return nil, false, errors.New("the table map has no column names: binlog_row_metadata is not FULL")
	}
	s := &Shape{ID: m.ID, Columns: make([]column.Column, len(m.Types)), Key: m.key}
	complete = true
	m.eachColumn(func(i int, d details) {
		c, problem := m.derive(i, d, charsets)
		if problem != nil && err == nil {
			err = fmt.Errorf("column %s of %s: %w", m.Names[i], m.ID, problem)
		}
		c.Name = m.Names[i]
		found := false
		for _, k := range known {
			if k == nil {
				continue
			}
			if j := k.Column(c.Name); j >= 0 && m.same(i, &c, &k.Columns[j], charsets) {
				c, found = k.Columns[j], true
				break
			}
		}
		complete = complete && found
		c.Name, c.Wire, c.Meta, c.Nullable = m.Names[i], m.Types[i], m.Meta[i], m.nullable(i)
		s.Columns[i] = c
	})
	if err != nil {
		return nil, false, err
	}
	for _, k := range known {
		if k == nil {
			continue
		}
		if s.Charset == "" {
			s.Charset = k.Charset
		}
		if len(s.Key) == 0 {
			s.Key = s.keyOf(k)
		}
	}
	m.hide(s, known)
	s.Key = s.present(s.Key)
	return s, complete, nil
}

// hide finds the hidden columns of a system-versioned table that does not exist any more, or is none any more: its primary key, too, ends with
// the last of them.
func (m *Map) hide(s *Shape, known []*Shape) {
	if !m.mariadb || s.rowEnd() >= 0 || len(m.key) == 0 || m.key[len(m.key)-1] != len(s.Columns)-1 || len(s.Columns) < 3 {
		return
	}
	last := s.Columns[len(s.Columns)-2:]
	for i, name := range []string{rowStart, rowEnd} {
		c := &last[i]
		if c.Name != name || c.Type != column.Timestamp || c.Scale != 6 || c.Nullable || slices.ContainsFunc(known, func(k *Shape) bool { return k != nil && k.Column(name) >= 0 }) {
			return
		}
	}
	last[0].Hidden, last[1].Hidden, last[1].RowEnd = true, true, true
}

// same tells whether a column of information_schema is the one that the map describes. A type of MariaDB that is sent as BINARY is only
// known there.
func (m *Map) same(i int, derived, known *column.Column, charsets Charsets) bool {
	if !charsets.fits(known, m.Types[i], m.Meta[i]) || known.Unsigned != derived.Unsigned {
		return false
	}
	switch known.Type {
	case column.UUID, column.INET4, column.INET6:
		return derived.Type == column.Binary
	case column.Point, column.Geometry:
		return true
	case column.Enum, column.Set:
		return known.Charset == derived.Charset && equalMembers(known.Members, derived.Members)
	case column.String:
		return derived.Type == column.String && (known.Charset == derived.Charset || sameCharset(known.Charset, derived.Charset))
	}
	return known.Type == derived.Type
}

// sameCharset knows the two names that utf8mb3 has had.
func sameCharset(a, b string) bool {
	old := func(name string) bool { return name == "utf8" || name == "utf8mb3" }
	return old(a) && old(b)
}

func equalMembers(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// keyOf takes over the key of another shape of the table, which may be a unique key: maps have the primary key alone.
func (s *Shape) keyOf(k *Shape) []int {
	var key []int
	for _, j := range k.Key {
		i := s.Column(k.Columns[j].Name)
		if i < 0 || s.Columns[i].Nullable {
			return nil
		}
		key = append(key, i)
	}
	return key
}

// Adopt returns a known shape with the types and meta data of the map, for maps without names: the columns are those of the shape, in its
// order. The error tells in which way the map does not fit.
func (m *Map) Adopt(known *Shape) (*Shape, error) { return m.adopt(Charsets{}, known) }

// adopt is Adopt with the sizes of characters, by which lengths are checked, too.
func (m *Map) adopt(charsets Charsets, known *Shape) (*Shape, error) {
	if len(known.Columns) != len(m.Types) {
		return nil, fmt.Errorf("it has %d columns, but the log's rows have %d", len(known.Columns), len(m.Types))
	}
	s := &Shape{ID: m.ID, Columns: make([]column.Column, len(m.Types)), Key: known.Key, Charset: known.Charset}
	var problem error
	m.eachColumn(func(i int, d details) {
		c := known.Columns[i]
		if problem == nil && (!charsets.fits(&c, m.Types[i], m.Meta[i]) || d.signKnown && d.unsigned != c.Unsigned) {
			problem = fmt.Errorf("its column %d, %s, is %s, but the log's rows have something else there (type %d)", i+1, c.Name, c.SQLType, m.Types[i])
		}
		c.Wire, c.Meta, c.Nullable = m.Types[i], m.Meta[i], m.nullable(i)
		s.Columns[i] = c
	})
	if problem != nil {
		return nil, problem
	}
	return s, nil
}
