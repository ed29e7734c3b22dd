package isolation

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/client"
)

// Checksum is the SHA-256 of a plugin's binary.
type Checksum [sha256.Size]byte

// String returns the checksum in hexadecimal digits.
func (c Checksum) String() string { return hex.EncodeToString(c[:]) }

// Plugin is a binary that was found and told what it is. Treat it as constant.
type Plugin struct {
	Path        string
	Checksum    Checksum
	Description *client.Description
}

// Connector is a connector of a plugin. Treat it as constant.
type Connector struct {
	Plugin      *Plugin
	Description *client.ConnectorDescription
	Version     Version
}

// Class is the connector's own name, not an alias.
func (c *Connector) Class() string { return c.Description.GetClass() }

// Type is "source" or "sink".
func (c *Connector) Type() string {
	return strings.ToLower(strings.TrimPrefix(c.Description.GetType().String(), "CONNECTOR_TYPE_"))
}

// connectors returns what a plugin offers.
func (p *Plugin) connectors() []*Connector {
	all := make([]*Connector, 0, len(p.Description.GetConnectors()))
	for _, d := range p.Description.GetConnectors() {
		version := d.GetVersion()
		if version == "" {
			version = p.Description.GetVersion()
		}
		all = append(all, &Connector{Plugin: p, Description: d, Version: ParseVersion(version)})
	}
	return all
}

func parseChecksum(digits string) (Checksum, error) {
	sum, err := hex.DecodeString(digits)
	if err != nil || len(sum) != len(Checksum{}) {
		return Checksum{}, fmt.Errorf("%q is no SHA-256", digits)
	}
	return Checksum(sum), nil
}
