package convert

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// avroText writes the Avro schemas of Connect schemas as Confluent's converter does, to the last character: the registry
// takes another text for another schema.
type avroText struct {
	meta, enhanced, scrub, nodoc bool
	b                            strings.Builder
	named                        map[string]*data.Schema // records that are written already
	nameless                     int
}

// schema appends the Avro schema of s; namespace is that of the record around it.
func (t *avroText) schema(s *data.Schema, namespace string) error {
	if !s.Optional() {
		return t.required(s, namespace)
	}
	initial, hasDefault := s.Default()
	t.b.WriteByte('[')
	if hasDefault && initial != nil {
		if err := t.required(s, namespace); err != nil {
			return err
		}
		t.b.WriteString(`,"null"]`)
		return nil
	}
	t.b.WriteString(`"null",`)
	if err := t.required(s, namespace); err != nil {
		return err
	}
	t.b.WriteByte(']')
	return nil
}

func (t *avroText) required(s *data.Schema, namespace string) error {
	switch s.Type() {
	case data.Struct:
		return t.record(s, namespace)
	case data.Array:
		t.b.WriteString(`{"type":"array","items":`)
		if err := t.schema(s.Element(), namespace); err != nil {
			return err
		}
	case data.Map:
		if err := t.mapping(s, namespace); err != nil {
			return err
		}
	case data.Any:
		return errors.New("a value without schema cannot be written as Avro; use a source or a transformation that gives it one, or JsonConverter with schemas.enable=false")
	default:
		return t.primitive(s)
	}
	if err := t.properties(&t.b, s); err != nil {
		return err
	}
	t.b.WriteByte('}')
	return nil
}

var avroPrimitives = map[data.Type]string{
	data.Int8: "int", data.Int16: "int", data.Int32: "int", data.Int64: "long", data.Float32: "float", data.Float64: "double",
	data.Boolean: "boolean", data.String: "string", data.Bytes: "bytes",
}

// primitive appends the name of a type, or an object where there is more to say.
func (t *avroText) primitive(s *data.Schema) error {
	details, err := t.details(s)
	if err != nil {
		return err
	}
	name := avroPrimitives[s.Type()]
	if symbols := symbolsOf(s); symbols != nil && t.enums() {
		return t.enumeration(s, symbols, details)
	}
	if size, ok := s.Parameter(avroFixedSize); ok && s.Type() == data.Bytes && s.Name() != data.DecimalName {
		namespace, short := splitName(s.Name())
		if short == "" {
			short, namespace = avroNameless, avroNamespace
		}
		fmt.Fprintf(&t.b, `{"type":"fixed","name":%s`, jsonText(short))
		if namespace != "" {
			fmt.Fprintf(&t.b, `,"namespace":%s`, jsonText(namespace))
		}
		if _, err := strconv.Atoi(size); err != nil {
			return fmt.Errorf("parameter %s is %q: it takes a number of bytes", avroFixedSize, size)
		}
		fmt.Fprintf(&t.b, `,"size":%s%s}`, size, details)
		return nil
	}
	if details == "" {
		fmt.Fprintf(&t.b, `"%s"`, name)
		return nil
	}
	fmt.Fprintf(&t.b, `{"type":"%s"%s}`, name, details)
	return nil
}

// enums tells whether strings that were enums are enums.
func (t *avroText) enums() bool { return t.enhanced && t.meta }

// symbolsOf returns the symbols of a string that was an enum in Avro, nil for others.
func symbolsOf(s *data.Schema) []string {
	if _, ok := s.Parameter(avroEnumName); !ok || s.Type() != data.String {
		return nil
	}
	symbols := []string{}
	for _, p := range s.Parameters() {
		if strings.HasPrefix(p.Key, avroEnumName+".") {
			symbols = append(symbols, p.Value)
		}
	}
	return symbols
}

