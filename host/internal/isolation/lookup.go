package isolation

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Entry is one row of a catalog: a connector, or a file or folder that cannot be used.
type Entry struct {
	Class    string // empty when there is a problem
	Type     string // "source" or "sink", empty when there is a problem
	Version  string
	Path     string
	Checksum string // hexadecimal digits, empty when the file was not read
	// Problem tells why the file or folder cannot be used, and what to do; empty when it can.
	Problem string
}

// snapshot is what a catalog knows at one moment. It does not change.
type snapshot struct {
	entries    []Entry
	connectors []*Connector // by class, the newest of a class first
	// names lead to connectors, the newest of a class first: class names, then aliases, then simple names. An earlier one wins.
	names   [3]map[string][]*Connector
	changed chan struct{} // closed when there is a newer snapshot
}

func newSnapshot(plugins []*Plugin, problems []Entry) *snapshot {
	s := &snapshot{changed: make(chan struct{})}
	for _, p := range plugins {
		s.connectors = append(s.connectors, p.connectors()...)
	}
	slices.SortFunc(s.connectors, func(a, b *Connector) int {
		return cmp.Or(strings.Compare(a.Class(), b.Class()), b.Version.Compare(a.Version), strings.Compare(a.Plugin.Path, b.Plugin.Path))
	})
	for i := range s.names {
		s.names[i] = map[string][]*Connector{}
	}
	for _, c := range s.connectors {
		s.entries = append(s.entries, Entry{
			Class: c.Class(), Type: c.Type(), Version: c.Version.String(), Path: c.Plugin.Path, Checksum: c.Plugin.Checksum.String(),
		})
		s.name(0, c.Class(), c)
		for _, alias := range c.Description.GetAliases() {
			s.name(1, alias, c)
		}
		for _, full := range append([]string{c.Class()}, c.Description.GetAliases()...) {
			simple := full[strings.LastIndexByte(full, '.')+1:]
			bare := strings.TrimSuffix(simple, "Connector")
			for _, name := range []string{simple, bare, bare + "Connector"} {
				s.name(2, name, c)
			}
		}
	}
	s.entries = append(s.entries, problems...)
	return s
}

func (s *snapshot) name(level int, name string, c *Connector) {
	if all := s.names[level][name]; name != "" && !slices.Contains(all, c) {
		s.names[level][name] = append(all, c)
	}
}

// find returns the newest connector that a class name and a version requirement mean.
func (s *snapshot) find(class, requirement string) (*Connector, error) {
	required, err := ParseRequirement(requirement)
	if err != nil {
		return nil, err
	}
	var candidates []*Connector
	for _, names := range s.names {
		if candidates = names[class]; len(candidates) > 0 {
			break
		}
	}
	if len(candidates) == 0 {
		return nil, s.unknown(class)
	}
	var versions []string
	var found *Connector
	for _, c := range candidates {
		if other := candidates[0]; c.Class() != other.Class() {
			return nil, fmt.Errorf("the class name %s is ambiguous: it may be %s of %s or %s of %s; write the class name in full",
				class, other.Class(), other.Plugin.Path, c.Class(), c.Plugin.Path)
		}
		if found == nil && required.Admits(c.Version) {
			found = c
		}
		versions = append(versions, c.Version.String())
	}
	if found == nil {
		return nil, fmt.Errorf("Plugin %s not found that matches the version range %s, available versions: [%s]",
			class, required, strings.Join(slices.Compact(versions), ", "))
	}
	return found, nil
}

// unknown is the error for a class that nothing answers to. Clients know it by its beginning, which is Kafka Connect's.
func (s *snapshot) unknown(class string) error {
	var text, broken strings.Builder
	fmt.Fprintf(&text, "Failed to find any class that implements Connector and which name matches %s, available connectors are: ", class)
	for i, c := range s.connectors {
		if i > 0 {
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "%s %s (%s)", c.Class(), c.Version, c.Type())
	}
	if len(s.connectors) == 0 {
		text.WriteString("none, drop plugin binaries into a folder of plugin.path")
	}
	for _, e := range s.entries {
		if e.Problem != "" {
			fmt.Fprintf(&broken, "; not usable: %s: %s", e.Path, firstLine(e.Problem))
		}
	}
	return errors.New(text.String() + broken.String())
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
