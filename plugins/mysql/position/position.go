package position

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Position is where a connector is in the binary log. The zero value is no position.
type Position struct {
	// File and Pos are where to start in the log: the beginning of the transaction under way, or of what comes next.
	File string
	Pos  uint64
	// GTIDs are the transactions done before that; empty when they are not known.
	GTIDs Set
	// Transaction is the one under way, when it has a GTID.
	Transaction GTID
	// Events and Rows are what of the transaction under way is done: whole events, and rows of the next one.
	Events, Rows int
}

// IsZero tells that there is no position.
func (p Position) IsZero() bool { return p.File == "" && p.GTIDs.Empty() }

// Begin starts a transaction whose first event is at a byte of the file.
func (p *Position) Begin(file string, pos uint64, gtid GTID) {
	p.File, p.Pos, p.Transaction, p.Events, p.Rows = file, pos, gtid, 0, 0
}

// Done ends the transaction under way; the next one starts at a byte of the file. When the GTIDs before it are not known, they are not
// known behind it either: a set of the transactions seen would make a server send all others.
func (p *Position) Done(file string, pos uint64) {
	if !p.GTIDs.Empty() {
		p.GTIDs.Add(p.Transaction)
	}
	p.File, p.Pos, p.Transaction, p.Events, p.Rows = file, pos, GTID{}, 0, 0
}

// Skip steps over the start of a file or over events that belong to no transaction.
func (p *Position) Skip(file string, pos uint64) {
	p.File, p.Pos = file, pos
}

// String names the position in messages.
func (p Position) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d", p.File, p.Pos)
	if p.Events > 0 || p.Rows > 0 {
		fmt.Fprintf(&b, " (%d events and %d rows into the transaction)", p.Events, p.Rows)
	}
	if !p.GTIDs.Empty() {
		fmt.Fprintf(&b, ", GTIDs %s", p.GTIDs)
	}
	return b.String()
}

// CompareFiles orders files of the log of one server by their number, which may outgrow its six digits.
func CompareFiles(a, b string) int {
	return cmp.Or(cmp.Compare(fileNumber(a), fileNumber(b)), cmp.Compare(a, b))
}

func fileNumber(name string) int64 {
	n, err := strconv.ParseInt(name[strings.LastIndexByte(name, '.')+1:], 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// Compare orders two positions of one server's log by file, byte, event and row.
func Compare(a, b Position) int {
	return cmp.Or(CompareFiles(a.File, b.File), cmp.Compare(a.Pos, b.Pos), cmp.Compare(a.Events, b.Events), cmp.Compare(a.Rows, b.Rows))
}