func (t *avroText) enumeration(s *data.Schema, symbols []string, details string) error {
	full, _ := s.Parameter(avroEnumName)
	namespace, name := splitName(full)
	if before := t.named[full]; before != nil {
		t.b.WriteString(jsonText(full))
		return nil
	}
	t.named[full] = s
	fmt.Fprintf(&t.b, `{"type":"enum","name":%s`, jsonText(name))
	if namespace != "" {
		fmt.Fprintf(&t.b, `,"namespace":%s`, jsonText(namespace))
	}
	t.b.WriteString(`,"symbols":[`)
	for i, symbol := range symbols {
		if i > 0 {
			t.b.WriteByte(',')
		}
		t.b.WriteString(jsonText(symbol))
	}
	fmt.Fprintf(&t.b, `]%s}`, details)
	return nil
}

// details returns the properties of a primitive type.
func (t *avroText) details(s *data.Schema) (string, error) {
	var b strings.Builder
	logical := ""
	switch s.Name() {
	case data.DecimalName:
		scale, err := s.Scale()
		if err != nil {
			return "", err
		}
		precision, ok := s.Parameter(avroPrecision)
		if !ok {
			precision = strconv.Itoa(avroMaxDecimals)
		}
		fmt.Fprintf(&b, `,"scale":%d,"precision":%s`, scale, precision)
		logical = "decimal"
	case data.DateName:
		logical = "date"
	case data.TimeName:
		logical = "time-millis"
	case data.TimestampName:
		logical = "timestamp-millis"
	}
	if err := t.properties(&b, s); err != nil {
		return "", err
	}
	if logical != "" {
		fmt.Fprintf(&b, `,"logicalType":"%s"`, logical)
	}
	return b.String(), nil
}

// properties appends what Avro has no place for.
func (t *avroText) properties(b *strings.Builder, s *data.Schema) error {
	if t.meta {
		if doc := s.Doc(); doc != "" && !t.nodoc {
			fmt.Fprintf(b, `,"connect.doc":%s`, jsonText(doc))
		}
		if v, ok := s.Version(); ok {
			fmt.Fprintf(b, `,"connect.version":%d`, v)
		}
		if ps := s.Parameters(); len(ps) > 0 {
			b.WriteString(`,"connect.parameters":{`)
			for i, p := range ps {
				if i > 0 {
					b.WriteByte(',')
				}
				fmt.Fprintf(b, "%s:%s", jsonText(p.Key), jsonText(p.Value))
			}
			b.WriteByte('}')
		}
		if initial, ok := s.Default(); ok && initial != nil && !t.nodoc {
			text, err := avroInitial(s, initial)
			if err != nil {
				return err
			}
			fmt.Fprintf(b, `,"connect.default":%s`, text)
		}
		if s.Name() != "" {
			fmt.Fprintf(b, `,"connect.name":%s`, jsonText(s.Name()))
		}
	}
	switch s.Type() {
	case data.Int8:
		b.WriteString(`,"connect.type":"int8"`)
	case data.Int16:
		b.WriteString(`,"connect.type":"int16"`)
	}
	return nil
}

// textKeys tells that the keys of a map are what keys are in Avro.
func textKeys(s *data.Schema) bool { return s.Key().Type() == data.String && !s.Key().Optional() }

func (t *avroText) mapping(s *data.Schema, namespace string) error {
	if textKeys(s) {
		t.b.WriteString(`{"type":"map","values":`)
		return t.schema(s.Element(), namespace)
	}
	entry := avroMapEntry
	space := avroNamespace
	if s.Name() != "" {
		space, entry = splitName(s.Name())
	}
	fmt.Fprintf(&t.b, `{"type":"array","items":{"type":"record","name":%s`, jsonText(entry))
	if space != "" && space != namespace {
		fmt.Fprintf(&t.b, `,"namespace":%s`, jsonText(space))
	}
	t.b.WriteString(`,"fields":[{"name":"key","type":`)
	if err := t.schema(s.Key(), space); err != nil {
		return err
	}
	t.b.WriteString(`},{"name":"value","type":`)
	if err := t.schema(s.Element(), space); err != nil {
		return err
	}
	t.b.WriteString(`}],"connect.internal.type":"MapEntry"}`)
	return nil
}

