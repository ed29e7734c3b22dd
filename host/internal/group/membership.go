package group

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// membership is one life of a member in the group: from joining it to leaving it or being lost.
type membership struct {
	*Member
	*pulse

	// What follows belongs to the goroutine of Member.run.

	owned    workSet
	assigned bool // it was told what to run, be it nothing
	leaving  bool // it joins only to say that it goes
	memory   leader
	told     memberAssignment
	wake     time.Time // when to divide work without any other reason; zero: never
	beats    sync.WaitGroup
}

// lost is why a membership ended.
type lost struct {
	expelled bool // the coordinator does not know the member any more
	err      error
}

func (l *lost) Error() string { return l.err.Error() }
func (l *lost) Unwrap() error { return l.err }

var (
	// errAtOnce is for requests that the coordinator wants to see again, changed.
	errAtOnce = errors.New("the coordinator asks to join again")
	errClosed = errors.New("the member is closed")
)

// Pauses between attempts double from the first to the second of these.
const (
	pauseMin = 100 * time.Millisecond
	pauseMax = 2 * time.Second
)

// begin begins a membership, under the id of the one before if the coordinator may still know it.
func (m *Member) begin(id string) *membership {
	s := &membership{Member: m, pulse: newPulse(id, m.settings.SessionTimeout, min(m.settings.HeartbeatInterval, m.attempt())), owned: workSet{}}
	m.heart.Store(s.pulse)
	context.AfterFunc(s.ctx, func() { m.unsettle(s.pulse) })
	s.beats.Go(s.beat)
	return s
}

// end ends what is left of a membership.
func (s *membership) end() {
	s.pulse.stop()
	s.beats.Wait()
}

// live joins, does what it is told, and joins again whenever work is to be divided, until the membership is lost or the
// member closed.
func (s *membership) live() error {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()
	for {
		round, err := s.round(ctx)
		if err != nil {
			return err
		}
		again := s.apply(round)
		if !again {
			if err := s.rest(ctx); err != nil {
				return err
			}
		}
		s.unsettle(s.pulse)
	}
}

// ended is why a context of live ended.
func (s *membership) ended() error {
	if s.closing.Err() != nil {
		return errClosed
	}
	return context.Cause(s.ctx)
}

// outcome is how a round of the group ended for this member.
type outcome struct {
	assignment memberAssignment
	generation int32
	protocol   Protocol
	leader     Leader
	orphaned   bool // nobody leads: the work is to be divided again
	verdict    *verdict
	memory     leader
	owners     map[Work]string
}

