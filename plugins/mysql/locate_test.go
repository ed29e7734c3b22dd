package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugins/mysql/binlog"
	"github.com/outboard-connect/outboard/plugins/mysql/position"
)

const (
	serverA = "24bc7850-2c16-11ee-be56-0242ac120002"
	serverB = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
)

// What is asked for by GTIDs, and when that cannot be had.
func TestByGTID(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config           map[string]string
		mariadb          bool
		executed, purged string
		read             string
		want, lost       string
	}{
		"goes on":                     {nil, false, serverA + ":1-90", serverA + ":1-10", serverA + ":1-50", serverA + ":1-50", ""},
		"nothing new":                 {nil, false, serverA + ":1-50", "", serverA + ":1-50", serverA + ":1-50", ""},
		"deleted":                     {nil, false, serverA + ":1-90", serverA + ":1-60", serverA + ":1-50", "", "has deleted the transactions " + serverA + ":51-60"},
		"new source":                  {nil, false, serverA + ":1-50," + serverB + ":1-5", "", serverA + ":1-50", serverA + ":1-50", ""},
		"new source, deleted":         {nil, false, serverA + ":1-50," + serverB + ":1-5", serverB + ":1-2", serverA + ":1-50", "", "has deleted the transactions " + serverB + ":1-2"},
		"deleted of one left out":     {map[string]string{keyGTIDExcludes: serverB}, false, serverA + ":1-50," + serverB + ":1-5", serverB + ":1-2", serverA + ":1-40", serverA + ":1-40," + serverB + ":1-5", ""},
		"includes":                    {map[string]string{keyGTIDIncludes: serverA}, false, serverA + ":1-50," + serverB + ":1-5", "", serverA + ":1-40," + serverB + ":1-2", serverA + ":1-40," + serverB + ":1-5", ""},
		"restored from a backup":      {nil, false, serverA + ":1-40", "", serverA + ":1-50", "", "does not have the transactions " + serverA + ":41-50"},
		"another server":              {nil, false, serverB + ":1-40", "", serverA + ":1-50", "", "it is another one, or it was set up anew"},
		"set up anew":                 {nil, false, "", "", serverA + ":1-50", "", "it is another one, or it was set up anew"},
		"MariaDB":                     {nil, true, "0-1-90,0-2-80", "", "0-1-50", "0-1-50", ""},
		"MariaDB, another domain too": {nil, true, "0-1-90,5-1-3", "", "0-1-50", "0-1-50", ""},
		"MariaDB, anew":               {nil, true, "0-1-20", "", "0-1-50", "", "0-1-50"},
		"MariaDB, another":            {nil, true, "", "", "0-1-50", "", "set up anew"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sources, err := newSourceFilter(newStream(t, c.config).settings)
			if err != nil {
				t.Fatal(err)
			}
			s := &server{mariadb: c.mariadb, variables: map[string]string{"gtid_executed": c.executed, "gtid_purged": c.purged, "gtid_binlog_state": c.executed}}
			read, err := position.ParseSet(c.read)
			if err != nil {
				t.Fatal(err)
			}
			got, err := (&locator{sources: sources}).byGTID(s, position.Position{GTIDs: read})
			if c.lost != "" {
				var e *binlog.Error
				if !errors.As(err, &e) || e.Reason != binlog.Lost || !strings.Contains(err.Error(), c.lost) {
					t.Errorf("error %v, expected %q", err, c.lost)
				}
				return
			}
			if err != nil || got.String() != c.want {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
		})
	}
}
