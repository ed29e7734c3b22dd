package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

// reader reads pieces, one after another, on a connection of its own.
type reader struct {
	o     *Options
	board *board
	conn  *conn
	exact bool      // its transaction sees exactly what is before the position where streaming begins
	began time.Time // its transaction
	brief bool      // no transaction lasts longer than a piece of work

	cells      []column.Cell
	image      change.Image
	key, value data.Writer
	encoder    change.Encoder
}

// oldest is how old a transaction may become before it is begun again, when the reader is between two pieces: the server keeps what others
// overwrite as long as a transaction may want to see it, and grows slow.
const oldest = 15 * time.Minute

// run plans tables and reads pieces until nothing is left.
func (r *reader) run(ctx context.Context, read func(context.Context, *work) error) error {
	for {
		w := r.board.take(ctx, r)
		if w == nil {
			return nil
		}
		do := read
		if w.piece == nil {
			do = r.plan
		}
		if err := r.do(ctx, w, do); err != nil {
			return tableError(w.id, err)
		}
	}
}

// do tries something as often as it takes.
func (r *reader) do(ctx context.Context, w *work, do func(context.Context, *work) error) error {
	attempts, from := 0, w.from
	for {
		err := r.try(ctx, w, do)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if failedWith(err, unknownTable) {
			r.o.Logger.Warn("table was dropped before it was read", "table", w.id.String())
			r.board.drop(w.id)
			return nil
		}
		if !w.from.equal(from) { // it came further since
			attempts, from = 0, w.from
		}
		attempts++
		if err := r.recover(ctx, w, err, attempts); err != nil {
			return err
		}
	}
}

func (r *reader) try(ctx context.Context, w *work, do func(context.Context, *work) error) error {
	if r.conn == nil || r.conn.broken {
		c, err := dial(ctx, &r.o.Server)
		if err != nil {
			return err
		}
		r.conn, r.began = c, time.Time{}
	}
	if r.brief || time.Since(r.began) > oldest {
		r.board.inexact(r)
		if _, _, err := r.begin(ctx); err != nil {
			return err
		}
	}
	// A table that a transaction has looked into cannot be altered until the transaction ends; going back to a savepoint lets it go.
	if err := r.conn.exec(ctx, "SAVEPOINT outboard"); err != nil {
		return err
	}
	err := do(ctx, w)
	if r.conn.broken {
		return err
	}
	release := "ROLLBACK TO SAVEPOINT outboard"
	if r.brief {
		release = "ROLLBACK"
	}
	return errors.Join(err, r.conn.exec(ctx, release))
}

// The answers of a server that has had enough of a connection or of a statement, and may think otherwise soon.
var passing = []uint16{
	1040, // too many connections
	1053, // shutdown in progress
	1203, // too many connections of this user
	1205, // lock wait timeout
	1213, // deadlock
	1317, // query interrupted
	1836, // running in read-only mode
	1927, // connection was killed (MariaDB)
	1969, // query was too slow (MariaDB's max_statement_time)
	3024, // the same (MySQL's max_execution_time)
	3169, // session was killed
	4031, // disconnected because of inactivity
}

// The answers of a server that does not let the user in any more.
var notLetIn = []uint16{
	1044, 1045, 1698, // access denied
	1129, 1130, // host blocked, host not allowed
	1820, 1862, // password expired
	3118, // account locked
}

// recover decides on an error. It returns nil to try again, with a transaction that sees what is there now.
func (r *reader) recover(ctx context.Context, w *work, err error, attempts int) error {
	log := r.o.Logger.With("table", w.id.String())
	var fatal *sdk.Error
	wait := time.Duration(0)
	switch {
	case failedWith(err, tableAccessDenied, columnAccessDenied, accessDenied):
		return sdk.Fatal(fmt.Errorf("the user may not read the table; run GRANT SELECT ON %s TO the user: %w", w.id.Quoted(), err))
	case failedWith(err, definitionChanged):
		log.Info("the table was altered since the snapshot began; going on with its present rows")
	case errors.As(err, &fatal), failedWith(err, notLetIn...):
		return err
	case r.conn == nil || r.conn.broken || failedWith(err, passing...):
		if most := r.o.Retries; most >= 0 && attempts > most {
			return fmt.Errorf("gave up after %d attempts, see errors.max.retries: %w", attempts, err)
		}
		wait = min(100*time.Millisecond<<min(attempts-1, 20), max(r.o.RetryWait, 100*time.Millisecond))
		log.Warn("the connection was lost; reading goes on from where it was", "attempt", attempts, "wait", wait.String(), "err", err)
	default:
		return err
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return ctx.Err()
	}
	r.board.inexact(r)
	r.began = time.Time{} // it is begun again
	return nil
}

