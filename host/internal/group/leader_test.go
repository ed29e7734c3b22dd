package group

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// rounds are the rounds of a group with one leader, without a network.
type rounds struct {
	t       *testing.T
	now     time.Time
	delay   time.Duration
	work    []Work
	leader  leader
	members map[string]*joined
	joins   int
	last    verdict
}

func newRounds(t *testing.T, delay time.Duration, work ...Work) *rounds {
	return &rounds{t: t, now: time.Unix(1e9, 0), delay: delay, work: work, members: map[string]*joined{}}
}

func tasks(connector string, n int) (work []Work) {
	for task := range n {
		work = append(work, Work{connector, task})
	}
	return work
}

// join has a worker join under an identity.
func (r *rounds) join(identity string) {
	r.joins++
	id := fmt.Sprintf("%s-%d", identity, r.joins)
	r.members[identity] = &joined{candidate: candidate{id: id, identity: identity, owned: workSet{}}, fresh: true}
}

// round divides the work; deaf members do not hear of it.
func (r *rounds) round(deaf ...string) {
	r.t.Helper()
	var members []joined
	for _, identity := range slices.Sorted(maps.Keys(r.members)) {
		one := *r.members[identity]
		one.owned = maps.Clone(one.owned)
		members = append(members, one)
	}
	var next leader
	r.last, next = r.leader.decide(r.now, members, r.work, r.delay)
	for identity, m := range r.members {
		if slices.Contains(deaf, identity) {
			continue
		}
		m.owned, m.fresh = maps.Clone(r.last.shares[m.id].run), false
		if m.owned == nil {
			m.owned = workSet{}
		}
	}
	r.leader = next
}

// settle divides the work until nothing is revoked any more.
func (r *rounds) settle() {
	r.t.Helper()
	for range 5 {
		r.round()
		if !slices.ContainsFunc(slices.Collect(maps.Values(r.last.shares)), func(s share) bool { return len(s.revoked) > 0 }) {
			return
		}
	}
	r.t.Fatal("work is revoked again and again")
}

func (r *rounds) owns(identity string) string {
	var names []string
	for _, w := range r.members[identity].owned.sorted() {
		names = append(names, w.String())
	}
	return strings.Join(names, " ")
}

func (r *rounds) want(identity, work string) {
	r.t.Helper()
	if got := r.owns(identity); got != work {
		r.t.Errorf("%s runs %q, want %q", identity, got, work)
	}
}

func TestLeaderHolds(t *testing.T) {
	r := newRounds(t, time.Minute, tasks("a", 4)...)
	r.join("one")
	r.join("two")
	r.settle()
	r.want("one", "a-0 a-2")
	r.want("two", "a-1 a-3")

	delete(r.members, "two")
	r.settle()
	r.want("one", "a-0 a-2")
	if wait := r.last.wake.Sub(r.now); wait != time.Minute {
		t.Errorf("it waits %s", wait)
	}
	r.now = r.now.Add(20 * time.Second)
	r.work = append(r.work, Work{"b", 0})
	r.settle()
	r.want("one", "a-0 a-2 b-0")
	if wait := r.last.wake.Sub(r.now); wait != 40*time.Second {
		t.Errorf("after another round it waits %s", wait)
	}
	r.join("two")
	r.settle()
	r.want("two", "a-1 a-3")
	if !r.last.wake.IsZero() {
		t.Errorf("it waits until %s with nothing to wait for", r.last.wake)
	}

	delete(r.members, "two")
	r.settle()
	r.now = r.now.Add(time.Minute)
	r.settle()
	r.want("one", "a-0 a-1 a-2 a-3 b-0")
}

// A newcomer gets its part when nothing waits any more.
func TestLeaderHoldsFromNewcomers(t *testing.T) {
	r := newRounds(t, time.Minute, tasks("a", 6)...)
	r.join("one")
	r.join("two")
	r.settle()
	delete(r.members, "two")
	r.settle()
	r.join("three")
	r.settle()
	r.want("three", "")
	r.now = r.now.Add(time.Minute)
	r.settle()
	r.want("one", "a-0 a-2 a-4")
	r.want("three", "a-1 a-3 a-5")
}

// What belongs to a worker that says that it goes does not wait, and goes back to it when it is back.
func TestLeaderLetsGo(t *testing.T) {
	r := newRounds(t, time.Minute, tasks("a", 4)...)
	r.join("one")
	r.join("two")
	r.settle()
	r.members["two"].leaving, r.members["two"].owned = true, workSet{}
	r.settle()
	r.want("one", "a-0 a-1 a-2 a-3")
	delete(r.members, "two")
	r.settle()
	r.join("two")
	r.settle()
	r.want("one", "a-0 a-2")
	r.want("two", "a-1 a-3")
}

