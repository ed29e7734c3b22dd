package convert

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// Names with a meaning in Confluent's mapping between Protobuf and Connect.
const (
	protoNamespace = "io.confluent.connect.protobuf"
	protoEnum      = protoNamespace + ".Enum"
	protoUnion     = protoNamespace + ".Union."
	protoTag       = protoNamespace + ".Tag"
	protoNameless  = "ConnectDefault"
)

// protoText writes the Protobuf schema of a Connect schema, and at the same time works out how its values are written.
type protoText struct {
	scrub    bool
	optional bool // optional.for.nullables
	wrapper  bool // wrapper.for.nullables
	pkg      string
	imports  []string
	named    map[string]*protoNamed // messages that are defined, by the full names of the schemas
	taken    map[string]bool        // names of messages and enums
	nameless int
}

// protoNamed is a message that is defined.
type protoNamed struct {
	schema *data.Schema
	path   string // from the package on
	writer *protoWriter
}

// protoWriter appends rows of one struct as a message.
type protoWriter struct {
	schema *data.Schema
	fields []protoField
}

// protoForm is how a value is written.
type protoForm uint8

const (
	protoVarint protoForm = iota
	protoFixed32
	protoFixed64
	protoBytes
	protoSymbol
	protoDecimal
	protoDate
	protoTime
	protoTimestamp
	protoMessage
	protoArray
	protoMap
	protoOneof
)

// protoField is how a field of a struct is written.
type protoField struct {
	schema   *data.Schema
	name     string
	nullBit  int
	form     protoForm
	explicit bool // zeros are written, too
	wrapped  bool // in a message with one field
	scale    int  // of a decimal
	tag      []byte
	element  *protoField // of an array
	entry    [2]*protoField
	message  *protoWriter
	members  []protoField // of a oneof
	symbols  map[string]int32
}

// protoState is what writers of a schema share while they write.
type protoState struct {
	r   data.Reader
	err error
}

func (st *protoState) fail(err error) {
	if st.err == nil {
		st.err = err
	}
}

// file writes the schema of a struct.
func (t *protoText) file(s *data.Schema) (text, name string, w *protoWriter, err error) {
	if s.Type() != data.Struct {
		return "", "", nil, fmt.Errorf("%v is no STRUCT, and Protobuf has messages only; use StringConverter, or another converter, for it", s)
	}
	full := s.Name()
	if full == "" {
		t.nameless++
		full = protoNameless + "1"
	}
	space, short := splitName(full)
	if space != "" {
		parts := strings.Split(space, ".")
		for i := range parts {
			if parts[i], err = t.name(parts[i]); err != nil {
				return "", "", nil, err
			}
		}
		t.pkg = strings.Join(parts, ".")
	}
	if short, err = t.name(short); err != nil {
		return "", "", nil, err
	}
	t.named, t.taken = map[string]*protoNamed{}, map[string]bool{short: true}
	w = &protoWriter{schema: s}
	if s.Name() != "" {
		t.named[s.Name()] = &protoNamed{s, short, w}
	}
	body, err := t.message(w, short, short, 0)
	if err != nil {
		return "", "", nil, err
	}
	var b strings.Builder
	b.WriteString("syntax = \"proto3\";\n")
	name = short
	if t.pkg != "" {
		fmt.Fprintf(&b, "package %s;\n", t.pkg)
		name = t.pkg + "." + short
	}
	b.WriteByte('\n')
	slices.Sort(t.imports)
	for _, i := range t.imports {
		fmt.Fprintf(&b, "import \"%s\";\n", i)
	}
	if len(t.imports) > 0 {
		b.WriteByte('\n')
	}
	b.WriteString(body)
	return b.String(), name, w, nil
}

// name checks, or changes, a name.
func (t *protoText) name(s string) (string, error) {
	if protoName(s) {
		return s, nil
	}
	if !t.scrub {
		return "", fmt.Errorf("%q is no name in Protobuf: set scrub.invalid.names=true, or rename it with ReplaceField or SetSchemaMetadata", s)
	}
	var b strings.Builder
	if s == "" || (s[0]|0x20 < 'a' || s[0]|0x20 > 'z') {
		b.WriteByte('x')
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '_' || isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '-' || c == '.' || c == '*' || c == ' ':
			if !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') {
				c = '_'
			}
			b.WriteByte(c)
		default: // as it is escaped in the addresses of pages, with _ instead of %
			fmt.Fprintf(&b, "_%02X", c)
		}
	}
	return b.String(), nil
}

