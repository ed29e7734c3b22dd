package convert

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/outboard-connect/outboard/host/internal/registry"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// protoFiles are schemas that registries have without being told, beside those of google/protobuf.
var protoFiles = map[string]string{
	"google/type/date.proto":       "syntax = \"proto3\"; package google.type; message Date { int32 year = 1; int32 month = 2; int32 day = 3; }",
	"google/type/timeofday.proto":  "syntax = \"proto3\"; package google.type; message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }",
	"confluent/type/decimal.proto": "syntax = \"proto3\"; package confluent.type; message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }",
	"confluent/meta.proto": "syntax = \"proto3\"; package confluent; import \"google/protobuf/descriptor.proto\";" +
		"message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }" +
		"extend google.protobuf.FileOptions { Meta file_meta = 1088; } extend google.protobuf.MessageOptions { Meta message_meta = 1088; }" +
		"extend google.protobuf.FieldOptions { Meta field_meta = 1088; } extend google.protobuf.EnumOptions { Meta enum_meta = 1088; }" +
		"extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }",
}

// protoMeta is the number of the metadata in the options of a field.
const protoMeta = 1088

// parseProto parses a schema with what it imports.
func parseProto(text string, references []registry.Reference) (protoreflect.FileDescriptor, error) {
	const name = "the schema" // no import can have it
	sources := map[string]string{name: text}
	for n, t := range protoFiles {
		sources[n] = t
	}
	for _, r := range references {
		sources[r.Name] = r.Text
	}
	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(sources)}),
		MaxParallelism: 1,
	}
	files, err := compiler.Compile(context.Background(), name)
	if err != nil {
		return nil, fmt.Errorf("the Protobuf schema cannot be read: %w", err)
	}
	return files[0], nil
}

// protoSettings say how Protobuf schemas become Connect schemas.
type protoSettings struct {
	enhanced bool // enhanced.protobuf.schema.support: full names
	optional bool // optional.for.nullables
	wrapper  bool // wrapper.for.nullables
	indexed  bool // generate.index.for.unions
	numbers  bool // int.for.enums
}

// protoReader reads messages of one type into rows of a Connect schema.
type protoReader struct {
	schema *data.Schema
	slots  []protoSlot   // the fields of the message
	fields [][]int       // of the schema: the slots, more than one for a oneof
	union  []bool        // whether a field is a oneof
	near   []int32       // slot and one by field number, where numbers are small
	far    map[int32]int // slot by field number, where they are not
	entry  bool          // of a map
}

// protoSlot is how a field of a message is read.
type protoSlot struct {
	number   protowire.Number
	name     string
	kind     protoreflect.Kind
	form     protoForm
	repeated bool
	presence bool
	wrapped  bool
	scale    int64        // of a decimal
	schema   *data.Schema // of the field, or of an element
	message  *protoReader
	symbols  map[int32]string
}

// protoBuilder makes readers.
type protoBuilder struct {
	protoSettings
	open  []protoreflect.FullName
	parts int
}

// message makes the reader of a message, and the builder of its schema.
func (p *protoBuilder) message(d protoreflect.MessageDescriptor) (*protoReader, *data.Builder, error) {
	for _, name := range p.open {
		if name == d.FullName() {
			return nil, nil, fmt.Errorf("message %s contains itself: Connect has no such schemas", name)
		}
	}
	if p.parts++; p.parts > mostParts {
		return nil, nil, fmt.Errorf("the Protobuf schema has more than %d parts", mostParts)
	}
	p.open = append(p.open, d.FullName())
	defer func() { p.open = p.open[:len(p.open)-1] }()
	r := &protoReader{far: map[int32]int{}}
	name := string(d.Name())
	if p.enhanced {
		name = string(d.FullName())
	}
	b := data.NewStruct(name)
	fields := d.Fields()
	schemas := make([]*data.Schema, fields.Len())
	for i := range fields.Len() {
		slot, schema, err := p.field(fields.Get(i))
		if err != nil {
			return nil, nil, within(err, string(fields.Get(i).Name()))
		}
		schemas[i] = schema
		r.slots = append(r.slots, slot)
		if n := int32(slot.number); n < 256 {
			for int(n) >= len(r.near) {
				r.near = append(r.near, 0)
			}
			r.near[n] = int32(i) + 1
		} else {
			r.far[n] = i
		}
	}
	// Unions come first, as in Confluent's schemas.
	for i := range d.Oneofs().Len() {
		oneof := d.Oneofs().Get(i)
		if oneof.IsSynthetic() {
			continue
		}
		union := data.NewStruct(protoUnion + string(oneof.Name())).Optional()
		var slots []int
		for j := range oneof.Fields().Len() {
			f := oneof.Fields().Get(j)
			slots = append(slots, f.Index())
			union.Field(string(f.Name()), schemas[f.Index()])
		}
		s, err := union.Build()
		if err != nil {
			return nil, nil, err
		}
		name := string(oneof.Name())
		if p.indexed {
			name += "_" + strconv.Itoa(i)
		}
		b.Field(name, s)
		r.fields, r.union = append(r.fields, slots), append(r.union, true)
	}
	for i := range fields.Len() {
		f := fields.Get(i)
		if oneof := f.ContainingOneof(); oneof == nil || oneof.IsSynthetic() {
			b.Field(string(f.Name()), schemas[i])
			r.fields, r.union = append(r.fields, []int{i}), append(r.union, false)
		}
	}
	return r, b, nil
}

