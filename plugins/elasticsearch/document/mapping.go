package document

import "github.com/outboard-connect/outboard/plugin-sdk/data"

// plainMappings are those of types without parts.
var plainMappings = map[data.Type]string{
	data.Boolean: `{"type":"boolean"}`,
	data.Int8:    `{"type":"byte"}`,
	data.Int16:   `{"type":"short"}`,
	data.Int32:   `{"type":"integer"}`,
	data.Int64:   `{"type":"long"}`,
	data.Float32: `{"type":"float"}`,
	data.Float64: `{"type":"double"}`,
	data.String:  `{"type":"text","fields":{"keyword":{"type":"keyword","ignore_above":256}}}`,
	data.Bytes:   `{"type":"binary"}`,
}

// Mapping returns the mapping of an index for documents of a schema, the text of
// a JSON object, without the fields that are there already. It is nil when the
// schema says nothing about others.
func Mapping(s *data.Schema, there map[string]bool, compactMaps bool) []byte {
	if s == nil || s.Type() != data.Struct || isVariableDecimal(s) {
		return nil
	}
	var fields []data.Field
	for _, f := range s.Fields() {
		if !there[f.Name] && !carriesType(f.Schema) {
			fields = append(fields, f)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return append(appendProperties(nil, fields, compactMaps), '}')
}

func appendMapping(dst []byte, s *data.Schema, compact bool) []byte {
	if _, ok := dates[s.Name()][s.Type()]; ok {
		return append(dst, `{"type":"date"}`...)
	}
	switch t := s.Type(); {
	case t == data.Bytes && s.Name() == data.DecimalName, t == data.Struct && isVariableDecimal(s):
		return append(dst, `{"type":"double"}`...)
	case t == data.Array:
		return appendMapping(dst, s.Element(), compact)
	case t == data.Map && (compact && s.Key().Type() == data.String || s.Key().Type() == data.Any):
		return append(dst, `{"type":"object"}`...)
	case t == data.Map:
		return append(appendProperties(dst, []data.Field{{Name: "key", Schema: s.Key()}, {Name: "value", Schema: s.Element()}}, compact), '}')
	case t == data.Struct:
		return append(appendProperties(dst, s.Fields(), compact), '}')
	}
	return append(dst, plainMappings[s.Type()]...)
}

// appendProperties leaves the closing bracket to the caller. Values that carry
// their own type are left to the server, which looks at the first one.
func appendProperties(dst []byte, fields []data.Field, compact bool) []byte {
	dst = append(dst, `{"properties":{`...)
	first := true
	for _, f := range fields {
		if carriesType(f.Schema) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendText(dst, []byte(f.Name)), ':')
		dst = appendMapping(dst, f.Schema, compact)
	}
	return append(dst, '}')
}

func carriesType(s *data.Schema) bool {
	for s.Type() == data.Array {
		s = s.Element()
	}
	return s.Type() == data.Any
}
