package client

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// Description is what a plugin says of itself.
type Description = connectv1.DescribeResponse

// ConnectorDescription is what a plugin says of one of its connectors.
type ConnectorDescription = connectv1.ConnectorDescription

const (
	describeTimeout = 10 * time.Second

	// Limits of a description. They are far above what any plugin needs and keep a hostile one from filling the host's memory.
	maxDescription = 8 << 20
	maxConnectors  = 256
	maxConfigKeys  = 2000
	maxName        = 255
)

// className is what connector.class may hold: a simple name, or one as Java writes it.
var className = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$-]*(\.[A-Za-z_][A-Za-z0-9_$-]*)*$`)

// Describe asks the plugin what it is. The answer is checked: it has a name, a version and at least one connector, no name is given twice, and
// nothing is larger than a description may reasonably be. It fails after 10 s at the latest.
func (p *Process) Describe(ctx context.Context) (*Description, error) {
	bounded, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	d, err := connectv1.NewPluginClient(p.conn).Describe(bounded, &connectv1.DescribeRequest{HostVersion: p.settings.HostVersion},
		grpc.MaxCallRecvMsgSize(maxDescription))
	if status.Code(err) == codes.DeadlineExceeded {
		<-bounded.Done() // the plugin's clock was faster
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, fmt.Errorf("plugin %s was asked to describe itself: %w", p.settings.Path, context.Cause(ctx))
	case bounded.Err() != nil:
		return nil, fmt.Errorf("plugin %s did not describe itself within %s: Describe must not wait for anything outside the process",
			p.settings.Path, describeTimeout)
	default:
		return nil, p.lost("Describe", err)
	}
	if err := CheckDescription(d); err != nil {
		return nil, fmt.Errorf("plugin %s describes itself wrongly, tell its author: %w", p.settings.Path, err)
	}
	return d, nil
}

// CheckDescription tells what is wrong with a description, from wherever it was read.
func CheckDescription(d *Description) error {
	if err := checkName("its name", d.GetName()); err != nil {
		return err
	}
	if err := checkName("its version", d.GetVersion()); err != nil {
		return err
	}
	switch n := len(d.GetConnectors()); {
	case n == 0:
		return errors.New("it has no connector")
	case n > maxConnectors:
		return fmt.Errorf("it has %d connectors, %d are allowed", n, maxConnectors)
	}
	taken := map[string]string{} // class or alias -> class
	for _, c := range d.GetConnectors() {
		if err := checkConnector(c); err != nil {
			return err
		}
		for _, name := range append([]string{c.GetClass()}, c.GetAliases()...) {
			if other, ok := taken[name]; ok {
				return fmt.Errorf("connectors %s and %s both answer to the class name %s", other, c.GetClass(), name)
			}
			taken[name] = c.GetClass()
		}
	}
	return nil
}

func checkConnector(c *ConnectorDescription) error {
	for _, name := range append([]string{c.GetClass()}, c.GetAliases()...) {
		if len(name) > maxName || !className.MatchString(name) {
			return fmt.Errorf("%q is no class name: letters, digits, _, $ and -, with dots in between", printable(name, maxName))
		}
	}
	if t := c.GetType(); t != connectv1.ConnectorType_CONNECTOR_TYPE_SOURCE && t != connectv1.ConnectorType_CONNECTOR_TYPE_SINK {
		return fmt.Errorf("connector %s is neither source nor sink", c.GetClass())
	}
	if v := c.GetVersion(); v != "" {
		if err := checkName("version of connector "+c.GetClass(), v); err != nil {
			return err
		}
	}
	if n := len(c.GetConfig()); n > maxConfigKeys {
		return fmt.Errorf("connector %s has %d configuration keys, %d are allowed", c.GetClass(), n, maxConfigKeys)
	}
	seen := map[string]bool{}
	for _, k := range c.GetConfig() {
		if err := checkKey(k); err != nil {
			return fmt.Errorf("connector %s: %w", c.GetClass(), err)
		}
		if seen[k.GetName()] {
			return fmt.Errorf("connector %s has the configuration key %q twice", c.GetClass(), k.GetName())
		}
		seen[k.GetName()] = true
	}
	return nil
}

func checkKey(k *connectv1.ConfigKey) error {
	if err := checkName("name of a configuration key", k.GetName()); err != nil {
		return err
	}
	if k.GetType() == connectv1.ConfigType_CONFIG_TYPE_UNSPECIFIED {
		return fmt.Errorf("configuration key %q has no type", k.GetName())
	}
	if _, err := regexp.Compile(k.GetPattern()); err != nil {
		return fmt.Errorf("configuration key %q: pattern: %w", k.GetName(), err)
	}
	if k.Min != nil && k.Max != nil && *k.Min > *k.Max {
		return fmt.Errorf("configuration key %q: min %v is greater than max %v", k.GetName(), *k.Min, *k.Max)
	}
	return nil
}

// checkName checks a short text without white space.
func checkName(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%s is empty", what)
	case len(name) > maxName:
		return fmt.Errorf("%s is %d bytes long, %d are allowed", what, len(name), maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r == ' ' || r == '\t' || !harmless(r) }):
		return fmt.Errorf("%s %q holds white space or control characters", what, printable(name, maxName))
	}
	return nil
}
