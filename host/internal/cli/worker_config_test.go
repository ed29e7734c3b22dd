package cli

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

var update = flag.Bool("update", false, "write what the cases of testdata give as what they should give")

// TestWorkerConfig reads cases of the form: the mode, properties, a line ---, and what comes of them.
func TestWorkerConfig(t *testing.T) {
	files, err := filepath.Glob("testdata/config/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			given, want, _ := strings.Cut(string(text), "---\n")
			mode, properties, _ := strings.Cut(given, "\n")
			props, err := parseProperties([]byte(properties))
			if err != nil {
				t.Fatal(err)
			}
			modes := map[string]modes{"mode: worker": distributed, "mode: standalone": standalone}
			c, err := parseWorkerConfig(props, modes[mode])
			var got strings.Builder
			for _, text := range c.warnings {
				got.WriteString("warning: " + text + "\n")
			}
			for _, text := range c.inert {
				got.WriteString("inert: " + text + "\n")
			}
			if err != nil {
				got.WriteString("error: " + err.Error() + "\n")
			}
			if *update {
				if err := os.WriteFile(file, []byte(given+"---\n"+got.String()), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got.String() != want {
				t.Errorf("got\n%s\nwant\n%s", got.String(), want)
			}
		})
	}
}

// TestKafkasOwnFiles: the files that come with Kafka are accepted as they are, with nothing to remark.
func TestKafkasOwnFiles(t *testing.T) {
	for file, mode := range map[string]modes{"connect-distributed.properties": distributed, "connect-standalone.properties": standalone} {
		t.Run(file, func(t *testing.T) {
			path := filepath.Join("testdata/kafka", file)
			check := func(props map[string]string) {
				t.Helper()
				c, err := parseWorkerConfig(props, mode)
				if err != nil {
					t.Fatal(err)
				}
				if len(c.warnings)+len(c.inert) > 0 {
					t.Errorf("remarks: %q %q", c.warnings, c.inert)
				}
				if got := c.Duration("offset.flush.interval.ms").Seconds(); got != 10 {
					t.Errorf("offset.flush.interval.ms is %v s", got)
				}
			}
			props, err := readProperties(path)
			if err != nil {
				t.Fatal(err)
			}
			check(props)

			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			// With the examples in the comments taken up.
			all, err := parseProperties([]byte(strings.ReplaceAll(string(text), "\n#", "\n")))
			if err != nil {
				t.Fatal(err)
			}
			maps.DeleteFunc(all, func(key, value string) bool { return value == "" })
			check(all)
		})
	}
}

// TestWorkerKeys: what every row of the table owes its reader.
func TestWorkerKeys(t *testing.T) {
	seen := map[string]modes{}
	for _, k := range workerKeys {
		if k.modes == 0 {
			t.Errorf("%s is known to no worker", k.Name)
		}
		if seen[k.Name]&k.modes != 0 {
			t.Errorf("%s is there twice", k.Name)
		}
		seen[k.Name] |= k.modes
		if k.fate == used && (k.why != "" || k.Doc == "") {
			t.Errorf("%s is used: it needs documentation, and no reason why it is not", k.Name)
		}
		if k.fate != used && k.why == "" {
			t.Errorf("%s is not used: it needs a reason", k.Name)
		}
		if k.Default != nil {
			if _, err := (config.Definition{k.Key}).Parse(map[string]string{}); err != nil {
				t.Errorf("the default of %s: %v", k.Name, err)
			}
		}
	}
}

func TestTopics(t *testing.T) {
	props, err := readProperties("testdata/kafka/connect-distributed.properties")
	if err != nil {
		t.Fatal(err)
	}
	props["status.storage.partitions"] = "-1"
	props["offset.storage.segment.bytes"] = "1000"
	props["offset.storage.cleanup.policy"] = "delete"
	props["config.storage.replication.factor"] = "-1"
	c, err := parseWorkerConfig(props, distributed)
	if err != nil {
		t.Fatal(err)
	}
	topics := c.topics()
	names := []string{}
	for _, topic := range topics {
		names = append(names, topic.Name)
	}
	if want := []string{"connect-configs", "connect-offsets", "connect-status"}; !slices.Equal(names, want) {
		t.Fatalf("topics %v, want %v", names, want)
	}
	if c := topics[0]; c.Partitions != 1 || !c.OnePartition || c.ReplicationFactor != -1 || len(c.Configs) != 0 {
		t.Errorf("config topic %+v", c)
	}
	if o := topics[1]; o.Partitions != 25 || o.OnePartition || o.ReplicationFactor != 1 || !maps.Equal(o.Configs, map[string]string{"segment.bytes": "1000"}) {
		t.Errorf("offset topic %+v", o)
	}
	if s := topics[2]; s.Partitions != -1 || s.Setting != "status.storage" {
		t.Errorf("status topic %+v", s)
	}
}

