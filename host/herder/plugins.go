package herder

import (
	"context"
	"slices"
	"strings"

	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// ConverterInfo is a converter that configurations may name.
type ConverterInfo struct {
	// Class is the name that lists show; Aliases are accepted too.
	Class   string
	Aliases []string
	// Converter and HeaderConverter tell what it can be used for.
	Converter, HeaderConverter bool
	// Definition is that of its settings, without the prefix.
	Definition config.Definition
}

// Plugins returns the installed connectors, sinks first, each in all its versions, the newest first; without connectorsOnly
// also transformations, predicates and converters.
func (h *Herder) Plugins(ctx context.Context, connectorsOnly bool) ([]PluginInfo, error) {
	plugins := []PluginInfo{}
	for _, kind := range []string{TypeSink, TypeSource} {
		for _, c := range h.plugins.Connectors() {
			p := PluginInfo{Class: c.Class(), Type: c.Type(), Version: c.Version.String()}
			if p.Type == kind && !slices.Contains(plugins, p) {
				plugins = append(plugins, p)
			}
		}
	}
	if connectorsOnly {
		return plugins, nil
	}
	for _, kind := range []string{TypeTransformation, TypePredicate} {
		for _, t := range h.settings.Transforms.Known {
			if t.Type == kind {
				plugins = append(plugins, PluginInfo{Class: t.Class, Type: kind, Version: builtinVersion(t.Class)})
			}
		}
	}
	for _, c := range h.settings.Converters {
		if c.Converter {
			plugins = append(plugins, PluginInfo{Class: c.Class, Type: "converter", Version: builtinVersion(c.Class)})
		}
	}
	for _, c := range h.settings.Converters {
		if c.HeaderConverter {
			plugins = append(plugins, PluginInfo{Class: c.Class, Type: "header_converter", Version: builtinVersion(c.Class)})
		}
	}
	return plugins, nil
}

// PluginConfig returns the keys of a connector, its own before the framework's, or those of a converter,
// a transformation or a predicate. The version is a
// requirement as in connector.plugin.version; "" is the latest.
func (h *Herder) PluginConfig(ctx context.Context, plugin, version string) ([]KeyInfo, error) {
	if c, ok := h.settings.converter(plugin); ok {
		return builtinKeys(c.Class, version, c.Definition)
	}
	if t, ok := h.settings.transform(plugin); ok {
		return builtinKeys(t.Class, version, t.Definition)
	}
	c, err := h.plugins.Find(plugin, "")
	if err != nil {
		return nil, &Error{Code: NotFound, Message: "Unknown plugin " + plugin + ". " + err.Error(), Cause: err}
	}
	if version != "" {
		if c, err = h.plugins.Find(plugin, version); err != nil {
			return nil, &Error{Code: BadRequest, Message: err.Error(), Cause: err}
		}
	}
	own := definition(c)
	return keyInfos(append(own, slices.DeleteFunc(framework(c, nil), func(k config.Key) bool {
		_, overridden := own.Lookup(k.Name)
		return overridden
	})...)), nil
}

func builtinKeys(class, version string, d config.Definition) ([]KeyInfo, error) {
	if problem := checkBuiltinVersion(class, version); problem != "" {
		return nil, errorf(BadRequest, "%s", problem)
	}
	return keyInfos(d), nil
}

func keyInfos(d config.Definition) []KeyInfo {
	infos := make([]KeyInfo, len(d))
	for i, k := range d {
		infos[i] = k.Info()
	}
	return infos
}

// find returns the connector plugin that a configuration asks for. With a version that is not installed it is the latest
// one, and problem says so; an unknown class is an error.
func (h *Herder) find(cfg map[string]string) (c *isolation.Connector, problem string, err error) {
	class, err := connectorClass(cfg)
	if err != nil {
		return nil, "", err
	}
	if requirement, ok := cfg[versionKey]; ok {
		c, err := h.plugins.Find(class, requirement)
		if err == nil {
			return c, "", nil
		}
		problem = err.Error()
	}
	if c, err = h.plugins.Find(class, ""); err != nil {
		return nil, "", &Error{Code: BadRequest, Message: err.Error(), Cause: err}
	}
	return c, problem, nil
}

// kind is the type of the connector that a configuration is for.
func (h *Herder) kind(cfg map[string]string) string {
	c, _, err := h.find(cfg)
	if err != nil {
		return TypeUnknown
	}
	return c.Type()
}

// versionKey chooses among installed versions of a connector.
const versionKey = "connector.plugin.version"

// framework is the framework's definition for a connector, which depends on the values: topic creation groups have keys of
// their own.
func framework(c *isolation.Connector, values map[string]string) config.Definition {
	d := config.Common()
	switch {
	case c.Type() == TypeSink:
		d = append(d, config.Sink()...)
	case len(config.WithPrefix(values, "topic.creation.")) > 0:
		var groups []string
		for group := range strings.SplitSeq(values["topic.creation.groups"], ",") {
			if group = strings.TrimSpace(group); group != "" {
				groups = append(groups, group)
			}
		}
		d = append(append(d, config.Source()...), config.TopicCreation(groups)...)
	default:
		d = append(d, config.Source()...)
	}
	for i := range d {
		if d[i].Name == versionKey && c.Version.String() != "" {
			d[i].Default = config.Default(c.Version.String())
		}
	}
	return d
}

// definition is what a connector says of its own keys.
func definition(c *isolation.Connector) config.Definition {
	d := make(config.Definition, 0, len(c.Description.GetConfig()))
	for _, k := range c.Description.GetConfig() {
		d = append(d, config.Key{
			Name:        k.GetName(),
			Type:        config.Type(k.GetType()),
			Default:     k.DefaultValue,
			Required:    k.GetRequired(),
			Importance:  config.Importance(k.GetImportance()),
			Doc:         k.GetDocumentation(),
			Group:       k.GetGroup(),
			Order:       int(k.GetOrder()),
			Width:       config.Width(k.GetWidth()),
			DisplayName: k.GetDisplayName(),
			Dependents:  k.GetDependents(),
			Min:         k.Min,
			Max:         k.Max,
			Valid:       k.GetValidValues(),
			IgnoreCase:  k.GetIgnoreCase(),
			NonEmpty:    k.GetNonEmpty(),
			Pattern:     k.GetPattern(),
			Recommended: k.GetRecommendedValues(),
		})
	}
	return d
}

// converter finds a converter by its class or an alias.
func (s *Settings) converter(class string) (ConverterInfo, bool) {
	for _, c := range s.Converters {
		if c.Class == class || slices.Contains(c.Aliases, class) {
			return c, true
		}
	}
	return ConverterInfo{}, false
}

// converters returns the classes of the converters for headers, or for keys and values.
func (s *Settings) converters(header bool) []string {
	var classes []string
	for _, c := range s.Converters {
		if header && c.HeaderConverter || !header && c.Converter {
			classes = append(classes, c.Class)
		}
	}
	slices.Sort(classes)
	return classes
}
