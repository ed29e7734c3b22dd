package herder

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/outboard-connect/outboard/host/internal/group"
	"github.com/outboard-connect/outboard/host/internal/storage"
)

// membership is how this worker shares the work: a group.Member, or a group.Alone.
type membership interface {
	Start(context.Context) error
	WorkChanged()
	Leader(context.Context) (group.Leader, error)
	Owner(group.Work) (url string, ok bool)
	Lapsed() bool
	Failed() <-chan struct{}
	Err() error
	Close(context.Context)
}

// join makes the membership that the settings ask for.
func (h *Herder) join() membership {
	if h.settings.Group == nil {
		return group.NewAlone(h.settings.URL, h.assigned)
	}
	s := *h.settings.Group
	s.URL, s.Work, s.CatchUp, s.Assigned = h.settings.URL, h.work, h.config.Sync, h.assigned
	return group.NewMember(s)
}

// Failed is closed when this worker left its group for good: it runs nothing any more and is to be closed. Err tells why.
func (h *Herder) Failed() <-chan struct{} { return h.group.Failed() }

// Err is the reason why the worker left its group, nil before Failed is closed.
func (h *Herder) Err() error { return h.group.Err() }

// work is all that the workers of the cluster are to run, as of a position of the config topic.
func (h *Herder) work() (all []group.Work, offset int64) {
	snapshot := h.config.Snapshot()
	for _, c := range snapshot.Connectors() {
		all = append(all, group.Work{Connector: c.Name, Task: group.TheConnector})
		if c.Target == storage.Stopped {
			continue
		}
		for n := range c.Tasks() {
			all = append(all, group.Work{Connector: c.Name, Task: n})
		}
	}
	return all, snapshot.Offset
}

// assigned takes in what this worker is to run from now on. It returns when everything else is stopped; when ctx ends
// before, what still runs is killed.
func (h *Herder) assigned(ctx context.Context, a group.Assignment) {
	h.stopLimit.renew(h.killed)
	defer context.AfterFunc(ctx, h.stopLimit.end)()
	h.readUpTo(ctx, a)
	h.statuses.enter(a)
	h.mu.Lock()
	h.mine = a
	close(h.divided)
	h.divided = make(chan struct{})
	h.mu.Unlock()
	if a.Leader.Self {
		h.promoted(a)
	} else {
		h.config.Resign()
	}
	stopped := make(chan []<-chan struct{}, 1)
	h.loop.post(func() { stopped <- h.carryOutAssignment(a) })
	for _, c := range <-stopped {
		<-c
	}
	if a.Generation >= 0 && len(a.Revoked) > 0 { // goodbyes should not come behind the first words of new owners
		flushing, cancel := context.WithTimeout(ctx, goodbyeTimeout)
		defer cancel()
		if err := h.settings.Status.Flush(flushing); err != nil {
			h.log.Debug("statuses of what other workers run now are late", "err", err)
		}
	}
}

// readUpTo reads what the leader knew when it divided the work, in the time that worker.sync.timeout.ms gives: what is revoked may be gone,
// and has no other worker then that looks after what is left of it.
func (h *Herder) readUpTo(ctx context.Context, a group.Assignment) {
	if h.settings.Group == nil || a.Generation < 0 || h.config.Snapshot().Offset >= a.ConfigOffset {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, h.settings.Group.SyncTimeout)
	defer cancel()
	if err := h.config.Sync(ctx); err != nil {
		h.log.Warn("this worker has not read yet what the leader knows; what it does not know starts when it has", "err", err)
	}
}

// goodbyeTimeout bounds the wait for statuses of what goes to other workers.
const goodbyeTimeout = 2 * time.Second

// promoted prepares this worker for what only a leader does. It runs before the lanes hear of the assignment.
func (h *Herder) promoted(group.Assignment) { h.claim() }

// carryOutAssignment has all lanes that an assignment is about do their part, and returns what is closed when each has
// stopped what this worker is not to run any more. It runs on the loop.
func (h *Herder) carryOutAssignment(a group.Assignment) (stopped []<-chan struct{}) {
	snapshot := h.config.Snapshot()
	if a.Leader.Self {
		h.statuses.mark(a)
		h.statuses.clean(snapshot, a)
	}
	h.renewSessionKey()
	lanes := map[string]bool{} // whether to wait for it
	if a.Generation >= 0 && h.settings.Group != nil {
		for _, w := range a.Assigned {
			lanes[w.Connector] = false
		}
		for _, w := range a.Revoked {
			lanes[w.Connector] = true
		}
	} else {
		for _, c := range snapshot.Connectors() {
			lanes[c.Name] = true
		}
		for name := range h.lanes {
			lanes[name] = true
		}
	}
	for name, wait := range lanes {
		l := h.lane(name)
		if wait {
			c := make(chan struct{})
			l.stopped = append(l.stopped, c)
			stopped = append(stopped, c)
		}
		h.step(l)
	}
	return stopped
}