// plan looks at a table and divides it.
func (r *reader) plan(ctx context.Context, w *work) error {
	m, err := r.look(ctx, w)
	if err != nil {
		return err
	}
	if len(m.key.columns) == 0 && !r.exact && r.board.putBack(w) {
		return nil
	}
	pl := r.planner(m)
	rows, err := pl.estimate(ctx, nil, nil)
	if err != nil {
		return err
	}
	target := pieceRows(rows, r.o.Threads)
	var pieces []interval
	for _, whole := range r.board.intervals(w, &m.key) {
		some, err := pl.plan(ctx, whole, target)
		if err != nil {
			return err
		}
		pieces = append(pieces, some...)
	}
	r.o.Logger.Info("reading table", "table", w.id.String(), "rows", rows, "pieces", len(pieces))
	r.board.plan(w, m, pieces)
	return nil
}

// Tables of fewer rows are not divided.
const leastPiece = 50_000

// pieceRows returns how many rows a piece should have: so few that readers are done at about the same time, so many that planning costs nothing.
func pieceRows(rows int64, readers int) int64 {
	return max(leastPiece, rows/int64(4*max(1, readers)))
}

// open sends the statement that reads the rest of a piece, most rows at the most, 0 for all. Without meta there is nothing to read: the key of
// the table was changed and it is planned again.
func (r *reader) open(ctx context.Context, w *work, most int) (*meta, *rows, error) {
	m, err := r.look(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	if old := r.board.metaOf(w); old != nil && !old.key.same(&m.key) {
		r.o.Logger.Warn("the key of the table was changed while it was read; it is read again from its beginning", "table", w.id.String())
		r.board.replan(w)
		return nil, nil, nil
	}
	statement, err := m.selectRows(w, most)
	if err != nil {
		return nil, nil, err
	}
	rs, err := r.conn.query(ctx, statement)
	if err != nil {
		return nil, nil, err
	}
	if err := m.place(r.conn.columns); err != nil {
		return nil, nil, errors.Join(err, rs.drain())
	}
	r.cells = resize(r.cells, len(m.places))
	r.image = resize(r.image, len(m.shape.Columns))
	clear(r.image)
	return m, rs, nil
}

// row reads the next row into r.image, where it is until the next call.
func (r *reader) row(rs *rows, m *meta) (bool, error) {
	more, err := rs.next(r.cells)
	if !more {
		return false, err
	}
	for i, place := range m.places {
		r.image[place] = r.cells[i]
	}
	return true, nil
}

// bad decides on a row that cannot be converted: nil leaves it out.
func (r *reader) bad(w *work, m *meta, err error) error {
	key := strings.Join(m.key.of(r.image), ", ")
	if !r.o.SkipBad {
		return sdk.Fatal(fmt.Errorf("a row cannot be converted, see event.processing.failure.handling.mode; its key is (%s): %w", key, err))
	}
	if r.o.LogBad {
		r.o.Logger.Warn("left out a row that cannot be converted", "table", w.id.String(), "key", key, "err", err)
	}
	return nil
}

// abandon leaves a result that nobody wants any more.
func (rs *rows) abandon(ctx context.Context) error {
	rs.end()
	rs.c.close()
	if err := ctx.Err(); err != nil {
		return err
	}
	return context.Canceled
}

// encode appends a row to a block.
func (r *reader) encode(b *Block, m *meta, src *change.Source) error {
	start := len(b.buf)
	if schema := m.table.KeySchema(); schema != nil {
		r.key.Reset(b.buf, schema)
		if err := m.table.Key(&r.key, r.image); err != nil {
			return err
		}
		key, err := r.key.Finish()
		if err != nil {
			return err
		}
		b.buf = key
	}
	e := ends{start: start, key: len(b.buf)}
	r.value.Reset(b.buf, m.table.ValueSchema())
	err := r.encoder.Value(&r.value, m.table, change.Read, src, nil, r.image)
	if err == nil {
		var value []byte
		if value, err = r.value.Finish(); err == nil {
			b.buf = value
			e.value = len(b.buf)
			b.ends = append(b.ends, e)
			return nil
		}
	}
	b.buf = b.buf[:start]
	return err
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