func protoName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || !isDigit(c)) {
			return false
		}
	}
	return s != ""
}

func (t *protoText) need(file string) {
	if !slices.Contains(t.imports, file) {
		t.imports = append(t.imports, file)
	}
}

// message writes the definition of a message; path is its name with those of the messages around it.
func (t *protoText) message(w *protoWriter, name, path string, depth int) (string, error) {
	scope := &protoScope{t: t, path: path, depth: depth, used: map[int]bool{}, names: map[string]bool{}}
	for _, f := range w.schema.Fields() {
		if tag, ok := scope.tagOf(f.Schema); ok {
			scope.used[tag] = true
		}
		if n, err := t.name(f.Name); err == nil {
			scope.names[n] = true
		}
	}
	for i, f := range w.schema.Fields() {
		field, err := scope.field(f, w.schema.NullBit(i))
		if err != nil {
			return "", within(err, f.Name)
		}
		w.fields = append(w.fields, field)
	}
	return scope.text(name), nil
}

// protoScope is a message that is being defined.
type protoScope struct {
	t       *protoText
	path    string
	depth   int
	fields  strings.Builder
	oneofs  strings.Builder
	inner   strings.Builder
	used    map[int]bool
	names   map[string]bool // of fields
	ordinal int
}

func (c *protoScope) text(name string) string {
	indent := strings.Repeat("  ", c.depth)
	text := indent + "message " + name + " {\n" + c.fields.String() + c.oneofs.String()
	if c.inner.Len() > 0 {
		text += "\n" + c.inner.String()
	}
	return text + indent + "}\n"
}

func (c *protoScope) tagOf(s *data.Schema) (int, bool) {
	text, ok := s.Parameter(protoTag)
	tag, err := strconv.Atoi(text)
	return tag, ok && err == nil && tag > 0 && tag < 1<<29
}

// tag returns the number of a field: that which it had, or the next.
func (c *protoScope) tag(s *data.Schema) int {
	if tag, ok := c.tagOf(s); ok {
		return tag
	}
	for c.ordinal++; c.used[c.ordinal] || c.ordinal >= 19000 && c.ordinal < 20000; c.ordinal++ {
	}
	return c.ordinal
}

// field defines a field.
func (c *protoScope) field(f data.Field, nullBit int) (protoField, error) {
	name, err := c.t.name(f.Name)
	if err != nil {
		return protoField{}, err
	}
	if f.Schema.Type() == data.Struct && strings.HasPrefix(f.Schema.Name(), protoUnion) {
		return c.oneof(f, nullBit)
	}
	field, line, err := c.line(f.Schema, name, c.tag(f.Schema))
	field.nullBit, field.name = nullBit, f.Name
	c.fields.WriteString(line)
	return field, err
}

func (c *protoScope) oneof(f data.Field, nullBit int) (protoField, error) {
	field := protoField{schema: f.Schema, name: f.Name, nullBit: nullBit, form: protoOneof}
	_, short := splitName(strings.TrimPrefix(f.Schema.Name(), protoUnion))
	name, err := c.t.name(short)
	if err != nil {
		return field, err
	}
	var lines strings.Builder
	for i, m := range f.Schema.Fields() {
		inner, err := c.t.name(m.Name)
		if err != nil {
			return field, err
		}
		if m.Schema.Type() == data.Array || m.Schema.Type() == data.Map {
			return field, within(fmt.Errorf("a oneof of Protobuf cannot have an %v", m.Schema.Type()), m.Name)
		}
		member, line, err := c.member(m.Schema, inner, c.tag(m.Schema))
		if err != nil {
			return field, within(err, m.Name)
		}
		member.nullBit, member.explicit = f.Schema.NullBit(i), true
		field.members = append(field.members, member)
		lines.WriteString("  " + line)
	}
	indent := strings.Repeat("  ", c.depth+1)
	fmt.Fprintf(&c.oneofs, "\n%soneof %s {\n%s%s}\n", indent, name, lines.String(), indent)
	return field, nil
}

