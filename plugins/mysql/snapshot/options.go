package snapshot

import (
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// Options are what a snapshot is made with.
type Options struct {
	Server Server
	// DB answers questions about shapes, on connections of its own.
	DB table.Querier
	// Compile makes the records of a table that has a shape. It is called from several goroutines; what it returns is used by several, too.
	Compile func(table.Shape) (*change.Table, error)
	// Wanted tells which columns are read; the others are absent from rows.
	Wanted func(table.ID, *column.Column) bool
	// Source is source of every record, but for the time and the mark. Begin sets the position.
	Source change.Source
	// Marks tells that records have source.snapshot: they are envelopes.
	Marks bool

	Locking     Locking
	LockTimeout time.Duration
	// Threads is the number of readers.
	Threads int
	// QueueBytes bounds what is read and not taken.
	QueueBytes int64
	// Selects are statements for tables that are not read with one of the snapshot's own.
	Selects map[table.ID]string
	// Retries is how often in a row a reader connects again when its connection is lost, -1 without limit; RetryWait the longest wait before.
	Retries   int
	RetryWait time.Duration
	// SkipBad leaves out rows that cannot be converted, with a warning when LogBad is set; otherwise one ends the snapshot.
	SkipBad, LogBad bool

	Logger hclog.Logger
}