// assignment is what this worker is to run, and what is closed when that changes.
func (h *Herder) assignment() (a group.Assignment, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.mine, h.divided
}

// owns tells whether this worker is to run a work.
func (h *Herder) owns(w group.Work) bool {
	a, _ := h.assignment()
	return a.Owns(w)
}

// lead returns when this worker leads and knows what others have stored: the leader before it, and those that need not lead. That
// another one leads is an error.
func (h *Herder) lead(r *request) error {
	leader, err := h.leader(r)
	if err != nil {
		return err
	}
	if !leader.Self {
		return elsewhere(leader.URL)
	}
	return h.catchUp(r)
}

// catchUp returns when this worker knows what others have stored.
func (h *Herder) catchUp(r *request) error {
	r.enter("reading what other workers have stored")
	if err := h.sync(r); err != nil {
		return r.failed(err)
	}
	return nil
}

// syncTimeout bounds how long what others have stored is waited for.
const syncTimeout = 30 * time.Second

// sync returns when the snapshot of the config store has all that was stored before the call. A worker that is alone stores
// everything itself. What is refused, or left out, because of an older snapshot would stay so: nothing comes that makes it good.
func (h *Herder) sync(ctx context.Context) error {
	if h.settings.Group == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	return h.config.Sync(ctx)
}

// leading does for a connector what only the leader does, and what this worker has found out by itself that it is to do.
func (h *Herder) leading(ctx context.Context, name string, do func() error) error {
	unlock, err := h.names.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	if err := h.sync(ctx); err != nil {
		return err
	}
	return do()
}

// leader returns the leader once the workers have divided their work.
func (h *Herder) leader(r *request) (group.Leader, error) {
	r.enter("waiting for the workers of the group to divide their work")
	leader, err := h.group.Leader(r)
	switch {
	case err == nil:
		return leader, nil
	case errors.Is(r.Err(), context.DeadlineExceeded):
		return group.Leader{}, &Error{Code: Rebalance, Cause: err, Message: fmt.Sprintf(
			"%s: the workers have been dividing their work for longer than %s. Try again; the logs of the workers tell what they wait for", rebalance, requestTimeout)}
	case r.Err() != nil:
		return group.Leader{}, r.failed(err)
	default:
		return group.Leader{}, &Error{Code: Unavailable, Cause: err, Message: fmt.Sprintf("This worker is in no group of workers: %v", err)}
	}
}

// own returns when this worker is to run a work; that another one does is an error.
func (h *Herder) own(r *request, w group.Work) error {
	for {
		mine, changed := h.assignment()
		if mine.Owns(w) {
			return nil
		}
		leader, err := h.leader(r)
		if err != nil {
			return err
		}
		if leader.Generation == mine.Generation { // otherwise this worker is about to hear of a later division
			if !leader.Self {
				return elsewhere(leader.URL)
			}
			if url, ok := h.group.Owner(w); ok && url != h.settings.URL {
				return elsewhere(url)
			}
		}
		r.enter("waiting for a worker to be given %s", w)
		select {
		case <-changed:
		case <-r.Done():
			if errors.Is(r.Err(), context.DeadlineExceeded) {
				return errorf(Rebalance, "%s: no worker has been given %s within %s", rebalance, w, requestTimeout)
			}
			return r.failed(r.Err())
		}
	}
}

// rebalance is what Kafka Connect says when workers divide their work.
const rebalance = "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"

func elsewhere(url string) error {
	return &Error{Code: Elsewhere, Message: rebalance, URL: url}
}

// ask has another worker carry out an internal request, within the time that a request may take. path has no leading slash and is
// escaped.
func (h *Herder) ask(ctx context.Context, leader group.Leader, method, path string, body []byte) error {
	if h.settings.Send == nil {
		return fmt.Errorf("this worker cannot send requests to the worker at %s", leader.URL)
	}
	header := http.Header{}
	if err := h.settings.Signing.Sign(h.config.Snapshot().SessionKey, header, body); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return h.settings.Send(ctx, method, leader.URL+path, header, body)
}
