package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/outboard-connect/outboard/plugins/mysql/binlog"
	"github.com/outboard-connect/outboard/plugins/mysql/position"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// locator finds a position on the server, before each connection to its log: the server may be another one by then, or have less of its log.
type locator struct {
	db       *sql.DB
	settings *settings
	sources  sourceFilter
	// identity is that of the server whose log the position is of; "": not known.
	identity string
}

// locate checks that the server has everything from the position on and says how to ask for it. Its errors of type *binlog.Error are final.
func (l *locator) locate(ctx context.Context, at position.Position) (binlog.Start, error) {
	s, err := readServer(ctx, l.db)
	if err != nil {
		if _, explained := connectError(l.settings, err); isFatal(explained) {
			return binlog.Start{}, binlog.NewError(binlog.Denied, explained)
		}
		return binlog.Start{}, err
	}
	start := binlog.Start{Server: s.identity, Other: l.identity != "" && s.identity != "" && l.identity != s.identity}
	if s.tls {
		if start.TLS, err = l.settings.tls.config(l.settings.host); err != nil {
			return start, binlog.NewError(binlog.Denied, err)
		}
	}
	start.ByGTID = s.gtids && !at.GTIDs.Empty() && at.GTIDs.MariaDB() == s.mariadb && !l.settings.gtidIgnoreOnRecovery
	if start.ByGTID {
		start.GTIDs, err = l.byGTID(s, at)
	} else {
		start.File, start.Pos = at.File, at.Pos
		err = l.byFile(ctx, s, at, start.Other)
	}
	if err != nil {
		return start, err
	}
	l.identity = s.identity
	return start, nil
}

func lost(format string, args ...any) error {
	return binlog.NewError(binlog.Lost, fmt.Errorf(format, args...))
}

// byGTID returns the transactions not to be sent: those that were read, and whatever sources have written that do not count.
func (l *locator) byGTID(s *server, at position.Position) (position.Set, error) {
	executed, purged, err := s.gtidSets()
	if err != nil {
		return position.Set{}, err
	}
	read := at.GTIDs.Filter(l.sources.counts)
	if missing := purged.Filter(l.sources.counts).Minus(read); !missing.Empty() {
		return position.Set{}, lost("the server has deleted the transactions %s, which were not read yet", missing)
	}
	if beyond := read.Minus(executed); !beyond.Empty() {
		if read.Minus(beyond).Empty() {
			return position.Set{}, lost("the server has none of the transactions that were read (%s): it is another one, or it was set up anew", read)
		}
		return position.Set{}, lost("the server does not have the transactions %s, which were read already: it was restored from a backup, or is a replica that is behind", beyond)
	}
	others := executed.Filter(func(source string) bool { return !l.sources.counts(source) })
	return read.Union(others), nil
}

// gtidSets returns what the server has done, and what of it is not in its log any more. MariaDB does not tell that; it says so when it is asked.
func (s *server) gtidSets() (executed, purged position.Set, err error) {
	if s.mariadb {
		// The state has a GTID for each server of a domain; the highest number of the domain counts.
		executed, err = position.ParseSet(s.variables["gtid_binlog_state"])
		return executed, purged, err
	}
	if executed, err = position.ParseSet(s.variables["gtid_executed"]); err != nil {
		return executed, purged, err
	}
	purged, err = position.ParseSet(s.variables["gtid_purged"])
	return executed, purged, err
}

// byFile checks a place in a file, which means something on the very server alone.
func (l *locator) byFile(ctx context.Context, s *server, at position.Position, other bool) error {
	switch {
	case other:
		return lost("the server is not the one that was read before (it has the id %s, that had %s), and without GTIDs no position can be found on another one", s.identity, l.identity)
	case at.File == "":
		return lost("the offset has GTIDs alone, but the server has gtid_mode=%s", s.variable("gtid_mode"))
	}
	files, err := logFiles(ctx, l.db)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.name != at.File {
			continue
		}
		if at.Pos > f.size {
			return lost("the server's binary log %s has %d bytes, but was read up to byte %d: the server has lost the end of its log, or is another one", f.name, f.size, at.Pos)
		}
		return nil
	}
	if len(files) == 0 {
		return lost("the server has no binary log; set log_bin in its configuration")
	}
	return lost("the server does not have the binary log %s any more, its oldest is %s", at.File, files[0].name)
}

// oldest returns the beginning of the server's log.
func oldest(ctx context.Context, q table.Querier) (position.Position, error) {
	files, err := logFiles(ctx, q)
	if err != nil {
		return position.Position{}, err
	}
	if len(files) == 0 {
		return position.Position{}, errors.New("the server has no binary log; set log_bin in its configuration")
	}
	return position.Position{File: files[0].name, Pos: 4}, nil
}

// sourceFilter is gtid.source.includes and gtid.source.excludes.
type sourceFilter struct{ includes, excludes func(string) bool }

func newSourceFilter(s *settings) (sourceFilter, error) {
	includes, err := matcher(s.gtidIncludes)
	if err != nil {
		return sourceFilter{}, fmt.Errorf("%s: %w", keyGTIDIncludes, err)
	}
	excludes, err := matcher(s.gtidExcludes)
	if err != nil {
		return sourceFilter{}, fmt.Errorf("%s: %w", keyGTIDExcludes, err)
	}
	return sourceFilter{includes, excludes}, nil
}

// matcher returns nil for an empty list.
func matcher(list string) (func(string) bool, error) {
	patterns, err := table.Patterns(list)
	if err != nil || len(patterns) == 0 {
		return nil, err
	}
	return func(name string) bool {
		for _, re := range patterns {
			if re.MatchString(name) {
				return true
			}
		}
		return false
	}, nil
}

// counts tells whether transactions of a source count for the position.
func (f sourceFilter) counts(source string) bool {
	return (f.includes == nil || f.includes(source)) && (f.excludes == nil || !f.excludes(source))
}
