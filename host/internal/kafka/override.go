package kafka

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Properties merges the properties of a connector's client, each step over those before: defaults, bootstrap.servers of
// the worker, its settings with the role's prefix (e.g. producer.), the connector's overrides (e.g. producer.override.).
// An admin client also inherits the worker's own settings without a prefix, as Kafka Connect's does. Whether the
// overrides are allowed is not its concern: see [Policy].
func Properties(role Role, defaults, worker, connector map[string]string) map[string]string {
	props := maps.Clone(defaults)
	if props == nil {
		props = map[string]string{}
	}
	if servers, ok := worker["bootstrap.servers"]; ok {
		props["bootstrap.servers"] = servers
	}
	if role == Admin {
		own := WorkerProperties(Admin, worker)
		delete(own, "client.id") // it is the worker's name, not the connector's
		maps.Copy(props, own)
	}
	copyPrefixed(props, worker, role.String()+".")
	copyPrefixed(props, connector, overridePrefix(role))
	return props
}

// WorkerProperties returns those of a worker's settings without a prefix that a client in a role knows: what the
// worker's own clients use.
func WorkerProperties(role Role, worker map[string]string) map[string]string {
	props := map[string]string{}
	for key, value := range worker {
		if find(role, key) != nil {
			props[key] = value
		}
	}
	return props
}

func overridePrefix(role Role) string { return role.String() + ".override." }

// copyPrefixed copies the settings that have a prefix, without it.
func copyPrefixed(dst, src map[string]string, prefix string) {
	for key, value := range src {
		if name, ok := strings.CutPrefix(key, prefix); ok && name != "" {
			dst[name] = value
		}
	}
}

// Policy decides which client settings a connector may override.
type Policy struct {
	name    string
	allowed func(key string) bool
}

// ParsePolicy returns the policy of a worker: connector.client.config.override.policy is All, None, Principal or
// Allowlist, or the Java class of one of them; allowlist is connector.client.config.override.allowlist.
func ParsePolicy(policy, allowlist string) (Policy, error) {
	name := strings.TrimSpace(policy)
	if class, ok := strings.CutPrefix(name, "org.apache.kafka.connect.connector.policy."); ok {
		name = strings.TrimSuffix(class, "ConnectorClientConfigOverridePolicy")
	}
	switch name {
	case "", "All":
		return Policy{"All", func(string) bool { return true }}, nil
	case "None":
		return Policy{"None", func(string) bool { return false }}, nil
	case "Principal":
		return Policy{"Principal", func(key string) bool {
			return key == "security.protocol" || key == "sasl.jaas.config" || key == "sasl.mechanism"
		}}, nil
	case "Allowlist":
		var list []string
		for key := range strings.SplitSeq(allowlist, ",") {
			list = append(list, strings.TrimSpace(key))
		}
		return Policy{"Allowlist", func(key string) bool { return key != "" && slices.Contains(list, key) }}, nil
	}
	return Policy{}, fmt.Errorf("invalid value %q for connector.client.config.override.policy: must be one of All, None, Principal, Allowlist; no Java classes are loaded", policy)
}

// Check returns an error text for each setting of a connector's configuration that overrides what it may not, by the
// whole name of the setting.
func (p Policy) Check(connector map[string]string) map[string]string {
	problems := map[string]string{}
	for key := range connector {
		for _, role := range []Role{Producer, Consumer, Admin} {
			if name, ok := strings.CutPrefix(key, overridePrefix(role)); ok && !p.allowed(name) {
				problems[key] = fmt.Sprintf("The '%s' policy does not allow '%s' to be overridden in the connector configuration.", p.name, name)
			}
		}
	}
	return problems
}
