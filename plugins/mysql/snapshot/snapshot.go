package snapshot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/position"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// Snapshot reads tables in the background. Begin or Resume makes one; then Next and Delivered are called in turn by one goroutine, until Next
// returns no more blocks, and Close at last.
type Snapshot struct {
	o      Options
	board  *board
	queue  *queue
	marks  *marks // nil: records have none
	cancel context.CancelFunc
	ended  sync.WaitGroup
	locked *conn // holds a lock until everything is read; or nil
}

// Begin starts to read tables. It returns the position where streaming goes on after the snapshot, which must be durable before the first row is
// delivered.
func Begin(ctx context.Context, o Options, tables []table.ID) (*Snapshot, position.Position, error) {
	return start(ctx, o, NewProgress(tables), true)
}

// Resume reads what is left, of a snapshot that was interrupted or of one whose stream begins at a position that is durable already.
func Resume(ctx context.Context, o Options, p *Progress) (*Snapshot, error) {
	s, _, err := start(ctx, o, p, false)
	return s, err
}

func start(ctx context.Context, o Options, p *Progress, fresh bool) (*Snapshot, position.Position, error) {
	s := &Snapshot{o: o, board: newBoard(p, o.Logger), queue: newQueue(o.QueueBytes)}
	var readers []*reader
	fail := func(err error) (*Snapshot, position.Position, error) {
		for _, r := range readers {
			r.conn.close()
		}
		if s.locked != nil {
			s.locked.close()
		}
		return nil, position.Position{}, err
	}
	for range max(1, o.Threads) {
		c, err := dial(ctx, &s.o.Server)
		if err != nil {
			return fail(err)
		}
		readers = append(readers, &reader{o: &s.o, board: s.board, conn: c})
	}
	at, err := s.begin(ctx, readers, fresh)
	if err != nil {
		return fail(err)
	}
	for _, r := range readers {
		// After a restart the stream begins before what any reader sees.
		if r.exact = r.exact && fresh; r.exact {
			s.board.exact++
		}
	}
	if o.Marks {
		s.marks = newMarks(fresh, p)
	}
	s.o.Source.Snapshot = markTrue
	if fresh {
		s.o.Source.File, s.o.Source.Pos = at.File, at.Pos
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	for _, r := range readers {
		s.ended.Go(func() { s.run(run, r) })
	}
	go func() {
		s.ended.Wait()
		s.queue.close(nil)
	}()
	return s, at, nil
}

// run is the life of a reader.
func (s *Snapshot) run(ctx context.Context, r *reader) {
	err := r.run(ctx, func(ctx context.Context, w *work) error { return s.stream(ctx, r, w) })
	r.conn.close()
	s.board.inexact(r)
	if err != nil && ctx.Err() == nil {
		s.queue.close(err)
		s.cancel()
	}
}

// stream reads a piece into blocks.
func (s *Snapshot) stream(ctx context.Context, r *reader, w *work) error {
	m, rs, err := r.open(ctx, w, 0)
	if m == nil || err != nil {
		return err
	}
	src := s.o.now()
	b := s.block(w, m)
	for {
		more, err := r.row(rs, m)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if len(b.buf) >= blockBytes {
			b.upto = m.key.of(r.image)
			upto := b.upto // the block is not ours any more
			if !s.queue.put(ctx, b) {
				return rs.abandon(ctx)
			}
			if upto != nil {
				w.from = upto
			}
			b = s.block(w, m)
			src = s.o.now()
		}
		if err := r.encode(b, m, &src); err != nil {
			if err := r.bad(w, m, err); err != nil {
				rs.c.close()
				return err
			}
		}
	}
	b.last = true
	if !s.queue.put(ctx, b) {
		return rs.abandon(ctx)
	}
	return nil
}

// block returns an empty block for rows of a piece.
func (s *Snapshot) block(w *work, m *meta) *Block {
	return &Block{Table: m.table, id: w.id, piece: w.piece, buf: s.queue.buffer()}
}

// Next returns the next rows to deliver, nil at the end. It waits for them; when ctx ends, it returns nil and the error of ctx.
func (s *Snapshot) Next(ctx context.Context) (*Block, error) {
	for {
		if s.marks != nil {
			if b := s.marks.ready(); b != nil {
				return b, nil
			}
		}
		b, err := s.queue.take(ctx)
		if err != nil {
			return nil, err
		}
		if b == nil {
			if s.marks == nil {
				return nil, nil
			}
			return s.marks.end()
		}
		if s.marks != nil {
			if err := s.hold(b); err != nil {
				return nil, err
			}
		} else if b.last {
			b.done = append(b.done, finished{b.id, b.piece})
		}
		if b.Len() > 0 {
			return b, nil
		}
		s.Delivered(b)
	}
}

// hold puts the marks on a block.
func (s *Snapshot) hold(b *Block) (err error) {
	s.board.do(func() {
		open := 0
		if t := s.board.progress.find(b.id); t != nil {
			open = len(t.left)
			if !slices.Contains(t.left, b.piece) {
				open++ // the key was changed meanwhile: the piece is of an older plan
			}
		}
		err = s.marks.put(b, open)
	})
	return err
}

// Delivered notes that the rows of a block are on their way, so that Progress does not have them any more, and takes the block back.
func (s *Snapshot) Delivered(b *Block) {
	s.board.delivered(b)
	s.queue.giveBack(b.buf)
	b.buf, b.ends = nil, nil
}

// Progress returns the text of what is left, without the blocks delivered.
func (s *Snapshot) Progress() (text json.RawMessage) {
	s.board.do(func() { text = s.board.progress.JSON() })
	return text
}

// Close ends the readers, if they still run. It may be called at any time, but not while Next runs.
func (s *Snapshot) Close() {
	s.cancel()
	s.queue.close(context.Canceled)
	s.ended.Wait()
	if s.locked != nil {
		s.locked.close()
	}
}

func tableError(id table.ID, err error) error { return fmt.Errorf("reading %s: %w", id, err) }

// now is source of rows that are read at this moment.
func (o *Options) now() change.Source {
	now := time.Now()
	src := o.Source
	src.Micros, src.Now = now.UnixMicro(), now.UnixNano()
	return src
}