// kafkasWorkerKeys are the keys of Kafka Connect 4.3's workers, as its documentation lists them.
const kafkasWorkerKeys = `
access.control.allow.methods access.control.allow.origin admin.listeners admin.listeners.https.ssl.keystore.location bootstrap.servers client.dns.lookup
config.providers config.providers.file.class config.providers.file.param.allowed.paths connector.client.config.override.allowlist
connector.client.config.override.policy header.converter header.converter.plugin.version internal.key.converter internal.value.converter key.converter
key.converter.plugin.version key.converter.schemas.enable listeners listeners.https.ssl.keystore.location metric.reporters metrics.num.samples
metrics.recording.level metrics.sample.window.ms offset.flush.interval.ms offset.flush.timeout.ms plugin.discovery plugin.path
response.http.headers.config rest.advertised.host.name rest.advertised.listener rest.advertised.port rest.extension.classes ssl.cipher.suites
ssl.client.auth ssl.enabled.protocols ssl.endpoint.identification.algorithm ssl.engine.factory.class ssl.key.password ssl.keymanager.algorithm
ssl.keystore.certificate.chain ssl.keystore.key ssl.keystore.location ssl.keystore.password ssl.keystore.type ssl.protocol ssl.provider
ssl.secure.random.implementation ssl.trustmanager.algorithm ssl.truststore.certificates ssl.truststore.location ssl.truststore.password
ssl.truststore.type task.shutdown.graceful.timeout.ms topic.creation.enable topic.tracking.allow.reset topic.tracking.enable value.converter
value.converter.plugin.version value.converter.schemas.enable producer.acks consumer.max.poll.records admin.retries`

// kafkasDistributedKeys are those of its distributed workers alone.
const kafkasDistributedKeys = `
client.id config.storage.replication.factor config.storage.topic config.storage.min.insync.replicas connect.protocol connections.max.idle.ms
exactly.once.source.support group.id heartbeat.interval.ms inter.worker.key.generation.algorithm inter.worker.key.size inter.worker.key.ttl.ms
inter.worker.signature.algorithm inter.worker.verification.algorithms metadata.max.age.ms metadata.recovery.rebootstrap.trigger.ms
metadata.recovery.strategy offset.storage.partitions offset.storage.replication.factor offset.storage.topic offset.storage.cleanup.policy
rebalance.timeout.ms receive.buffer.bytes reconnect.backoff.max.ms reconnect.backoff.ms request.timeout.ms retry.backoff.max.ms retry.backoff.ms
sasl.client.callback.handler.class sasl.jaas.config sasl.kerberos.kinit.cmd sasl.kerberos.service.name sasl.login.callback.handler.class
sasl.login.class sasl.login.connect.timeout.ms sasl.login.read.timeout.ms sasl.login.refresh.window.factor sasl.login.retry.backoff.ms sasl.mechanism
sasl.oauthbearer.client.credentials.client.id sasl.oauthbearer.expected.audience sasl.oauthbearer.jwks.endpoint.url sasl.oauthbearer.scope
sasl.oauthbearer.token.endpoint.url scheduled.rebalance.max.delay.ms security.protocol send.buffer.bytes session.timeout.ms
socket.connection.setup.timeout.max.ms socket.connection.setup.timeout.ms status.storage.partitions status.storage.replication.factor
status.storage.topic worker.sync.timeout.ms worker.unsync.backoff.ms`

// No key of Kafka's passes for a misspelt one: it is used, or refused, or its row says what comes of it.
func TestKafkasKeysAreKnown(t *testing.T) {
	for name, c := range map[string]struct {
		mode modes
		keys string
	}{
		"distributed": {distributed, kafkasWorkerKeys + " " + kafkasDistributedKeys},
		"standalone":  {standalone, kafkasWorkerKeys + " offset.storage.file.filename"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, key := range strings.Fields(c.keys) {
				w := workerConfig{mode: c.mode}
				_ = w.weigh(key, "x") // what is refused is known, too
				if slices.ContainsFunc(w.warnings, func(s string) bool { return strings.Contains(s, "unknown key") }) {
					t.Errorf("%s: %q", key, w.warnings)
				}
			}
		})
	}
}
