package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/kafka"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// clients knows the settings of the Kafka clients of a worker and of its connectors.
type clients struct {
	props  map[string]string // of the worker
	policy kafka.Policy
	log    hclog.Logger
}

// roles of the clients that a connector has.
var roles = []kafka.Role{kafka.Producer, kafka.Consumer, kafka.Admin}

// newClients checks the settings of all clients, so that a mistake shows at the start and not with the first connector.
func newClients(c workerConfig, log hclog.Logger) (*clients, error) {
	policy, err := kafka.ParsePolicy(c.String("connector.client.config.override.policy"), strings.Join(c.List("connector.client.config.override.allowlist"), ","))
	if err != nil {
		return nil, err
	}
	made := &clients{props: c.Raw(), policy: policy, log: log}
	if _, err := made.own(); err != nil {
		return nil, err
	}
	for _, role := range roles {
		if _, err := made.config(role, nil); err != nil {
			return nil, fmt.Errorf("settings with the prefix %s. for the clients of connectors: %w", role, err)
		}
	}
	return made, nil
}

// own are the options of the worker's own clients, which both read and write.
func (c *clients) own() ([]kgo.Opt, error) {
	own, err := kafka.NewConfig(kafka.Admin, kafka.WorkerProperties(kafka.Admin, c.props), c.log)
	if err != nil {
		return nil, err
	}
	return own.Options, nil
}

// config is that of a connector's client.
func (c *clients) config(role kafka.Role, connector map[string]string) (*kafka.Config, error) {
	return kafka.NewConfig(role, kafka.Properties(role, kafka.Defaults(role, connector["name"], 0), c.props, connector), c.log)
}

// overrides checks the client settings of a connector, those with the prefix producer.override., consumer.override. or
// admin.override.: whether the policy allows them, and whether a client can be made of them.
func (c *clients) overrides(_ string, connector map[string]string) []config.Info {
	problems := map[string][]string{}
	for key, text := range c.policy.Check(connector) {
		problems[key] = append(problems[key], text)
	}
	var keys []string
	for _, role := range roles {
		prefix := role.String() + ".override."
		given := slices.Sorted(maps.Keys(config.WithPrefix(connector, prefix)))
		if len(given) == 0 {
			continue
		}
		for i := range given {
			given[i] = prefix + given[i]
		}
		keys = append(keys, given...)
		if _, err := c.config(role, connector); err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				key := blamed(line, given, prefix)
				problems[key] = append(problems[key], line)
			}
		}
	}
	infos := make([]config.Info, len(keys))
	for i, key := range keys {
		value := connector[key]
		definition := config.Definition{overrideKey(key)}
		infos[i] = definition.Info(config.Value{Name: key, Value: &value, Errors: problems[key], Visible: true})
	}
	return infos
}

// blamed is the override that an error is about: the longest whose name is in it. What none has caused alone is said of the
// first.
func blamed(text string, given []string, prefix string) string {
	best := ""
	for _, key := range given {
		if name := strings.TrimPrefix(key, prefix); strings.Contains(text, name) && len(key) > len(best) {
			best = key
		}
	}
	if best == "" {
		return given[0]
	}
	return best
}

// overrideKey declares an override for forms. Its value is a text: what it may be, only the client knows.
func overrideKey(name string) config.Key {
	key := config.Key{
		Name: name, Type: config.TypeString, Importance: config.ImportanceMedium, Width: config.WidthMedium, Group: "Client Overrides",
		Doc: "Setting of this connector's Kafka client, in place of the worker's.",
	}
	if kafka.Redact(map[string]string{name: ""})[name] != "" {
		key.Type = config.TypePassword
	}
	return key
}
