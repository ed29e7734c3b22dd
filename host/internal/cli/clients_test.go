package cli

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func testClients(t *testing.T, more map[string]string) (*clients, error) {
	t.Helper()
	props, err := readProperties("testdata/kafka/connect-distributed.properties")
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(props, more)
	c, err := parseWorkerConfig(props, distributed)
	if err != nil {
		t.Fatal(err)
	}
	return newClients(c, hclog.NewNullLogger())
}

func TestClientOverrides(t *testing.T) {
	cases := map[string]struct {
		worker, connector map[string]string
		want              map[string]string // key to a part of its error, empty for none
	}{
		"none":        {nil, map[string]string{"name": "c", "producer.linger.ms": "5"}, map[string]string{}},
		"good values": {nil, map[string]string{"producer.override.linger.ms": "5", "consumer.override.max.poll.records": "10"}, map[string]string{"producer.override.linger.ms": "", "consumer.override.max.poll.records": ""}},
		"bad value": {nil, map[string]string{"producer.override.linger.ms": "soon", "producer.override.acks": "all"},
			map[string]string{"producer.override.linger.ms": "linger.ms", "producer.override.acks": ""}},
		"a key no client has": {nil, map[string]string{"producer.override.interceptor.url": "x"}, map[string]string{"producer.override.interceptor.url": ""}},
		"policy None": {map[string]string{"connector.client.config.override.policy": "None"},
			map[string]string{"admin.override.retries": "1"}, map[string]string{"admin.override.retries": "The 'None' policy does not allow 'retries' to be overridden"}},
		"policy Allowlist": {map[string]string{"connector.client.config.override.policy": "Allowlist", "connector.client.config.override.allowlist": "acks, linger.ms"},
			map[string]string{"producer.override.linger.ms": "1", "producer.override.batch.size": "1"},
			map[string]string{"producer.override.linger.ms": "", "producer.override.batch.size": "policy does not allow"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			made, err := testClients(t, c.worker)
			if err != nil {
				t.Fatal(err)
			}
			infos := made.overrides("source", c.connector)
			if len(infos) != len(c.want) {
				t.Fatalf("%d entries, want %d", len(infos), len(c.want))
			}
			for _, info := range infos {
				part, known := c.want[info.Value.Name]
				got := strings.Join(info.Value.Errors, "\n")
				if !known || (part == "") != (got == "") || !strings.Contains(got, part) {
					t.Errorf("%s: got %q, want %q", info.Value.Name, got, part)
				}
			}
		})
	}
}

func TestClientOverridesHideSecrets(t *testing.T) {
	made, err := testClients(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(made.overrides("sink", map[string]string{
		"consumer.override.security.protocol": "SASL_PLAINTEXT",
		"consumer.override.sasl.mechanism":    "PLAIN",
		"consumer.override.sasl.jaas.config":  `org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="hunter2"; oops`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), "[hidden]") {
		t.Errorf("got %s", text)
	}
}

func TestClientSettingsAreCheckedAtTheStart(t *testing.T) {
	for name, c := range map[string]struct{ key, value, want string }{
		"the worker's own":  {"security.protocol", "TLS", "security.protocol"},
		"for producers":     {"producer.acks", "some", "settings with the prefix producer. for the clients of connectors: "},
		"the policy":        {"connector.client.config.override.policy", "Some", "connector.client.config.override.policy"},
		"the policy's Java": {"connector.client.config.override.policy", "com.example.Mine", "no Java classes are loaded"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := testClients(t, map[string]string{c.key: c.value})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.value) {
				t.Errorf("got %v, want an error with %q and the value", err, c.want)
			}
		})
	}
}
