package herder

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// validation is one configuration held against the definitions of the framework, the connector and its converters.
type validation struct {
	connector *isolation.Connector
	// versions are the installed ones.
	versions []string
	// versionProblem says why no installed version is the one wanted; empty when there is one.
	versionProblem string
	values         map[string]string
	settings       *Settings
}

// answer is what a validation says: entries in the order in which they are shown.
type answer struct {
	groups     []string
	definition config.Definition
	values     []config.Value
	// overrides are overridden client keys, which come between the connector's keys and the converters'.
	overrides  []config.Info
	converters []config.Info
}

func (v validation) answer() *answer {
	a := &answer{definition: v.definition()}
	a.groups = a.definition.Groups()
	a.values = a.definition.Validate(v.values)
	v.framework(a)
	v.transform(a)
	v.exactlyOnce(a)
	if v.versionProblem != "" {
		a.report("connector.class", v.versionProblem)
		a.report(versionKey, v.versionProblem)
	}
	v.builtinVersions(a)
	v.convert(a)
	if v.settings.ClientOverrides != nil {
		a.overrides = v.settings.ClientOverrides(v.connector.Type(), v.values)
	}
	if v.connector.Type() == TypeSink {
		v.consumerGroup(a)
	}
	return a
}

// definition is that of the framework, as it is on this worker, where the connector's wins on equal names, followed by the
// rest of the connector's.
func (v validation) definition() config.Definition {
	d := framework(v.connector, v.values)
	for i := range d {
		switch k := &d[i]; k.Name {
		case versionKey:
			k.Recommended = v.versions
		case "key.converter", "value.converter", "header.converter":
			v.offer(k)
		}
	}
	if v.settings.Transforms.Definition != nil {
		d = append(d, v.settings.Transforms.Definition(v.values)...)
	}
	d = overlay(d, definition(v.connector))
	for i := range d {
		v.offerVersion(&d[i])
	}
	return d
}

// offer makes a converter key of the framework that of this worker.
func (v validation) offer(k *config.Key) {
	if class := v.settings.converterOfWorker(k.Name); class != "" {
		k.Default = config.Default(class)
	}
	k.Recommended = v.settings.converters(k.Name == "header.converter")
}

// overlay replaces keys of one definition by those of equal names of another, and appends the others.
func overlay(below, above config.Definition) config.Definition {
	result := slices.Clone(below)
	for _, k := range above {
		if i := slices.IndexFunc(result, func(b config.Key) bool { return b.Name == k.Name }); i >= 0 {
			result[i] = k
		} else {
			result = append(result, k)
		}
	}
	return result
}

// framework applies the framework's rules about more than one key.
func (v validation) framework(a *answer) {
	check := config.CheckSource
	if v.connector.Type() == TypeSink {
		check = config.CheckSink
	}
	found := check(v.values)
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, text := range found[name] {
			a.report(name, text)
		}
	}
}

// transform adds what is wrong with transformations and predicates beyond single keys.
func (v validation) transform(a *answer) {
	if v.settings.Transforms.Check == nil {
		return
	}
	found := v.settings.Transforms.Check(v.values)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		for _, text := range found[name] {
			a.report(name, text)
		}
	}
}

// The keys of exactly once, and of where a connector's offsets are.
const (
	exactlyOnceKey = "exactly.once.support"
	boundaryKey    = "transaction.boundary"
)

// exactlyOnce checks what a source wants of transactions, as far as its plugin need not be asked.
func (v validation) exactlyOnce(a *answer) {
	if v.connector.Type() == TypeSink {
		return
	}
	if v.requiresExactlyOnce() && v.settings.Worker.ExactlyOnceGroup == "" {
		a.report(exactlyOnceKey, "This worker does not have exactly-once source support enabled. Set exactly.once.source.support=enabled on all workers of the "+
			"cluster, or "+exactlyOnceKey+"=requested")
	}
	if strings.EqualFold(strings.TrimSpace(v.values[boundaryKey]), "connector") {
		a.report(boundaryKey, "The connector does not support connector-defined transaction boundaries with the given configuration. Use poll or interval")
	}
}

func (v validation) requiresExactlyOnce() bool {
	return v.connector.Type() == TypeSource && strings.EqualFold(strings.TrimSpace(v.values[exactlyOnceKey]), "required")
}

