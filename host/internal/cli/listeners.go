package cli

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// defaultListener is where REST answers when the properties do not say: whoever can reach it can run what they like on
// this machine, so it is nobody but this machine.
const defaultListener = "127.0.0.1:8083"

// parseListeners reads the values of listeners, such as http://:8083, as addresses to listen on.
func parseListeners(values []string) ([]string, error) {
	if len(values) == 0 {
		return []string{defaultListener}, nil
	}
	var addresses []string
	for _, value := range values {
		invalid := func(format string, args ...any) error {
			return invalidValue("listeners", value, fmt.Sprintf(format, args...)+"; write it as http://127.0.0.1:8083, or http://:8083 for all addresses of this machine")
		}
		u, err := url.Parse(value)
		switch {
		case err != nil || u.Scheme == "" || u.Host == "":
			return nil, invalid("Unable to parse listener as protocol://host:port")
		case strings.EqualFold(u.Scheme, "https"):
			return nil, invalid("https is not supported by this version of Outboard; put a proxy that speaks TLS in front of an http listener on 127.0.0.1")
		case !strings.EqualFold(u.Scheme, "http"):
			return nil, invalid("the protocol %s is unknown", u.Scheme)
		case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil:
			return nil, invalid("there is more than a protocol, a host and a port")
		}
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil {
			return nil, invalid("a port from 0 to 65535 is missing")
		}
		addresses = append(addresses, net.JoinHostPort(u.Hostname(), strconv.FormatUint(port, 10)))
	}
	return addresses, nil
}

// isLoopback tells whether only this machine reaches an address. An empty host is every address.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