func (t *avroText) record(s *data.Schema, namespace string) error {
	name := s.Name()
	if name == "" {
		t.nameless++
		name = avroNamespace + "." + avroNameless
		if t.nameless > 1 {
			name += strconv.Itoa(t.nameless)
		}
	}
	space, short := splitName(name)
	if t.scrub {
		short = scrubbed(short)
		parts := strings.Split(space, ".")
		for i := range parts {
			parts[i] = scrubbed(parts[i])
		}
		space = strings.Join(parts, ".")
	}
	for _, part := range append(strings.Split(space, "."), short) {
		if !avroName(part) && (part != "" || short == "") {
			return fmt.Errorf("%q in the schema name %s is no name in Avro: set scrub.invalid.names=true, or rename the schema with SetSchemaMetadata", part, name)
		}
	}
	full := short
	if space != "" {
		full = space + "." + short
	}
	if before := t.named[full]; before != nil {
		if !before.Equal(s) && !sameBut(before, s) {
			return fmt.Errorf("two different schemas have the name %s", name)
		}
		if space == namespace {
			full = short
		}
		t.b.WriteString(jsonText(full))
		return nil
	}
	t.named[full] = s
	fmt.Fprintf(&t.b, `{"type":"record","name":%s`, jsonText(short))
	if space != namespace {
		fmt.Fprintf(&t.b, `,"namespace":%s`, jsonText(space))
	}
	t.b.WriteString(`,"fields":[`)
	for i, f := range s.Fields() {
		if i > 0 {
			t.b.WriteByte(',')
		}
		if err := t.field(f, space); err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	t.b.WriteByte(']')
	if err := t.properties(&t.b, s); err != nil {
		return err
	}
	t.b.WriteByte('}')
	return nil
}

// sameBut tells that two schemas are the same but for whether they are optional.
func sameBut(a, b *data.Schema) bool {
	return slices.EqualFunc(a.Fields(), b.Fields(), func(x, y data.Field) bool { return x.Name == y.Name && x.Schema.Equal(y.Schema) })
}

func (t *avroText) field(f data.Field, namespace string) error {
	name := f.Name
	if t.scrub {
		name = scrubbed(name)
	}
	if !avroName(name) {
		return fmt.Errorf("%q is no name in Avro: set scrub.invalid.names=true, or rename the field with ReplaceField", f.Name)
	}
	fmt.Fprintf(&t.b, `{"name":%s,"type":`, jsonText(name))
	if err := t.schema(f.Schema, namespace); err != nil {
		return err
	}
	if doc := f.Schema.Doc(); doc != "" && !t.nodoc {
		fmt.Fprintf(&t.b, `,"doc":%s`, jsonText(doc))
	}
	if initial, ok := f.Schema.Default(); ok && initial != nil && !t.nodoc {
		text, err := avroInitial(f.Schema, initial)
		if err != nil {
			return err
		}
		fmt.Fprintf(&t.b, `,"default":%s`, text)
	} else if f.Schema.Optional() {
		t.b.WriteString(`,"default":null`)
	}
	t.b.WriteByte('}')
	return nil
}

// avroName tells whether a part of a name is one in Avro.
func avroName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// scrubbed makes a name of Avro, as scrub.invalid.names does.
func scrubbed(s string) string {
	if s == "" || avroName(s) {
		return s
	}
	var b strings.Builder
	if s[0] >= '0' && s[0] <= '9' {
		b.WriteByte('x')
		fmt.Fprintf(&b, "%X", s[0])
		s = s[1:]
	}
	for i := range len(s) {
		if c := s[i]; avroName("a" + string(rune(c))) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "_%02X", c)
		}
	}
	return b.String()
}

// avroWriter appends rows of one Connect schema in the encoding of its Avro schema.
type avroWriter struct {
	schema   *data.Schema
	nullLast bool // of an optional value with a default: the union's branch that is null comes second
	inner    []*avroWriter
	symbols  []string // of a string that is an enum
	wrong    *error   // the first value that its schema does not allow; one for all writers of a schema
}

func newAvroWriter(s *data.Schema, enums bool) *avroWriter { return avroWriterOf(s, enums, new(error)) }

