package kafka

import "slices"

// Role is what a client does. Each has its own set of keys.
type Role uint8

const (
	Producer Role = 1 << iota
	Consumer
	Admin
)

const all = Producer | Consumer | Admin

// String returns the word that begins the names of a role's settings: producer, consumer or admin.
func (r Role) String() string {
	switch r {
	case Producer:
		return "producer"
	case Consumer:
		return "consumer"
	case Admin:
		return "admin"
	}
	return "client"
}

// key is one property of Kafka's Java clients.
type key struct {
	name    string
	roles   Role
	ignored string // why it means nothing here; empty: it is honoured
}

// Reasons that several keys share.
const (
	javaClass     = "no Java classes are loaded"
	ownBytes      = "Connect gives and takes bytes"
	ownOffsets    = "the worker commits offsets itself"
	ownMetrics    = "metrics are Outboard's own, at /metrics"
	systemBuffers = "the operating system sizes socket buffers"
	ownTLS        = "TLS is Go's own"
	noKerberos    = "Kerberos is not supported"
	noAssertions  = "tokens are got with the client's credentials or from a file, not with assertions"
	brokerOAuth   = "the broker judges tokens, the client passes them on"
	noLogin       = "a token is renewed after four fifths of its life; other credentials are fixed"
	ownFlow       = "the worker decides when it waits"
)

