package cli

import "github.com/outboard-connect/outboard/plugin-sdk/config"

// workerKey is a key of a worker's properties file: what it may say, and what comes of it.
type workerKey struct {
	config.Key
	modes modes
	fate  fate
	// why tells, in words that follow the key, why it is not used and what to do; empty for keys that are.
	why string
	// harmless are values that ask for nothing that is missing, beside the default.
	harmless []string
}

// modes are the kinds of worker that know a key.
type modes uint8

const (
	distributed modes = 1 << iota
	standalone
	both = distributed | standalone
)

// fate is what comes of a key that is given.
type fate uint8

const (
	used    fate = iota
	inert        // has no meaning here: said at debug level
	missing      // is not in this version, and nothing breaks without it: a warning
	refused      // is not in this version, and to go on without it would surprise: an error
)

const (
	noJVM = "has no effect without a JVM"
	noJMX = "has no effect: metrics are not sampled"
)

// workerKeys are the keys of a worker, but for those of its Kafka clients, which package kafka knows, and for those that
// begin with one of workerPrefixes.
var workerKeys = []workerKey{
	{modes: both, Key: config.Key{Name: "bootstrap.servers", Type: config.TypeList, Required: true, NonEmpty: true,
		Doc: "Addresses of Kafka brokers, host:port,host:port. Connectors use them too."}},
	{modes: both, Key: config.Key{Name: "key.converter", Type: config.TypeClass, Required: true, NonEmpty: true,
		Doc: "Converter for record keys of connectors that do not set their own, for example org.apache.kafka.connect.json.JsonConverter."}},
	{modes: both, Key: config.Key{Name: "value.converter", Type: config.TypeClass, Required: true, NonEmpty: true,
		Doc: "Converter for record values of connectors that do not set their own, for example org.apache.kafka.connect.json.JsonConverter."}},
	{modes: both, Key: config.Key{Name: "header.converter", Type: config.TypeClass, Default: config.Default("org.apache.kafka.connect.storage.SimpleHeaderConverter"), NonEmpty: true,
		Doc: "Converter for record headers of connectors that do not set their own."}},
	{modes: both, fate: missing, why: "has no effect: converters are part of Outboard and have its version", harmless: []string{"latest"},
		Key: config.Key{Name: "key.converter.plugin.version", Type: config.TypeString}},
	{modes: both, fate: missing, why: "has no effect: converters are part of Outboard and have its version", harmless: []string{"latest"},
		Key: config.Key{Name: "value.converter.plugin.version", Type: config.TypeString}},
	{modes: both, fate: missing, why: "has no effect: converters are part of Outboard and have its version", harmless: []string{"latest"},
		Key: config.Key{Name: "header.converter.plugin.version", Type: config.TypeString}},
	{modes: both, fate: inert, why: "has no effect, as in Kafka Connect: internal topics are always JSON without schemas",
		Key: config.Key{Name: "internal.key.converter", Type: config.TypeClass}},
	{modes: both, fate: inert, why: "has no effect, as in Kafka Connect: internal topics are always JSON without schemas",
		Key: config.Key{Name: "internal.value.converter", Type: config.TypeClass}},

	{modes: both, Key: config.Key{Name: "plugin.path", Type: config.TypeList,
		Doc: "Folders with plugin binaries, separated by commas; binaries lie in them directly or one folder deep. Without it: the folder plugins beside the outboard binary."}},
	{modes: both, fate: inert, why: "has no effect: plugins are binaries, which are never searched by reflection",
		Key: config.Key{Name: "plugin.discovery", Type: config.TypeString, Default: config.Default("hybrid_warn"), IgnoreCase: true,
			Valid: []string{"only_scan", "hybrid_warn", "hybrid_fail", "service_load"}}},
	{modes: both, Key: config.Key{Name: "config.providers", Type: config.TypeList, Default: config.Default(""),
		Doc: "Aliases of config providers, which put values in the place of references such as ${alias:path:key}; config.providers.<alias>.class is " +
			"FileConfigProvider, DirectoryConfigProvider or EnvVarConfigProvider, config.providers.<alias>.param.* are its settings."}},
	{modes: both, Key: config.Key{Name: "connector.client.config.override.policy", Type: config.TypeString, Default: config.Default("All"), NonEmpty: true,
		Doc: "Which settings of Kafka clients connectors may override: All, None, Principal or Allowlist."}},
	{modes: both, Key: config.Key{Name: "connector.client.config.override.allowlist", Type: config.TypeList, Default: config.Default(""),
		Doc: "With the policy Allowlist: the client settings that connectors may override."}},

	{modes: both, Key: config.Key{Name: "offset.flush.interval.ms", Type: config.TypeLong, Default: config.Default("60000"), Min: config.Limit(1),
		Doc: "How often tasks commit their offsets, in milliseconds. After a crash, records since the last commit are delivered again."}},
	{modes: both, Key: config.Key{Name: "offset.flush.timeout.ms", Type: config.TypeLong, Default: config.Default("5000"), Min: config.Limit(1),
		Doc: "How long one commit may take, in milliseconds."}},
	{modes: both, Key: config.Key{Name: "task.shutdown.graceful.timeout.ms", Type: config.TypeLong, Default: config.Default("5000"), Min: config.Limit(0),
		Doc: "How long all tasks together have to end and commit, in milliseconds, before their processes are killed."}},
	{modes: both, Key: config.Key{Name: "topic.tracking.enable", Type: config.TypeBoolean, Default: config.Default("true"),
		Doc: "Whether the topics that each connector uses are remembered."}},
	{modes: both, Key: config.Key{Name: "topic.tracking.allow.reset", Type: config.TypeBoolean, Default: config.Default("true"),
		Doc: "Whether the topics of a connector may be forgotten by request."}},
	{modes: both, Key: config.Key{Name: "topic.creation.enable", Type: config.TypeBoolean, Default: config.Default("true"),
		Doc: "Whether connectors may create topics by their topic.creation settings."}},

	{modes: both, Key: config.Key{Name: "listeners", Type: config.TypeList, Default: config.Default(""),
		Doc: "Where the REST API listens, as http://127.0.0.1:8083 or https://:8443, which is all addresses of the machine. Without it: http://127.0.0.1:8083."}},
	{modes: both, Key: config.Key{Name: "rest.advertised.host.name", Type: config.TypeString,
		Doc: "The host name under which others reach this worker. It is the first part of worker_id."}},
	{modes: both, Key: config.Key{Name: "rest.advertised.port", Type: config.TypeInt, Min: config.Limit(1), Max: config.Limit(65535),
		Doc: "The port under which others reach this worker. It is the second part of worker_id."}},
	{modes: both, Key: config.Key{Name: "rest.advertised.listener", Type: config.TypeString, IgnoreCase: true, Valid: []string{"http", "https"},
		Doc: "The protocol under which others reach this worker, http or https: the port of the first such listener is advertised. Without it: http if there is such a listener."}},
	{modes: both, Key: config.Key{Name: "admin.listeners", Type: config.TypeList,
		Doc: "Where /admin listens instead of on listeners, in the same form. Empty: nowhere. Without it: on listeners."}},
	{modes: both, Key: config.Key{Name: "access.control.allow.origin", Type: config.TypeString, Default: config.Default(""),
		Doc: "Origins whose web pages may call the REST API from a browser."}},
	{modes: both, Key: config.Key{Name: "access.control.allow.methods", Type: config.TypeString, Default: config.Default(""),
		Doc: "Methods that those pages may use; without it GET, POST and HEAD."}},
	{modes: both, Key: config.Key{Name: "response.http.headers.config", Type: config.TypeString, Default: config.Default(""),
		Doc: "Headers of all answers of the REST API: rules such as \"set X-Frame-Options: DENY\", separated by commas."}},
	{modes: both, Key: config.Key{Name: extensionsKey, Type: config.TypeList, Default: config.Default(""),
		Doc: "With " + basicAuthExtension + ", the REST API asks for a user name and a password."}},
	{modes: both, Key: config.Key{Name: usersKey, Type: config.TypeString,
		Doc: "File of those who may use the REST API, a line USER=PASSWORD each. With it, the REST API asks for them."}},
	{modes: both, Key: config.Key{Name: loginKey, Type: config.TypeString,
		Doc: "JAAS file, as Java programs have in the system property of this name, whose section " + loginSection + " names the file of those who may use the REST API."}},
	{modes: both, Key: config.Key{Name: "ssl.client.auth", Type: config.TypeString, Default: config.Default("none"), IgnoreCase: true, Valid: []string{"required", "requested", "none"},
		Doc: "Whether clients of https listeners must have a certificate that comes from one in ssl.truststore.location: required, requested or none."}},

	{modes: both, fate: inert, why: noJMX, Key: config.Key{Name: "metrics.sample.window.ms", Type: config.TypeLong, Default: config.Default("30000"), Min: config.Limit(0)}},
	{modes: both, fate: inert, why: noJMX, Key: config.Key{Name: "metrics.num.samples", Type: config.TypeInt, Default: config.Default("2"), Min: config.Limit(1)}},
	{modes: both, fate: inert, why: noJMX, Key: config.Key{Name: "metrics.recording.level", Type: config.TypeString, Default: config.Default("INFO"), Valid: []string{"INFO", "DEBUG"}}},
	{modes: both, fate: missing, why: "is not supported by this version: " + noJVM, harmless: []string{"org.apache.kafka.common.metrics.JmxReporter"},
		Key: config.Key{Name: "metric.reporters", Type: config.TypeList, Default: config.Default("")}},
	{modes: both, fate: inert, why: noJVM, Key: config.Key{Name: "auto.include.jmx.reporter", Type: config.TypeBoolean, Default: config.Default("true")}},

	{modes: distributed, Key: config.Key{Name: "group.id", Type: config.TypeString, Required: true, NonEmpty: true,
		Doc: "Name of the cluster of workers. No consumer group may have it."}},
	{modes: distributed, Key: config.Key{Name: "config.storage.topic", Type: config.TypeString, Required: true, NonEmpty: true,
		Doc: "Topic of the connectors' configurations. It is created when it does not exist."}},
	{modes: distributed, Key: replication("config.storage.replication.factor")},
	{modes: distributed, Key: config.Key{Name: "offset.storage.topic", Type: config.TypeString, Required: true, NonEmpty: true,
		Doc: "Topic of the offsets of source connectors. It is created when it does not exist."}},
	{modes: distributed, Key: replication("offset.storage.replication.factor")},
	{modes: distributed, Key: partitions("offset.storage.partitions", "25")},
	{modes: distributed, Key: config.Key{Name: "status.storage.topic", Type: config.TypeString, Required: true, NonEmpty: true,
		Doc: "Topic of the states of connectors and tasks. It is created when it does not exist."}},
	{modes: distributed, Key: replication("status.storage.replication.factor")},
	{modes: distributed, Key: partitions("status.storage.partitions", "5")},
	{modes: distributed, Key: config.Key{Name: "exactly.once.source.support", Type: config.TypeString, Default: config.Default("disabled"), IgnoreCase: true,
		Valid: []string{"disabled", "preparing", "enabled"},
		Doc: "Whether source tasks write records and offsets in transactions, so that each record is there exactly once for readers of committed records. " +
			"A cluster that runs is brought there in two rounds of restarts: first all workers with preparing, then all with enabled."}},

	{modes: distributed, Key: config.Key{Name: "session.timeout.ms", Type: config.TypeInt, Default: config.Default("10000"), Min: config.Limit(1),
		Doc: "How long the group waits for a worker that is silent before others run its work, in milliseconds. Brokers bound it."}},
	{modes: distributed, Key: config.Key{Name: "heartbeat.interval.ms", Type: config.TypeInt, Default: config.Default("1000"), Min: config.Limit(1),
		Doc: "How often a worker is heard of, in milliseconds; more than 1000 has the effect of 1000. It is less than session.timeout.ms. Kafka Connect has 3000."}},
	{modes: distributed, Key: config.Key{Name: "rebalance.timeout.ms", Type: config.TypeInt, Default: config.Default("60000"), Min: config.Limit(1),
		Doc: "How long workers may take to divide their work, in milliseconds, with stopping what goes to others."}},
	{modes: distributed, Key: config.Key{Name: "worker.sync.timeout.ms", Type: config.TypeInt, Default: config.Default("3000"), Min: config.Limit(1),
		Doc: "How long the leader may take to read the config topic to its end before it divides the work, in milliseconds; otherwise it tries again, and everybody keeps what they run."}},
	{modes: distributed, fate: inert, why: "has no effect: a leader that cannot read the config topic tries again after worker.sync.timeout.ms",
		Key: config.Key{Name: "worker.unsync.backoff.ms", Type: config.TypeInt, Default: config.Default("300000"), Min: config.Limit(0)}},
	{modes: distributed, Key: config.Key{Name: "connect.protocol", Type: config.TypeString, Default: config.Default("sessioned"), IgnoreCase: true,
		Valid: []string{"eager", "compatible", "sessioned"},
		Doc:   "In which form workers tell each other of their work: sessioned, compatible or eager. Under each of them nothing stops that need not, and workers sign what they ask of each other."}},
	{modes: distributed, Key: config.Key{Name: "scheduled.rebalance.max.delay.ms", Type: config.TypeInt, Default: config.Default("0"), Min: config.Limit(0),
		Doc: "How long the work of a worker that died waits for its return before others run it, in milliseconds, beyond session.timeout.ms. Kafka Connect has 300000: five minutes in which that work does not run."}},
	{modes: distributed, Key: config.Key{Name: "group.instance.id", Type: config.TypeString, NonEmpty: true,
		Doc: "A name of the worker that stays, another one for each, such as that of a pod of a StatefulSet: a worker that is back within session.timeout.ms goes on with its work, and no other worker notices."}},
	{modes: distributed, Key: config.Key{Name: "inter.worker.key.generation.algorithm", Type: config.TypeString, Default: config.Default("HmacSHA256"),
		Doc: "For which algorithm the session key is made with which workers sign what they ask of each other."}},
	{modes: distributed, Key: config.Key{Name: "inter.worker.key.size", Type: config.TypeInt, Min: config.Limit(1),
		Doc: "The size of the session key in bits. Without it: that of the algorithm."}},
	{modes: distributed, Key: config.Key{Name: "inter.worker.key.ttl.ms", Type: config.TypeInt, Default: config.Default("3600000"), Min: config.Limit(0),
		Doc: "After how long the leader makes another session key, in milliseconds; 0: never."}},
	{modes: distributed, Key: config.Key{Name: "inter.worker.signature.algorithm", Type: config.TypeString, Default: config.Default("HmacSHA256"),
		Doc: "How workers sign what they ask of each other. It is one of inter.worker.verification.algorithms."}},
	{modes: distributed, Key: config.Key{Name: "inter.worker.verification.algorithms", Type: config.TypeList, Default: config.Default("HmacSHA256"), NonEmpty: true,
		Doc: "The algorithms of signatures that this worker accepts."}},

	{modes: standalone, Key: config.Key{Name: "offset.storage.file.filename", Type: config.TypeString, Required: true, NonEmpty: true,
		Doc: "File of the offsets of source connectors. One that Kafka Connect wrote is taken over."}},
}

