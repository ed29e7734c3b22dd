package kafka_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/magiconair/properties"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/kafka"
)

var update = flag.Bool("update", false, "write what the cases in testdata/config give into them")

// options are the options of franz-go that properties can set, apart from those that have no value to compare.
var options = []struct {
	name   string
	option any
}{
	{"SeedBrokers", kgo.SeedBrokers}, {"ClientID", kgo.ClientID}, {"RequestTimeoutOverhead", kgo.RequestTimeoutOverhead},
	{"ConnIdleTimeout", kgo.ConnIdleTimeout}, {"DialTimeout", kgo.DialTimeout}, {"MetadataMaxAge", kgo.MetadataMaxAge}, {"MetadataMinAge", kgo.MetadataMinAge},
	{"RequestRetries", kgo.RequestRetries}, {"DisableClientMetrics", kgo.DisableClientMetrics}, {"AllowAutoTopicCreation", kgo.AllowAutoTopicCreation},
	{"BrokerMaxWriteBytes", kgo.BrokerMaxWriteBytes},

	{"RequiredAcks", kgo.RequiredAcks}, {"DisableIdempotentWrite", kgo.DisableIdempotentWrite}, {"MaxProduceRequestsInflightPerBroker", kgo.MaxProduceRequestsInflightPerBroker},
	{"ProducerBatchCompression", kgo.ProducerBatchCompression}, {"ProducerBatchMaxBytes", kgo.ProducerBatchMaxBytes}, {"MaxBufferedBytes", kgo.MaxBufferedBytes}, {"MaxBufferedRecords", kgo.MaxBufferedRecords},
	{"ProducerLinger", kgo.ProducerLinger}, {"RecordDeliveryTimeout", kgo.RecordDeliveryTimeout}, {"RecordRetries", kgo.RecordRetries},
	{"ProduceRequestTimeout", kgo.ProduceRequestTimeout}, {"TransactionTimeout", kgo.TransactionTimeout}, {"RecordPartitioner", kgo.RecordPartitioner},

	{"FetchMaxWait", kgo.FetchMaxWait}, {"FetchMaxBytes", kgo.FetchMaxBytes}, {"FetchMinBytes", kgo.FetchMinBytes}, {"FetchMaxPartitionBytes", kgo.FetchMaxPartitionBytes},
	{"BrokerMaxReadBytes", kgo.BrokerMaxReadBytes}, {"FetchIsolationLevel", kgo.FetchIsolationLevel}, {"DisableFetchCRCValidation", kgo.DisableFetchCRCValidation}, {"Rack", kgo.Rack},
	{"ConsumeStartOffset", kgo.ConsumeStartOffset}, {"ConsumeResetOffset", kgo.ConsumeResetOffset},
	{"ConsumerGroup", kgo.ConsumerGroup}, {"InstanceID", kgo.InstanceID}, {"Balancers", kgo.Balancers}, {"ServerSideBalancer", kgo.ServerSideBalancer},
	{"SessionTimeout", kgo.SessionTimeout}, {"RebalanceTimeout", kgo.RebalanceTimeout}, {"HeartbeatInterval", kgo.HeartbeatInterval},
}