// line defines a field of any type and returns its line.
func (c *protoScope) line(s *data.Schema, name string, tag int) (protoField, string, error) {
	switch s.Type() {
	case data.Array:
		e := s.Element()
		if e.Type() == data.Array || e.Type() == data.Map {
			return protoField{}, "", fmt.Errorf("an %v directly inside an ARRAY cannot be written as Protobuf", e.Type())
		}
		element, line, err := c.member(e, name, tag)
		element.explicit = true
		field := protoField{schema: s, form: protoArray, element: &element, tag: element.tag}
		if !element.wrapped && (element.form <= protoFixed64 || element.form == protoSymbol) {
			field.tag = protowire.AppendTag(nil, protowire.Number(tag), protowire.BytesType) // packed
		}
		return field, strings.Repeat("  ", c.depth+1) + "repeated " + strings.TrimLeft(line, " "), err
	case data.Map:
		return c.mapping(s, name, tag)
	}
	field, line, err := c.member(s, name, tag)
	if c.t.optional && s.Optional() && field.form < protoDecimal && !field.wrapped {
		field.explicit = true
		line = strings.Repeat("  ", c.depth+1) + "optional " + strings.TrimLeft(line, " ")
	}
	return field, line, err
}

// mapping defines a map: entries that are messages.
func (c *protoScope) mapping(s *data.Schema, name string, tag int) (protoField, string, error) {
	short := ""
	if s.Name() != "" {
		_, short = splitName(s.Name())
		var err error
		if short, err = c.t.name(short); err != nil {
			return protoField{}, "", err
		}
	}
	entry := c.fresh(short, "Entry")
	inner := &protoScope{t: c.t, path: c.path + "." + entry, depth: c.depth + 1, used: map[int]bool{}, names: map[string]bool{"key": true, "value": true}}
	field := protoField{schema: s, form: protoMap, tag: protowire.AppendTag(nil, protowire.Number(tag), protowire.BytesType)}
	for i, part := range [2]*data.Schema{s.Key(), s.Element()} {
		f, line, err := inner.line(part, [2]string{"key", "value"}[i], i+1)
		if err != nil {
			return field, "", err
		}
		inner.fields.WriteString(line)
		field.entry[i] = &f
	}
	c.inner.WriteString(inner.text(entry))
	return field, fmt.Sprintf("%srepeated %s %s = %d;\n", strings.Repeat("  ", c.depth+1), entry, name, tag), nil
}

// fresh returns a name for a message that nothing else has.
func (c *protoScope) fresh(short, suffix string) string {
	if short == "" {
		c.t.nameless++
		short = protoNameless + strconv.Itoa(c.t.nameless+1)
	}
	name := short + suffix
	if c.names[name] {
		name += "Message"
	}
	base := name
	for n := 2; c.t.taken[name] || c.names[name]; n++ {
		name = base + strconv.Itoa(n)
	}
	c.t.taken[name] = true
	return name
}

var protoPrimitives = map[data.Type]struct {
	name, wrapper string
	form          protoForm
	wire          protowire.Type
}{
	data.Boolean: {"bool", "Bool", protoVarint, protowire.VarintType},
	data.Int8:    {"int32", "Int32", protoVarint, protowire.VarintType},
	data.Int16:   {"int32", "Int32", protoVarint, protowire.VarintType},
	data.Int32:   {"int32", "Int32", protoVarint, protowire.VarintType},
	data.Int64:   {"int64", "Int64", protoVarint, protowire.VarintType},
	data.Float32: {"float", "Float", protoFixed32, protowire.Fixed32Type},
	data.Float64: {"double", "Double", protoFixed64, protowire.Fixed64Type},
	data.String:  {"string", "String", protoBytes, protowire.BytesType},
	data.Bytes:   {"bytes", "Bytes", protoBytes, protowire.BytesType},
}

var protoLogical = map[string]struct {
	name, file string
	form       protoForm
}{
	data.DecimalName:   {"confluent.type.Decimal", "confluent/type/decimal.proto", protoDecimal},
	data.DateName:      {"google.type.Date", "google/type/date.proto", protoDate},
	data.TimeName:      {"google.type.TimeOfDay", "google/type/timeofday.proto", protoTime},
	data.TimestampName: {"google.protobuf.Timestamp", "google/protobuf/timestamp.proto", protoTimestamp},
}