// isEntry tells whether a message is an entry of a map.
func isEntry(d protoreflect.MessageDescriptor) bool {
	return d.Fields().Len() == 2 && strings.HasSuffix(string(d.Name()), "Entry") && d.Fields().Get(0).Name() == "key" && d.Fields().Get(1).Name() == "value"
}

// field makes the slot of a field, and its schema.
func (p *protoBuilder) field(d protoreflect.FieldDescriptor) (protoSlot, *data.Schema, error) {
	slot := protoSlot{
		number: d.Number(), name: string(d.Name()), kind: d.Kind(), repeated: d.Cardinality() == protoreflect.Repeated,
		presence: d.HasPresence(),
	}
	b, err := p.builder(d, &slot)
	if err != nil {
		return slot, nil, err
	}
	message := d.Message() != nil
	isMap := slot.form == protoMap
	if message && !isMap || d.Enum() != nil && !slot.repeated {
		b.Optional()
	}
	if slot.repeated && !isMap {
		if slot.schema, err = b.Optional().Build(); err != nil {
			return slot, nil, err
		}
		b = data.NewArray(slot.schema).Optional()
	}
	if slot.presence && !message || !p.optional && !p.wrapper {
		b.Optional()
	}
	b.Parameter(protoTag, strconv.Itoa(int(d.Number())))
	s, err := b.Build()
	if !slot.repeated || isMap {
		slot.schema = s
	}
	return slot, s, err
}

// builder starts the schema of a field's value, without what comes from its place.
func (p *protoBuilder) builder(d protoreflect.FieldDescriptor, slot *protoSlot) (*data.Builder, error) {
	switch d.Kind() {
	case protoreflect.BoolKind:
		return data.NewSchema(data.Boolean), nil
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return data.NewSchema(smallOf(d)), nil
	case protoreflect.FloatKind:
		return data.NewSchema(data.Float32), nil
	case protoreflect.DoubleKind:
		return data.NewSchema(data.Float64), nil
	case protoreflect.StringKind:
		return data.NewSchema(data.String), nil
	case protoreflect.BytesKind:
		return data.NewSchema(data.Bytes), nil
	case protoreflect.EnumKind:
		return p.enum(d.Enum(), slot), nil
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return p.composite(d, slot)
	}
	return data.NewSchema(data.Int64), nil
}

// smallOf is the type of a field of 32 bits.
func smallOf(d protoreflect.FieldDescriptor) data.Type {
	switch metadata(d)["connect.type"] {
	case "int8":
		return data.Int8
	case "int16":
		return data.Int16
	}
	return data.Int32
}

func (p *protoBuilder) enum(d protoreflect.EnumDescriptor, slot *protoSlot) *data.Builder {
	name := string(d.Name())
	if p.enhanced {
		name = string(d.FullName())
	}
	b := data.NewSchema(data.String)
	if p.numbers {
		b = data.NewSchema(data.Int32)
	}
	b.Name(name).Parameter(protoEnum, name)
	slot.symbols = map[int32]string{}
	for i := range d.Values().Len() {
		v := d.Values().Get(i)
		if _, ok := slot.symbols[int32(v.Number())]; !ok {
			slot.symbols[int32(v.Number())] = string(v.Name())
		}
		b.Parameter(protoEnum+"."+string(v.Name()), strconv.Itoa(int(v.Number())))
	}
	return b
}

