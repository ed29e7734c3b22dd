package convert

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// Names with a meaning in Confluent's mapping between Avro and Connect.
const (
	avroNamespace   = "io.confluent.connect.avro"
	avroNameless    = "ConnectDefault"
	avroUnionName   = avroNamespace + ".Union"
	avroEnumName    = avroNamespace + ".Enum"
	avroMapEntry    = "MapEntry"
	avroFixedSize   = "connect.fixed.size"
	avroPrecision   = "connect.decimal.precision"
	avroMaxDecimals = 64 // the precision that is meant when there is none
)

// avroReader reads values of one Avro schema into rows of a Connect schema.
type avroReader struct {
	kind    avroKind
	schema  *data.Schema
	null    int // of a union of null and one type: the branch that is null, -1 for no such union
	inner   []*avroReader
	symbols []string
	size    int
	entries bool // an array of records that is a map
}

// readable works out how values of an Avro schema are read, and the Connect schema that they get.
func readable(a *avroSchema, meta bool) (*avroReader, error) {
	return readableAs(a, avroContext{meta: meta})
}

// avroContext is what surrounds a schema.
type avroContext struct {
	meta     bool // connect.meta.data
	optional bool // it is a branch of a union with null
	initial  json.RawMessage
	doc      string
}

func readableAs(a *avroSchema, c avroContext) (*avroReader, error) {
	if a.kind == avroUnion {
		return readableUnion(a, c)
	}
	r := &avroReader{kind: a.kind, null: -1, symbols: a.symbols, size: a.size}
	b, err := r.builder(a, c)
	if err != nil {
		return nil, err
	}
	decorate(b, a, c)
	if c.initial == nil && c.meta {
		c.initial = a.connectDefault
	}
	if r.schema, err = b.Build(); err != nil {
		return nil, err
	}
	if c.initial != nil && !bytes.Equal(c.initial, []byte("null")) {
		value, err := avroDefault(r.schema, c.initial)
		if err != nil {
			return nil, fmt.Errorf("default %s: %w", c.initial, err)
		}
		if r.schema, err = b.DefaultRow(value).Build(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// decorate gives a schema its name, version, documentation and parameters.
func decorate(b *data.Builder, a *avroSchema, c avroContext) {
	if c.optional {
		b.Optional()
	}
	if !c.meta {
		if a.kind == avroRecord && a.name != avroNamespace+"."+avroNameless {
			b.Name(a.name)
		}
		return
	}
	if a.connectVersion != nil {
		b.Version(*a.connectVersion)
	}
	for _, p := range a.parameters {
		if a.logical != "decimal" || p.Key != data.DecimalScale {
			b.Parameter(p.Key, p.Value)
		}
	}
	name := a.connectName
	if name == "" && (a.kind == avroRecord || a.kind == avroEnum || a.kind == avroFixed) && a.name != avroNamespace+"."+avroNameless {
		name = a.name
	}
	if name != "" && a.logical != "decimal" {
		b.Name(name)
	}
	switch {
	case c.doc != "":
		b.Doc(c.doc)
	case a.doc != "":
		b.Doc(a.doc)
	case a.connectDoc != "":
		b.Doc(a.connectDoc)
	}
}

// builder starts the Connect schema.
func (r *avroReader) builder(a *avroSchema, c avroContext) (*data.Builder, error) {
	inner := avroContext{meta: c.meta}
	switch a.kind {
	case avroBoolean:
		return data.NewSchema(data.Boolean), nil
	case avroInt:
		switch {
		case a.connectType == "int8" && c.meta:
			return data.NewSchema(data.Int8), nil
		case a.connectType == "int16" && c.meta:
			return data.NewSchema(data.Int16), nil
		case a.logical == "date":
			return data.NewSchema(data.Int32).Name(data.DateName).Version(1), nil
		case a.logical == "time-millis":
			return data.NewSchema(data.Int32).Name(data.TimeName).Version(1), nil
		}
		return data.NewSchema(data.Int32), nil
	case avroLong:
		if a.logical == "timestamp-millis" {
			return data.NewSchema(data.Int64).Name(data.TimestampName).Version(1), nil
		}
		return data.NewSchema(data.Int64), nil
	case avroFloat:
		return data.NewSchema(data.Float32), nil
	case avroDouble:
		return data.NewSchema(data.Float64), nil
	case avroString:
		return data.NewSchema(data.String), nil
	case avroEnum:
		b := data.NewSchema(data.String)
		if c.meta {
			b.Parameter(avroEnumName, a.name)
			for _, s := range a.symbols {
				b.Parameter(avroEnumName+"."+s, s)
			}
		}
		return b, nil
	case avroBytes, avroFixed:
		if a.logical == "decimal" {
			b := data.NewDecimal(a.scale)
			if a.precision != 0 && a.precision != avroMaxDecimals {
				b.Parameter(avroPrecision, strconv.Itoa(a.precision))
			}
			return b, nil
		}
		b := data.NewSchema(data.Bytes)
		if a.kind == avroFixed {
			b.Parameter(avroFixedSize, strconv.Itoa(a.size))
		}
		return b, nil
	case avroArray:
		if e := a.items; e.kind == avroRecord && (e.internal == avroMapEntry || e.name == avroNamespace+"."+avroMapEntry) && len(e.fields) == 2 {
			return r.entriesOf(e, inner)
		}
		item, err := readableAs(a.items, inner)
		if err != nil {
			return nil, err
		}
		r.inner = []*avroReader{item}
		return data.NewArray(item.schema), nil
	case avroMap:
		value, err := readableAs(a.items, inner)
		if err != nil {
			return nil, err
		}
		r.inner = []*avroReader{{kind: avroString, schema: data.StringSchema, null: -1}, value}
		return data.NewMap(data.StringSchema, value.schema), nil
	case avroRecord:
		return r.record(a, inner)
	}
	return nil, errors.New("a value that can only be null has no Connect schema")
}

// entriesOf reads an array of entries as a map, for keys that are no strings.
func (r *avroReader) entriesOf(e *avroSchema, c avroContext) (*data.Builder, error) {
	key, err := readableAs(e.fields[0].schema, c)
	if err != nil {
		return nil, err
	}
	value, err := readableAs(e.fields[1].schema, c)
	if err != nil {
		return nil, err
	}
	r.entries, r.inner = true, []*avroReader{key, value}
	return data.NewMap(key.schema, value.schema), nil
}

func (r *avroReader) record(a *avroSchema, c avroContext) (*data.Builder, error) {
	r.inner = nil
	b := data.NewStruct("")
	for _, f := range a.fields {
		c.initial, c.doc = f.initial, f.doc
		inner, err := readableAs(f.schema, c)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", f.name, err)
		}
		r.inner = append(r.inner, inner)
		b.Field(f.name, inner.schema)
	}
	return b, nil
}

// readableUnion reads null and one type as an optional value, anything else as a struct with a field for each branch.
func readableUnion(a *avroSchema, c avroContext) (*avroReader, error) {
	null, types := -1, []*avroSchema{}
	for i, b := range a.branches {
		if b.kind == avroNull {
			null = i
		} else {
			types = append(types, b)
		}
	}
	if null >= 0 && len(types) == 1 && len(a.branches) == 2 {
		c.optional = true
		inner, err := readableAs(types[0], c)
		if err != nil {
			return nil, err
		}
		return &avroReader{kind: avroUnion, schema: inner.schema, null: null, inner: []*avroReader{inner}}, nil
	}
	r := &avroReader{kind: avroUnion, null: -1}
	b := data.NewStruct(avroUnionName)
	for _, branch := range a.branches {
		if branch.kind == avroNull {
			r.inner = append(r.inner, nil)
			continue
		}
		inner, err := readableAs(branch, avroContext{meta: c.meta, optional: true})
		if err != nil {
			return nil, err
		}
		r.inner = append(r.inner, inner)
		b.Field(branch.branchName(), inner.schema)
	}
	if null >= 0 || c.optional {
		b.Optional()
	}
	var err error
	r.schema, err = b.Build()
	return r, err
}

// branchName is the field of a union's branch.
func (a *avroSchema) branchName() string {
	if a.name != "" {
		_, name := splitName(a.name)
		return name
	}
	for name, k := range avroKinds {
		if k == a.kind && name != "error" {
			return name
		}
	}
	return ""
}

// splitName splits a full name into namespace and name.
func splitName(full string) (namespace, name string) {
	for i := len(full) - 1; i >= 0; i-- {
		if full[i] == '.' {
			return full[:i], full[i+1:]
		}
	}
	return "", full
}

// avroInput is the Avro encoding of a value that is being read.
type avroInput struct {
	b   []byte
	err error
}

var errAvroShort = errors.New("the value ends before its Avro schema does")

func (in *avroInput) fail(err error) {
	if in.err == nil {
		in.err, in.b = err, nil
	}
}

func (in *avroInput) long() int64 {
	u, n := binary.Uvarint(in.b)
	if n <= 0 {
		in.fail(errAvroShort)
		return 0
	}
	in.b = in.b[n:]
	return int64(u>>1) ^ -int64(u&1)
}

func (in *avroInput) take(n int64) []byte {
	if n < 0 || n > int64(len(in.b)) {
		in.fail(errAvroShort)
		return nil
	}
	b := in.b[:n]
	in.b = in.b[n:]
	return b
}

// readAll reads the value that a row is.
func (r *avroReader) readAll(w *data.Writer, in *avroInput) {
	switch { // a struct that is all of a row is not opened
	case r.kind == avroRecord:
		for _, f := range r.inner {
			f.read(w, in)
		}
	case r.kind == avroUnion && r.null >= 0:
		if branch := in.long(); branch < 0 || branch > 1 || int(branch) == r.null {
			in.fail(fmt.Errorf("branch %d of a union of 2", branch))
			return
		}
		r.inner[0].readAll(w, in)
	case r.kind == avroUnion:
		branch := in.long()
		if branch < 0 || branch >= int64(len(r.inner)) || r.inner[branch] == nil {
			in.fail(fmt.Errorf("branch %d of a union of %d", branch, len(r.inner)))
			return
		}
		r.readBranch(w, in, int(branch))
	default:
		r.read(w, in)
	}
}

// read reads one value.
func (r *avroReader) read(w *data.Writer, in *avroInput) {
	if in.err != nil {
		return
	}
	switch r.kind {
	case avroUnion:
		r.readUnion(w, in)
	case avroBoolean:
		if b := in.take(1); b != nil {
			w.Bool(b[0] != 0)
		}
	case avroInt, avroLong:
		r.readInteger(w, in.long(), in)
	case avroFloat:
		if b := in.take(4); b != nil {
			w.Float32(math.Float32frombits(binary.LittleEndian.Uint32(b)))
		}
	case avroDouble:
		if b := in.take(8); b != nil {
			w.Float64(math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
	case avroString:
		b := in.take(in.long())
		if !utf8.Valid(b) {
			in.fail(errNotUTF8)
			return
		}
		w.StringBytes(b)
	case avroEnum:
		i := in.long()
		if i < 0 || i >= int64(len(r.symbols)) {
			in.fail(fmt.Errorf("symbol %d of an enum that has %d", i, len(r.symbols)))
			return
		}
		w.String(r.symbols[i])
	case avroBytes:
		w.Bytes(in.take(in.long()))
	case avroFixed:
		w.Bytes(in.take(int64(r.size)))
	case avroArray, avroMap:
		r.readItems(w, in)
	case avroRecord:
		w.Struct()
		for _, f := range r.inner {
			f.read(w, in)
		}
		w.End()
	default:
		in.fail(fmt.Errorf("a value that can only be null"))
	}
}

func (r *avroReader) readUnion(w *data.Writer, in *avroInput) {
	branch := in.long()
	if branch < 0 || branch >= int64(max(len(r.inner), 2)) || r.null < 0 && branch >= int64(len(r.inner)) {
		in.fail(fmt.Errorf("branch %d of a union of %d", branch, max(len(r.inner), 2)))
		return
	}
	if in.err != nil {
		return
	}
	if r.null >= 0 {
		if int(branch) == r.null {
			w.Null()
		} else {
			r.inner[0].read(w, in)
		}
		return
	}
	if r.inner[branch] == nil {
		w.Null()
		return
	}
	w.Struct()
	r.readBranch(w, in, int(branch))
	w.End()
}

// readBranch writes the fields of a union: that of the branch has a value.
func (r *avroReader) readBranch(w *data.Writer, in *avroInput, branch int) {
	for i, inner := range r.inner {
		switch {
		case inner == nil:
		case i == branch:
			inner.read(w, in)
		default:
			w.Null()
		}
	}
}

func (r *avroReader) readInteger(w *data.Writer, n int64, in *avroInput) {
	switch r.schema.Type() {
	case data.Int8:
		if n != int64(int8(n)) {
			in.fail(fmt.Errorf("%d is no int8", n))
			return
		}
		w.Int8(int8(n))
	case data.Int16:
		if n != int64(int16(n)) {
			in.fail(fmt.Errorf("%d is no int16", n))
			return
		}
		w.Int16(int16(n))
	case data.Int32:
		if n != int64(int32(n)) {
			in.fail(fmt.Errorf("%d is no int", n))
			return
		}
		w.Int32(int32(n))
	default:
		w.Int64(n)
	}
}

// readItems reads the blocks of an array or map. How many items there are must be known before the first: they are counted.
func (r *avroReader) readItems(w *data.Writer, in *avroInput) {
	ahead := *in
	count := int64(0)
	for {
		n := ahead.block()
		if n == 0 || ahead.err != nil {
			break
		}
		if count += n; count > 1<<26 || int64(len(ahead.b)) < n && r.least() > 0 {
			ahead.fail(errAvroShort)
			break
		}
		for range n {
			for _, inner := range r.inner {
				inner.skip(&ahead)
			}
			if ahead.err != nil {
				break
			}
		}
	}
	if ahead.err != nil {
		in.fail(ahead.err)
		return
	}
	if r.schema.Type() == data.Map {
		w.Map(int(count))
	} else {
		w.Array(int(count))
	}
	for n := in.block(); n > 0 && in.err == nil; n = in.block() {
		for range n {
			for _, inner := range r.inner {
				inner.read(w, in)
			}
		}
	}
	w.End()
}

// block reads how many items the next block has.
func (in *avroInput) block() int64 {
	n := in.long()
	if n < 0 {
		n = -n
		in.long() // its size in bytes
	}
	if n < 0 {
		in.fail(errAvroShort)
	}
	return n
}

// least is whether an item takes any bytes at all.
func (r *avroReader) least() int {
	for _, inner := range r.inner {
		switch {
		case inner.kind == avroRecord && inner.least() == 0:
		case inner.kind == avroFixed && inner.size == 0:
		default:
			return 1
		}
	}
	return 0
}

// skip steps over one value.
func (r *avroReader) skip(in *avroInput) {
	if in.err != nil {
		return
	}
	switch r.kind {
	case avroUnion:
		branch := in.long()
		switch {
		case r.null >= 0 && int(branch) == r.null:
		case r.null >= 0:
			r.inner[0].skip(in)
		case branch >= 0 && branch < int64(len(r.inner)):
			if r.inner[branch] != nil {
				r.inner[branch].skip(in)
			}
		default:
			in.fail(errAvroShort)
		}
	case avroBoolean:
		in.take(1)
	case avroInt, avroLong, avroEnum:
		in.long()
	case avroFloat:
		in.take(4)
	case avroDouble:
		in.take(8)
	case avroString, avroBytes:
		in.take(in.long())
	case avroFixed:
		in.take(int64(r.size))
	case avroArray, avroMap:
		for n := in.block(); n > 0 && in.err == nil; n = in.block() {
			for i := int64(0); i < n && in.err == nil; i++ {
				for _, inner := range r.inner {
					inner.skip(in)
				}
				if r.least() == 0 {
					break
				}
			}
		}
	case avroRecord:
		for _, f := range r.inner {
			f.skip(in)
		}
	}
}

// avroDefault encodes the default of a field, which is JSON, as a row of its schema.
func avroDefault(s *data.Schema, text json.RawMessage) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	value, err := avroDefaultOf(s, v)
	if err != nil {
		return nil, err
	}
	return data.Encode(nil, s, value)
}

// avroDefaultOf brings JSON into the form that data.Encode takes.
func avroDefaultOf(s *data.Schema, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	wrong := fmt.Errorf("%v is no %s", v, s)
	switch s.Type() {
	case data.Boolean:
		if b, ok := v.(bool); ok {
			return b, nil
		}
	case data.Int8, data.Int16, data.Int32, data.Int64:
		if n, ok := v.(json.Number); ok {
			i, err := n.Int64()
			if err != nil {
				return nil, wrong
			}
			return i, nil
		}
	case data.Float32, data.Float64:
		switch n := v.(type) {
		case json.Number:
			return n.Float64()
		case string:
			return strconv.ParseFloat(n, 64)
		}
	case data.String:
		if t, ok := v.(string); ok {
			return t, nil
		}
	case data.Bytes:
		t, ok := v.(string)
		if !ok {
			return nil, wrong
		}
		var b []byte
		for _, c := range t {
			if c > 0xff {
				return nil, wrong
			}
			b = append(b, byte(c))
		}
		if s.Name() == data.DecimalName {
			return data.Unscaled(b), nil
		}
		return b, nil
	case data.Array:
		if list, ok := v.([]any); ok {
			for i := range list {
				var err error
				if list[i], err = avroDefaultOf(s.Element(), list[i]); err != nil {
					return nil, err
				}
			}
			return list, nil
		}
	case data.Map:
		if list, ok := v.([]any); ok {
			return avroEntries(s, list)
		}
		if m, ok := v.(map[string]any); ok {
			for k := range m {
				var err error
				if m[k], err = avroDefaultOf(s.Element(), m[k]); err != nil {
					return nil, err
				}
			}
			return m, nil
		}
	case data.Struct:
		if m, ok := v.(map[string]any); ok {
			for _, f := range s.Fields() {
				var err error
				if m[f.Name], err = avroDefaultOf(f.Schema, m[f.Name]); err != nil {
					return nil, err
				}
			}
			return m, nil
		}
	}
	return nil, wrong
}

// avroEntries reads the pairs of a map whose keys are no strings.
func avroEntries(s *data.Schema, list []any) (any, error) {
	entries := make([]data.Entry, len(list))
	for i, v := range list {
		pair, ok := v.([]any)
		if !ok || len(pair) != 2 {
			return nil, fmt.Errorf("%v is no entry of %s", v, s)
		}
		var err error
		if entries[i].Key, err = avroDefaultOf(s.Key(), pair[0]); err != nil {
			return nil, err
		}
		if entries[i].Value, err = avroDefaultOf(s.Element(), pair[1]); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// avroInitial is a default as Avro schemas have it: JSON, with bytes as a text of as many characters.
func avroInitial(s *data.Schema, row []byte) (string, error) {
	v, err := data.Decode(s, row)
	if err != nil {
		return "", err
	}
	return avroJSON(s, v), nil
}

// avroJSON is a value, in the form that data.Decode returns, as the JSON of a default.
func avroJSON(s *data.Schema, v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case string:
		return jsonText(v)
	case []byte:
		return latinText(v)
	case data.Decimal:
		return latinText(data.AppendUnscaled(nil, v.Unscaled))
	case time.Time:
		if s.Name() == data.DateName {
			return strconv.Itoa(int(data.DateOf(v)))
		}
		return strconv.FormatInt(v.UnixMilli(), 10)
	case time.Duration:
		return strconv.Itoa(int(data.TimeOfDay(v)))
	case float32:
		return avroFloatText(float64(v), 32)
	case float64:
		return avroFloatText(v, 64)
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = avroJSON(s.Element(), v[i])
		}
		return "[" + strings.Join(parts, ",") + "]"
	case []data.Entry:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = "[" + avroJSON(s.Key(), e.Key) + "," + avroJSON(s.Element(), e.Value) + "]"
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		var parts []string
		if s.Type() == data.Struct {
			for _, f := range s.Fields() {
				parts = append(parts, jsonText(f.Name)+":"+avroJSON(f.Schema, v[f.Name]))
			}
		} else {
			for _, k := range slices.Sorted(maps.Keys(v)) {
				parts = append(parts, jsonText(k)+":"+avroJSON(s.Element(), v[k]))
			}
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	return fmt.Sprint(v) // integers
}

// latinText is bytes as a JSON string of the characters with their numbers.
func latinText(b []byte) string {
	text := make([]rune, len(b))
	for i, c := range b {
		text[i] = rune(c)
	}
	return jsonText(string(text))
}

func avroFloatText(f float64, bits int) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return jsonText(strconv.FormatFloat(f, 'g', -1, bits))
	}
	text := strconv.FormatFloat(f, 'g', -1, bits)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}

// jsonText is a string as JSON, with nothing escaped that need not be.
func jsonText(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can always be encoded
	return string(bytes.TrimRight(b.Bytes(), "\n"))
}