// Work is at home where it was while its worker was there: not with the one that ran it meanwhile.
func TestLeaderSendsHome(t *testing.T) {
	r := newRounds(t, 0, tasks("a", 9)...)
	for _, name := range []string{"one", "two", "three"} {
		r.join(name)
	}
	r.settle()
	before := r.owns("three")
	delete(r.members, "three")
	r.settle()
	r.round()
	r.round()
	r.join("three")
	r.settle()
	r.want("three", before)
	r.round()
	// Moved for another reason it is at home in the new place.
	r.join("four")
	r.join("five")
	r.settle()
	moved := r.owns("four")
	delete(r.members, "four")
	r.settle()
	r.join("four")
	r.settle()
	r.want("four", moved)
}

// A leader that is new hands out at once what nobody runs.
func TestLeaderNew(t *testing.T) {
	r := newRounds(t, time.Minute, tasks("a", 4)...)
	r.join("one")
	r.join("two")
	r.settle()
	r.leader = leader{}
	delete(r.members, "two")
	r.settle()
	r.want("one", "a-0 a-1 a-2 a-3")
}

// A member that did not hear what it is to give up is told again.
func TestLeaderRepeats(t *testing.T) {
	r := newRounds(t, 0, tasks("a", 4)...)
	r.join("one")
	r.settle()
	r.join("two")
	r.round("one")
	r.want("one", "a-0 a-1 a-2 a-3")
	r.settle()
	r.want("two", "a-2 a-3")
}

// A member of another kind gets nothing, and what it runs is given to others when it has stopped.
func TestLeaderForeign(t *testing.T) {
	r := newRounds(t, 0, tasks("a", 4)...)
	r.join("one")
	r.settle()
	r.members["one"].owned = newWorkSet(tasks("a", 2))
	r.join("java")
	r.members["java"].foreign, r.members["java"].owned = true, newWorkSet(tasks("a", 4)[2:])
	r.round()
	r.want("one", "a-0 a-1")
	r.want("java", "")
	r.settle()
	r.want("one", "a-0 a-1 a-2 a-3")
}

// Whatever happens to a group: work that runs is never given to another worker, and when nothing happens any more
// everything runs that does not wait, and each worker has its part if any has come.
func FuzzLeader(f *testing.F) {
	f.Add(uint64(1), []byte{0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add(uint64(2), []byte{0, 8, 16, 24, 1, 9, 17, 25, 2, 10, 3, 4, 5, 6, 7, 15})
	f.Fuzz(func(t *testing.T, seed uint64, events []byte) {
		random := rand.New(rand.NewPCG(seed, 0))
		r := newRounds(t, time.Duration(random.IntN(2))*time.Minute)
		connectors := 0
		for _, e := range events[:min(len(events), 200)] {
			identity := fmt.Sprintf("w%d", e/8%8)
			m := r.members[identity]
			switch e % 8 {
			case 0:
				if m == nil {
					r.join(identity)
				}
			case 1: // it dies
				delete(r.members, identity)
			case 2: // it is restarted before anybody notices
				if m != nil {
					r.join(identity)
				}
			case 3:
				if m != nil {
					m.leaving, m.owned = true, workSet{}
					r.round()
					delete(r.members, identity)
				}
			case 4:
				connectors++
				r.work = append(r.work, tasks(fmt.Sprintf("c%d", connectors), 1+random.IntN(8))...)
			case 5:
				r.work = slices.DeleteFunc(r.work, func(w Work) bool { return w.Connector == fmt.Sprintf("c%d", e/8) })
			case 6: // another leads
				r.leader = leader{}
			case 7:
				r.now = r.now.Add(time.Duration(random.IntN(60)) * time.Second)
			}
			r.round(slices.DeleteFunc(slices.Sorted(maps.Keys(r.members)), func(string) bool { return random.IntN(6) > 0 })...)
			r.checkOwners()
		}
		r.now = r.now.Add(time.Hour)
		r.settle()
		r.join("last")
		r.settle()
		r.checkOwners()
		runs := 0
		for _, m := range r.members {
			runs += len(m.owned)
		}
		if runs != len(r.work) {
			t.Fatalf("%d of %d run", runs, len(r.work))
		}
		all := round{}
		for _, m := range r.members {
			all.members = append(all.members, m.candidate)
		}
		if all.spread(true) > 1 {
			t.Fatalf("the newcomer has %s", r.owns("last"))
		}
	})
}

// checkOwners checks that nothing has two owners.
func (r *rounds) checkOwners() {
	r.t.Helper()
	owners := map[Work]string{}
	for name, m := range r.members {
		for w := range m.owned {
			if other, ok := owners[w]; ok {
				r.t.Fatalf("%s and %s run %s", other, name, w)
			}
			owners[w] = name
		}
	}
}