// composite starts the schema of a field that is a message.
func (p *protoBuilder) composite(d protoreflect.FieldDescriptor, slot *protoSlot) (*data.Builder, error) {
	m := d.Message()
	slot.form = protoMessage
	for name, l := range protoLogical {
		if l.name != string(m.FullName()) {
			continue
		}
		slot.form = l.form
		switch l.form {
		case protoDecimal:
			meta := metadata(d)
			scale, err := strconv.Atoi(meta["scale"])
			if meta["scale"] != "" && (err != nil || scale > mostScale || scale < -mostScale) {
				return nil, fmt.Errorf("the scale of the decimal is %q: it takes a number of at most %d", meta["scale"], mostScale)
			}
			slot.scale = int64(scale)
			b := data.NewDecimal(scale)
			if meta["precision"] != "" {
				b.Parameter(avroPrecision, meta["precision"])
			}
			return b, nil
		case protoTimestamp:
			return data.NewSchema(data.Int64).Name(name).Version(1), nil
		}
		return data.NewSchema(data.Int32).Name(name).Version(1), nil
	}
	r, b, err := p.message(m)
	if err != nil {
		return nil, err
	}
	slot.message = r
	if wrapped := m.FullName().Parent() == "google.protobuf" && strings.HasSuffix(string(m.Name()), "Value") && len(r.slots) == 1; p.wrapper && wrapped {
		slot.wrapped = true
		if slot.kind = r.slots[0].kind; slot.kind == protoreflect.Int32Kind {
			return data.NewSchema(smallOf(d)), nil
		}
		return p.builder(m.Fields().Get(0), slot)
	}
	if slot.repeated && (d.IsMap() || isEntry(m)) {
		slot.form, r.entry = protoMap, true
		var parts [2]*data.Schema
		for i := range parts {
			_, part, err := p.field(m.Fields().Get(i))
			if err != nil {
				return nil, err
			}
			parts[i] = part
		}
		b = data.NewMap(parts[0], parts[1])
		if name := strings.TrimSuffix(string(m.Name()), "Entry"); !d.IsMap() && !strings.HasPrefix(name, protoNameless) {
			b.Name(name)
		}
		return b, nil
	}
	if r.schema, err = b.Build(); err != nil {
		return nil, err
	}
	return b, nil
}

// metadata returns the parameters that Confluent's converter keeps in the options of a field.
func metadata(d protoreflect.FieldDescriptor) map[string]string {
	params := map[string]string{}
	options, err := proto.Marshal(d.Options())
	if err != nil {
		return params
	}
	eachBytes(options, protoMeta, func(meta []byte) {
		eachBytes(meta, 2, func(entry []byte) {
			var key, value string
			eachBytes(entry, 1, func(b []byte) { key = string(b) })
			eachBytes(entry, 2, func(b []byte) { value = string(b) })
			params[key] = value
		})
	})
	return params
}

// eachBytes calls f for each field of a message with a number that is bytes.
func eachBytes(b []byte, number protowire.Number, f func([]byte)) {
	for len(b) > 0 {
		n, typ, size := protowire.ConsumeField(b)
		if size < 0 {
			return
		}
		if n == number && typ == protowire.BytesType {
			_, _, tag := protowire.ConsumeTag(b)
			value, _ := protowire.ConsumeBytes(b[tag:])
			f(value)
		}
		b = b[size:]
	}
}

// newProtoReader makes the reader of the message that indexes lead to.
func newProtoReader(file protoreflect.FileDescriptor, indexes []int, settings protoSettings) (*protoReader, error) {
	var messages protoreflect.MessageDescriptors = file.Messages()
	var d protoreflect.MessageDescriptor
	for _, i := range indexes {
		if i < 0 || i >= messages.Len() {
			return nil, fmt.Errorf("the schema has no message with the index %v", indexes)
		}
		d = messages.Get(i)
		messages = d.Messages()
	}
	if d == nil {
		return nil, errors.New("the schema has no message")
	}
	p := &protoBuilder{protoSettings: settings}
	r, b, err := p.message(d)
	if err != nil {
		return nil, err
	}
	r.schema, err = b.Build()
	return r, err
}

