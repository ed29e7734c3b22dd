package group

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Settings is what a [Member] needs. The times are positive; brokers bound the session time-out.
type Settings struct {
	Logger hclog.Logger
	// Client are the options of the worker's own Kafka clients. A member makes a client of its own of them.
	Client []kgo.Opt
	// Group is group.id, ClientID client.id; without one the member calls itself outboard.
	Group, ClientID string
	// URL is where other workers reach the REST API of this one. It ends in a slash.
	URL string
	// InstanceID is the stable identity of the worker in the group, another one for each: when the worker is back within the
	// session time-out, it has its work back without anybody noticing. Empty: its URL tells a worker that is back, and its
	// work is given out when the session of its predecessor has ended.
	InstanceID string
	Protocol   Protocol
	// SessionTimeout is how long the group waits for a worker that is silent.
	SessionTimeout time.Duration
	// HeartbeatInterval is how often a worker is heard. More than a second has the effect of a second: at a heartbeat
	// workers learn that work is to be divided, and that must not take long.
	HeartbeatInterval time.Duration
	// RebalanceTimeout is how long members may take to come to a division of work, with stopping what was revoked.
	RebalanceTimeout time.Duration
	// SyncTimeout is how long a leader may take to read the config topic to its end.
	SyncTimeout time.Duration
	// MaxDelay is how long the work of a worker that went away without saying so waits for it. 0: it is given out at once.
	MaxDelay time.Duration

	// Work tells all that the group is to run, as of a position of the config topic. It answers from memory.
	Work func() (work []Work, offset int64)
	// CatchUp reads the config topic to its end: what Work tells afterwards has all that was written before.
	CatchUp func(ctx context.Context) error
	// Assigned tells what this worker is to run from now on. It returns when everything else is stopped; what is to start need
	// not have started. When the context ends before that, what still runs must be killed: others may be about to run it.
	// It is called by one goroutine.
	Assigned func(ctx context.Context, a Assignment)
}

// Leader is the member that writes what only one may write and decides who runs what.
type Leader struct {
	MemberID string // empty: this worker is in no group
	URL      string
	Self     bool
	// Generation is that of the division of work in which it leads.
	Generation int32
}

// Assignment is what a worker is to run.
type Assignment struct {
	// Generation grows with each division of work. It is -1 when the worker is in no group, and then runs nothing.
	Generation int32
	Protocol   Protocol
	Leader     Leader
	// ConfigOffset is the position of the config topic from which on the leader knew nothing.
	ConfigOffset int64
	// Assigned is new to this worker, Revoked is to be stopped. Both are sorted.
	Assigned, Revoked []Work
	// Unowned is what nobody ran when the work was divided. Only the leader is told.
	Unowned []Work
	// Stopping is what members run and are not to run any more. Only the leader is told.
	Stopping []Work

	all  bool
	work workSet
}

// Owns tells whether this worker is to run a work.
func (a Assignment) Owns(w Work) bool { return a.all || a.work.has(w) }

// Member is a worker in a group of Kafka's coordinator.
//
// Start is called once; the other methods may be called at any time and at the same time. A member that has Failed is
// still to be closed.
type Member struct {
	settings Settings
	log      hclog.Logger

	changed chan struct{}   // has room for one: there may be other work
	closing context.Context // ends when Close begins
	close   context.CancelFunc
	first   chan struct{} // closed when the first assignment was told
	done    chan struct{} // closed when run has returned
	failed  chan struct{}

	heart   atomic.Pointer[pulse] // of the membership there is; nil before the first
	mu      sync.Mutex
	client  *kgo.Client // nil before Start, and the same from then on
	running bool        // run was called
	view    view
	limit   context.Context // of Close; nil before it
	err     error

	// What follows belongs to the goroutine of run.

	seen     []Work          // what Work told last
	accepted bool            // it was in a round that an Outboard worker led
	said     map[string]bool // what was logged and need not be again
}

// view is what others may ask for.
type view struct {
	settled *pulse        // of the membership that knows the leader; nil while none does
	changed chan struct{} // closed when one does
	leader  Leader
	owners  map[Work]string
}

// NewMember returns a member that does nothing before Start.
func NewMember(s Settings) *Member {
	m := &Member{
		settings: s, log: s.Logger,
		changed: make(chan struct{}, 1), first: make(chan struct{}), done: make(chan struct{}), failed: make(chan struct{}),
		view: view{changed: make(chan struct{})}, said: map[string]bool{},
	}
	m.closing, m.close = context.WithCancel(context.Background())
	return m
}

