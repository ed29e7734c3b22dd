package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func TestEnvironment(t *testing.T) {
	for name, c := range map[string]struct {
		variables []string
		file      map[string]string // nil: none
		want      []string          // key=value, sorted
		ignored   string
		problem   string
	}{
		"nothing": {},
		"Confluent's names": {
			variables: []string{"CONNECT_BOOTSTRAP_SERVERS=a:1,b:2", "CONNECT_GROUP_ID=g", "CONNECT_PRODUCER_SASL_JAAS_CONFIG=a b=\"c\";", "CONNECT_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM="},
			want:      []string{"bootstrap.servers=a:1,b:2", "group.id=g", `producer.sasl.jaas.config=a b="c";`, "ssl.endpoint.identification.algorithm="},
		},
		"underscores": {
			variables: []string{"CONNECT_A_B__C___D=1", "CONNECT_E____F=2", "CONNECT_G_____H=3", "CONNECT__X=4", "CONNECT_Y_=5"},
			want:      []string{".x=4", "a.b-c_d=1", "e_.f=2", "g_-h=3", "y.=5"},
		},
		"no settings": {
			variables: []string{"CONNECT=1", "CONNECT_=2", "connect_group_id=3", "XCONNECT_A=4", "PATH=/bin", "broken", "CONNECT_LOG4J_ROOT_LOGLEVEL=WARN", "CONNECT_TOOLS_LOG4J_LOGLEVEL=WARN",
				"CONNECT_SERVICE_HOST=10.0.0.1", "CONNECT_SERVICE_PORT=8083", "CONNECT_SERVICE_PORT_REST=8083", "CONNECT_PORT=tcp://10.0.0.1:8083", "CONNECT_PORT_8083_TCP_ADDR=10.0.0.1"},
			ignored: "CONNECT_LOG4J_ROOT_LOGLEVEL CONNECT_PORT CONNECT_PORT_8083_TCP_ADDR CONNECT_SERVICE_HOST CONNECT_SERVICE_PORT CONNECT_SERVICE_PORT_REST CONNECT_TOOLS_LOG4J_LOGLEVEL",
		},
		"over a file": {
			variables: []string{"CONNECT_GROUP_ID=new", "GROUP_ID=not this", "BOOTSTRAP_SERVERS=nor:1", "KAFKA_CONNECT_CONFIGURATION=x=y"},
			file:      map[string]string{"group.id": "old", "bootstrap.servers": "a:1"},
			want:      []string{"bootstrap.servers=a:1", "group.id=new"},
		},
		"Debezium's names": {
			variables: []string{"BOOTSTRAP_SERVERS=kafka:9092", "GROUP_ID=7", "CONFIG_STORAGE_TOPIC=c", "OFFSET_STORAGE_TOPIC=o", "SHUTDOWN_TIMEOUT=1000", "KEY_CONVERTER=", "CONNECT_VALUE_CONVERTER=x.Y",
				"REST_PORT=9000", "ADVERTISED_HOST_NAME=me", "HOST_NAME=x", "CONNECT_CONFIG_STORAGE_TOPIC=d"},
			want: []string{"bootstrap.servers=kafka:9092", "config.storage.replication.factor=1", "config.storage.topic=d", "group.id=7", "key.converter=org.apache.kafka.connect.json.JsonConverter", "listeners=http://:9000",
				"offset.storage.replication.factor=1", "offset.storage.topic=o", "rest.advertised.host.name=me", "status.storage.replication.factor=1", "status.storage.topic=connect-status",
				"task.shutdown.graceful.timeout.ms=1000", "value.converter=x.Y"},
		},
		"Strimzi's names": {
			variables: []string{"KAFKA_CONNECT_CONFIGURATION=group.id=g\nkey.converter=a.B\nbootstrap.servers=old:1\n", "KAFKA_CONNECT_BOOTSTRAP_SERVERS=kafka:9092", "CONNECT_KEY_CONVERTER=c.D"},
			want:      []string{"bootstrap.servers=kafka:9092", "group.id=g", "key.converter=c.D"},
		},
		"a file that is none":      {variables: []string{"KAFKA_CONNECT_CONFIGURATION=x=\\ud83d"}, problem: "environment variable KAFKA_CONNECT_CONFIGURATION: key x: "},
		"host":                     {variables: []string{"CONNECT_REST_HOST_NAME=10.0.0.1"}, want: []string{"listeners=http://10.0.0.1:8083"}},
		"host and port":            {variables: []string{"CONNECT_REST_HOST_NAME=::1", "CONNECT_REST_PORT=1"}, want: []string{"listeners=http://[::1]:1"}},
		"port and listeners":       {variables: []string{"CONNECT_REST_PORT=1", "CONNECT_LISTENERS=http://:2"}, want: []string{"listeners=http://:2"}},
		"port over a file":         {variables: []string{"CONNECT_REST_PORT=1"}, file: map[string]string{"listeners": "http://:2"}, want: []string{"listeners=http://:1"}},
		"a common name on its own": {variables: []string{"GROUP_ID=7"}, want: []string{"group.id=7"}},
	} {
		t.Run(name, func(t *testing.T) {
			env, err := readEnvironment(c.variables, c.file == nil)
			if c.problem != "" {
				if err == nil || !strings.HasPrefix(err.Error(), c.problem) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for key, value := range env.over(c.file) {
				got = append(got, key+"="+value)
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) || strings.Join(env.ignored, " ") != c.ignored {
				t.Errorf("got\n%s\nwant\n%s\nignored %s", strings.Join(got, "\n"), strings.Join(c.want, "\n"), env.ignored)
			}
		})
	}
}

// A worker as the images start it needs nothing else, and each key that Kafka knows can be said.
func TestEnvironmentOfImages(t *testing.T) {
	for name, variables := range map[string][]string{
		"Confluent": {
			"CONNECT_BOOTSTRAP_SERVERS=broker:29092", "CONNECT_REST_ADVERTISED_HOST_NAME=connect", "CONNECT_REST_PORT=8083", "CONNECT_GROUP_ID=compose-connect-group",
			"CONNECT_CONFIG_STORAGE_TOPIC=docker-connect-configs", "CONNECT_CONFIG_STORAGE_REPLICATION_FACTOR=1", "CONNECT_OFFSET_FLUSH_INTERVAL_MS=10000",
			"CONNECT_OFFSET_STORAGE_TOPIC=docker-connect-offsets", "CONNECT_OFFSET_STORAGE_REPLICATION_FACTOR=1", "CONNECT_STATUS_STORAGE_TOPIC=docker-connect-status",
			"CONNECT_STATUS_STORAGE_REPLICATION_FACTOR=1", "CONNECT_KEY_CONVERTER=org.apache.kafka.connect.storage.StringConverter",
			"CONNECT_VALUE_CONVERTER=io.confluent.connect.avro.AvroConverter", "CONNECT_VALUE_CONVERTER_SCHEMA_REGISTRY_URL=http://schema-registry:8081",
			"CONNECT_PLUGIN_PATH=/usr/share/java,/usr/share/confluent-hub-components", "CONNECT_LOG4J_LOGGERS=org.reflections=ERROR",
		},
		"Debezium": {"BOOTSTRAP_SERVERS=kafka:9092", "CONFIG_STORAGE_TOPIC=my_connect_configs", "OFFSET_STORAGE_TOPIC=my_connect_offsets", "STATUS_STORAGE_TOPIC=my_connect_statuses"},
		"Strimzi": {"KAFKA_CONNECT_BOOTSTRAP_SERVERS=kafka:9093", "KAFKA_CONNECT_CONFIGURATION=group.id=connect\nconfig.storage.topic=c\noffset.storage.topic=o\nstatus.storage.topic=s\n" +
			"key.converter=org.apache.kafka.connect.json.JsonConverter\nvalue.converter=org.apache.kafka.connect.json.JsonConverter\n"},
	} {
		t.Run(name, func(t *testing.T) {
			_, props, err := workerProperties(nil, variables, hclog.NewNullLogger())
			if err != nil {
				t.Fatal(err)
			}
			c, err := parseWorkerConfig(props, distributed)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.warnings) > 0 {
				t.Errorf("warnings: %q", c.warnings)
			}
		})
	}
	for _, k := range workerKeys {
		variable := strings.NewReplacer("_", "___", "-", "__", ".", "_").Replace(k.Name)
		if got := settingOf(strings.ToUpper(variable)); got != k.Name {
			t.Errorf("CONNECT_%s is %s, not %s", strings.ToUpper(variable), got, k.Name)
		}
	}
}

// Whatever the variables are, each gives at most one key, and nothing that a process is not told with the prefix is taken beside a file.
func FuzzEnvironment(f *testing.F) {
	f.Add("CONNECT_A__B", "x")
	f.Add("BOOTSTRAP_SERVERS", "a:1")
	f.Add("KAFKA_CONNECT_CONFIGURATION", "a=b\\\nc")
	f.Fuzz(func(t *testing.T, name, value string) {
		env, err := readEnvironment([]string{name + "=" + value}, false)
		if err != nil || len(env.settings) > 1 || len(env.settings) > 0 && !strings.HasPrefix(name, settingPrefix) {
			t.Errorf("%q: %v, %v", name, env, err)
		}
		if _, err := readEnvironment([]string{name + "=" + value}, true); err != nil && fmt.Sprint(err) == "" {
			t.Error("an empty error")
		}
	})
}
