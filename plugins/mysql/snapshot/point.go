package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	driver "github.com/go-sql-driver/mysql"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugins/mysql/position"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// Locking says how the position that belongs to what is read may be found.
type Locking uint8

// The values of snapshot.locking.mode.
const (
	// LockBriefly locks only where the server cannot tell the position without, and only until all transactions have begun.
	LockBriefly Locking = iota
	// LockWhole locks until everything is read.
	LockWhole
	// LockNever does not lock.
	LockNever
)

// rounds is how often readers begin their transactions again when something was committed between the first and the last one.
const rounds = 5

// begin starts the transactions of readers. It returns the position of the first one, which no transaction is before: the place where streaming
// goes on after the snapshot. Readers at exactly this position are marked.
//
// A server that changes all the time gives each reader another position. That is no harm: whatever a reader sees beyond the first position, the
// stream brings again. A snapshot that is not fresh has its position, and nobody asks for that of its readers.
func (s *Snapshot) begin(ctx context.Context, readers []*reader, fresh bool) (position.Position, error) {
	switch {
	case s.o.Locking == LockWhole:
	case !fresh:
		for _, r := range readers {
			if _, _, err := r.begin(ctx); err != nil {
				return position.Position{}, err
			}
		}
		return position.Position{}, nil
	case s.o.Server.MariaDB, s.o.Server.GTID:
		return beginUnlocked(ctx, readers)
	case s.o.Locking == LockNever:
		return position.Position{}, sdk.Fatal(errors.New("snapshot.locking.mode=none is not possible on this server: without GTIDs only a lock tells which transactions are seen; " +
			"set snapshot.locking.mode=minimal, or gtid_mode=ON on the server"))
	}
	lock, err := s.lock(ctx)
	if err != nil {
		return position.Position{}, err
	}
	p, err := beginLocked(ctx, lock, readers)
	if err != nil || s.o.Locking != LockWhole {
		lock.close() // and with it, what it locks
		return p, err
	}
	s.locked = lock
	return p, nil
}

func beginUnlocked(ctx context.Context, readers []*reader) (first position.Position, err error) {
	for range rounds {
		all := true
		for i, r := range readers {
			p, exact, err := r.begin(ctx)
			if err != nil {
				return first, err
			}
			if i == 0 {
				first = p
			}
			r.exact = exact && samePlace(p, first)
			all = all && r.exact
		}
		if all {
			break
		}
	}
	return first, nil
}

func beginLocked(ctx context.Context, lock *conn, readers []*reader) (position.Position, error) {
	p, err := lock.position(ctx)
	if err != nil {
		return p, err
	}
	for _, r := range readers {
		if _, _, err := r.begin(ctx); err != nil {
			return p, err
		}
		r.exact = true
	}
	return p, nil
}

func samePlace(a, b position.Position) bool {
	if a.GTIDs.Empty() || b.GTIDs.Empty() {
		return a.File == b.File && a.Pos == b.Pos
	}
	return a.GTIDs.Contains(b.GTIDs) && b.GTIDs.Contains(a.GTIDs)
}

// The answers of a server that will not give a lock.
const (
	lockWaitTimeout    = 1205
	accessDenied       = 1227
	accessDeniedUser   = 1045
	accessDeniedDB     = 1044
	tableAccessDenied  = 1142
	columnAccessDenied = 1143
	unknownTable       = 1146
	definitionChanged  = 1412
	syntaxError        = 1064
)

func failedWith(err error, numbers ...uint16) bool {
	var answer *driver.MySQLError
	if !errors.As(err, &answer) {
		return false
	}
	for _, n := range numbers {
		if answer.Number == n {
			return true
		}
	}
	return false
}

// lock keeps others from writing: to anything, or, where that is not allowed, to the tables of the snapshot.
func (s *Snapshot) lock(ctx context.Context) (*conn, error) {
	c, err := dial(ctx, &s.o.Server)
	if err != nil {
		return nil, err
	}
	wait := max(1, int64((s.o.LockTimeout+time.Second-1)/time.Second))
	if err = c.exec(ctx, "SET SESSION lock_wait_timeout = "+strconv.FormatInt(wait, 10)); err == nil {
		err = c.exec(ctx, "FLUSH TABLES WITH READ LOCK")
	}
	if failedWith(err, accessDenied, accessDeniedUser) {
		if tables := s.board.progress.Tables(); len(tables) > 0 && s.o.Locking == LockBriefly {
			s.o.Logger.Info("a global read lock is not allowed; locking the captured tables for a moment")
			names := make([]string, len(tables))
			for i, id := range tables {
				names[i] = id.Quoted() + " READ"
			}
			err = c.exec(ctx, "LOCK TABLES "+strings.Join(names, ", "))
		}
	}
	if err == nil {
		return c, nil
	}
	c.close()
	switch {
	case failedWith(err, lockWaitTimeout):
		err = fmt.Errorf("snapshot.lock.timeout.ms=%d: the lock was not granted in time, because statements or transactions of others last longer; "+
			"take the snapshot at a quieter time or raise it: %w", s.o.LockTimeout.Milliseconds(), err)
	case failedWith(err, accessDenied, accessDeniedUser, accessDeniedDB, tableAccessDenied):
		err = sdk.Fatal(fmt.Errorf("the user may not lock; run GRANT RELOAD ON *.* TO the user, or GRANT LOCK TABLES ON the databases, or turn GTIDs on: %w", err))
	}
	return nil, err
}