// protoSpot is where the values of a field are in a message.
type protoSpot struct {
	first, last int // of the last value: where its tag begins
	end         int // behind the last value
	count       int
}

// protoInput is what reads messages.
type protoInput struct {
	w     data.Writer
	spots []protoSpot
	depth int
}

var errProtoShort = errors.New("the value is no Protobuf message, or not whole")

// slot returns the place of a field, -1 for one that is not in the schema.
func (r *protoReader) slot(n protowire.Number) int {
	if int(n) < len(r.near) {
		return int(r.near[n]) - 1
	}
	if i, ok := r.far[int32(n)]; ok {
		return i
	}
	return -1
}

// read reads the fields of a message.
func (in *protoInput) read(r *protoReader, b []byte) error {
	if in.depth++; in.depth > data.MaxDepth {
		return fmt.Errorf("the value is nested deeper than %d", data.MaxDepth)
	}
	from := len(in.spots)
	for range r.slots {
		in.spots = append(in.spots, protoSpot{first: -1})
	}
	for i := 0; i < len(b); {
		n, typ, size := protowire.ConsumeTag(b[i:])
		if size < 0 {
			return errProtoShort
		}
		length := protowire.ConsumeFieldValue(n, typ, b[i+size:])
		if length < 0 {
			return errProtoShort
		}
		end := i + size + length
		if at := r.slot(n); at >= 0 {
			s := &in.spots[from+at]
			if s.count++; s.first < 0 {
				s.first = i
			}
			s.last, s.end = i, end
		}
		i = end
	}
	for i, slots := range r.fields {
		var err error
		if r.union[i] {
			err = in.oneof(r, slots, from, b)
		} else {
			err = in.field(&r.slots[slots[0]], in.spots[from+slots[0]], b)
		}
		if err != nil {
			return err
		}
	}
	in.spots = in.spots[:from]
	in.depth--
	return nil
}

// oneof reads the field that came last as a struct.
func (in *protoInput) oneof(r *protoReader, slots []int, from int, b []byte) error {
	chosen := -1
	for _, slot := range slots {
		if s := in.spots[from+slot]; s.count > 0 && (chosen < 0 || s.last > in.spots[from+chosen].last) {
			chosen = slot
		}
	}
	if chosen < 0 {
		in.w.Null()
		return nil
	}
	in.w.Struct()
	for _, slot := range slots {
		if slot != chosen {
			in.w.Null()
		} else if err := in.field(&r.slots[slot], in.spots[from+slot], b); err != nil {
			return err
		}
	}
	in.w.End()
	return nil
}

// field reads a field, which may be absent.
func (in *protoInput) field(f *protoSlot, s protoSpot, b []byte) error {
	var err error
	switch {
	case f.form == protoMap:
		err = in.entries(f, s, b)
	case f.repeated:
		err = in.elements(f, s, b)
	case s.count == 0 && f.presence:
		in.w.Null()
	case s.count == 0:
		err = in.scalar(f, 0, nil)
	case s.count > 1 && f.kind == protoreflect.MessageKind: // they add up
		var whole []byte
		in.each(f, s, b, func(_ protowire.Type, value []byte) error {
			part, _ := protowire.ConsumeBytes(value)
			whole = append(whole, part...)
			return nil
		})
		err = in.message(f, whole)
	default:
		_, typ, size := protowire.ConsumeTag(b[s.last:])
		err = in.value(f, typ, b[s.last+size:s.end])
	}
	if err != nil {
		return within(err, f.name)
	}
	return nil
}

// each calls f for the values of a repeated field.
func (in *protoInput) each(slot *protoSlot, s protoSpot, b []byte, f func(typ protowire.Type, value []byte) error) error {
	for i := s.first; i >= 0 && i < s.end; {
		n, typ, size := protowire.ConsumeTag(b[i:])
		length := protowire.ConsumeFieldValue(n, typ, b[i+size:])
		if n == slot.number {
			if err := f(typ, b[i+size:i+size+length]); err != nil {
				return err
			}
		}
		i += size + length
	}
	return nil
}

// wireOf is how values of a kind are written.
func wireOf(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return protowire.Fixed32Type
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return protowire.Fixed64Type
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	case protoreflect.GroupKind:
		return protowire.StartGroupType
	}
	return protowire.VarintType
}

