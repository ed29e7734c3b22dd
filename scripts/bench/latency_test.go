package main

import (
	"slices"
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	var hundred []time.Duration
	for n := range 100 {
		hundred = append(hundred, time.Duration(n+1))
	}
	for name, c := range map[string]struct {
		values []time.Duration
		p      int
		want   time.Duration
	}{
		"median of one":           {[]time.Duration{7}, 50, 7},
		"last of one":             {[]time.Duration{7}, 99, 7},
		"median of a hundred":     {hundred, 50, 50},
		"99th of a hundred":       {hundred, 99, 99},
		"99th of ten is the last": {hundred[:10], 99, 10},
		"none below the first":    {hundred, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := percentile(c.values, c.p); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestArrivalTimes(t *testing.T) {
	begin := time.Now()
	a := newArrivalTimes(3)
	commits := []time.Time{begin, begin.Add(10), begin.Add(20)}
	a.see(firstProbe+1, begin) // of the rows that say that it works
	a.see(3, begin.Add(25))
	if a.complete() != 0 {
		t.Errorf("complete up to %d before the first", a.complete())
	}
	a.see(1, begin.Add(100))
	a.see(1, begin.Add(200)) // again
	a.see(4, begin)
	if a.complete() != 1 {
		t.Errorf("complete up to %d, want 1", a.complete())
	}
	select {
	case <-a.whole:
		t.Error("whole without the second")
	default:
	}
	a.see(2, begin.Add(40))
	<-a.whole
	if got, want := a.delays(commits, 1), []time.Duration{5, 30}; a.complete() != 3 || !slices.Equal(got, want) {
		t.Errorf("complete up to %d, delays %v, want %v", a.complete(), got, want)
	}
}

func TestFound(t *testing.T) {
	got, err := found([]byte(`{"took":1,"hits":{"total":{"value":2},"hits":[{"_id":"a","fields":{"id":[7]},"sort":[7]},{"_id":"b","fields":{"id":[9]}}]}}`))
	if err != nil || !slices.Equal(got, []int64{7, 9}) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := found([]byte(`{"hits":{"hits":[]}}`)); err != nil || len(got) != 0 {
		t.Errorf("of nothing: %v, %v", got, err)
	}
	if _, err := found([]byte("<html>")); err == nil {
		t.Error("no error for what is no answer")
	}
}

func TestOrderOf(t *testing.T) {
	if id, err := orderOf([]byte(`{"id":-5}`)); id != -5 || err != nil {
		t.Errorf("got %d, %v", id, err)
	}
	for _, key := range []string{`{}`, `7`, ``} {
		if _, err := orderOf([]byte(key)); err == nil {
			t.Errorf("no error for the key %q", key)
		}
	}
}
