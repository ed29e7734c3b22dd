package cli

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/outboard-connect/outboard/host/internal/kafka"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// defaultListener is where REST answers when the properties do not say: whoever can reach it can run what they like on
// this machine, so it is nobody but this machine.
const defaultListener = "127.0.0.1:8083"

// listener is where REST answers.
type listener struct {
	protocol string // http or https
	address  string // host:port
	tls      *tls.Config
	admin    bool // for /admin alone
}

// listenersOf reads listeners and admin.listeners with all that concerns them.
func listenersOf(c config.Values) (all []listener, part adminPart, err error) {
	if all, err = parseListeners("listeners", c.List("listeners")); err != nil {
		return nil, adminWithAll, err
	}
	if len(all) == 0 {
		all = []listener{{protocol: "http", address: defaultListener}}
	}
	if err := speakTLS(all, c.Raw(), "listeners.https."); err != nil {
		return nil, adminWithAll, err
	}
	text, given := c.Raw()["admin.listeners"]
	switch {
	case !given:
		return all, adminWithAll, nil
	case strings.TrimSpace(text) == "":
		return all, adminNowhere, nil
	}
	admin, err := parseListeners("admin.listeners", c.List("admin.listeners"))
	if err != nil {
		return nil, adminWithAll, err
	}
	if err := speakTLS(admin, c.Raw(), "admin.listeners.https."); err != nil {
		return nil, adminWithAll, err
	}
	for _, l := range admin {
		l.admin = true
		all = append(all, l)
	}
	return all, adminApart, nil
}

// adminPart says where /admin is.
type adminPart uint8

const (
	adminWithAll adminPart = iota
	adminApart             // on the listeners that are for it
	adminNowhere
)

// parseListeners reads the values of a key such as listeners, each like http://:8083.
func parseListeners(key string, values []string) ([]listener, error) {
	var all []listener
	for _, value := range values {
		invalid := func(format string, args ...any) error {
			return invalidValue(key, value, fmt.Sprintf(format, args...)+"; write it as http://127.0.0.1:8083, or https://:8443 for all addresses of this machine")
		}
		u, err := url.Parse(value)
		switch {
		case err != nil || u.Scheme == "" || u.Host == "":
			return nil, invalid("Unable to parse listener as protocol://host:port")
		case !strings.EqualFold(u.Scheme, "http") && !strings.EqualFold(u.Scheme, "https"):
			return nil, invalid("the protocol %s is unknown", u.Scheme)
		case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil:
			return nil, invalid("there is more than a protocol, a host and a port")
		}
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil {
			return nil, invalid("a port from 0 to 65535 is missing")
		}
		all = append(all, listener{protocol: strings.ToLower(u.Scheme), address: net.JoinHostPort(u.Hostname(), strconv.FormatUint(port, 10))})
	}
	return all, nil
}

// speakTLS gives the https listeners what they need. As in Kafka Connect, with any setting that has the prefix those without
// count for nothing: they are for the worker's Kafka clients.
func speakTLS(all []listener, props map[string]string, prefix string) error {
	own := config.WithPrefix(props, prefix)
	if len(own) == 0 {
		own, prefix = props, ""
	}
	for i := range all {
		if all[i].protocol != "https" {
			continue
		}
		made, err := kafka.ServerTLS(own)
		if err != nil && prefix != "" {
			return fmt.Errorf("settings of https listeners, each with the prefix %s: %w", prefix, err)
		} else if err != nil {
			return fmt.Errorf("settings of https listeners: %w", err)
		}
		all[i].tls = made
	}
	return nil
}

// advertised returns the index of the listener that others are told of: the first that speaks the protocol, or else http,
// or else https.
func advertised(all []listener, protocol string) (int, error) {
	first := -1
	for i, l := range all {
		switch {
		case l.admin:
		case protocol != "" && strings.EqualFold(l.protocol, protocol), protocol == "" && l.protocol == "http":
			return i, nil
		case first < 0:
			first = i
		}
	}
	if protocol != "" {
		return 0, invalidValue("rest.advertised.listener", protocol, "none of listeners speaks it; remove the key, or add such a listener")
	}
	return first, nil
}

// url is where a listener with a known port is reached from this machine.
func (l listener) url(bound *net.TCPAddr) string {
	address := *bound
	if address.IP.IsUnspecified() {
		address.IP = net.IPv4(127, 0, 0, 1)
	}
	return l.protocol + "://" + address.String()
}

// isLoopback tells whether only this machine reaches an address. An empty host is every address.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
