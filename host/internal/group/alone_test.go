package group_test

import (
	"context"
	"testing"

	"github.com/outboard-connect/outboard/host/internal/group"
)

// A group of one owns everything from Start to Close.
func TestAlone(t *testing.T) {
	var told []group.Assignment
	a := group.NewAlone("http://h:8083/", func(_ context.Context, a group.Assignment) { told = append(told, a) })
	anything := group.Work{Connector: "any", Task: 7}
	for range 2 {
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(told) != 1 || !told[0].Owns(anything) || !told[0].Leader.Self || told[0].Generation < 0 {
		t.Fatalf("told %+v", told)
	}
	if leader, err := a.Leader(t.Context()); err != nil || leader != told[0].Leader || leader.URL != "http://h:8083/" {
		t.Errorf("the leader is %+v, %v", leader, err)
	}
	if url, ok := a.Owner(anything); !ok || url != "http://h:8083/" {
		t.Errorf("the owner is %q, %t", url, ok)
	}
	for range 2 {
		a.Close(t.Context())
	}
	if len(told) != 2 || told[1].Owns(anything) || told[1].Generation != -1 {
		t.Errorf("at the end told %+v", told[1:])
	}

	never := group.NewAlone("http://h:8083/", func(context.Context, group.Assignment) { t.Error("told something") })
	never.Close(t.Context())
}
