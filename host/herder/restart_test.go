package herder

import (
	"encoding/json"
	"testing"
)

func TestPlanRestart(t *testing.T) {
	version := "1.0"
	status := func() ConnectorStatus {
		state := func(s, trace string) StateInfo {
			return StateInfo{State: s, WorkerID: "w:8083", Version: &version, Trace: trace}
		}
		return ConnectorStatus{Name: "c", Type: TypeSource, Connector: state("FAILED", "X: no"), Tasks: []TaskStatus{
			{ID: 0, StateInfo: state("RUNNING", "")}, {ID: 1, StateInfo: state("FAILED", "X: no")}, {ID: 2, StateInfo: state("PAUSED", "")},
		}}
	}
	const (
		failed   = `"state":"FAILED","worker_id":"w:8083","version":"1.0","trace":"X: no"}`
		running  = `"state":"RUNNING","worker_id":"w:8083","version":"1.0"}`
		paused   = `"state":"PAUSED","worker_id":"w:8083","version":"1.0"}`
		restarts = `"state":"RESTARTING","worker_id":"w:8083","version":"1.0"}`
	)
	tests := map[string]struct {
		includeTasks, onlyFailed bool
		connector                string
		tasks                    [3]string
	}{
		"the connector":           {false, false, restarts, [3]string{running, failed, paused}},
		"the connector if failed": {false, true, restarts, [3]string{running, failed, paused}},
		"everything":              {true, false, restarts, [3]string{restarts, restarts, restarts}},
		"everything that failed":  {true, true, restarts, [3]string{running, restarts, paused}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := status()
			s.show(planRestart(s, test.includeTasks, test.onlyFailed))
			got, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			want := `{"name":"c","connector":{` + test.connector + `,"tasks":[{"id":0,` + test.tasks[0] + `,{"id":1,` + test.tasks[1] +
				`,{"id":2,` + test.tasks[2] + `],"type":"source"}`
			if string(got) != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
	t.Run("a healthy connector is left alone", func(t *testing.T) {
		s := status()
		s.Connector.State, s.Tasks[1].State = "RUNNING", "RUNNING"
		if p := planRestart(s, true, true); p.connector || len(p.tasks) > 0 {
			t.Errorf("restarts %+v", p)
		}
	})
}
