package group

import (
	"cmp"
	"slices"
)

// round is what a division of work is made from.
type round struct {
	work    []Work // all that is to run
	members []candidate
	// waits is work that nobody gets in this round: it waits for the worker that ran it.
	waits workSet
	// prefers names, for some work, the identity of the worker that should have it as long as that has no more than others.
	prefers map[Work]string
	// returns is work that the worker it prefers ran until it was restarted. It gets that back, however much it is, unless
	// there is to be balance.
	returns workSet
	// balance has members with more than others give up what they have too much: there are members that have come.
	// Otherwise what runs stays where it is, however uneven.
	balance bool
}

// candidate is a member among whom work is divided.
type candidate struct {
	id       string
	identity string // the same before and after a restart of the worker
	owned    workSet
	leaving  bool // it gets nothing
}

// share is what a member gets: all that it is to run, and what it must give up, which others get in a later round. What
// it runs and what is in neither is not to run at all any more.
type share struct {
	run, revoked workSet
}

// divide decides who runs what, by member. It is a pure function.
//
// Nothing has two owners: work that runs is never given to another member, it is revoked in one round and given in a
// later one. Connectors and tasks are counted apart: after a balancing round, and the one that gives out what that
// revoked, no member has more than one connector, and one task, more than another.
func divide(r round) map[string]share {
	d := division{round: r, shares: make(map[string]share, len(r.members))}
	for _, m := range slices.SortedFunc(slices.Values(r.members), candidate.compare) {
		s := &bearer{candidate: m, share: share{run: workSet{}, revoked: workSet{}}, siblings: map[string]int{}}
		d.shares[m.id] = s.share
		d.all = append(d.all, s)
		if !m.leaving {
			d.bearers = append(d.bearers, s)
		}
	}
	d.keep()
	connectors, tasks := d.split()
	for _, k := range []kind{connectors, tasks} {
		if r.balance {
			d.level(k)
		}
		d.place(k)
	}
	return d.shares
}

// division is a division under way.
type division struct {
	round
	all, bearers []*bearer // in the order of their identities; bearers are those that can have work
	taken        workSet   // what has an owner, or has just lost it
	shares       map[string]share
}

// bearer is a candidate with what it has so far.
type bearer struct {
	candidate
	share
	connectors, tasks int
	siblings          map[string]int // number of tasks by connector
}

func (c candidate) compare(other candidate) int {
	return cmp.Or(cmp.Compare(c.identity, other.identity), cmp.Compare(c.id, other.id))
}

func (b *bearer) count(ofTasks bool) int {
	if ofTasks {
		return b.tasks
	}
	return b.connectors
}

func (b *bearer) add(w Work, n int) {
	if w.Task == TheConnector {
		b.connectors += n
		return
	}
	b.tasks += n
	b.siblings[w.Connector] += n
}

func (b *bearer) take(w Work) {
	b.run[w] = struct{}{}
	b.add(w, 1)
}

func (b *bearer) giveUp(w Work) {
	delete(b.run, w)
	b.revoked[w] = struct{}{}
	b.add(w, -1)
}

// kind is all connectors, or all tasks.
type kind struct {
	work  []Work // sorted
	tasks bool
}

func (d *division) split() (connectors, tasks kind) {
	tasks.tasks = true
	for _, w := range newWorkSet(d.work).sorted() {
		if w.Task == TheConnector {
			connectors.work = append(connectors.work, w)
		} else {
			tasks.work = append(tasks.work, w)
		}
	}
	return connectors, tasks
}

// keep leaves work with its owner. What has two owners, which a fenced member that comes back too early may cause,
// stays with one of them; a member that leaves gives up everything.
func (d *division) keep() {
	d.taken = workSet{}
	configured := newWorkSet(d.work)
	for _, leaving := range []bool{false, true} {
		for _, b := range d.all {
			if b.leaving != leaving {
				continue
			}
			for w := range b.owned {
				if !configured.has(w) {
					continue
				}
				if leaving || d.taken.has(w) {
					b.revoked[w] = struct{}{}
				} else {
					b.take(w)
				}
				d.taken[w] = struct{}{}
			}
		}
	}
}

// level revokes what members have beyond their part. With n members, the remainder of the division by n goes to those
// that have most, so that as little as possible moves.
func (d *division) level(k kind) {
	if len(d.bearers) == 0 {
		return
	}
	part, more := len(k.work)/len(d.bearers), len(k.work)%len(d.bearers)
	byCount := slices.SortedStableFunc(slices.Values(d.bearers), func(a, b *bearer) int {
		return cmp.Compare(b.count(k.tasks), a.count(k.tasks))
	})
	for i, b := range byCount {
		most := part
		if i < more {
			most++
		}
		surplus := b.count(k.tasks) - most
		if surplus <= 0 {
			continue
		}
		for _, w := range d.guestsFirst(b, k)[:surplus] {
			b.giveUp(w)
		}
	}
}

// guestsFirst returns what a bearer has of a kind, beginning with what it should give up first: what belongs to another
// member that is there.
func (d *division) guestsFirst(b *bearer, k kind) []Work {
	var own, guests []Work
	for _, w := range slices.Backward(k.work) {
		switch {
		case !b.run.has(w):
		case d.host(w) != nil && d.host(w).identity != b.identity:
			guests = append(guests, w)
		default:
			own = append(own, w)
		}
	}
	return append(guests, own...)
}

// host is the bearer that should have a work, nil when there is none.
func (d *division) host(w Work) *bearer {
	identity, ok := d.prefers[w]
	if !ok {
		return nil
	}
	i, found := slices.BinarySearchFunc(d.bearers, identity, func(b *bearer, identity string) int { return cmp.Compare(b.identity, identity) })
	if !found {
		return nil
	}
	return d.bearers[i]
}

// place gives out what nobody has: to the member that should have it as long as that has not got its part, else to the
// one that has least.
func (d *division) place(k kind) {
	if len(d.bearers) == 0 {
		return
	}
	part, more := len(k.work)/len(d.bearers), len(k.work)%len(d.bearers)
	for _, b := range d.bearers {
		if b.count(k.tasks) > part {
			more--
		}
	}
	var rest []Work
	for _, w := range k.work {
		if d.taken.has(w) || d.waits.has(w) {
			continue
		}
		b := d.host(w)
		switch {
		case b == nil:
			rest = append(rest, w)
		case b.count(k.tasks) < part, d.returns.has(w) && !d.balance:
			b.take(w)
		case b.count(k.tasks) == part && more > 0:
			b.take(w)
			more--
		default:
			rest = append(rest, w)
		}
	}
	for _, w := range rest {
		slices.MinFunc(d.bearers, func(a, b *bearer) int { return a.compareFor(b, w) }).take(w)
	}
}

// compareFor is less than zero when b should get a work rather than other. Tasks of a connector go to different members
// before a second one goes to the same, and, all else being equal, to where the connector is: it shares its process.
func (b *bearer) compareFor(other *bearer, w Work) int {
	if w.Task == TheConnector {
		return cmp.Or(cmp.Compare(b.connectors, other.connectors), cmp.Compare(b.tasks, other.tasks))
	}
	connector := Work{w.Connector, TheConnector}
	return cmp.Or(
		cmp.Compare(b.tasks, other.tasks),
		cmp.Compare(b.siblings[w.Connector], other.siblings[w.Connector]),
		-compareBool(b.run.has(connector), other.run.has(connector)),
		cmp.Compare(b.connectors, other.connectors),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
