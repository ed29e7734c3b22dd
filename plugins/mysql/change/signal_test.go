package change_test

import (
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugins/mysql/change"
)

// same fails for every difference.
func same(t *testing.T, what string, ours, its any) {
	t.Helper()
	compare(what, ours, its, func(d difference) { t.Errorf("%s: ours %v, Debezium's %v", d.path, d.ours, d.its) })
}

func TestTransactions(t *testing.T) {
	for _, server := range []string{"mysql", "mariadb"} {
		t.Run(server, func(t *testing.T) {
			prefix := server + "-options"
			made, err := change.NewTransactions(change.Options{Prefix: prefix}, "transaction")
			if err != nil {
				t.Fatal(err)
			}
			records := loadRun(t, server, "options")[prefix+".transaction"]
			if made.Topic != prefix+".transaction" || len(records) < 10 {
				t.Fatalf("topic %s, %d records of Debezium's", made.Topic, len(records))
			}
			for _, r := range records {
				its := r.value.(map[string]any)
				id := text(its["id"])
				var w data.Writer
				w.Reset(nil, made.KeySchema())
				made.Key(&w, id)
				same(t, "key", rowTree(t, made.KeySchema(), finish(t, &w)), r.key)
				w.Reset(nil, made.ValueSchema())
				micros := integer(its["ts_ms"])*1000 + 999
				if its["status"] == "BEGIN" {
					made.Begin(&w, id, micros)
				} else {
					var counts []change.Count
					for _, c := range its["data_collections"].([]any) {
						m := c.(map[string]any)
						counts = append(counts, change.Count{Table: text(m["data_collection"]), Events: integer(m["event_count"])})
					}
					made.End(&w, id, micros, counts)
				}
				same(t, "value", rowTree(t, made.ValueSchema(), finish(t, &w)), its)
				same(t, "key schema", schemaTree(t, made.KeySchema()), r.keySchema)
				same(t, "value schema", schemaTree(t, made.ValueSchema()), r.valueSchema)
			}
		})
	}
}

func TestHeartbeats(t *testing.T) {
	for _, server := range []string{"mysql", "mariadb"} {
		t.Run(server, func(t *testing.T) {
			prefix := server + "-options"
			made, err := change.NewHeartbeats(change.Options{Prefix: prefix}, "__debezium-heartbeat")
			if err != nil {
				t.Fatal(err)
			}
			records := loadRun(t, server, "options")["__debezium-heartbeat."+prefix]
			if made.Topic != "__debezium-heartbeat."+prefix || len(records) == 0 {
				t.Fatalf("topic %s, %d records of Debezium's", made.Topic, len(records))
			}
			r := records[0]
			var w data.Writer
			w.Reset(nil, made.KeySchema())
			made.Key(&w)
			same(t, "key", rowTree(t, made.KeySchema(), finish(t, &w)), r.key)
			w.Reset(nil, made.ValueSchema())
			made.Value(&w, integer(r.value.(map[string]any)["ts_ms"]))
			same(t, "value", rowTree(t, made.ValueSchema(), finish(t, &w)), r.value)
			same(t, "key schema", schemaTree(t, made.KeySchema()), r.keySchema)
			same(t, "value schema", schemaTree(t, made.ValueSchema()), r.valueSchema)
		})
	}
}
