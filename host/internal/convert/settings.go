package convert

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/outboard-connect/outboard/host/internal/registry"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// settings are the checked configuration of one converter.
type settings struct {
	use    Use
	values config.Values
}

// settings checks the configuration under the keys' full names, so that errors have the names that users write.
func (d Description) settings(values map[string]string, use Use) (settings, error) {
	full := make(config.Definition, len(d.Definition))
	given := map[string]string{}
	for i, k := range d.Definition {
		if v, ok := values[k.Name]; ok {
			given[use.setting(k.Name)] = v
		}
		k.Name = use.setting(k.Name)
		full[i] = k
	}
	parsed, err := full.Parse(given)
	if err != nil {
		return settings{}, fmt.Errorf("%s %s: %w", use.setting(""), d.Name, err)
	}
	return settings{use, parsed}, nil
}

func (s settings) flag(name string) bool   { return s.values.Bool(s.use.setting(name)) }
func (s settings) size(name string) int    { return s.values.Int(s.use.setting(name)) }
func (s settings) text(name string) string { return s.values.String(s.use.setting(name)) }

// registry returns a setting of the registry's client as text, "" when it is not set.
func (s settings) registry(name string) string {
	full := s.use.setting(name)
	k, _ := registry.Definition().Lookup(name)
	switch {
	case !s.values.Set(full):
		return ""
	case k.Type == config.TypeBoolean:
		return strconv.FormatBool(s.values.Bool(full))
	case k.Type == config.TypeInt:
		return strconv.Itoa(s.values.Int(full))
	case k.Type == config.TypeList:
		return strings.Join(s.values.List(full), ",")
	}
	return s.values.String(full)
}
