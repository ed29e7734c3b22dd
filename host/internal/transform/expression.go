package transform

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// expression is a CEL expression over a record: topic, partition, timestamp, key, value, keySchema, valueSchema, headers. It
// decodes the fields that it asks for, and no others.
type expression struct {
	text    string
	program cel.Program
	vars    variables
}

// variables are what an expression sees of the record that it is evaluated for. They are the activation of its program.
type variables struct {
	m       *message
	reader  celReader
	headers celHeaders
}

// newExpression compiles the CEL text of a setting. Its outcome must be of one of the kinds, or not known before it runs.
func (s settings) expression(name string, kinds ...*cel.Type) (*expression, error) {
	return s.compile(name, s.text(name), kinds...)
}

func (s settings) compile(name, text string, kinds ...*cel.Type) (*expression, error) {
	env, err := cel.NewEnv(
		cel.Variable("topic", cel.StringType), cel.Variable("partition", cel.DynType), cel.Variable("timestamp", cel.DynType),
		cel.Variable("key", cel.DynType), cel.Variable("value", cel.DynType),
		cel.Variable("keySchema", cel.DynType), cel.Variable("valueSchema", cel.DynType),
		cel.Variable("headers", cel.MapType(cel.StringType, cel.DynType)),
		cel.OptionalTypes(), cel.CrossTypeNumericComparisons(true), ext.Strings(),
	)
	if err != nil {
		return nil, err
	}
	checked, issues := env.Compile(text)
	if issues != nil && issues.Err() != nil {
		problem := strings.Join(strings.Fields(issues.Err().Error()), " ")
		if strings.Contains(problem, operators.Conditional) {
			return nil, s.wrong(name, "%s. Both outcomes of ? : must be of one type; where the topic is to stay as it is, write topic", problem)
		}
		return nil, s.wrong(name, "It is no CEL expression: %s. It may use topic, partition, timestamp, key, value, keySchema, valueSchema and headers, as in value.op == 'u'", problem)
	}
	out := checked.OutputType()
	fits := out.IsExactType(cel.DynType)
	names := make([]string, len(kinds))
	for i, k := range kinds {
		fits = fits || out.IsExactType(k)
		names[i] = k.String()
	}
	if !fits {
		return nil, s.wrong(name, "The outcome of the CEL expression is %s, and it must be %s", out, strings.Join(names, " or "))
	}
	program, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, s.wrong(name, "It is no CEL expression: %v", err)
	}
	return &expression{text: text, program: program}, nil
}

// eval evaluates the expression for a message. What it returns may point into the message.
func (e *expression) eval(m *message) (ref.Val, error) {
	e.vars.m = m
	e.vars.reader.arena = m.arena
	out, _, err := e.program.Eval(&e.vars)
	e.vars.m = nil
	if err != nil {
		return nil, fmt.Errorf("the expression %q cannot be evaluated: %w; where a field may be missing, write has(value.field) && … or value.?field.orValue(…), and where the value may be, value != null && …", e.text, err)
	}
	return out, nil
}

// Parent is part of the activation.
func (v *variables) Parent() cel.Activation { return nil }

// ResolveName returns a variable.
func (v *variables) ResolveName(name string) (any, bool) {
	m := v.m
	switch name {
	case "topic":
		return types.String(m.topic), true
	case "partition":
		if m.partition == data.NoPartition {
			return types.NullValue, true
		}
		return types.Int(m.partition), true
	case "timestamp":
		if m.timestamp == data.NoTimestamp {
			return types.NullValue, true
		}
		return types.Int(m.timestamp), true
	case "key":
		return v.reader.content(&m.parts[key]), true
	case "value":
		return v.reader.content(&m.parts[value]), true
	case "keySchema":
		return schemaVariable(&m.parts[key]), true
	case "valueSchema":
		return schemaVariable(&m.parts[value]), true
	case "headers":
		v.headers = celHeaders{celMap{&v.reader}, m.headers}
		return &v.headers, true
	}
	return nil, false
}

// schemaVariable shows name, version and type of a schema.
func schemaVariable(c *content) ref.Val {
	s := c.schemaOf()
	if s == nil {
		return types.NullValue
	}
	shown := map[string]any{"name": s.Name(), "type": s.Type().String(), "version": nil}
	if version, ok := s.Version(); ok {
		shown["version"] = int64(version)
	}
	return types.DefaultTypeAdapter.NativeToValue(shown)
}

// boolean returns a condition's outcome.
func (e *expression) boolean(m *message) (bool, error) {
	out, err := e.eval(m)
	if err != nil {
		return false, err
	}
	b, ok := out.(types.Bool)
	if !ok {
		return false, fmt.Errorf("the expression %q gives %s, and it must give true or false", e.text, out.Type().TypeName())
	}
	return bool(b), nil
}

// errNoText tells that an expression gave neither text nor null.
var errNoText = errors.New("must give text or null")

// name returns a text, "" for null.
func (e *expression) name(m *message) (string, error) {
	out, err := e.eval(m)
	if err != nil {
		return "", err
	}
	switch out := out.(type) {
	case types.String:
		return string(out), nil
	case types.Null:
		return "", nil
	}
	return "", fmt.Errorf("the expression %q gives %s, and it %w", e.text, out.Type().TypeName(), errNoText)
}