// member defines a field that is neither array nor map.
func (c *protoScope) member(s *data.Schema, name string, tag int) (protoField, string, error) {
	field := protoField{schema: s}
	wire, typ, options := protowire.BytesType, "", ""
	logical, isLogical := protoLogical[s.Name()]
	_, isEnum := s.Parameter(protoEnum)
	switch {
	case isLogical:
		field.form, typ = logical.form, logical.name
		c.t.need(logical.file)
		if field.form == protoDecimal {
			var err error
			if field.scale, err = scaleOf(s); err != nil {
				return field, "", err
			}
			params := [][2]string{{"scale", strconv.Itoa(field.scale)}}
			if precision, ok := s.Parameter(avroPrecision); ok {
				params = append([][2]string{{"precision", precision}}, params...)
			}
			options = c.options(params...)
		}
	case isEnum && (s.Type() == data.String || s.Type() == data.Int32):
		var err error
		if typ, err = c.enum(s, &field); err != nil {
			return field, "", err
		}
		wire = protowire.VarintType
	case s.Type() == data.Struct:
		var err error
		field.form = protoMessage
		if field.message, typ, err = c.nested(s); err != nil {
			return field, "", err
		}
	case s.Type() == data.Any:
		return field, "", errors.New("a value without schema cannot be written as Protobuf; use a source or a transformation that gives it one, or JsonConverter with schemas.enable=false")
	default:
		p := protoPrimitives[s.Type()]
		field.form, typ, wire = p.form, p.name, p.wire
		if s.Type() == data.Int8 || s.Type() == data.Int16 {
			options = c.options([2]string{"connect.type", strings.ToLower(s.Type().String())})
		}
		if c.t.wrapper && s.Optional() {
			c.t.need("google/protobuf/wrappers.proto")
			field.wrapped, typ, wire = true, "google.protobuf."+p.wrapper+"Value", protowire.BytesType
		}
	}
	field.tag = protowire.AppendTag(nil, protowire.Number(tag), wire)
	return field, fmt.Sprintf("%s%s %s = %d%s;\n", strings.Repeat("  ", c.depth+1), typ, name, tag, options), nil
}

// options are the metadata of a field.
func (c *protoScope) options(params ...[2]string) string {
	c.t.need("confluent/meta.proto")
	indent := strings.Repeat("  ", c.depth+1)
	var entries []string
	for _, p := range params {
		entries = append(entries, fmt.Sprintf("%s    {\n%s      key: %s,\n%s      value: %s\n%s    }", indent, indent, strconv.Quote(p[0]), indent, strconv.Quote(p[1]), indent))
	}
	return fmt.Sprintf(" [(confluent.field_meta) = {\n%s  params: [\n%s\n%s  ]\n%s}]", indent, strings.Join(entries, ",\n"), indent, indent)
}

// nested defines the message of a struct, or refers to it.
func (c *protoScope) nested(s *data.Schema) (*protoWriter, string, error) {
	if before := c.t.named[s.Name()]; s.Name() != "" && before != nil {
		if !sameBut(before.schema, s) {
			return nil, "", fmt.Errorf("two different schemas have the name %s", s.Name())
		}
		if c.path == before.path {
			return nil, "", fmt.Errorf("%s contains itself", s.Name())
		}
		outer, short := splitName(before.path)
		if outer == "" || c.path == outer || strings.HasPrefix(c.path, outer+".") {
			return before.writer, short, nil
		}
		full := before.path
		if c.t.pkg != "" {
			full = c.t.pkg + "." + full
		}
		return before.writer, "." + full, nil
	}
	short := ""
	if s.Name() != "" {
		_, short = splitName(s.Name())
		var err error
		if short, err = c.t.name(short); err != nil {
			return nil, "", err
		}
	}
	name := c.fresh(short, "")
	path := c.path + "." + name
	w := &protoWriter{schema: s}
	if s.Name() != "" {
		c.t.named[s.Name()] = &protoNamed{s, path, w}
	}
	text, err := c.t.message(w, name, path, c.depth+1)
	c.inner.WriteString(text)
	return w, name, err
}

// enum defines the enum of a string or number that was one.
func (c *protoScope) enum(s *data.Schema, field *protoField) (string, error) {
	name, _ := s.Parameter(protoEnum)
	_, name = splitName(name)
	name, err := c.t.name(name)
	if err != nil {
		return "", err
	}
	name = c.fresh(name, "")
	indent := strings.Repeat("  ", c.depth+1)
	fmt.Fprintf(&c.inner, "%senum %s {\n", indent, name)
	field.form, field.symbols = protoSymbol, map[string]int32{}
	if s.Type() == data.Int32 {
		field.form = protoVarint
	}
	for _, p := range s.Parameters() {
		symbol, ok := strings.CutPrefix(p.Key, protoEnum+".")
		if !ok {
			continue
		}
		number, err := strconv.ParseInt(p.Value, 10, 32)
		if err != nil || !protoName(symbol) {
			return "", fmt.Errorf("parameter %s=%s is no symbol of an enum with its number", p.Key, p.Value)
		}
		field.symbols[symbol] = int32(number)
		fmt.Fprintf(&c.inner, "%s  %s = %d;\n", indent, symbol, number)
	}
	fmt.Fprintf(&c.inner, "%s}\n", indent)
	if len(field.symbols) == 0 {
		return "", fmt.Errorf("the enum %s has no symbols: the schema lacks parameters such as %s.NAME=0", name, protoEnum)
	}
	return name, nil
}

