package document

import (
	"fmt"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// form is how a value is written.
type form uint8

const (
	formBool form = iota
	formInt8
	formInt16
	formInt32
	formInt64
	formFloat32
	formFloat64
	formText
	formBase64
	formDecimal
	formVariableDecimal
	formDays   // INT32 days, as milliseconds
	formMicros // INT64 microseconds, as ISO text
	formNanos  // INT64 nanoseconds, as ISO text
	formStruct
	formArray
	formObject  // a map whose keys are text
	formEntries // another map
	formAnyMap  // a map whose keys carry their own type
	formAny
)

// plan is what the writer needs to know of a schema, worked out once.
type plan struct {
	schema    *data.Schema
	form      form
	scale     int // of a decimal
	fields    []planField
	key, elem *plan
	envelope  *envelope // nil: it is no change event
}

type planField struct {
	prefix  []byte // what comes before the value: the bracket or comma, the name, the colon
	nullBit int
	plan    *plan
}

// names of Debezium's types.
const (
	debeziumTime         = "io.debezium.time."
	variableScaleDecimal = "io.debezium.data.VariableScaleDecimal"
)

// dates are the logical types that get the mapping date, and how they are written.
var dates = map[string]map[data.Type]form{
	data.DateName:                   {data.Int32: formDays},
	data.TimeName:                   {data.Int32: formInt32},
	data.TimestampName:              {data.Int64: formInt64},
	debeziumTime + "Date":           {data.Int32: formDays},
	debeziumTime + "Time":           {data.Int32: formInt32},
	debeziumTime + "Timestamp":      {data.Int64: formInt64},
	debeziumTime + "MicroTimestamp": {data.Int64: formMicros},
	debeziumTime + "NanoTimestamp":  {data.Int64: formNanos},
	debeziumTime + "ZonedTimestamp": {data.String: formText},
	debeziumTime + "IsoDate":        {data.String: formText},
	debeziumTime + "IsoTimestamp":   {data.String: formText},
}

// mostScale bounds the zeros that a scale may ask for.
const mostScale = 1000

var plainForms = map[data.Type]form{
	data.Boolean: formBool, data.Int8: formInt8, data.Int16: formInt16, data.Int32: formInt32, data.Int64: formInt64,
	data.Float32: formFloat32, data.Float64: formFloat64, data.String: formText, data.Bytes: formBase64,
	data.Array: formArray, data.Struct: formStruct, data.Any: formAny,
}

// newPlan works a schema out. Maps with keys of text are written as objects when compact is set.
func newPlan(s *data.Schema, compact bool) (*plan, error) {
	p := &plan{schema: s, form: plainForms[s.Type()]}
	if f, ok := dates[s.Name()][s.Type()]; ok {
		p.form = f
		return p, nil
	}
	var err error
	switch s.Type() {
	case data.Bytes:
		if s.Name() != data.DecimalName {
			break
		}
		p.form = formDecimal
		if p.scale, err = s.Scale(); err == nil && (p.scale > mostScale || p.scale < -mostScale) {
			err = fmt.Errorf("the scale of %v is beyond %d", s, mostScale)
		}
	case data.Array:
		p.elem, err = newPlan(s.Element(), compact)
	case data.Map:
		err = p.planMap(s, compact)
	case data.Struct:
		if isVariableDecimal(s) {
			p.form = formVariableDecimal
			break
		}
		err = p.planFields(s, compact)
	}
	return p, err
}

func isVariableDecimal(s *data.Schema) bool {
	f := s.Fields()
	return s.Name() == variableScaleDecimal && len(f) == 2 &&
		f[0].Name == "scale" && f[0].Schema.Type() == data.Int32 && !f[0].Schema.Optional() &&
		f[1].Name == "value" && f[1].Schema.Type() == data.Bytes && !f[1].Schema.Optional()
}

func (p *plan) planMap(s *data.Schema, compact bool) (err error) {
	p.form = formEntries
	switch {
	case compact && s.Key().Type() == data.String:
		p.form = formObject
	case compact && s.Key().Type() == data.Any:
		p.form = formAnyMap
	}
	if p.key, err = newPlan(s.Key(), compact); err != nil {
		return err
	}
	p.elem, err = newPlan(s.Element(), compact)
	return err
}

func (p *plan) planFields(s *data.Schema, compact bool) error {
	for i, f := range s.Fields() {
		prefix := []byte{','}
		if i == 0 {
			prefix[0] = '{'
		}
		sub, err := newPlan(f.Schema, compact)
		if err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		p.fields = append(p.fields, planField{
			prefix: append(appendText(prefix, []byte(f.Name)), ':'), nullBit: s.NullBit(i), plan: sub,
		})
	}
	p.envelope = findEnvelope(s)
	return nil
}
