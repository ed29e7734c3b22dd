package group

import (
	"maps"
	"time"
)

// leader is what a leader remembers from one round to the next, because members cannot tell it. One that is new
// remembers nothing: work that nobody runs is then given out at once.
type leader struct {
	// ran is the identity of the worker that was given each work last.
	ran map[Work]string
	// homes is the identity of the worker that should have each work: the one that was given it while its last home was
	// there too. So a worker that was away gets back what went to others meanwhile.
	homes map[Work]string
	// waits is until when work waits for its worker.
	waits map[Work]time.Time
	// present are the identities of the members that stay.
	present map[string]bool
	// revoked is the identity of the worker that was to give each work up.
	revoked map[Work]string
	// uneven: members have come while work waited, and got nothing yet.
	uneven bool
}

// joined is a member as the leader sees it.
type joined struct {
	candidate
	url     string
	offset  int64 // up to which it has read the config topic
	fresh   bool  // it was not given anything since it came
	foreign bool  // it is no Outboard worker
}

// verdict is what a leader decides.
type verdict struct {
	shares map[string]share // of every member
	// unowned is what nobody ran when the round began, stopping what members ran and are not to run any more.
	unowned, stopping workSet
	// wake is when the first work stops waiting; zero when none waits.
	wake time.Time
}

// decide divides all work among the members. What it remembers for the next round counts once the members have heard of
// this one.
func (l leader) decide(now time.Time, members []joined, work []Work, maxDelay time.Duration) (verdict, leader) {
	v := verdict{shares: map[string]share{}, unowned: newWorkSet(work), stopping: workSet{}}
	next := leader{ran: map[Work]string{}, homes: map[Work]string{}, waits: map[Work]time.Time{}, present: map[string]bool{}, revoked: map[Work]string{}}
	r := round{work: work, waits: workSet{}, balance: l.uneven}
	leaving := map[string]bool{}
	for _, m := range members {
		for w := range m.owned {
			delete(v.unowned, w)
		}
		if m.foreign { // it gets nothing, and must stop what it runs before others get that
			v.shares[m.id] = share{revoked: m.owned}
			maps.Copy(r.waits, m.owned)
			continue
		}
		r.members = append(r.members, m.candidate)
		if m.leaving {
			leaving[m.identity] = true
			continue
		}
		next.present[m.identity] = true
		r.balance = r.balance || m.fresh && !l.present[m.identity] || l.missed(m)
	}
	v.wake = l.hold(next, r.waits, v.unowned, leaving, now, maxDelay)
	if len(r.waits) > 0 && r.balance {
		r.balance, next.uneven = false, true
	}
	r.prefers, r.returns = l.preferences(next, v.unowned)
	maps.Copy(v.shares, divide(r))
	for _, m := range members {
		for w := range m.owned {
			if !v.shares[m.id].run.has(w) {
				v.stopping[w] = struct{}{}
			}
		}
	}
	for _, m := range r.members {
		l.remember(next, m.identity, v.shares[m.id])
	}
	return v, next
}

// hold adds to waits the work that waits for a worker that went away without saying so, and returns when the first of it
// stops waiting.
func (l leader) hold(next leader, waits, unowned workSet, leaving map[string]bool, now time.Time, maxDelay time.Duration) (wake time.Time) {
	for w := range unowned {
		worker, known := l.ran[w]
		if !known || next.present[worker] || leaving[worker] {
			continue
		}
		until, waiting := l.waits[w]
		if !waiting {
			until = now.Add(maxDelay)
		}
		if !until.After(now) {
			continue
		}
		waits[w] = struct{}{}
		next.ran[w], next.waits[w] = worker, until
		if home, ok := l.homes[w]; ok {
			next.homes[w] = home
		}
		if wake.IsZero() || until.Before(wake) {
			wake = until
		}
	}
	return wake
}

// missed tells whether a member did not hear what it was to give up: the next round began too soon for it.
func (l leader) missed(m joined) bool {
	for w := range m.owned {
		if l.revoked[w] == m.identity {
			return true
		}
	}
	return false
}

// preferences are where work should be: with the worker that ran it and has come back, or else at home.
func (l leader) preferences(next leader, unowned workSet) (prefers map[Work]string, returns workSet) {
	prefers, returns = maps.Clone(l.homes), workSet{}
	if prefers == nil {
		prefers = map[Work]string{}
	}
	for w := range unowned {
		if worker, ok := l.ran[w]; ok && next.present[worker] {
			prefers[w] = worker
			returns[w] = struct{}{}
		}
	}
	return prefers, returns
}

// remember notes what a member was given. What it gives up belongs to nobody then, unless its home is elsewhere.
func (l leader) remember(next leader, identity string, s share) {
	for w := range s.run {
		next.ran[w] = identity
		next.homes[w] = identity
		if home, ok := l.homes[w]; ok && !next.present[home] {
			next.homes[w] = home
		}
	}
	for w := range s.revoked {
		next.revoked[w] = identity
		if home, ok := l.homes[w]; ok && home != identity {
			next.homes[w] = home
		}
	}
}