// begin starts the reader's transaction. It returns a position that everything before is seen of, and whether nothing beyond is.
func (r *reader) begin(ctx context.Context) (p position.Position, exact bool, err error) {
	const start = "START TRANSACTION WITH CONSISTENT SNAPSHOT"
	if err := r.conn.exec(ctx, "ROLLBACK"); err != nil {
		return p, false, err
	}
	r.began = time.Now()
	switch s := &r.o.Server; {
	case s.MariaDB:
		if err := r.conn.exec(ctx, start+", READ ONLY"); err != nil {
			return p, false, err
		}
		p, err := r.conn.snapshotPosition(ctx)
		return p, true, err
	case s.GTID:
		// A transaction is in gtid_executed only after the storage engine has committed it. So what is in it before is seen, and when it has
		// not changed after, nothing else is.
		for range rounds {
			if p, err = r.conn.position(ctx); err != nil {
				return p, false, err
			}
			if err := r.conn.exec(ctx, start+", READ ONLY"); err != nil {
				return p, false, err
			}
			after, err := r.conn.executed(ctx)
			if err != nil {
				return p, false, err
			}
			if p.GTIDs.Contains(after) {
				return p, true, nil
			}
		}
		return p, false, nil
	}
	return p, false, r.conn.exec(ctx, start+", READ ONLY")
}

// position returns the end of the log.
func (c *conn) position(ctx context.Context) (position.Position, error) {
	status, err := c.one(ctx, "SHOW MASTER STATUS")
	if failedWith(err, syntaxError) { // MySQL from 8.4 on
		status, err = c.one(ctx, "SHOW BINARY LOG STATUS")
	}
	if err != nil {
		return position.Position{}, fmt.Errorf("asking for the position in the binary log: %w", err)
	}
	if status == nil {
		return position.Position{}, sdk.Fatal(errors.New("the server writes no binary log; set log_bin in its configuration and restart it"))
	}
	p := position.Position{File: status["file"]}
	if p.Pos, err = strconv.ParseUint(status["position"], 10, 64); err != nil {
		return p, fmt.Errorf("the position in the binary log is %q", status["position"])
	}
	if c.server.MariaDB {
		return c.withGTIDs(ctx, p)
	}
	if c.server.GTID {
		p.GTIDs, err = position.ParseSet(status["executed_gtid_set"])
	}
	return p, err
}

// snapshotPosition returns the position of MariaDB's transaction WITH CONSISTENT SNAPSHOT: it sees what is before and nothing that is after.
func (c *conn) snapshotPosition(ctx context.Context) (position.Position, error) {
	all, err := c.all(ctx, "SHOW STATUS LIKE 'binlog\\_snapshot\\_%'")
	if err != nil {
		return position.Position{}, err
	}
	values := map[string]string{}
	for _, row := range all {
		values[strings.ToLower(row["variable_name"])] = row["value"]
	}
	p := position.Position{File: values["binlog_snapshot_file"]}
	if p.Pos, err = strconv.ParseUint(values["binlog_snapshot_position"], 10, 64); err != nil || p.File == "" {
		return p, fmt.Errorf("the server does not tell the position of a transaction: binlog_snapshot_file=%q binlog_snapshot_position=%q", p.File, values["binlog_snapshot_position"])
	}
	return c.withGTIDs(ctx, p)
}

// withGTIDs adds MariaDB's GTIDs to a position, which may have none.
func (c *conn) withGTIDs(ctx context.Context, p position.Position) (position.Position, error) {
	row, err := c.one(ctx, "SELECT BINLOG_GTID_POS("+table.Literal(p.File)+", "+strconv.FormatUint(p.Pos, 10)+") AS gtids")
	if err != nil {
		return p, fmt.Errorf("asking for the GTIDs of %s: %w", p, err)
	}
	p.GTIDs, err = position.ParseSet(row["gtids"])
	return p, err
}

// executed returns MySQL's committed transactions.
func (c *conn) executed(ctx context.Context) (position.Set, error) {
	row, err := c.one(ctx, "SELECT @@global.gtid_executed AS gtids")
	if err != nil {
		return position.Set{}, err
	}
	return position.ParseSet(row["gtids"])
}
