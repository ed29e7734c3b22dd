package transform

import (
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// settings are the checked configuration of one transformation or predicate.
type settings struct {
	prefix string // of its keys, "transforms.route." for instance
	values config.Values
	raw    map[string]string
}

// settingError is a setting that is wrong in itself or beside the others.
type settingError struct{ key, text string }

func (e *settingError) Error() string { return e.text }

// settings checks the configuration under the keys' full names, so that errors have the names that users write.
func (d Description) settings(prefix string, values map[string]string) (settings, error) {
	full := d.Definition.WithPrefix(prefix, "")
	parsed, err := full.Parse(values)
	if err != nil {
		return settings{}, fmt.Errorf("%s%s: %w", prefix, "type="+d.Name, err)
	}
	return settings{prefix, parsed, maps.Clone(values)}, nil
}

func (s settings) text(name string) string   { return s.values.String(s.prefix + name) }
func (s settings) flag(name string) bool     { return s.values.Bool(s.prefix + name) }
func (s settings) list(name string) []string { return s.values.List(s.prefix + name) }
func (s settings) has(name string) bool      { return s.values.Set(s.prefix + name) }
func (s settings) number(name string) int    { return s.values.Int(s.prefix + name) }

// wrong is the error of a setting, in Kafka's words and with what to write instead.
func (s settings) wrong(name, format string, args ...any) error {
	key := s.prefix + name
	return &settingError{key, fmt.Sprintf("Invalid value %s for configuration %s: ", strings.TrimSpace(s.raw[key]), key) + fmt.Sprintf(format, args...)}
}

// fix names a setting with its value, for errors about records.
func (s settings) fix(name string) string {
	return s.prefix + name + "=" + strings.TrimSpace(s.raw[s.prefix+name])
}

// regex compiles a setting so that it matches whole texts.
func (s settings) regex(name string) (*regexp.Regexp, error) {
	text := s.text(name)
	// On its own first: "a)(b" would be one between the parentheses that are put around it.
	if _, err := regexp.Compile(text); err != nil {
		return nil, s.wrong(name, "It is no regular expression in RE2 syntax: %v. Java's look-around, back references and possessive quantifiers are not in it", err)
	}
	return regexp.Compile(`^(?:` + text + `)$`)
}
