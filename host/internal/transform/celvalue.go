package transform

import (
	"fmt"
	"reflect"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// celReader makes CEL values of cells and entries. Structs and maps stay as they are, and give what they are asked for.
type celReader struct {
	arena   *Arena
	layouts layouts
}

// content returns the key or value of a message.
func (r *celReader) content(c *content) ref.Val {
	switch {
	case c.isNull():
		return types.NullValue
	case c.form == fields:
		return &celStruct{celMap{r}, r.layouts.of(c.schema), nil, c.cells}
	case c.form == members:
		return &celEntries{celMap{r}, c.codec, nil, c.entries}
	}
	return r.value(c.v)
}

// value returns a value that is whole.
func (r *celReader) value(v data.Value) ref.Val {
	if isNull(v) {
		return types.NullValue
	}
	switch v.Kind {
	case data.KindString:
		return types.String(view(v.Data))
	case data.KindBytes:
		return types.Bytes(v.Data)
	case data.KindJSON:
		return r.bare(jsonCodec, trimJSON(v.Data))
	}
	return r.cell(v.Schema, v.Data)
}

// cell returns a value of a schema.
func (r *celReader) cell(s *data.Schema, cell []byte) ref.Val {
	if cell == nil {
		return types.NullValue
	}
	switch s.Type() {
	case data.Struct:
		return &celStruct{celMap{r}, r.layouts.of(s), cell, nil}
	case data.Any:
		return r.bare(anyCodec, cell)
	case data.Array, data.Map:
		v, err := data.Decode(s, cell)
		if err != nil {
			return types.WrapErr(err)
		}
		return types.DefaultTypeAdapter.NativeToValue(plain(v))
	}
	v, err := readCell(s, cell)
	if err != nil {
		return types.WrapErr(err)
	}
	return v.cel()
}

// bare returns a value without schema.
func (r *celReader) bare(k codec, val []byte) ref.Val {
	if val == nil {
		return types.NullValue
	}
	if k.isMap(val) {
		return &celEntries{celMap{r}, k, val, nil}
	}
	v, err := k.read(r.arena, val)
	if err != nil {
		return types.WrapErr(err)
	}
	switch {
	case v.typ == 0:
		return types.NullValue
	case v.typ == data.Array && k == jsonCodec:
		tree, err := parseJSON(val)
		if err != nil {
			return types.WrapErr(err)
		}
		return types.DefaultTypeAdapter.NativeToValue(tree)
	case v.typ == data.Array:
		tree, err := data.Decode(data.AnySchema, val)
		if err != nil {
			return types.WrapErr(err)
		}
		return types.DefaultTypeAdapter.NativeToValue(plain(tree))
	}
	return v.cel()
}

// cel returns a scalar: whole numbers as int, decimals as double, dates and timestamps as timestamp, times as duration.
func (v scalar) cel() ref.Val {
	switch {
	case v.isDecimal():
		return types.Double(v.float())
	case v.name == data.TimestampName && v.typ == data.Int64:
		return types.Timestamp{Time: time.UnixMilli(v.n).UTC()}
	case v.name == data.DateName && v.typ == data.Int32:
		return types.Timestamp{Time: time.Unix(v.n*86400, 0).UTC()}
	case v.name == data.TimeName && v.typ == data.Int32:
		return types.Duration{Duration: time.Duration(v.n) * time.Millisecond}
	}
	switch v.typ {
	case data.Boolean:
		return types.Bool(v.n != 0)
	case data.Float32, data.Float64:
		return types.Double(v.f)
	case data.String:
		return types.String(view(v.b))
	case data.Bytes:
		return types.Bytes(v.b)
	}
	return types.Int(v.n)
}

// plain makes of what data.Decode returns what CEL takes.
func plain(v any) any {
	switch v := v.(type) {
	case data.Decimal:
		f := scalar{typ: data.Bytes, name: data.DecimalName, b: data.AppendUnscaled(nil, v.Unscaled), scale: v.Scale}
		return f.float()
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	case []data.Entry:
		m := map[any]any{}
		for _, e := range v {
			if k := plain(e.Key); k == nil || reflect.TypeOf(k).Comparable() {
				m[k] = plain(e.Value)
			}
		}
		return m
	}
	return v
}

// celMap is what the maps below have in common: they are asked for single keys, and are turned into ordinary maps for
// everything else.
type celMap struct{ r *celReader }

// lazy is a map that is asked for single keys.
type lazy interface {
	Find(key ref.Val) (ref.Val, bool)
}

func (celMap) ConvertToNative(reflect.Type) (any, error) {
	return nil, fmt.Errorf("a struct is no Go value")
}

func (celMap) Type() ref.Type { return types.MapType }

func getKey(l lazy, key ref.Val) ref.Val {
	if v, ok := l.Find(key); ok {
		return v
	}
	return types.NewErr("no such key: %v", key)
}

func containsKey(l lazy, key ref.Val) ref.Val {
	_, ok := l.Find(key)
	return types.Bool(ok)
}

// celStruct is a struct, as a row or split into cells.
type celStruct struct {
	celMap
	layout *layout
	row    []byte
	cells  [][]byte // nil: row counts
}

// Find returns a field.
func (c *celStruct) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	at := c.layout.schema.Lookup(string(name))
	if at < 0 {
		return nil, false
	}
	var cell []byte
	if c.cells != nil {
		cell = c.cells[at]
	} else {
		var err error
		if cell, err = c.layout.field(c.row, at); err != nil {
			return types.WrapErr(err), true
		}
	}
	return c.r.cell(c.layout.fields[at].schema, cell), true
}

