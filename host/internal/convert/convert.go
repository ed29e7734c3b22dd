package convert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// Use tells what a converter is used for. Errors name the configuration key after it.
type Use uint8

// The uses of a converter.
const (
	Key Use = iota
	Value
	Header
)

// String returns "key", "value" or "header".
func (u Use) String() string {
	switch u {
	case Key:
		return "key"
	case Value:
		return "value"
	}
	return "header"
}

// setting returns the full name of a converter's setting, "value.converter.schemas.enable" for instance; an empty name
// is the converter itself.
func (u Use) setting(name string) string {
	if name == "" {
		return u.String() + ".converter"
	}
	return u.String() + ".converter." + name
}

// Converter turns keys or values from Connect data into Kafka bytes and back. An instance belongs to one task and one
// goroutine; it keeps caches that live as long as it does. The topic is that of the record; it serves formats that look
// schemas up by topic.
type Converter interface {
	// FromConnect returns the Kafka bytes of v, nil for null (a tombstone). The result may share memory with v and with
	// a. After an error the record can still be converted by another converter; nothing is kept of it.
	FromConnect(a *Arena, topic string, v data.Value) ([]byte, error)
	// ToConnect returns the value that b stands for; a nil b is null. The result may share memory with b and with a.
	ToConnect(a *Arena, topic string, b []byte) (data.Value, error)
}

// HeaderConverter is a Converter for headers: it knows the header's name.
type HeaderConverter interface {
	// FromConnectHeader is Converter.FromConnect for the header called name.
	FromConnectHeader(a *Arena, topic, name string, v data.Value) ([]byte, error)
	// ToConnectHeader is Converter.ToConnect for the header called name. It puts the value into v, whatever was there.
	ToConnectHeader(v *data.Value, a *Arena, topic, name string, b []byte) error
}

// Description tells of a built-in converter.
type Description struct {
	// Class is the Java class that existing configurations name.
	Class string
	// Name is the short name: the class without its package. Aliases are further short names.
	Name    string
	Aliases []string
	// Converter and HeaderConverter tell whether it can be a key or value converter, and a header converter.
	Converter, HeaderConverter bool
	// Definition is that of its settings, without the prefix.
	Definition config.Definition

	build       func(s settings) (Converter, error)
	buildHeader func(s settings) (HeaderConverter, error)
}

// Is tells whether class is one of the converter's names.
func (d Description) Is(class string) bool {
	return class == d.Class || class == d.Name || slices.Contains(d.Aliases, class)
}

// New makes the converter that class names: a Java class name, a short name or an alias. The settings come without
// prefix ("schemas.enable", not "value.converter.schemas.enable"); those that the converter does not know are left to
// others. The error names the key that is wrong, its value and what to write instead.
func New(class string, values map[string]string, use Use) (Converter, error) {
	d, err := find(class, use, func(d Description) bool { return d.Converter })
	if err != nil {
		return nil, err
	}
	s, err := d.settings(values, use)
	if err != nil {
		return nil, err
	}
	return d.build(s)
}

// NewHeader is New for header converters.
func NewHeader(class string, values map[string]string) (HeaderConverter, error) {
	d, err := find(class, Header, func(d Description) bool { return d.HeaderConverter })
	if err != nil {
		return nil, err
	}
	s, err := d.settings(values, Header)
	if err != nil {
		return nil, err
	}
	if d.buildHeader != nil {
		return d.buildHeader(s)
	}
	c, err := d.build(s)
	if err != nil {
		return nil, err
	}
	return headers{c}, nil
}

func find(class string, use Use, usable func(Description) bool) (Description, error) {
	var names []string
	known := false
	for _, d := range Known() {
		if d.Is(class) {
			if usable(d) {
				return d, nil
			}
			known = true
		}
		if usable(d) {
			names = append(names, d.Name)
		}
	}
	kind := "converter"
	if use == Header {
		kind = "header converter"
	}
	problem := fmt.Sprintf("Class %s could not be found.", class)
	if known {
		problem = fmt.Sprintf("Class %s is not a %s.", class, kind)
	} else if near := config.Nearest(class, names); near != "" {
		problem += fmt.Sprintf(" Did you mean %s?", near)
	}
	return Description{}, fmt.Errorf("%s: %s Every %s there is: %s", use.setting(""), problem, kind, strings.Join(names, ", "))
}

// headers lets a converter convert headers.
type headers struct{ c Converter }

func (h headers) FromConnectHeader(a *Arena, topic, name string, v data.Value) ([]byte, error) {
	b, err := h.c.FromConnect(a, topic, v)
	if err != nil {
		return nil, fmt.Errorf("header %q: %w", name, err)
	}
	return b, nil
}

func (h headers) ToConnectHeader(v *data.Value, a *Arena, topic, name string, b []byte) (err error) {
	if *v, err = h.c.ToConnect(a, topic, b); err != nil {
		return fmt.Errorf("header %q: %w", name, err)
	}
	return nil
}
