package binlog

import (
	"github.com/outboard-connect/outboard/plugins/mysql/position"
)

// Kind is a kind of event.
type Kind uint8

// The kinds. Begin and Commit enclose what belongs to a transaction; the others stand between or inside.
const (
	// Begin starts a transaction or, with Standalone, a statement that is one by itself.
	Begin Kind = iota + 1
	// Commit ends it; its rows are in the log for good.
	Commit
	// TableMap describes a captured table, in Body, before the first rows that name its TableID, and again when it has changed.
	TableMap
	// Insert, Update and Delete have rows in Body, see Rows.
	Insert
	Update
	Delete
	// Statement is SQL text in Body: DDL, or what is logged as statement. Its current database is Database.
	Statement
	// RowsQuery is the statement that made the rows that follow, in Body.
	RowsQuery
	// Position moves the position between transactions: to another file, or over events without meaning here.
	Position
	// Executed has the GTIDs of all transactions before this place, in GTIDs.
	Executed
	// Incident says that the server has lost events.
	Incident
)

// Event is one event.
type Event struct {
	Kind Kind
	// Standalone, for Begin: no rows follow.
	Standalone bool
	// Compressed, for rows: their bytes are compressed as MariaDB does it.
	Compressed bool
	// Extra, for rows: the header has a part of variable length.
	Extra bool
	// Done, for rows, is how many of the event's rows were delivered before the stream was opened; -1: all. For Begin it is -1 when that is so
	// of a part of the transaction.
	Done int
	// Index counts the events of the transaction before this one, from its begin.
	Index int

	Server     string // of Begin, from Start
	File       string
	Start, End uint64 // of the event in the file; of Begin, of the whole transaction so far
	Micros     int64  // when the transaction was committed or, where that is not logged, the statement began, since the epoch
	ServerID   uint32 // of who wrote it first
	Thread     uint32 // of Begin and Statement
	GTID       position.GTID
	GTIDs      position.Set
	TableID    uint64
	Database   string
	// Body is valid as long as the event is, that of a TableMap for ever.
	Body []byte

	block *block // that Body is in; nil: it has memory of its own
}

// Advance moves a position over the event. Rows of it that are done are the caller's to count.
func (e *Event) Advance(p *position.Position) {
	switch e.Kind {
	case Begin:
		p.Begin(e.File, e.Start, e.GTID)
		p.Events = 1
	case Commit:
		p.Done(e.File, e.End)
	case Position:
		p.Skip(e.File, e.End)
	case Executed:
		if p.GTIDs.Empty() {
			p.GTIDs = e.GTIDs.Clone()
		}
	default:
		p.Events, p.Rows = e.Index+1, 0
	}
}