// keys is every key of Kafka's clients, as of 4.3.
var keys = []key{
	{name: "bootstrap.servers", roles: all},
	{name: "client.id", roles: all},
	{name: "request.timeout.ms", roles: all},
	{name: "metadata.max.age.ms", roles: all},
	{name: "reconnect.backoff.ms", roles: all},
	{name: "reconnect.backoff.max.ms", roles: all},
	{name: "retry.backoff.ms", roles: all},
	{name: "retry.backoff.max.ms", roles: all},
	{name: "connections.max.idle.ms", roles: all},
	{name: "socket.connection.setup.timeout.ms", roles: all},
	{name: "enable.metrics.push", roles: all},
	{name: "socket.connection.setup.timeout.max.ms", roles: all, ignored: "every attempt has the same time"},
	{name: "client.dns.lookup", roles: all, ignored: "all addresses of a host name are always tried"},
	{name: "send.buffer.bytes", roles: all, ignored: systemBuffers},
	{name: "receive.buffer.bytes", roles: all, ignored: systemBuffers},
	{name: "metadata.recovery.strategy", roles: all, ignored: "the bootstrap servers are always tried again"},
	{name: "metadata.recovery.rebootstrap.trigger.ms", roles: all, ignored: "the bootstrap servers are always tried again"},
	{name: "metric.reporters", roles: all, ignored: ownMetrics},
	{name: "metrics.num.samples", roles: all, ignored: ownMetrics},
	{name: "metrics.recording.level", roles: all, ignored: ownMetrics},
	{name: "metrics.sample.window.ms", roles: all, ignored: ownMetrics},
	{name: "auto.include.jmx.reporter", roles: all, ignored: ownMetrics},
	{name: "security.providers", roles: all, ignored: javaClass},
	{name: "config.providers", roles: all, ignored: "config providers belong in the worker's configuration"},

	{name: "security.protocol", roles: all},
	{name: "ssl.truststore.type", roles: all},
	{name: "ssl.truststore.location", roles: all},
	{name: "ssl.truststore.certificates", roles: all},
	{name: "ssl.truststore.password", roles: all},
	{name: "ssl.keystore.type", roles: all},
	{name: "ssl.keystore.location", roles: all},
	{name: "ssl.keystore.certificate.chain", roles: all},
	{name: "ssl.keystore.key", roles: all},
	{name: "ssl.keystore.password", roles: all},
	{name: "ssl.key.password", roles: all},
	{name: "ssl.endpoint.identification.algorithm", roles: all},
	{name: "ssl.enabled.protocols", roles: all},
	{name: "ssl.cipher.suites", roles: all},
	{name: "ssl.engine.factory.class", roles: all},
	{name: "ssl.protocol", roles: all, ignored: "ssl.enabled.protocols says it all"},
	{name: "ssl.provider", roles: all, ignored: ownTLS},
	{name: "ssl.keymanager.algorithm", roles: all, ignored: ownTLS},
	{name: "ssl.trustmanager.algorithm", roles: all, ignored: ownTLS},
	{name: "ssl.secure.random.implementation", roles: all, ignored: ownTLS},

	{name: "sasl.mechanism", roles: all},
	{name: "sasl.jaas.config", roles: all},
	{name: "sasl.client.callback.handler.class", roles: all},
	{name: "sasl.login.callback.handler.class", roles: all},
	{name: "sasl.login.class", roles: all},
	{name: "sasl.login.connect.timeout.ms", roles: all},
	{name: "sasl.login.read.timeout.ms", roles: all},
	{name: "sasl.login.refresh.buffer.seconds", roles: all, ignored: noLogin},
	{name: "sasl.login.refresh.min.period.seconds", roles: all, ignored: noLogin},
	{name: "sasl.login.refresh.window.factor", roles: all, ignored: noLogin},
	{name: "sasl.login.refresh.window.jitter", roles: all, ignored: noLogin},
	{name: "sasl.login.retry.backoff.ms", roles: all, ignored: noLogin},
	{name: "sasl.login.retry.backoff.max.ms", roles: all, ignored: noLogin},
	{name: "sasl.kerberos.service.name", roles: all, ignored: noKerberos},
	{name: "sasl.kerberos.kinit.cmd", roles: all, ignored: noKerberos},
	{name: "sasl.kerberos.min.time.before.relogin", roles: all, ignored: noKerberos},
	{name: "sasl.kerberos.ticket.renew.jitter", roles: all, ignored: noKerberos},
	{name: "sasl.kerberos.ticket.renew.window.factor", roles: all, ignored: noKerberos},
	{name: "sasl.oauthbearer.assertion.algorithm", roles: all, ignored: noAssertions},
	{name: "sasl.oauthbearer.assertion.claim.aud", roles: all, ignored: noAssertions},
	{name: "sasl.oauthbearer.assertion.claim.exp.seconds", roles: all, ignored: noAssertions},
	{name: "sasl.oauthbearer.assertion.claim.iss", roles: all, ignored: noAssertions},
	{name: "sasl.oauthbearer.assertion.claim.jti.include", roles: all, ignored: noAssertions},
	{name: "sasl.oauthbearer.assertion.claim.nbf.seconds", roles: all, ignored: noAssertions},
	{name: "sasl.oauthbearer.assertion.claim.sub", roles: all, ignored: noAssertions},
	{name: "sasl.oauthbearer.assertion.file", roles: all, ignored: noAssertions},
	{name: "sasl.oauthbearer.assertion.private.key.file", roles: all, ignored: noAssertions},
	{name: "sasl.oauthbearer.assertion.private.key.passphrase", roles: all, ignored: noAssertions},
	{name: "sasl.oauthbearer.assertion.template.file", roles: all, ignored: noAssertions},
	{name: "sasl.oauthbearer.client.credentials.client.id", roles: all},
	{name: "sasl.oauthbearer.client.credentials.client.secret", roles: all},
	{name: "sasl.oauthbearer.clock.skew.seconds", roles: all, ignored: brokerOAuth},
	{name: "sasl.oauthbearer.expected.audience", roles: all, ignored: brokerOAuth},
	{name: "sasl.oauthbearer.expected.issuer", roles: all, ignored: brokerOAuth},
	{name: "sasl.oauthbearer.header.urlencode", roles: all},
	{name: "sasl.oauthbearer.jwks.endpoint.refresh.ms", roles: all, ignored: brokerOAuth},
	{name: "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", roles: all, ignored: brokerOAuth},
	{name: "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", roles: all, ignored: brokerOAuth},
	{name: "sasl.oauthbearer.jwks.endpoint.url", roles: all, ignored: brokerOAuth},
	{name: "sasl.oauthbearer.jwt.retriever.class", roles: all},
	{name: "sasl.oauthbearer.jwt.validator.class", roles: all},
	{name: "sasl.oauthbearer.scope", roles: all},
	{name: "sasl.oauthbearer.scope.claim.name", roles: all, ignored: brokerOAuth},
	{name: "sasl.oauthbearer.sub.claim.name", roles: all, ignored: brokerOAuth},
	{name: "sasl.oauthbearer.token.endpoint.url", roles: all},

	{name: "acks", roles: Producer},
	{name: "enable.idempotence", roles: Producer},
	{name: "max.in.flight.requests.per.connection", roles: Producer},
	{name: "max.request.size", roles: Producer},
	{name: "linger.ms", roles: Producer},
	{name: "compression.type", roles: Producer},
	{name: "compression.gzip.level", roles: Producer},
	{name: "compression.lz4.level", roles: Producer},
	{name: "compression.zstd.level", roles: Producer},
	{name: "buffer.memory", roles: Producer},
	{name: "delivery.timeout.ms", roles: Producer},
	{name: "retries", roles: Producer | Admin},
	{name: "partitioner.class", roles: Producer},
	{name: "partitioner.ignore.keys", roles: Producer},
	{name: "transactional.id", roles: Producer},
	{name: "transaction.timeout.ms", roles: Producer},
	{name: "batch.size", roles: Producer, ignored: "batches fill up to max.request.size while earlier ones are on their way"},
	{name: "max.block.ms", roles: Producer, ignored: ownFlow},
	{name: "metadata.max.idle.ms", roles: Producer, ignored: "topics are known for as long as a task runs"},
	{name: "partitioner.adaptive.partitioning.enable", roles: Producer, ignored: "partitions with less backlog are always preferred"},
	{name: "partitioner.availability.timeout.ms", roles: Producer, ignored: "partitions with less backlog are always preferred"},
	{name: "transaction.two.phase.commit.enable", roles: Producer, ignored: "transactions are the worker's own"},
	{name: "key.serializer", roles: Producer, ignored: ownBytes},
	{name: "value.serializer", roles: Producer, ignored: ownBytes},
	{name: "interceptor.classes", roles: Producer | Consumer, ignored: javaClass},

	{name: "group.id", roles: Consumer},
	{name: "group.instance.id", roles: Consumer},
	{name: "group.protocol", roles: Consumer},
	{name: "partition.assignment.strategy", roles: Consumer},
	{name: "session.timeout.ms", roles: Consumer},
	{name: "heartbeat.interval.ms", roles: Consumer},
	{name: "max.poll.interval.ms", roles: Consumer},
	{name: "max.poll.records", roles: Consumer},
	{name: "auto.offset.reset", roles: Consumer},
	{name: "isolation.level", roles: Consumer},
	{name: "fetch.min.bytes", roles: Consumer},
	{name: "fetch.max.bytes", roles: Consumer},
	{name: "fetch.max.wait.ms", roles: Consumer},
	{name: "max.partition.fetch.bytes", roles: Consumer},
	{name: "client.rack", roles: Consumer},
	{name: "check.crcs", roles: Consumer},
	{name: "exclude.internal.topics", roles: Consumer},
	{name: "allow.auto.create.topics", roles: Consumer},
	{name: "group.remote.assignor", roles: Consumer, ignored: "the brokers choose their default assignor"},
	{name: "enable.auto.commit", roles: Consumer, ignored: ownOffsets},
	{name: "auto.commit.interval.ms", roles: Consumer, ignored: ownOffsets},
	{name: "default.api.timeout.ms", roles: Consumer | Admin, ignored: ownFlow},
	{name: "share.acknowledgement.mode", roles: Consumer, ignored: "sinks are consumer groups, not share groups"},
	{name: "share.acquire.mode", roles: Consumer, ignored: "sinks are consumer groups, not share groups"},
	{name: "key.deserializer", roles: Consumer, ignored: ownBytes},
	{name: "value.deserializer", roles: Consumer, ignored: ownBytes},

	{name: "bootstrap.controllers", roles: Admin, ignored: "the brokers are asked, not the controllers"},
}

// find returns the entry of a key for a role, nil when it has none.
func find(role Role, name string) *key {
	if i := slices.IndexFunc(keys, func(k key) bool { return k.name == name && k.roles&role != 0 }); i >= 0 {
		return &keys[i]
	}
	return nil
}

// Keys returns the names of all keys of a role, honoured and ignored, in the order of the documentation.
func Keys(role Role) []string {
	var names []string
	for _, k := range keys {
		if k.roles&role != 0 {
			names = append(names, k.name)
		}
	}
	return names
}