// TestConfig runs the cases in testdata/config: a role with its properties, and what differs from franz-go's defaults.
func TestConfig(t *testing.T) {
	t.Parallel()
	plain, err := kgo.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	files, err := filepath.Glob("testdata/config/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d cases: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			given, want, found := strings.Cut(string(content), "-- want --\n")
			comment, given, found2 := strings.Cut(given, "-- ")
			word, text, found3 := strings.Cut(given, " --\n")
			if !found || !found2 || !found3 {
				t.Fatal("a case is: comment, -- role --, properties, -- want --, lines")
			}
			got := describe(t, plain, word, text)
			if *update {
				os.WriteFile(file, []byte(comment+"-- "+word+" --\n"+text+"-- want --\n"+got), 0o644)
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

var roles = map[string]kafka.Role{"producer": kafka.Producer, "consumer": kafka.Consumer, "admin": kafka.Admin}

// suites cuts off the list of cipher suites, which is Go's.
var suites = regexp.MustCompile(`(secure: )TLS_.*`)

func describe(t *testing.T, plain *kgo.Client, word, text string) string {
	t.Helper()
	var b strings.Builder
	config, err := kafka.NewConfig(roles[word], parse(t, text), hclog.NewNullLogger())
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintf(&b, "error: %s\n", strings.TrimSuffix(suites.ReplaceAllString(line, "${1}…"), "\n"))
		}
		return b.String()
	}
	client, err := kgo.NewClient(config.Options...)
	if err != nil {
		t.Fatalf("franz-go refuses what the properties were taken for: %v", err)
	}
	defer client.Close()
	for _, o := range options {
		if o.name == "SeedBrokers" && strings.Contains(text, "bootstrap.servers=b:9092\n") {
			continue
		}
		if got := show(client.OptValue(o.option)); got != show(plain.OptValue(o.option)) {
			fmt.Fprintln(&b, o.name, got)
		}
	}
	if roles[word] == kafka.Consumer {
		if config.GroupID != "" {
			fmt.Fprintln(&b, "group.id", config.GroupID)
		}
		fmt.Fprintln(&b, "max.poll.records", config.MaxPollRecords)
		fmt.Fprintln(&b, "exclude.internal.topics", config.ExcludeInternalTopics)
	}
	for _, i := range config.Ignored {
		fmt.Fprintf(&b, "ignored %s: %s\n", i.Key, i.Reason)
	}
	for _, key := range config.Unknown {
		fmt.Fprintln(&b, "unknown", key)
	}
	return b.String()
}

func parse(t *testing.T, text string) map[string]string {
	t.Helper()
	loader := properties.Loader{Encoding: properties.UTF8, DisableExpansion: true}
	p, err := loader.LoadBytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p.Map()
}

// show writes the value of an option down.
func show(value any) string {
	switch v := value.(type) {
	case []kgo.GroupBalancer:
		names := []string{}
		for _, b := range v {
			names = append(names, b.ProtocolName())
		}
		return fmt.Sprint(names)
	case kgo.Partitioner:
		return fmt.Sprintf("%T", v)
	}
	return fmt.Sprintf("%+v", value)
}

// Whoever honours a key reads it: one that nobody reads would pass in silence, without a reason.
func TestEveryKeyIsReadOrIgnored(t *testing.T) {
	t.Parallel()
	for word, role := range roles {
		for _, key := range kafka.Keys(role) {
			props := map[string]string{
				"bootstrap.servers": "b:9092", "security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.jaas.config": plainLogin("u", "p"),
				"ssl.keystore.certificate.chain": sample(t, "ec.cert.pem"), "ssl.keystore.key": sample(t, "ec.pkcs8.pem"),
			}
			switch key { // the passwords of stores are looked at with files
			case "ssl.keystore.password":
				delete(props, "ssl.keystore.certificate.chain")
				delete(props, "ssl.keystore.key")
				props["ssl.keystore.location"], props["ssl.key.password"] = storeFile("key.jks"), "key-secret"
			case "sasl.oauthbearer.client.credentials.client.id", "sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.scope":
				continue // they may be anything: TestOAuth shows that they reach the authorization server
			case "ssl.key.password": // to decrypt takes a while, so it is not done for each key
				props["ssl.keystore.key"], props[key] = sample(t, "ec.aes256.pem"), "test1234"
			case "ssl.truststore.password":
				props["ssl.truststore.location"] = storeFile("trust.jks")
			}
			if strings.HasPrefix(key, "sasl.oauthbearer.") || strings.HasPrefix(key, "sasl.login.") {
				props["sasl.mechanism"], props["sasl.jaas.config"] = "OAUTHBEARER", oauthLogin("u", "p")
				props["sasl.oauthbearer.token.endpoint.url"] = "https://id.example/token"
			}
			before, err := kafka.NewConfig(role, props, hclog.NewNullLogger())
			if err != nil {
				t.Fatal(err)
			}
			props[key] = "\x01nobody accepts this"
			config, err := kafka.NewConfig(role, props, hclog.NewNullLogger())
			switch {
			case err != nil:
				if !strings.Contains(err.Error(), key) {
					t.Errorf("%s %s: the error does not name it: %v", word, key, err)
				}
			case len(config.Unknown) > 0:
				t.Errorf("%s %s: it is among the keys and unknown", word, key)
			case len(config.Ignored) == 0 && reflect.DeepEqual(shape(config), shape(before)):
				t.Errorf("%s %s: it is neither honoured, nor refused, nor ignored for a reason", word, key)
			}
		}
	}
}

func sample(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "pem", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// shape is what of a config can be compared.
func shape(c *kafka.Config) []string {
	client, err := kgo.NewClient(c.Options...)
	if err != nil {
		return []string{err.Error()}
	}
	defer client.Close()
	lines := []string{c.GroupID, fmt.Sprint(len(c.Options))}
	for _, o := range options {
		lines = append(lines, show(client.OptValue(o.option)))
	}
	return lines
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	for word, role := range roles {
		props := kafka.Defaults(role, "orders", 3)
		props["bootstrap.servers"] = "b:9092"
		config, err := kafka.NewConfig(role, props, hclog.NewNullLogger())
		if err != nil || len(config.Unknown)+len(config.Ignored) > 0 {
			t.Errorf("%s: %+v: %v", word, config, err)
			continue
		}
		client, err := kgo.NewClient(config.Options...)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"producer": "connector-producer-orders-3", "consumer": "connector-consumer-orders-3", "admin": "connector-adminclient-orders-3"}[word]
		if got := show(client.OptValue(kgo.ClientID)); got != want {
			t.Errorf("%s is called %s", word, got)
		}
		client.Close()
	}
	if group := kafka.Defaults(kafka.Consumer, "orders", 0)["group.id"]; group != "connect-orders" {
		t.Errorf("group %s", group)
	}
}

// The pause between attempts grows from the least to the greatest and is never much beyond either.
func TestBackoff(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		props       string
		least, most time.Duration
	}{
		"requests":    {"retry.backoff.ms=10\nretry.backoff.max.ms=80", 10 * time.Millisecond, 80 * time.Millisecond},
		"connections": {"reconnect.backoff.ms=20\nreconnect.backoff.max.ms=40", 20 * time.Millisecond, 40 * time.Millisecond},
		"both":        {"retry.backoff.ms=10\nreconnect.backoff.ms=20\nretry.backoff.max.ms=80\nreconnect.backoff.max.ms=40", 20 * time.Millisecond, 80 * time.Millisecond},
		"only least":  {"retry.backoff.ms=5000", 5 * time.Second, 5 * time.Second},
		"only most":   {"retry.backoff.max.ms=400", 100 * time.Millisecond, 400 * time.Millisecond},
		"none":        {"retry.backoff.ms=0\nretry.backoff.max.ms=0", 0, 0},
	}
	for name, c := range cases {
		config, err := kafka.NewConfig(kafka.Admin, parse(t, "bootstrap.servers=b:9092\n"+c.props), hclog.NewNullLogger())
		if err != nil {
			t.Fatal(err)
		}
		client, err := kgo.NewClient(config.Options...)
		if err != nil {
			t.Fatal(err)
		}
		pause := client.OptValue(kgo.RetryBackoffFn).(func(int) time.Duration)
		near := func(got, want time.Duration) bool { return got >= want*8/10 && got <= want*12/10 }
		if first, late := pause(1), pause(1000); !near(first, c.least) || !near(late, c.most) {
			t.Errorf("%s: from %v to %v, want about %v to %v", name, first, late, c.least, c.most)
		}
		client.Close()
	}
}

