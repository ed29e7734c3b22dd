package herdertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/host/internal/group"
	"github.com/outboard-connect/outboard/host/internal/storage"
)

// Member says what tells a worker of a group from the others.
type Member struct {
	// Group is group.id, which begins the names of the group's topics.
	Group string
	// URL is where the others reach it; it ends in a slash. Its host and port are the worker_id.
	URL string
	// InstanceID is group.instance.id. Empty: it has none.
	InstanceID string
	// Session is session.timeout.ms. 0: a minute.
	Session time.Duration
	// ExactlyOnce is exactly.once.source.support=enabled.
	ExactlyOnce bool
	// MaxDelay is scheduled.rebalance.max.delay.ms.
	MaxDelay time.Duration
	// Send is how it asks others, see [herder.Settings].
	Send func(ctx context.Context, method, url string, header http.Header, body []byte) error
}

// Worker is one of a group.
type Worker struct {
	Herder *herder.Herder

	line   *line
	config *line // to the config topic
	stop   func()
	expire func(context.Context) error
}

// Join starts a worker of the group and returns when it was told what to run.
func (c *Cluster) Join(m Member) (*Worker, error) {
	at, err := url.Parse(m.URL)
	if err != nil {
		return nil, err
	}
	if m.Session == 0 {
		m.Session = time.Minute
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	w := &Worker{line: newLine(), config: newLine()}
	w.expire = func(ctx context.Context) error { return c.expire(ctx, m.Group, at.Host) }
	over := func(l *line) []kgo.Opt {
		return []kgo.Opt{kgo.SeedBrokers(c.broker.ListenAddrs()...), kgo.Dialer(l.dial)}
	}
	offsets := storage.Topic{Name: m.Group + "-offsets", Setting: "offset.storage", Partitions: 5, ReplicationFactor: 1, ReadCommitted: m.ExactlyOnce}
	var opened []storage.Log
	for _, topic := range []struct {
		storage.Topic
		line *line
	}{
		{storage.Topic{Name: m.Group + "-configs", Setting: "config.storage", Partitions: 1, ReplicationFactor: 1, OnePartition: true, ReadCommitted: m.ExactlyOnce}, w.config},
		{storage.Topic{Name: m.Group + "-status", Setting: "status.storage", Partitions: 5, ReplicationFactor: 1}, w.line},
		{offsets, w.line},
	} {
		log, err := storage.OpenKafkaLog(ctx, topic.Topic, over(topic.line), c.settings.Logger)
		if err != nil {
			return nil, err
		}
		c.atClose(func() { log.Close() })
		opened = append(opened, log)
	}
	settings, shutdown, err := c.worker(ctx, at.Host, logs{config: opened[0], status: opened[1], offsets: opened[2]})
	if err != nil {
		return nil, err
	}
	settings.URL, settings.Send = m.URL, m.Send
	if m.ExactlyOnce {
		writer := exclusiveWriter(m.Group, over(w.config))
		c.atClose(func() { writer.Close() })
		settings.Config.WriteExclusively(writer)
		settings.Worker.OffsetsTopic, settings.Worker.ExactlyOnceGroup = offsets, m.Group
	}
	settings.Signing = group.Signing{KeyAlgorithm: "HmacSHA256", KeyTTL: time.Hour, Algorithm: "HmacSHA256", Accepted: []string{"HmacSHA256"}}
	settings.Group = &group.Settings{
		Logger: c.settings.Logger.Named("group"), Client: over(w.line), Group: m.Group, ClientID: at.Host, InstanceID: m.InstanceID, Protocol: group.Sessioned,
		SessionTimeout: m.Session, HeartbeatInterval: m.Session / 10, RebalanceTimeout: time.Minute, SyncTimeout: 20 * time.Second, MaxDelay: m.MaxDelay,
	}
	w.Herder = herder.New(settings)
	w.stop = sync.OnceFunc(func() {
		w.Mend() // what it has to say is waited for
		bounded(func(ctx context.Context) { _ = w.Herder.Close(ctx) })
		bounded(shutdown)
	})
	c.atClose(w.stop)
	return w, w.Herder.Start(ctx)
}

func exclusiveWriter(group string, options []kgo.Opt) *storage.ExclusiveWriter {
	return storage.NewExclusiveWriter(group+"-configs", "connect-cluster-"+group, options)
}

// Claim takes the config topic of a group from its leader once, as another worker does that takes itself for the leader.
func (c *Cluster) Claim(ctx context.Context, group string) error {
	w := exclusiveWriter(group, []kgo.Opt{kgo.SeedBrokers(c.broker.ListenAddrs()...)})
	return errors.Join(w.Claim(ctx), w.Close())
}

// Stop stops the worker as a signal does.
func (w *Worker) Stop() { w.stop() }

// Cut ends all connections of the worker's own clients, those of its tasks excepted, and lets it make no new ones before Mend.
func (w *Worker) Cut() {
	w.line.cut()
	w.config.cut()
}

// CutConfig is Cut for the clients of the config topic alone: the worker does not leave its group.
func (w *Worker) CutConfig() { w.config.cut() }

// Mend ends a Cut, and a CutConfig.
func (w *Worker) Mend() {
	w.line.mend()
	w.config.mend()
}

// Slow has all that Kafka tells the worker's own clients arrive this much later.
func (w *Worker) Slow(by time.Duration) {
	w.line.delay.Store(int64(by))
	w.config.delay.Store(int64(by))
}

// Expire has Kafka end the worker's session, as it does with one that it has not heard of for too long.
func (w *Worker) Expire(ctx context.Context) error { return w.expire(ctx) }

// expire takes the member of a client out of a group.
func (c *Cluster) expire(ctx context.Context, name, clientID string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.broker.ListenAddrs()...))
	if err != nil {
		return err
	}
	defer client.Close()
	look := kmsg.NewPtrDescribeGroupsRequest()
	look.Groups = []string{name}
	found, err := look.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	for _, m := range found.Groups[0].Members {
		if m.ClientID != clientID {
			continue
		}
		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Group = name
		member := kmsg.NewLeaveGroupRequestMember()
		member.MemberID = m.MemberID
		leave.Members = append(leave.Members, member)
		answer, err := leave.RequestWith(ctx, client)
		if err != nil {
			return err
		}
		return errors.Join(kerr.ErrorForCode(answer.ErrorCode), kerr.ErrorForCode(answer.Members[0].ErrorCode))
	}
	return fmt.Errorf("%s is no member of group %s", clientID, name)
}

// line is the network of a worker.
type line struct {
	mu    sync.Mutex
	down  bool
	conns map[net.Conn]bool
	delay atomic.Int64 // in nanoseconds
}

func newLine() *line { return &line{conns: map[net.Conn]bool{}} }

// slowConn is a connection of a line, with its delay.
type slowConn struct {
	net.Conn
	line *line
}

func (c *slowConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	time.Sleep(time.Duration(c.line.delay.Load()))
	return n, err
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		conn.Close()
		return nil, net.ErrClosed
	}
	l.conns[conn] = true
	return &slowConn{Conn: conn, line: l}, nil
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	defer clear(l.conns)
	for conn := range l.conns {
		conn.Close()
	}
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}