// round joins the group and gets an assignment, in as many attempts as it takes.
func (s *membership) round(ctx context.Context) (outcome, error) {
	pause := time.Duration(0)
	for {
		o, err := s.attemptRound(ctx)
		var refused *refusal
		var gone *lost
		switch {
		case err == nil:
			if pause > 0 {
				s.log.Info("the group answers again", "group", s.settings.Group)
			}
			return o, nil
		case ctx.Err() != nil:
			return outcome{}, s.ended()
		case errors.As(err, &gone):
			s.expel(gone)
			return outcome{}, err
		case errors.As(err, &refused):
			return outcome{}, err
		case errors.Is(err, errAtOnce):
			continue
		}
		if pause == 0 {
			s.log.Warn("joining the group does not work; trying on", "group", s.settings.Group, "err", err)
		}
		pause = min(max(2*pause, pauseMin), pauseMax)
		if !sleep(ctx, pause/2+rand.N(pause)) {
			return outcome{}, s.ended()
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *membership) attemptRound(ctx context.Context) (outcome, error) {
	joined, err := s.join(ctx)
	if err != nil {
		return outcome{}, err
	}
	o := outcome{generation: joined.generation, protocol: joined.protocol}
	var orders map[string][]byte
	if joined.leads && !joined.skip {
		if orders, err = s.lead(ctx, joined, &o); err != nil {
			return outcome{}, err
		}
	}
	answer, err := s.sync(ctx, joined, orders)
	if err != nil {
		return outcome{}, err
	}
	if o.assignment, err = decodeAssignment(answer); err != nil {
		return outcome{}, err
	}
	a := o.assignment
	if a.mark == nil {
		return outcome{}, s.foreignLeader(ctx, a.leader, a.leaderURL)
	}
	id, _ := s.member()
	o.leader = Leader{MemberID: a.leader, URL: a.leaderURL, Self: a.leader == id, Generation: o.generation}
	if !o.leader.Self { // it may have been asked to lead all the same
		o.verdict, o.memory, o.owners = nil, leader{}, nil
		// Before its restart this worker led: it must get to know what it decided then.
		o.orphaned = joined.skip || !s.assigned && s.settings.InstanceID != "" && a.leaderURL == s.settings.URL
	}
	return o, nil
}

// apply has the worker do what it is told. It tells whether the group is to divide its work again, now that what was
// revoked is stopped.
func (s *membership) apply(o outcome) (again bool) {
	s.accepted = true
	s.told, s.memory, s.wake = o.assignment, o.memory, time.Time{}
	s.settle(s.pulse, o.leader, o.owners)
	if o.assignment.mark.more {
		s.expect()
	}
	if o.assignment.problem != noProblem {
		s.log.Warn("the leader could not read the config topic to its end: everybody keeps what they run", "group", s.settings.Group, "leader", o.leader.URL)
		if o.leader.Self {
			s.wake = time.Now().Add(s.settings.SyncTimeout)
		}
		return false
	}
	run := newWorkSet(o.assignment.run)
	a := Assignment{
		Generation: o.generation, Protocol: o.protocol, Leader: o.leader, ConfigOffset: o.assignment.configOffset,
		Assigned: run.minus(s.owned), Revoked: s.owned.minus(run), work: run,
	}
	if o.verdict != nil {
		a.Unowned, a.Stopping, s.wake = o.verdict.unowned.sorted(), o.verdict.stopping.sorted(), o.verdict.wake
	}
	level := hclog.Debug
	if len(a.Assigned)+len(a.Revoked) > 0 || !s.assigned {
		level = hclog.Info
	}
	s.log.Log(level, "work is divided", "group", s.settings.Group, "generation", a.Generation, "leader", a.Leader.URL,
		"runs", len(run), "assigned", len(a.Assigned), "revoked", len(a.Revoked))
	// Others wait for this worker when they join meanwhile, at most for the rebalance time-out.
	ctx, cancel := context.WithTimeout(s.ctx, s.settings.RebalanceTimeout/3*2)
	defer cancel()
	defer s.cancelWithClose(cancel)()
	s.settings.Assigned(ctx, a)
	s.owned, s.assigned = run, true
	s.told.run = nil // it is in owned
	select {
	case <-s.first:
	default:
		close(s.first)
	}
	return len(o.assignment.revoked) > 0 || o.orphaned
}

// rest returns when there is a reason to divide work.
func (s *membership) rest(ctx context.Context) error {
	var alarm <-chan time.Time
	if !s.wake.IsZero() {
		alarm = time.After(time.Until(s.wake))
	}
	for {
		select {
		case <-ctx.Done():
			return s.ended()
		case <-s.rebalance:
			return nil
		case <-alarm:
			return nil
		case <-s.changed:
			if s.isNews() {
				return nil
			}
		}
	}
}

// isNews tells whether there is other work than the leader knew.
func (s *membership) isNews() bool {
	work, offset := s.ours()
	if slices.Equal(work, s.seen) {
		return false
	}
	s.seen = work
	return offset > s.told.configOffset
}

// vacate has the worker stop everything, until ctx ends or others may run it.
func (s *membership) vacate(ctx context.Context) {
	s.unsettle(s.pulse)
	if !s.assigned {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.over, cancel)()
	s.settings.Assigned(ctx, Assignment{Generation: -1, ConfigOffset: s.told.configOffset, Revoked: s.owned.sorted()})
	s.owned = workSet{}
}

// farewell leaves the group. Where work waits for workers that went away, a round tells the leader first that what was
// this worker's need not.
func (s *membership) farewell(ctx context.Context) {
	if s.ctx.Err() != nil {
		return
	}
	if s.settings.MaxDelay > 0 && s.assigned {
		s.leaving = true
		goodbye, cancel := context.WithTimeout(ctx, s.settings.SessionTimeout)
		defer cancel()
		if _, err := s.round(goodbye); err != nil {
			s.log.Debug("left without a last round", "group", s.settings.Group, "err", err)
		}
	}
	s.leave(ctx, "the worker stops")
}

// metadata is what the member says of itself when it joins.
func (s *membership) metadata(version Protocol, offset int64) []byte {
	m := memberMetadata{version: version, url: s.settings.URL, configOffset: offset, mark: &mark{leaving: s.leaving}}
	if s.assigned {
		a := s.told
		a.problem, a.run, a.revoked, a.delay, a.mark = noProblem, slices.Collect(maps.Keys(s.owned)), nil, 0, nil
		m.allocation = &a
	}
	return m.encode()
}