// append appends the fields of a struct.
func (w *protoWriter) append(dst []byte, st *protoState) []byte {
	nulls := st.r.Struct(w.schema)
	for i := range w.fields {
		f := &w.fields[i]
		if !nulls.Null(f.nullBit) {
			dst = f.append(dst, st)
		}
	}
	return dst
}

// openPart opens a part of which the length comes first; closePart is its end.
func openPart(dst []byte) ([]byte, int) { return append(dst, 0), len(dst) + 1 }

func closePart(dst []byte, at int) []byte {
	n := len(dst) - at
	if n < 0x80 {
		dst[at-1] = byte(n)
		return dst
	}
	var head [binary.MaxVarintLen64]byte
	size := binary.PutUvarint(head[:], uint64(n))
	dst[at-1] = head[0]
	return slices.Insert(dst, at, head[1:size]...)
}

// append appends a field that is not null.
func (f *protoField) append(dst []byte, st *protoState) []byte {
	switch f.form {
	case protoArray:
		return f.array(dst, st)
	case protoMap:
		return f.mapping(dst, st)
	case protoOneof:
		nulls := st.r.Struct(f.schema)
		found := false
		for i := range f.members {
			m := &f.members[i]
			switch {
			case nulls.Null(m.nullBit):
			case found:
				st.r.Skip(m.schema)
			default:
				dst, found = m.append(dst, st), true
			}
		}
		return dst
	}
	from := len(dst)
	dst = append(dst, f.tag...)
	if !f.wrapped {
		var zero bool
		if dst, zero = f.value(dst, st); zero && !f.explicit {
			return dst[:from]
		}
		return dst
	}
	dst, at := openPart(dst)
	p := protoPrimitives[f.schema.Type()]
	dst = protowire.AppendTag(dst, 1, p.wire)
	dst, zero := f.value(dst, st)
	if zero {
		dst = dst[:at]
	}
	return closePart(dst, at)
}

func (f *protoField) array(dst []byte, st *protoState) []byte {
	n, nulls := st.r.Array(f.schema)
	if n == 0 {
		return dst
	}
	packed := !f.element.wrapped && (f.element.form <= protoFixed64 || f.element.form == protoSymbol)
	at := 0
	if packed {
		dst, at = openPart(append(dst, f.tag...))
	}
	for i := 0; i < n && st.err == nil && st.r.Err() == nil; i++ {
		switch {
		case nulls.Null(i):
			st.fail(within(errors.New("a null cannot be an element in Protobuf"), f.name+"["+strconv.Itoa(i)+"]"))
		case packed:
			dst, _ = f.element.value(dst, st)
		default:
			dst = f.element.append(dst, st)
		}
	}
	if packed {
		dst = closePart(dst, at)
	}
	return dst
}

func (f *protoField) mapping(dst []byte, st *protoState) []byte {
	n, keys, values := st.r.Map(f.schema)
	for i := 0; i < n && st.err == nil && st.r.Err() == nil; i++ {
		var at int
		dst, at = openPart(append(dst, f.tag...))
		if !keys.Null(i) {
			dst = f.entry[0].append(dst, st)
		}
		if !values.Null(i) {
			dst = f.entry[1].append(dst, st)
		}
		dst = closePart(dst, at)
	}
	return dst
}