// Start joins the group and returns when the worker was told what to run. It fails when the group is not one of Outboard
// workers, when brokers refuse the member, or when ctx ends first; it is still to be closed then.
func (m *Member) Start(ctx context.Context) error {
	client, err := kgo.NewClient(m.options()...)
	if err != nil {
		return fmt.Errorf("making the client for group %s: %w", m.settings.Group, err)
	}
	if !m.open(func() { m.client = client }) {
		client.Close()
		return errClosed
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(m.closing, cancel)()
	if err := m.look(ctx); err != nil {
		return err
	}
	if !m.open(func() { m.running = true }) {
		return errClosed
	}
	go m.run()
	select {
	case <-m.first:
		return nil
	case <-m.failed:
		return m.Err()
	case <-ctx.Done():
		return fmt.Errorf("joining group %s has not come to an end: Kafka's coordinator of the group does not answer, or other workers take long to stop what goes to this one; "+
			"the logs of the workers tell: %w", m.settings.Group, ctx.Err())
	}
}

// open does a step of the start, unless Close has begun.
func (m *Member) open(step func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.limit != nil {
		return false
	}
	step()
	return true
}

// options are those of the member's client. It tries again soon: within a session there must be time for several attempts.
func (m *Member) options() []kgo.Opt {
	id := m.settings.ClientID
	if id == "" {
		id = "outboard"
	}
	attempt := max(m.attempt(), 100*time.Millisecond)
	return append(slices.Clone(m.settings.Client), kgo.ClientID(id),
		kgo.DialTimeout(attempt), kgo.RequestTimeoutOverhead(attempt), kgo.RetryTimeout(attempt))
}

// attempt is how long a request may take that is answered at once.
func (m *Member) attempt() time.Duration { return m.settings.SessionTimeout / 5 }

// run belongs to the group, over as many memberships as it takes, until Close or a failure for good.
func (m *Member) run() {
	defer close(m.done)
	for id := ""; ; {
		s := m.begin(id)
		err := s.live()
		var refused *refusal
		switch {
		case m.closing.Err() != nil:
			limit := m.closeLimit()
			s.vacate(limit)
			s.farewell(limit)
			s.end()
			return
		case errors.As(err, &refused):
			s.vacate(s.over)
			if !refused.replaced {
				s.leave(s.over, "the worker cannot be in this group")
			}
			s.end()
			m.fail(err)
			return
		}
		m.log.Warn("the worker is not in the group any more: stopping its work, then joining again", "group", m.settings.Group, "err", err)
		s.vacate(s.over)
		id = s.remembered()
		s.end()
	}
}

func (m *Member) closeLimit() context.Context {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.limit
}

func (m *Member) fail(err error) {
	m.mu.Lock()
	m.err = err
	m.mu.Unlock()
	close(m.failed)
}

// WorkChanged says that Work may tell something else than before. It does not wait.
func (m *Member) WorkChanged() {
	select {
	case m.changed <- struct{}{}:
	default: // it is to be asked already
	}
}

// Leader returns the leader. While work is being divided, or the worker is in no group, it waits.
func (m *Member) Leader(ctx context.Context) (Leader, error) {
	for {
		m.mu.Lock()
		v := m.view
		m.mu.Unlock()
		if v.settled != nil {
			return v.leader, nil
		}
		select {
		case <-v.changed:
		case <-m.failed:
			return Leader{}, m.Err()
		case <-m.closing.Done():
			return Leader{}, fmt.Errorf("the worker leaves group %s", m.settings.Group)
		case <-ctx.Done():
			return Leader{}, fmt.Errorf("the workers of group %s are dividing their work: %w", m.settings.Group, ctx.Err())
		}
	}
}

// Owner returns the URL of the worker that runs a work. Only the leader knows, and only of what was given out.
func (m *Member) Owner(w Work) (url string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	url, ok = m.view.owners[w]
	return url, ok
}

// settle tells who leads.
func (m *Member) settle(p *pulse, leader Leader, owners map[Work]string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.ctx.Err() != nil {
		return
	}
	if m.view.settled == nil {
		close(m.view.changed)
	}
	m.view.settled, m.view.leader, m.view.owners = p, leader, owners
}

// unsettle has those wait who ask for the leader, if it was this membership that knew it.
func (m *Member) unsettle(p *pulse) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.view.settled == p {
		m.view = view{changed: make(chan struct{})}
	}
}

// Lapsed tells that others may run what this worker runs: the coordinator has not answered for nearly a session, or does not know
// the member any more. It holds until the work is stopped. It goes by the clock, so that it tells at once, before anybody else
// notices, that the process stood still for too long. It is quick, and safe for concurrent use.
func (m *Member) Lapsed() bool {
	p := m.heart.Load()
	return p != nil && p.lapsed()
}

// Failed is closed when the member left the group for good before Close: it runs nothing. Err tells why.
func (m *Member) Failed() <-chan struct{} { return m.failed }

// Err is the reason why the member failed, nil before Failed is closed.
func (m *Member) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// Close gives up everything: Assigned is called with nothing, and when that has returned the member leaves the group, so that
// others take over at once. When ctx ends before, it returns without leaving. A second Close does nothing.
func (m *Member) Close(ctx context.Context) {
	m.mu.Lock()
	if m.limit == nil {
		m.limit = ctx
	}
	client, running := m.client, m.running
	m.mu.Unlock()
	m.close()
	if running {
		<-m.done
	}
	if client != nil {
		client.Close()
	}
}

// cancelWithClose calls cancel when Close was called and its context has ended, unless stop is called before.
func (m *Member) cancelWithClose(cancel context.CancelFunc) (stop func() bool) {
	return context.AfterFunc(m.closing, func() { context.AfterFunc(m.closeLimit(), cancel) })
}

// firstTime tells whether something is to be logged for the first time.
func (m *Member) firstTime(what string) bool {
	before := m.said[what]
	m.said[what] = true
	return !before
}

// ours is all work, without names that the protocol has no room for, and sorted.
func (m *Member) ours() ([]Work, int64) {
	work, offset := m.settings.Work()
	sorted := newWorkSet(work).sorted()
	return slices.DeleteFunc(sorted, func(w Work) bool { return len(w.Connector) > maxName }), offset
}
