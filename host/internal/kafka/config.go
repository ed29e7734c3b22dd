package kafka

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Config is what the properties of one client mean here.
type Config struct {
	// Options make the client: kgo.NewClient(append(c.Options, …)...). Later options win.
	Options []kgo.Opt
	// Ignored are keys that were given and mean nothing here, sorted by key.
	Ignored []Ignored
	// Unknown are keys that no Kafka client has, sorted.
	Unknown []string

	// Partitioner is among the options of a producer. See [ExplicitPartition].
	Partitioner kgo.Partitioner
	// BufferMemory is how many bytes of records wait in a producer at most: its buffer.memory, and at least one request.
	BufferMemory int64

	// Consumer settings that are the caller's to honour, with Kafka's defaults.
	GroupID               string
	MaxPollRecords        int  // records that one poll returns at most
	ExcludeInternalTopics bool // a regular expression does not match topics whose names begin with "__"
}

// Ignored is a key that was given and means nothing here.
type Ignored struct {
	Key, Reason string
}

// NewConfig reads the properties of a client in a role. bootstrap.servers is required. The error joins everything that
// is wrong, a line each. Certificates are read from their files now, not when the client connects. The client logs to
// logger, much less than the logger's level suggests.
//
// A blank value is as good as none. Where a key is not given, Kafka's default holds, with the exceptions that the
// package comment lists, and compression is none.
func NewConfig(role Role, props map[string]string, logger hclog.Logger) (*Config, error) {
	v := &values{role: role, props: props}
	c := &Config{}
	v.connection(c)
	v.security(c)
	switch role {
	case Producer:
		v.producer(c)
	case Consumer:
		v.consumer(c)
	case Admin:
		if n, given := v.number("retries", 0, math.MaxInt32); given {
			c.add(kgo.RequestRetries(int(n)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(props)) {
		if k := find(role, name); k == nil {
			c.Unknown = append(c.Unknown, name)
		} else if k.ignored != "" {
			c.Ignored = append(c.Ignored, Ignored{Key: name, Reason: k.ignored})
		}
	}
	if err := v.error(); err != nil {
		return nil, err
	}
	c.add(kgo.WithLogger(NewLogger(logger)))
	return c, nil
}

func (c *Config) add(opts ...kgo.Opt) { c.Options = append(c.Options, opts...) }

// Bounds of franz-go that Kafka's clients do not have.
const (
	maxIdle        = 15 * time.Minute
	maxMetadataAge = time.Hour
	minMetadataAge = 10 * time.Millisecond
	forever        = math.MaxInt32 * time.Millisecond // the greatest time of a Kafka client
)

// connection reads what all clients have in common, security aside.
func (v *values) connection(c *Config) {
	c.add(kgo.SeedBrokers(v.servers("bootstrap.servers")...))
	if id, given := v.text("client.id"); given {
		c.add(kgo.ClientID(id))
	}
	if d, given := v.millis("request.timeout.ms", 100*time.Millisecond, maxIdle); given {
		c.add(kgo.RequestTimeoutOverhead(d))
		if v.role == Producer {
			c.add(kgo.ProduceRequestTimeout(d))
		}
	}
	if d, given := v.millis("metadata.max.age.ms", 0, forever); given {
		d = min(max(d, minMetadataAge), maxMetadataAge)
		c.add(kgo.MetadataMaxAge(d), kgo.MetadataMinAge(min(d, 5*time.Second)))
	}
	if d, given := v.millis("connections.max.idle.ms", -time.Millisecond, forever); given {
		if d < 0 {
			d = maxIdle
		}
		c.add(kgo.ConnIdleTimeout(min(max(d, 100*time.Millisecond), maxIdle)))
	}
	if d, given := v.millis("socket.connection.setup.timeout.ms", time.Millisecond, forever); given {
		c.add(kgo.DialTimeout(d))
	}
	if push, given := v.flag("enable.metrics.push"); given && !push {
		c.add(kgo.DisableClientMetrics())
	}
	v.backoff(c)
}

// backoff reads how long to wait between attempts. This client has one series of pauses, for requests and for
// connections: it starts at the longer of the two least and ends at the longer of the two greatest.
func (v *values) backoff(c *Config) {
	requestLeast, a := v.millis("retry.backoff.ms", 0, forever)
	requestMost, b := v.millis("retry.backoff.max.ms", 0, forever)
	connectLeast, d := v.millis("reconnect.backoff.ms", 0, forever)
	connectMost, e := v.millis("reconnect.backoff.max.ms", 0, forever)
	if !a && !b && !d && !e {
		return
	}
	least := max(requestLeast, connectLeast)
	if !a && !d {
		least = 100 * time.Millisecond
	}
	most := max(requestMost, connectMost)
	if !b && !e {
		most = time.Second
	}
	most = max(most, least)
	c.add(kgo.RetryBackoffFn(func(attempt int) time.Duration { return pause(attempt, least, most) }))
}

// pause doubles from least to most with every attempt, the first of which is 1, and varies by a fifth.
func pause(attempt int, least, most time.Duration) time.Duration {
	d := least
	for i := 1; i < attempt && d < most && d > 0; i++ {
		d *= 2
	}
	return time.Duration(float64(min(d, most)) * (0.8 + 0.4*rand.Float64()))
}

// serverForm is what Java accepts as the address of a server.
var serverForm = regexp.MustCompile(`^(?:[0-9a-zA-Z._%-]*://)?(?:\[([0-9a-zA-Z._%:-]+)\]|([0-9a-zA-Z._%-]+)):([0-9]+)$`)

func (v *values) servers(key string) []string {
	words := v.list(key)
	if len(words) == 0 {
		v.problems = append(v.problems, fmt.Errorf("%s is missing: set it to the addresses of some brokers, e.g. broker1:9092,broker2:9092", key))
	}
	var servers []string
	for _, word := range words {
		parts := serverForm.FindStringSubmatch(word)
		if parts == nil {
			v.problem(key, "%q is not host:port, e.g. broker1:9092", word)
			continue
		}
		if port, err := strconv.Atoi(parts[3]); err != nil || port < 1 || port > 65535 {
			v.problem(key, "%s is not a port", parts[3])
			continue
		}
		servers = append(servers, net.JoinHostPort(parts[1]+parts[2], parts[3]))
	}
	return servers
}

// Defaults of producers where Kafka's is not franz-go's.
const (
	defaultLinger       = 5 * time.Millisecond
	defaultRequestSize  = 1 << 20
	defaultBufferMemory = 32 << 20
	minRequestSize      = 512
)

func (v *values) producer(c *Config) {
	v.durability(c)
	c.add(v.compression())
	if _, given := v.text("transactional.id"); given {
		v.problem("transactional.id", "the worker chooses it when exactly.once.source.support is enabled; remove the key")
	}
	if d, given := v.millis("transaction.timeout.ms", time.Millisecond, forever); given {
		c.add(kgo.TransactionTimeout(d))
	}
	linger, given := v.millis("linger.ms", 0, time.Minute)
	if !given {
		linger = defaultLinger
	}
	c.add(kgo.ProducerLinger(linger))
	size, given := v.number("max.request.size", 0, 1<<30)
	if !given {
		size = defaultRequestSize
	}
	size = max(size, minRequestSize)
	c.add(kgo.ProducerBatchMaxBytes(int32(size)))
	if size > 100<<20 {
		c.add(kgo.BrokerMaxWriteBytes(int32(size)))
	}
	v.number("batch.size", 0, math.MaxInt32)
	memory, given := v.number("buffer.memory", 0, math.MaxInt64)
	if !given {
		memory = defaultBufferMemory
	}
	// Only bytes bound what waits, as in Kafka's producer: franz-go's own bound is 10,000 records, which is little for small ones.
	c.BufferMemory = max(memory, size)
	c.add(kgo.MaxBufferedBytes(int(c.BufferMemory)), kgo.MaxBufferedRecords(math.MaxInt32))
	if d, given := v.millis("delivery.timeout.ms", time.Second, forever); given && d < forever {
		c.add(kgo.RecordDeliveryTimeout(d))
	}
	if n, given := v.number("retries", 0, math.MaxInt32); given && n < math.MaxInt32 {
		c.add(kgo.RecordRetries(int(n)))
	}
	c.Partitioner = v.partitioner()
	// Whether a topic that does not exist is created is for the broker to decide.
	c.add(kgo.RecordPartitioner(c.Partitioner), kgo.AllowAutoTopicCreation())
}

// durability reads acks and idempotence, which depend on each other.
func (v *values) durability(c *Config) {
	acks, given := choice(v, "acks", false, map[string]kgo.Acks{
		"all": kgo.AllISRAcks(), "-1": kgo.AllISRAcks(), "1": kgo.LeaderAck(), "0": kgo.NoAck(),
	})
	if !given {
		acks = kgo.AllISRAcks()
	}
	c.add(kgo.RequiredAcks(acks))
	inFlight, limited := v.number("max.in.flight.requests.per.connection", 1, math.MaxInt32)
	idempotent, given := v.flag("enable.idempotence")
	switch {
	case !given:
		idempotent = acks == kgo.AllISRAcks()
	case idempotent && acks != kgo.AllISRAcks():
		v.problem("enable.idempotence", "it needs acks=all; remove one of the two")
	}
	if idempotent {
		return // the order is kept whatever is in flight
	}
	c.add(kgo.DisableIdempotentWrite())
	if limited {
		c.add(kgo.MaxProduceRequestsInflightPerBroker(int(inFlight)))
	}
}

func (v *values) partitioner() kgo.Partitioner {
	const java = "org.apache.kafka.clients.producer."
	ignoreKeys, _ := v.flag("partitioner.ignore.keys")
	usual := uniform{kgo.UniformBytesPartitioner(64<<10, true, !ignoreKeys, nil)}
	p, given := choice(v, "partitioner.class", false, map[string]kgo.Partitioner{
		java + "RoundRobinPartitioner":        kgo.RoundRobinPartitioner(),
		java + "internals.DefaultPartitioner": usual,
		java + "UniformStickyPartitioner":     uniform{kgo.UniformBytesPartitioner(64<<10, true, false, nil)},
		java + "internals.BuiltInPartitioner": usual,
	})
	if !given {
		return usual
	}
	return p
}

func (v *values) consumer(c *Config) {
	v.group(c)
	v.fetch(c)
	v.reset(c)
	c.MaxPollRecords = 500
	if n, given := v.number("max.poll.records", 1, math.MaxInt32); given {
		c.MaxPollRecords = int(n)
	}
	c.ExcludeInternalTopics = true
	if exclude, given := v.flag("exclude.internal.topics"); given {
		c.ExcludeInternalTopics = exclude
	}
	if create, given := v.flag("allow.auto.create.topics"); create || !given {
		c.add(kgo.AllowAutoTopicCreation())
	}
}

// group reads what concerns membership.
func (v *values) group(c *Config) {
	if id, given := v.text("group.id"); given {
		c.GroupID = id
		c.add(kgo.ConsumerGroup(id))
	}
	if id, given := v.text("group.instance.id"); given {
		c.add(kgo.InstanceID(id))
	}
	session, given := v.millis("session.timeout.ms", 100*time.Millisecond, forever)
	if !given {
		session = 45 * time.Second
	}
	heartbeat, given := v.millis("heartbeat.interval.ms", time.Millisecond, forever)
	if !given {
		heartbeat = min(3*time.Second, session/3)
	}
	if heartbeat >= session {
		v.problem("heartbeat.interval.ms", "must be less than session.timeout.ms, which is %d", session.Milliseconds())
	}
	c.add(kgo.SessionTimeout(session), kgo.HeartbeatInterval(heartbeat))
	rebalance, given := v.millis("max.poll.interval.ms", 100*time.Millisecond, forever)
	if !given {
		rebalance = 5 * time.Minute
	}
	c.add(kgo.RebalanceTimeout(rebalance))

	balancers := v.balancers()
	serverSide, _ := choice(v, "group.protocol", true, map[string]bool{"classic": false, "consumer": true})
	if serverSide {
		c.add(kgo.ServerSideBalancer())
		balancers = []kgo.GroupBalancer{kgo.StickyBalancer()}
	}
	c.add(kgo.Balancers(balancers...))
}

func (v *values) balancers() []kgo.GroupBalancer {
	const key, java = "partition.assignment.strategy", "org.apache.kafka.clients.consumer."
	known := map[string]func() kgo.GroupBalancer{
		java + "RangeAssignor":             kgo.RangeBalancer,
		java + "RoundRobinAssignor":        kgo.RoundRobinBalancer,
		java + "StickyAssignor":            kgo.StickyBalancer,
		java + "CooperativeStickyAssignor": kgo.CooperativeStickyBalancer,
	}
	var balancers []kgo.GroupBalancer
	for _, class := range v.list(key) {
		make := known[strings.TrimPrefix(class, "class ")]
		if make == nil {
			v.problem(key, "%q is none of %s", class, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
			continue
		}
		balancers = append(balancers, make())
	}
	if len(balancers) == 0 {
		return []kgo.GroupBalancer{kgo.CooperativeStickyBalancer()}
	}
	return balancers
}

// fetch reads how records are fetched. The wait is always set: a partition that is added or resumed waits for the
// request that is under way, up to 5 s with franz-go's own default.
func (v *values) fetch(c *Config) {
	isolation, _ := choice(v, "isolation.level", true, map[string]kgo.IsolationLevel{
		"read_uncommitted": kgo.ReadUncommitted(), "read_committed": kgo.ReadCommitted(),
	})
	c.add(kgo.FetchIsolationLevel(isolation))
	wait, given := v.millis("fetch.max.wait.ms", 0, forever)
	if !given {
		wait = 500 * time.Millisecond
	}
	c.add(kgo.FetchMaxWait(max(wait, 10*time.Millisecond)))
	if n, given := v.number("fetch.min.bytes", 0, math.MaxInt32); given {
		c.add(kgo.FetchMinBytes(int32(n)))
	}
	most := int64(50 << 20)
	if n, given := v.number("fetch.max.bytes", 0, 1<<30); given {
		most = n
		c.add(kgo.FetchMaxBytes(int32(n)))
	}
	if n, given := v.number("max.partition.fetch.bytes", 0, 1<<30); given {
		most = max(most, n)
		c.add(kgo.FetchMaxPartitionBytes(int32(n)))
	}
	// A response may exceed fetch.max.bytes by one batch.
	c.add(kgo.BrokerMaxReadBytes(int32(min(max(100<<20, 2*most), 1<<30))))
	if rack, given := v.text("client.rack"); given {
		c.add(kgo.Rack(rack))
	}
	if check, given := v.flag("check.crcs"); given && !check {
		c.add(kgo.DisableFetchCRCValidation())
	}
}

// reset reads where to begin without a committed offset, and where to go on when an offset is gone.
func (v *values) reset(c *Config) {
	const key = "auto.offset.reset"
	text, given := v.text(key)
	start, later := kgo.NewOffset().AtEnd(), kgo.NewOffset().AtEnd()
	switch word, duration, _ := strings.Cut(strings.ToLower(text), ":"); {
	case !given, word == "latest" && duration == "":
	case word == "earliest" && duration == "":
		start, later = kgo.NewOffset().AtStart(), kgo.NewOffset().AtStart()
	case word == "none" && duration == "":
		start, later = kgo.NewOffset().AtCommitted(), kgo.NoResetOffset()
	case word == "by_duration":
		back, ok := isoDuration(duration)
		if !ok {
			v.problem(key, "%q is not a duration, e.g. by_duration:P1DT12H", duration)
			return
		}
		start, later = kgo.LookbackOffset(back), kgo.LookbackOffset(back)
	default:
		v.problem(key, "must be one of earliest, latest, none, by_duration:<duration>")
		return
	}
	c.add(kgo.ConsumeStartOffset(start), kgo.ConsumeResetOffset(later))
}

var isoForm = regexp.MustCompile(`^p(?:([0-9]{1,6})d)?(?:t(?:([0-9]{1,6})h)?(?:([0-9]{1,8})m)?(?:([0-9]{1,9})s)?)?$`)

// isoDuration reads Java's form of a duration in lower case, e.g. p1dt12h30m.
func isoDuration(text string) (d time.Duration, ok bool) {
	parts := isoForm.FindStringSubmatch(text)
	if parts == nil {
		return 0, false
	}
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.ParseInt("0"+parts[i+1], 10, 64)
		d += time.Duration(n) * unit
	}
	return d, d > 0
}