func (c *celStruct) ordinary() ref.Val {
	m := map[string]ref.Val{}
	for _, f := range c.layout.schema.Fields() {
		m[f.Name], _ = c.Find(types.String(f.Name))
	}
	return types.DefaultTypeAdapter.NativeToValue(m)
}

// The rest of traits.Mapper.

func (c *celStruct) ConvertToType(t ref.Type) ref.Val { return c.ordinary().ConvertToType(t) }
func (c *celStruct) Equal(other ref.Val) ref.Val      { return c.ordinary().Equal(other) }
func (c *celStruct) Value() any                       { return c.ordinary().Value() }
func (c *celStruct) Contains(k ref.Val) ref.Val       { return containsKey(c, k) }
func (c *celStruct) Get(k ref.Val) ref.Val            { return getKey(c, k) }
func (c *celStruct) Size() ref.Val                    { return types.Int(len(c.layout.fields)) }
func (c *celStruct) Iterator() traits.Iterator        { return iterate(c.ordinary()) }

// celEntries is a map without schema, whole or split into entries.
type celEntries struct {
	celMap
	codec   codec
	val     []byte
	entries []entry // nil: val was not split yet
}

func (c *celEntries) split() error {
	if c.entries != nil {
		return nil
	}
	var err error
	c.entries, err = c.codec.split([]entry{}, c.r.arena, c.val)
	return err
}

// Find returns the value of an entry.
func (c *celEntries) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	if err := c.split(); err != nil {
		return types.WrapErr(err), true
	}
	m := content{form: members, entries: c.entries}
	at := m.find(string(name))
	if at < 0 {
		return nil, false
	}
	return c.r.bare(c.codec, c.entries[at].val), true
}

func (c *celEntries) ordinary() ref.Val {
	if err := c.split(); err != nil {
		return types.WrapErr(err)
	}
	m := map[string]ref.Val{}
	for _, e := range c.entries {
		if e.name != nil {
			m[string(e.name)] = c.r.bare(c.codec, e.val)
		}
	}
	return types.DefaultTypeAdapter.NativeToValue(m)
}

// The rest of traits.Mapper.

func (c *celEntries) ConvertToType(t ref.Type) ref.Val { return c.ordinary().ConvertToType(t) }
func (c *celEntries) Equal(other ref.Val) ref.Val      { return c.ordinary().Equal(other) }
func (c *celEntries) Value() any                       { return c.ordinary().Value() }
func (c *celEntries) Contains(k ref.Val) ref.Val       { return containsKey(c, k) }
func (c *celEntries) Get(k ref.Val) ref.Val            { return getKey(c, k) }
func (c *celEntries) Size() ref.Val                    { return sizeOf(c.ordinary()) }
func (c *celEntries) Iterator() traits.Iterator        { return iterate(c.ordinary()) }

// celHeaders are the headers as a map; of several with one name the last one counts.
type celHeaders struct {
	celMap
	headers []data.Header
}

// Find returns the value of a header.
func (c *celHeaders) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	for i := len(c.headers) - 1; i >= 0; i-- {
		if c.headers[i].Key == string(name) {
			return c.r.value(c.headers[i].Value), true
		}
	}
	return nil, false
}

func (c *celHeaders) ordinary() ref.Val {
	m := map[string]ref.Val{}
	for _, h := range c.headers {
		m[h.Key] = c.r.value(h.Value)
	}
	return types.DefaultTypeAdapter.NativeToValue(m)
}

// The rest of traits.Mapper.

func (c *celHeaders) ConvertToType(t ref.Type) ref.Val { return c.ordinary().ConvertToType(t) }
func (c *celHeaders) Equal(other ref.Val) ref.Val      { return c.ordinary().Equal(other) }
func (c *celHeaders) Value() any                       { return c.ordinary().Value() }
func (c *celHeaders) Contains(k ref.Val) ref.Val       { return containsKey(c, k) }
func (c *celHeaders) Get(k ref.Val) ref.Val            { return getKey(c, k) }
func (c *celHeaders) Size() ref.Val                    { return sizeOf(c.ordinary()) }
func (c *celHeaders) Iterator() traits.Iterator        { return iterate(c.ordinary()) }

func sizeOf(v ref.Val) ref.Val {
	if s, ok := v.(traits.Sizer); ok {
		return s.Size()
	}
	return v // the error
}

// iterate goes over an ordinary map; a damaged one has nothing in it, and says so when it is asked for a key.
func iterate(v ref.Val) traits.Iterator {
	if i, ok := v.(traits.Iterable); ok {
		return i.Iterator()
	}
	return types.DefaultTypeAdapter.NativeToValue(map[string]any{}).(traits.Iterable).Iterator()
}