func TestProperties(t *testing.T) {
	t.Parallel()
	worker := parse(t, `
bootstrap.servers=worker:9092
client.id=worker
security.protocol=SSL
config.storage.topic=configs
acks=1
producer.acks=0
producer.linger.ms=7
consumer.group.id=from-worker
admin.retries=5
retries=2
producer.override.acks=nonsense in a worker
`)
	connector := parse(t, `
name=c
producer.override.linger.ms=9
consumer.override.group.id=mine
admin.override.bootstrap.servers=elsewhere:9092
producer.override.=empty
producer.buffer.memory=1
`)
	want := map[kafka.Role]map[string]string{
		kafka.Producer: {"client.id": "default", "bootstrap.servers": "worker:9092", "acks": "0", "linger.ms": "9", "override.acks": "nonsense in a worker"},
		kafka.Consumer: {"client.id": "default", "bootstrap.servers": "worker:9092", "group.id": "mine"},
		kafka.Admin:    {"client.id": "default", "bootstrap.servers": "elsewhere:9092", "retries": "5", "security.protocol": "SSL"},
	}
	for role, w := range want {
		defaults := map[string]string{"client.id": "default"}
		if diff := cmp.Diff(w, kafka.Properties(role, defaults, worker, connector)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", role, diff)
		}
		if len(defaults) != 1 {
			t.Errorf("%s: the defaults were changed: %v", role, defaults)
		}
	}
	own := kafka.WorkerProperties(kafka.Admin, worker)
	if diff := cmp.Diff(map[string]string{"bootstrap.servers": "worker:9092", "client.id": "worker", "security.protocol": "SSL", "retries": "2"}, own); diff != "" {
		t.Errorf("the worker's own (-want +got)\n%s", diff)
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	connector := map[string]string{
		"name": "c", "producer.acks": "1", "producer.override.linger.ms": "1", "consumer.override.sasl.jaas.config": "x", "admin.override.retries": "1", "producer.override.": "",
	}
	cases := map[string]struct {
		policy, allowlist string
		refused           []string
	}{
		"default":                  {},
		"All":                      {policy: "All"},
		"None":                     {policy: "None", refused: []string{"admin.override.retries", "consumer.override.sasl.jaas.config", "producer.override.", "producer.override.linger.ms"}},
		"Principal":                {policy: "org.apache.kafka.connect.connector.policy.PrincipalConnectorClientConfigOverridePolicy", refused: []string{"admin.override.retries", "producer.override.", "producer.override.linger.ms"}},
		"Allowlist":                {policy: "Allowlist", allowlist: "retries, linger.ms", refused: []string{"consumer.override.sasl.jaas.config", "producer.override."}},
		"nothing on the Allowlist": {policy: "AllowlistX"[:9], allowlist: "", refused: []string{"admin.override.retries", "consumer.override.sasl.jaas.config", "producer.override.", "producer.override.linger.ms"}},
	}
	for name, c := range cases {
		policy, err := kafka.ParsePolicy(c.policy, c.allowlist)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var refused []string
		for key, text := range policy.Check(connector) {
			refused = append(refused, key)
			if !strings.Contains(text, "policy does not allow '"+key[strings.Index(key, "override.")+9:]+"' to be overridden in the connector configuration") {
				t.Errorf("%s: %s: %s", name, key, text)
			}
		}
		slices.Sort(refused)
		if diff := cmp.Diff(c.refused, refused); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	if _, err := kafka.ParsePolicy("com.example.Mine", ""); err == nil || !strings.Contains(err.Error(), "must be one of All, None, Principal, Allowlist") {
		t.Error(err)
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	props := map[string]string{
		"bootstrap.servers": "b:9092", "producer.sasl.jaas.config": "secret", "ssl.key.password": "secret", "ssl.keystore.key": "secret", "admin.override.ssl.truststore.password": "secret",
		"sasl.oauthbearer.client.credentials.client.secret": "secret", "key.converter": "k", "value.converter.basic.auth.credentials.source": "secret", "my.API.KEY": "secret",
	}
	got := kafka.Redact(props)
	for key, value := range props {
		if want := strings.ReplaceAll(value, "secret", "[hidden]"); got[key] != want {
			t.Errorf("%s is shown as %s", key, got[key])
		}
	}
	if len(got) != len(props) || props["ssl.key.password"] != "secret" {
		t.Errorf("got %v of %v", got, props)
	}
}