func avroWriterOf(s *data.Schema, enums bool, wrong *error) *avroWriter {
	initial, hasDefault := s.Default()
	w := &avroWriter{schema: s, nullLast: hasDefault && initial != nil, wrong: wrong}
	if enums {
		w.symbols = symbolsOf(s)
	}
	switch s.Type() {
	case data.Struct:
		for _, f := range s.Fields() {
			w.inner = append(w.inner, avroWriterOf(f.Schema, enums, wrong))
		}
	case data.Array:
		w.inner = []*avroWriter{avroWriterOf(s.Element(), enums, wrong)}
	case data.Map:
		w.inner = []*avroWriter{avroWriterOf(s.Key(), enums, wrong), avroWriterOf(s.Element(), enums, wrong)}
	}
	return w
}

func appendAvroLong(dst []byte, n int64) []byte {
	return binary.AppendUvarint(dst, uint64(n<<1)^uint64(n>>63))
}

// null appends a null.
func (w *avroWriter) null(dst []byte) []byte {
	if w.nullLast {
		return append(dst, 2)
	}
	return append(dst, 0)
}

// append appends a value that is not null.
func (w *avroWriter) append(dst []byte, r *data.Reader) []byte {
	if w.schema.Optional() {
		if w.nullLast {
			dst = append(dst, 0)
		} else {
			dst = append(dst, 2)
		}
	}
	switch w.schema.Type() {
	case data.Boolean:
		if r.Bool() {
			return append(dst, 1)
		}
		return append(dst, 0)
	case data.Int8:
		return appendAvroLong(dst, int64(r.Int8()))
	case data.Int16:
		return appendAvroLong(dst, int64(r.Int16()))
	case data.Int32:
		return appendAvroLong(dst, int64(r.Int32()))
	case data.Int64:
		return appendAvroLong(dst, r.Int64())
	case data.Float32:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(r.Float32()))
	case data.Float64:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(r.Float64()))
	case data.String, data.Bytes:
		b := r.Bytes()
		if w.symbols != nil {
			return w.symbol(dst, b)
		}
		if w.schema.Type() == data.Bytes && w.fixed() {
			return append(dst, b...)
		}
		return append(appendAvroLong(dst, int64(len(b))), b...)
	case data.Array:
		n, nulls := r.Array(w.schema)
		if n > 0 {
			dst = appendAvroLong(dst, int64(n))
		}
		for i := range n {
			dst = w.inner[0].item(dst, r, nulls, i)
		}
		return append(dst, 0)
	case data.Map:
		n, keys, values := r.Map(w.schema)
		if n > 0 {
			dst = appendAvroLong(dst, int64(n))
		}
		for i := range n {
			dst = w.inner[0].item(dst, r, keys, i)
			dst = w.inner[1].item(dst, r, values, i)
		}
		return append(dst, 0)
	case data.Struct:
		nulls := r.Struct(w.schema)
		for i, inner := range w.inner {
			if nulls.Null(w.schema.NullBit(i)) {
				dst = inner.null(dst)
			} else {
				dst = inner.append(dst, r)
			}
		}
	}
	return dst
}

// symbol appends the number of a symbol.
func (w *avroWriter) symbol(dst, name []byte) []byte {
	for i, s := range w.symbols {
		if s == string(name) {
			return appendAvroLong(dst, int64(i))
		}
	}
	if *w.wrong == nil {
		*w.wrong = fmt.Errorf("%q is none of the symbols %s of the enum; set enhanced.avro.schema.support=false to write it as text", name, strings.Join(w.symbols, ", "))
	}
	return dst
}

// take returns the first value that its schema does not allow since the last call.
func (w *avroWriter) take() error {
	err := *w.wrong
	*w.wrong = nil
	return err
}

func (w *avroWriter) fixed() bool {
	_, ok := w.schema.Parameter(avroFixedSize)
	return ok && w.schema.Name() != data.DecimalName
}

// item appends an element of an array or map, of which null bit i tells whether it is null.
func (w *avroWriter) item(dst []byte, r *data.Reader, nulls data.Nulls, i int) []byte {
	if w.schema.Optional() && nulls.Null(i) {
		return w.null(dst)
	}
	return w.append(dst, r)
}