func (in *protoInput) elements(f *protoSlot, s protoSpot, b []byte) error {
	wire := wireOf(f.kind)
	packable := !f.wrapped && wire != protowire.BytesType && wire != protowire.StartGroupType
	n := 0
	err := in.each(f, s, b, func(typ protowire.Type, value []byte) error {
		if !packable || typ != protowire.BytesType {
			n++
			return nil
		}
		packed, _ := protowire.ConsumeBytes(value)
		for len(packed) > 0 {
			size := protowire.ConsumeFieldValue(1, wire, packed)
			if size < 0 {
				return errProtoShort
			}
			packed = packed[size:]
			n++
		}
		return nil
	})
	if err != nil {
		return err
	}
	in.w.Array(n)
	err = in.each(f, s, b, func(typ protowire.Type, value []byte) error {
		if !packable || typ != protowire.BytesType {
			return in.value(f, typ, value)
		}
		packed, _ := protowire.ConsumeBytes(value)
		for len(packed) > 0 {
			size := protowire.ConsumeFieldValue(1, wire, packed)
			if err := in.value(f, wire, packed[:size]); err != nil {
				return err
			}
			packed = packed[size:]
		}
		return nil
	})
	in.w.End()
	return err
}

func (in *protoInput) entries(f *protoSlot, s protoSpot, b []byte) error {
	in.w.Map(s.count)
	err := in.each(f, s, b, func(typ protowire.Type, value []byte) error {
		if typ != protowire.BytesType {
			return errProtoShort
		}
		entry, _ := protowire.ConsumeBytes(value)
		return in.read(f.message, entry)
	})
	in.w.End()
	return err
}

// value reads one value.
func (in *protoInput) value(f *protoSlot, typ protowire.Type, value []byte) error {
	want := wireOf(f.kind)
	if f.wrapped {
		want = protowire.BytesType
	}
	if typ != want {
		return errProtoShort
	}
	switch typ {
	case protowire.VarintType:
		n, _ := protowire.ConsumeVarint(value)
		return in.scalar(f, n, nil)
	case protowire.Fixed32Type:
		return in.scalar(f, uint64(binary.LittleEndian.Uint32(value)), nil)
	case protowire.Fixed64Type:
		return in.scalar(f, binary.LittleEndian.Uint64(value), nil)
	case protowire.StartGroupType:
		group, _ := protowire.ConsumeGroup(f.number, value)
		return in.message(f, group)
	}
	part, _ := protowire.ConsumeBytes(value)
	if f.form >= protoDecimal || f.wrapped {
		return in.message(f, part)
	}
	return in.scalar(f, 0, part)
}

// scalar writes a value that is no message: a number or bytes.
func (in *protoInput) scalar(f *protoSlot, n uint64, b []byte) error {
	w := &in.w
	switch f.kind {
	case protoreflect.BoolKind:
		w.Bool(n != 0)
	case protoreflect.Int32Kind, protoreflect.Sfixed32Kind:
		in.small(f, int32(n))
	case protoreflect.Sint32Kind:
		in.small(f, int32(protowire.DecodeZigZag(n&math.MaxUint32)))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		w.Int64(int64(uint32(n)))
	case protoreflect.Sint64Kind:
		w.Int64(protowire.DecodeZigZag(n))
	case protoreflect.FloatKind:
		w.Float32(math.Float32frombits(uint32(n)))
	case protoreflect.DoubleKind:
		w.Float64(math.Float64frombits(n))
	case protoreflect.StringKind:
		if !utf8.Valid(b) {
			return errNotUTF8
		}
		w.StringBytes(b)
	case protoreflect.BytesKind:
		w.Bytes(b)
	case protoreflect.EnumKind:
		if f.schema.Type() == data.Int32 {
			w.Int32(int32(n))
		} else if name, ok := f.symbols[int32(n)]; ok {
			w.String(name)
		} else {
			return fmt.Errorf("%d is no symbol of the enum; set int.for.enums=true to read numbers", int32(n))
		}
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return errProtoShort
	default:
		w.Int64(int64(n))
	}
	return nil
}

func (in *protoInput) small(f *protoSlot, n int32) {
	switch f.schema.Type() {
	case data.Int8:
		in.w.Int8(int8(n))
	case data.Int16:
		in.w.Int16(int16(n))
	default:
		in.w.Int32(n)
	}
}

