package herder

import (
	"context"
	"testing"

	"github.com/outboard-connect/outboard/host/internal/group"
	"github.com/outboard-connect/outboard/host/internal/storage"
)

// What nobody ran when the leader divided the work is UNASSIGNED, until the new owner has its word, which may be first.
func TestMarkUnowned(t *testing.T) {
	for name, test := range map[string]struct {
		stored storage.Status
		want   storage.State
	}{
		"the worker is gone":              {storage.Status{State: "RUNNING", WorkerID: "gone:1", Generation: 4}, "UNASSIGNED"},
		"it has failed before it went":    {storage.Status{State: "FAILED", Trace: "why", WorkerID: "gone:1", Generation: 4}, "UNASSIGNED"},
		"the new owner was quicker":       {storage.Status{State: "RUNNING", WorkerID: "new:1", Generation: 5}, "RUNNING"},
		"the new owner failed already":    {storage.Status{State: "FAILED", Trace: "why", WorkerID: "new:1", Generation: 5}, "FAILED"},
		"a later division gave it others": {storage.Status{State: "PAUSED", WorkerID: "new:1", Generation: 6}, "PAUSED"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			log := w.log("status")
			defer log.Close()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			writer := storage.NewStatusStore(log, test.stored.WorkerID, w.logger)
			if err := writer.Open(ctx); err != nil {
				t.Fatal(err)
			}
			writer.PutConnector("c", test.stored)
			writer.PutTask("c", 0, test.stored)
			if err := writer.Close(ctx); err != nil {
				t.Fatal(err)
			}
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}

			again := w.log("status")
			defer again.Close()
			store := storage.NewStatusStore(again, "leader:1", w.logger)
			if err := store.Open(ctx); err != nil {
				t.Fatal(err)
			}
			defer store.Close(ctx)
			newStatuses(store, "leader:1", false).mark(group.Assignment{Generation: 5, Unowned: []group.Work{
				{Connector: "c", Task: group.TheConnector}, {Connector: "c", Task: 0}, {Connector: "c", Task: 1}, // of the last one nothing is known
			}})
			if err := store.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			if err := store.Sync(ctx); err != nil {
				t.Fatal(err)
			}
			connector, _ := store.Connector("c")
			if tasks := store.Tasks("c"); connector.State != test.want || len(tasks) != 1 || tasks[0].State != test.want {
				t.Errorf("the connector is %s, the tasks are %+v, want %s", connector.State, tasks, test.want)
			}
		})
	}
}
