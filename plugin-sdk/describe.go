package sdk

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// Version of the SDK.
const Version = "1.0.0"

// describeService answers Describe.
type describeService struct {
	connectv1.UnimplementedPluginServer
	plugin *Plugin
	// stderr is the process's own, nil in tests.
	stderr *os.File
	once   sync.Once
}

// Describe tells what the binary offers.
func (s *describeService) Describe(context.Context, *connectv1.DescribeRequest) (*connectv1.DescribeResponse, error) {
	s.once.Do(func() {
		// go-plugin has replaced it by a pipe that loses the last words of a process that exits.
		if s.stderr != nil {
			os.Stderr = s.stderr
		}
	})
	p := s.plugin
	answer := &connectv1.DescribeResponse{Name: p.Name, Version: p.Version, Sdk: "outboard-go/" + Version}
	for _, c := range p.Sources {
		answer.Connectors = append(answer.Connectors, describe(c.Description, c.Connector, connectv1.ConnectorType_CONNECTOR_TYPE_SOURCE))
	}
	for _, c := range p.Sinks {
		answer.Connectors = append(answer.Connectors, describe(c.Description, c.Connector, connectv1.ConnectorType_CONNECTOR_TYPE_SINK))
	}
	return answer, nil
}

func describe(d Description, connector func() Connector, t connectv1.ConnectorType) *connectv1.ConnectorDescription {
	m := &connectv1.ConnectorDescription{
		Class: d.Class, Aliases: d.Aliases, Type: t, Documentation: d.Documentation, MaxTasks: uint32(d.MaxTasks),
	}
	for _, k := range d.Config {
		m.Config = append(m.Config, wire.ConfigKeyToProto(k))
	}
	if connector != nil {
		c := connector()
		_, m.LiveValidation = c.(Validator)
		_, m.AltersOffsets = c.(OffsetAlterer)
	}
	return m
}

// check reports mistakes of the author.
func (p *Plugin) check() error {
	if p.Name == "" || p.Version == "" {
		return fmt.Errorf("a plugin needs a Name and a Version")
	}
	if len(p.Sources)+len(p.Sinks) == 0 {
		return fmt.Errorf("it has neither Sources nor Sinks")
	}
	seen := map[string]bool{}
	one := func(d Description, task bool) error {
		if d.Class == "" || !task {
			return fmt.Errorf("connector %q needs a Class and a Task", d.Class)
		}
		for _, name := range append([]string{d.Class}, d.Aliases...) {
			if seen[name] {
				return fmt.Errorf("two connectors are called %q", name)
			}
			seen[name] = true
		}
		return nil
	}
	for _, c := range p.Sources {
		if err := one(c.Description, c.Task != nil); err != nil {
			return err
		}
	}
	for _, c := range p.Sinks {
		if err := one(c.Description, c.Task != nil); err != nil {
			return err
		}
	}
	return nil
}

func (d *Description) answersTo(class string) bool {
	return d.Class == class || slices.Contains(d.Aliases, class)
}

func (p *Plugin) source(class string) *Source {
	for i := range p.Sources {
		if p.Sources[i].answersTo(class) {
			return &p.Sources[i]
		}
	}
	return nil
}

func (p *Plugin) sink(class string) *Sink {
	for i := range p.Sinks {
		if p.Sinks[i].answersTo(class) {
			return &p.Sinks[i]
		}
	}
	return nil
}

// connector returns the description of a class and what makes its Connector.
func (p *Plugin) connector(class string) (*Description, func() Connector) {
	if s := p.source(class); s != nil {
		return &s.Description, s.Connector
	}
	if s := p.sink(class); s != nil {
		return &s.Description, s.Connector
	}
	return nil, nil
}

// divide makes the Connector of a class that runs.
func (p *Plugin) divide(d *Description, connector func() Connector, config map[string]string) Connector {
	if connector != nil {
		return connector()
	}
	w := &whole{config: config, tasks: d.MaxTasks}
	if p.source(d.Class) != nil {
		w.tasks = 1
	}
	return w
}

// stderr keeps the lines of several loggers apart.
var stderr sync.Mutex