// declaration checks what a connector whose user requires exactly once says of itself.
func (v validation) declaration(ctx context.Context, a *answer) error {
	if !v.requiresExactlyOnce() || v.settings.ExactlyOnce == nil {
		return nil
	}
	supported, declared, err := v.settings.ExactlyOnce(ctx, v.connector, v.values)
	switch {
	case err != nil:
		return err
	case !declared:
		a.report(exactlyOnceKey, "The connector does not implement the API required for preflight validation of exactly-once source support. See in its documentation "+
			"whether it supports exactly once, and if so set "+exactlyOnceKey+"=requested, which leaves this validation out")
	case !supported:
		a.report(exactlyOnceKey, "The connector does not support exactly-once semantics with the provided configuration. Change it, or set "+exactlyOnceKey+"=requested")
	}
	return nil
}

// convert checks the converters that the connector sets, and their settings. Without a converter of its own, keys with its
// prefix have no meaning.
func (v validation) convert(a *answer) {
	for _, key := range []string{"key.converter", "value.converter", "header.converter"} {
		class, ok := v.values[key]
		if !ok || len(a.errors(key)) > 0 {
			continue
		}
		class = strings.TrimSpace(class)
		c, ok := v.settings.converter(class)
		switch {
		case !ok:
			a.report(key, fmt.Sprintf("Invalid value %s for configuration %s: Class %s could not be found. Converters are: %s",
				class, key, class, strings.Join(v.settings.converters(key == "header.converter"), ", ")))
			continue
		case key == "header.converter" && !c.HeaderConverter, key != "header.converter" && !c.Converter:
			a.report(key, fmt.Sprintf("Invalid value %s for configuration %s: Class %s cannot be used for this. Use one of %s",
				class, key, class, strings.Join(v.settings.converters(key == "header.converter"), ", ")))
			continue
		}
		definition := slices.Clone(c.Definition)
		for i := range definition {
			definition[i].Name = key + "." + definition[i].Name
		}
		for _, group := range definition.Groups() {
			if !slices.Contains(a.groups, group) {
				a.groups = append(a.groups, group)
			}
		}
		for _, value := range definition.Validate(v.values) {
			a.converters = append(a.converters, definition.Info(value))
		}
	}
}

// consumerGroup refuses the group of the workers for a sink's consumers: they would throw each other out.
func (v validation) consumerGroup(a *answer) {
	key, group := "consumer.override.group.id", strings.TrimSpace(v.values["consumer.override.group.id"])
	if group == "" {
		key, group = "name", "connect-"+strings.TrimSpace(v.values["name"])
	}
	if workers := strings.TrimSpace(v.settings.Worker.Properties["group.id"]); workers != "" && group == workers {
		a.report(key, fmt.Sprintf("Consumer group %s conflicts with Connect worker group %s. Choose another %s", group, workers, key))
	}
}

// errors returns what is wrong with a key so far.
func (a *answer) errors(name string) []string {
	for _, v := range a.values {
		if v.Name == name {
			return v.Errors
		}
	}
	return nil
}

// report adds an error to a key, also to one without definition.
func (a *answer) report(name, text string) {
	v := a.value(name)
	v.Errors = append(v.Errors, text)
}

func (a *answer) value(name string) *config.Value {
	for i := range a.values {
		if a.values[i].Name == name {
			return &a.values[i]
		}
	}
	a.values = append(a.values, config.Value{Name: name, Visible: true})
	return &a.values[len(a.values)-1]
}

// merge adds what the connector's own code found.
func (a *answer) merge(live []config.Value) {
	for _, l := range live {
		v := a.value(l.Name)
		v.Errors = append(v.Errors, l.Errors...)
		if len(l.Recommended) > 0 {
			v.Recommended = l.Recommended
		}
		v.Visible = l.Visible
	}
}

// count is the number of error texts.
func (a *answer) count() int {
	n := 0
	for _, v := range a.values {
		n += len(v.Errors)
	}
	for _, c := range slices.Concat(a.overrides, a.converters) {
		n += len(c.Value.Errors)
	}
	return n
}

func (a *answer) infos(values map[string]string) ConfigInfos {
	infos := ConfigInfos{Name: values["connector.class"], ErrorCount: a.count(), Groups: a.groups, Configs: make([]config.Info, 0, len(a.values))}
	for _, v := range a.values {
		infos.Configs = append(infos.Configs, a.definition.Info(v))
	}
	infos.Configs = append(infos.Configs, a.overrides...)
	infos.Configs = append(infos.Configs, a.converters...)
	return infos
}