// message reads a value that is a message.
func (in *protoInput) message(f *protoSlot, b []byte) error {
	switch f.form {
	case protoDecimal:
		return in.decimal(f, b)
	case protoDate:
		p, err := protoNumbers(b)
		if err != nil {
			return err
		}
		days, err := daysOf(p[1], p[2], p[3])
		in.w.Int32(days)
		return err
	case protoTime:
		p, err := protoNumbers(b)
		if err != nil {
			return err
		}
		if p[1] < 0 || p[1] > 23 || p[2] < 0 || p[2] > 59 || p[3] < 0 || p[3] > 59 || p[4] < 0 || p[4] > 999_999_999 {
			return fmt.Errorf("%d:%d:%d and %d ns is no time of day", p[1], p[2], p[3], p[4])
		}
		in.w.Int32(int32(p[1]*3_600_000 + p[2]*60_000 + p[3]*1000 + p[4]/1_000_000))
		return nil
	case protoTimestamp:
		p, err := protoNumbers(b)
		if err != nil {
			return err
		}
		if p[1] > math.MaxInt64/1000-1 || p[1] < math.MinInt64/1000+1 || p[2] < 0 || p[2] > 999_999_999 {
			return fmt.Errorf("%d s and %d ns is beyond all timestamps", p[1], p[2])
		}
		in.w.Int64(p[1]*1000 + p[2]/1_000_000)
		return nil
	}
	if f.wrapped {
		value, typ, found := []byte(nil), protowire.VarintType, false
		for len(b) > 0 {
			n, t, size := protowire.ConsumeField(b)
			if size < 0 {
				return errProtoShort
			}
			_, _, tag := protowire.ConsumeTag(b)
			if n == 1 {
				value, typ, found = b[tag:size], t, true
			}
			b = b[size:]
		}
		inner := *f
		inner.wrapped, inner.form = false, protoVarint
		if !found {
			return in.scalar(&inner, 0, nil)
		}
		return in.value(&inner, typ, value)
	}
	if f.message == nil {
		return errProtoShort
	}
	in.w.Struct()
	err := in.read(f.message, b)
	in.w.End()
	return err
}

// protoNumbers reads a message of numbers with the tags 1 to 4.
func protoNumbers(b []byte) (p [5]int64, err error) {
	for len(b) > 0 {
		n, typ, size := protowire.ConsumeField(b)
		if size < 0 {
			return p, errProtoShort
		}
		if n < 5 && typ == protowire.VarintType {
			_, _, tag := protowire.ConsumeTag(b)
			v, _ := protowire.ConsumeVarint(b[tag:])
			p[n] = int64(v)
		}
		b = b[size:]
	}
	return p, nil
}

// decimal reads the message confluent.type.Decimal.
func (in *protoInput) decimal(f *protoSlot, b []byte) error {
	p, err := protoNumbers(b)
	if err != nil {
		return err
	}
	var unscaled []byte
	lastBytes(b, 1, &unscaled)
	if len(unscaled) == 0 {
		unscaled = []byte{0}
	}
	if f.scale != p[3] {
		return in.rescaled(unscaled, f.scale-p[3])
	}
	in.w.Bytes(unscaled)
	return nil
}

// rescaled writes a decimal that has another scale than its schema.
func (in *protoInput) rescaled(unscaled []byte, power int64) error {
	if power > mostScale || power < -mostScale {
		return fmt.Errorf("the scale of the decimal differs by %d from that of its schema", power)
	}
	n, ten := data.Unscaled(unscaled), new(big.Int).Exp(big.NewInt(10), big.NewInt(max(power, -power)), nil)
	if power > 0 {
		n.Mul(n, ten)
	} else if _, rest := n.QuoRem(n, ten, new(big.Int)); rest.Sign() != 0 {
		return fmt.Errorf("the decimal has %d digits behind the point more than its schema", -power)
	}
	in.w.Decimal(n)
	return nil
}

// lastBytes finds the last value of a field that is bytes.
func lastBytes(b []byte, number protowire.Number, into *[]byte) {
	for len(b) > 0 {
		n, typ, size := protowire.ConsumeField(b)
		if n == number && typ == protowire.BytesType {
			_, _, tag := protowire.ConsumeTag(b)
			*into, _ = protowire.ConsumeBytes(b[tag:])
		}
		b = b[size:]
	}
}
