package group

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
)

// TheConnector is the Task of the Work that is a connector itself and not one of its tasks.
const TheConnector = -1

// Work is what one worker of a group runs and no other: a connector, or one of its tasks.
type Work struct {
	Connector string
	Task      int // from 0, or TheConnector
}

// String returns the form used in logs: the connector, or connector-task.
func (w Work) String() string {
	if w.Task == TheConnector {
		return w.Connector
	}
	return w.Connector + "-" + strconv.Itoa(w.Task)
}

// compareWork puts a connector before its tasks, and these in the order of their numbers.
func compareWork(a, b Work) int {
	return cmp.Or(cmp.Compare(a.Connector, b.Connector), cmp.Compare(a.Task, b.Task))
}

type workSet map[Work]struct{}

func newWorkSet(work []Work) workSet {
	s := make(workSet, len(work))
	for _, w := range work {
		s[w] = struct{}{}
	}
	return s
}

func (s workSet) has(w Work) bool {
	_, ok := s[w]
	return ok
}

func (s workSet) sorted() []Work { return slices.SortedFunc(maps.Keys(s), compareWork) }

// minus returns what is in s and not in other, sorted.
func (s workSet) minus(other workSet) []Work {
	var rest []Work
	for w := range s {
		if !other.has(w) {
			rest = append(rest, w)
		}
	}
	slices.SortFunc(rest, compareWork)
	return rest
}
