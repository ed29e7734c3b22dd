package group

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is decided into the cases of testdata/divide")

// Each case is a round and, after a line of dashes, what is decided.
func TestDivide(t *testing.T) {
	files, err := filepath.Glob("testdata/divide/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			given, want, _ := strings.Cut(string(text), "--\n")
			r := parseRound(t, given)
			got := printShares(r, divide(r))
			for range 20 {
				rand.Shuffle(len(r.members), func(i, j int) { r.members[i], r.members[j] = r.members[j], r.members[i] })
				rand.Shuffle(len(r.work), func(i, j int) { r.work[i], r.work[j] = r.work[j], r.work[i] })
				if again := printShares(r, divide(r)); again != got {
					t.Errorf("in another order the decision is\n%s\nnot\n%s", again, got)
				}
			}
			if *update {
				if err := os.WriteFile(file, []byte(given+"--\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("decided is\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func parseRound(t *testing.T, text string) round {
	t.Helper()
	r := round{waits: workSet{}, returns: workSet{}, prefers: map[Work]string{}}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		switch fields[0] {
		case "work":
			for _, f := range fields[1:] {
				name, tasks, _ := strings.Cut(f, ":")
				n, err := strconv.Atoi(tasks)
				if err != nil {
					t.Fatal(err)
				}
				r.work = append(r.work, Work{name, TheConnector})
				for task := range n {
					r.work = append(r.work, Work{name, task})
				}
			}
		case "balance":
			r.balance = true
		case "waits":
			for _, f := range fields[1:] {
				r.waits[parseWork(f)] = struct{}{}
			}
		case "prefers", "returns":
			for _, f := range fields[1:] {
				name, identity, _ := strings.Cut(f, "=")
				r.prefers[parseWork(name)] = identity
				if fields[0] == "returns" {
					r.returns[parseWork(name)] = struct{}{}
				}
			}
		default:
			m := candidate{id: fields[0], identity: fields[0], owned: workSet{}}
			for _, f := range fields[1:] {
				switch f {
				case "owns":
				case "leaving":
					m.leaving = true
				default:
					m.owned[parseWork(f)] = struct{}{}
				}
			}
			r.members = append(r.members, m)
		}
	}
	return r
}

func parseWork(text string) Work {
	if name, task, ok := strings.Cut(text, "-"); ok {
		if n, err := strconv.Atoi(task); err == nil {
			return Work{name, n}
		}
	}
	return Work{text, TheConnector}
}

func printShares(r round, shares map[string]share) string {
	order := map[string]int{"one": 1, "two": 2, "three": 3}
	var text strings.Builder
	for _, id := range slices.SortedFunc(maps.Keys(shares), func(a, b string) int { return order[a] - order[b] }) {
		fmt.Fprintf(&text, "%s runs", id)
		for _, w := range shares[id].run.sorted() {
			fmt.Fprintf(&text, " %s", w)
		}
		if revoked := shares[id].revoked.sorted(); len(revoked) > 0 {
			text.WriteString(" revokes")
			for _, w := range revoked {
				fmt.Fprintf(&text, " %s", w)
			}
		}
		text.WriteByte('\n')
	}
	return text.String()
}

// check checks what must hold of every division.
func check(t *testing.T, r round, shares map[string]share) {
	t.Helper()
	configured := newWorkSet(r.work)
	owners, runs := map[Work]int{}, map[Work]string{}
	stay := 0
	for _, m := range r.members {
		if !m.leaving {
			stay++
		}
		for w := range m.owned {
			owners[w]++
		}
		s := shares[m.id]
		for w := range s.run {
			switch {
			case runs[w] != "":
				t.Fatalf("%s and %s run %s", runs[w], m.id, w)
			case !configured.has(w):
				t.Fatalf("%s runs %s, which is not to run", m.id, w)
			case m.leaving:
				t.Fatalf("%s runs %s and leaves", m.id, w)
			case r.waits.has(w) && !m.owned.has(w):
				t.Fatalf("%s runs %s, which waits", m.id, w)
			}
			runs[w] = m.id
		}
		for w := range s.revoked {
			if !m.owned.has(w) || s.run.has(w) || !configured.has(w) {
				t.Fatalf("%s gives up %s", m.id, w)
			}
		}
		for w := range m.owned {
			if configured.has(w) && !s.run.has(w) && !s.revoked.has(w) {
				t.Fatalf("%s owns %s, which is forgotten", m.id, w)
			}
		}
	}
	for _, m := range r.members {
		for w := range shares[m.id].run {
			if !m.owned.has(w) && owners[w] > 0 {
				t.Fatalf("%s gets %s, which another has not given up", m.id, w)
			}
		}
		if !r.balance && !m.leaving {
			for w := range shares[m.id].revoked {
				if owners[w] == 1 {
					t.Fatalf("%s gives up %s for no reason", m.id, w)
				}
			}
		}
	}
	for w := range configured {
		if owners[w] == 0 && runs[w] == "" && !r.waits.has(w) && stay > 0 {
			t.Fatalf("nobody runs %s", w)
		}
	}
}

// follow has the members do what they are told.
func (r round) follow(shares map[string]share) round {
	members := slices.Clone(r.members)
	for i, m := range members {
		members[i].owned = maps.Clone(shares[m.id].run)
	}
	r.members, r.balance, r.returns = members, false, nil
	return r
}

// spread is the difference between those that have most and least.
func (r round) spread(tasks bool) int {
	least, most := 1<<30, 0
	for _, m := range r.members {
		if m.leaving {
			continue
		}
		n := 0
		for w := range m.owned {
			if (w.Task != TheConnector) == tasks {
				n++
			}
		}
		least, most = min(least, n), max(most, n)
	}
	return max(most-least, 0)
}

// However work is distributed: nothing has two owners, nothing is forgotten; without balance nothing moves; two rounds
// after there is to be balance there is, with as few moves as possible; and then nothing changes any more.
func FuzzDivide(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(4), uint8(5), true)
	f.Add(uint64(2), uint8(1), uint8(0), uint8(0), false)
	f.Add(uint64(3), uint8(7), uint8(20), uint8(1), true)
	f.Fuzz(func(t *testing.T, seed uint64, members, connectors, tasks uint8, balance bool) {
		random := rand.New(rand.NewPCG(seed, 0))
		r := randomRound(random, int(members%9), int(connectors%24), int(tasks%9))
		r.balance = balance
		shares := divide(r)
		check(t, r, shares)
		if r.balance && !r.doubled() {
			checkMoves(t, r, shares)
		}
		r = r.follow(shares)
		shares = divide(r)
		check(t, r, shares)
		next := r.follow(shares)
		if balance && len(r.waits) == 0 && (next.spread(true) > 1 || next.spread(false) > 1) {
			t.Fatalf("after two rounds\n%s", printShares(r, shares))
		}
		again := divide(next)
		for id, s := range again {
			if len(s.revoked) > 0 || !maps.Equal(s.run, shares[id].run) {
				t.Fatalf("after\n%s\n%s changes", printShares(next, shares), id)
			}
		}
	})
}

// checkMoves checks that no member gives up more than it must: each of those that give something up keeps a full part.
func checkMoves(t *testing.T, r round, shares map[string]share) {
	t.Helper()
	stay := 0
	for _, m := range r.members {
		if !m.leaving {
			stay++
		}
	}
	for _, tasks := range []bool{false, true} {
		count := func(work workSet) (n int) {
			for w := range work {
				if (w.Task != TheConnector) == tasks {
					n++
				}
			}
			return n
		}
		for _, m := range r.members {
			if s := shares[m.id]; !m.leaving && count(s.revoked) > 0 && count(s.run) < count(newWorkSet(r.work))/stay {
				t.Fatalf("%s gives up %d and is left with %d", m.id, count(s.revoked), count(s.run))
			}
		}
	}
}

// doubled tells whether some work has two owners.
func (r round) doubled() bool {
	seen := workSet{}
	for _, m := range r.members {
		for w := range m.owned {
			if seen.has(w) {
				return true
			}
			seen[w] = struct{}{}
		}
	}
	return false
}

func randomRound(random *rand.Rand, members, connectors, tasks int) round {
	r := round{waits: workSet{}, returns: workSet{}, prefers: map[Work]string{}}
	for c := range connectors {
		for n := TheConnector; n < random.IntN(tasks+1); n++ {
			r.work = append(r.work, Work{fmt.Sprintf("c%d", c), n})
		}
	}
	for i := range members {
		id := fmt.Sprintf("m%d", i)
		r.members = append(r.members, candidate{id: id, identity: id, owned: workSet{}, leaving: random.IntN(8) == 0})
	}
	if members == 0 {
		return r
	}
	lopsided := random.IntN(2) == 0
	for _, w := range append(slices.Clone(r.work), Work{"deleted", TheConnector}, Work{"deleted", 3}) {
		identity := fmt.Sprintf("m%d", random.IntN(members+2))
		switch random.IntN(12) {
		case 0: // nobody runs it
		case 1:
			r.waits[w] = struct{}{}
		case 2:
			r.prefers[w] = identity
		case 3:
			r.prefers[w], r.returns[w] = identity, struct{}{}
		case 4: // two claim it
			r.members[random.IntN(members)].owned[w] = struct{}{}
			fallthrough
		default:
			owner := random.IntN(members)
			if lopsided {
				owner = random.IntN(owner + 1)
			}
			r.members[owner].owned[w] = struct{}{}
			if random.IntN(4) == 0 {
				r.prefers[w] = identity
			}
		}
	}
	return r
}

// A division of 10,000 connectors with a task each among 100 workers must not take long.
func BenchmarkDivide(b *testing.B) {
	r := randomRound(rand.New(rand.NewPCG(1, 1)), 100, 10_000, 1)
	r.balance = true
	for b.Loop() {
		divide(r)
	}
}