// workerPrefixes begin keys that are passed on as they are.
var workerPrefixes = []struct {
	prefix string
	modes  modes
	fate   fate
	why    string
}{
	{prefix: "key.converter.", modes: both},
	{prefix: "value.converter.", modes: both},
	{prefix: "header.converter.", modes: both},
	{prefix: "producer.", modes: both},
	{prefix: "consumer.", modes: both},
	{prefix: "admin.", modes: both},
	{prefix: "config.storage.", modes: distributed},
	{prefix: "offset.storage.", modes: distributed},
	{prefix: "status.storage.", modes: distributed},
	{prefix: "config.providers.", modes: both},
	{prefix: "internal.key.converter.", modes: both, fate: inert, why: "has no effect, as in Kafka Connect"},
	{prefix: "internal.value.converter.", modes: both, fate: inert, why: "has no effect, as in Kafka Connect"},
	{prefix: "listeners.https.", modes: both},
	{prefix: "admin.listeners.https.", modes: both},
	{prefix: "metrics.context.", modes: both, fate: inert, why: noJMX},
}

func replication(name string) config.Key {
	return config.Key{Name: name, Type: config.TypeShort, Default: config.Default("3"), Min: config.Limit(-1),
		Doc: "On how many brokers the topic is kept when it is created; -1 is the brokers' default."}
}

func partitions(name, standard string) config.Key {
	return config.Key{Name: name, Type: config.TypeInt, Default: config.Default(standard), Min: config.Limit(-1),
		Doc: "How many partitions the topic gets when it is created; -1 is the brokers' default."}
}
