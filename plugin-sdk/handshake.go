package sdk

import "github.com/hashicorp/go-plugin"

// ServiceName is the name under which a plugin registers its services with go-plugin.
const ServiceName = "connect"

// Handshake is what host and plugin agree on before they speak gRPC. The protocol version is the major version in the name of the protobuf
// package; the cookie tells a plugin that a host started it and protects nothing. Treat it as constant.
var Handshake = plugin.HandshakeConfig{
	ProtocolVersion:  1,
	MagicCookieKey:   "OUTBOARD_PLUGIN",
	MagicCookieValue: "b2443994ffa55cfab6908527e80139b43bab73dd02a7d28f7d14a9d6aea90ed7",
}