// value appends a value without its tag, and tells whether it is one that is left out: zero or empty.
func (f *protoField) value(dst []byte, st *protoState) ([]byte, bool) {
	r := &st.r
	switch f.form {
	case protoVarint:
		n := f.integer(r)
		return binary.AppendUvarint(dst, uint64(n)), n == 0
	case protoFixed32:
		bits := math.Float32bits(r.Float32())
		return binary.LittleEndian.AppendUint32(dst, bits), bits == 0
	case protoFixed64:
		bits := math.Float64bits(r.Float64())
		return binary.LittleEndian.AppendUint64(dst, bits), bits == 0
	case protoBytes:
		b := r.Bytes()
		return append(binary.AppendUvarint(dst, uint64(len(b))), b...), len(b) == 0
	case protoSymbol:
		b := r.Bytes()
		n, ok := f.symbols[string(b)]
		if !ok {
			st.fail(within(fmt.Errorf("%q is none of the symbols of the enum", b), f.name))
		}
		return binary.AppendUvarint(dst, uint64(int64(n))), n == 0
	case protoDecimal:
		return appendProtoDecimal(dst, r.Bytes(), f.scale), false
	case protoDate:
		year, month, day := civil(int64(r.Int32()))
		dst, at := openPart(dst)
		dst = appendProtoInt(appendProtoInt(appendProtoInt(dst, 1, year), 2, month), 3, day)
		return closePart(dst, at), false
	case protoTime:
		return f.time(dst, st), false
	case protoTimestamp:
		millis := r.Int64()
		seconds := millis / 1000
		if millis%1000 < 0 {
			seconds--
		}
		dst, at := openPart(dst)
		dst = appendProtoInt(appendProtoInt(dst, 1, seconds), 2, (millis-seconds*1000)*1_000_000)
		return closePart(dst, at), false
	default:
		dst, at := openPart(dst)
		dst = f.message.append(dst, st)
		return closePart(dst, at), false
	}
}

func (f *protoField) integer(r *data.Reader) int64 {
	switch f.schema.Type() {
	case data.Boolean:
		if r.Bool() {
			return 1
		}
		return 0
	case data.Int8:
		return int64(r.Int8())
	case data.Int16:
		return int64(r.Int16())
	case data.Int32:
		return int64(r.Int32())
	}
	return r.Int64()
}

func (f *protoField) time(dst []byte, st *protoState) []byte {
	millis := int64(st.r.Int32())
	if millis < 0 || millis >= (24*time.Hour).Milliseconds() {
		st.fail(within(fmt.Errorf("%d is no time of day: it takes milliseconds from 0 to 86399999", millis), f.name))
		return dst
	}
	dst, at := openPart(dst)
	dst = appendProtoInt(dst, 1, millis/3_600_000)
	dst = appendProtoInt(dst, 2, millis/60_000%60)
	dst = appendProtoInt(dst, 3, millis/1000%60)
	dst = appendProtoInt(dst, 4, millis%1000*1_000_000)
	return closePart(dst, at)
}

// appendProtoInt appends a number with its tag, unless it is zero.
func appendProtoInt(dst []byte, tag protowire.Number, n int64) []byte {
	if n == 0 {
		return dst
	}
	return binary.AppendUvarint(protowire.AppendTag(dst, tag, protowire.VarintType), uint64(n))
}

// appendProtoDecimal appends the message confluent.type.Decimal: unscaled number, number of digits, scale.
func appendProtoDecimal(dst, unscaled []byte, scale int) []byte {
	dst, at := openPart(dst)
	if len(unscaled) > 0 {
		dst = protowire.AppendBytes(protowire.AppendTag(dst, 1, protowire.BytesType), unscaled)
	}
	digits := int64(1)
	if n, ok := data.UnscaledInt64(unscaled); ok {
		for n /= 10; n != 0; n /= 10 {
			digits++
		}
	} else {
		text := data.Unscaled(unscaled).String()
		digits = int64(len(strings.TrimPrefix(text, "-")))
	}
	dst = appendProtoInt(appendProtoInt(dst, 2, digits), 3, int64(scale))
	return closePart(dst, at)
}

// civil returns the date of a number of days since 1970-01-01, without a limit to the years.
func civil(days int64) (year, month, day int64) {
	const era = 146097 // days of 400 years
	days += 719468     // from March 1st of year 0 on
	eras := days / era
	if days%era < 0 {
		eras--
	}
	days -= eras * era
	year = (days - days/1460 + days/36524 - days/146096) / 365
	days -= 365*year + year/4 - year/100
	month = (5*days + 2) / 153
	day = days - (153*month+2)/5 + 1
	if month += 3; month > 12 {
		month -= 12
		year++
	}
	return year + eras*400, month, day
}

// daysOf is the inverse of civil; the error tells what is no date.
func daysOf(year, month, day int64) (int32, error) {
	t := time.Date(int(year), time.Month(month), int(day), 0, 0, 0, 0, time.UTC)
	if month < 1 || month > 12 || day < 1 || t.Day() != int(day) {
		return 0, fmt.Errorf("year %d, month %d, day %d is no date", year, month, day)
	}
	days := t.Unix() / (24 * 60 * 60)
	if days != int64(int32(days)) {
		return 0, fmt.Errorf("year %d, month %d, day %d is beyond all dates", year, month, day)
	}
	return int32(days), nil
}
