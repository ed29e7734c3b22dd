package main

import (
	"bytes"

	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

// presentOp returns what a change of a system-versioned table is for those who read its present rows; false: it is nothing to them. MariaDB logs
// such a DELETE as an UPDATE of the column rowEnd; an UPDATE has a second event that inserts the former row into the history, which DELETE HISTORY
// deletes.
func presentOp(op change.Op, before, after change.Image, rowEnd int) (change.Op, bool) {
	switch op {
	case change.Create:
		return op, endless(after[rowEnd])
	case change.Update:
		if after[rowEnd].State != column.Absent && !endless(after[rowEnd]) {
			op = change.Delete
		}
	}
	return op, before[rowEnd].State == column.Absent || endless(before[rowEnd])
}

// ends are what the end of a present row is: the last moment of a TIMESTAMP(6), which is another one from MariaDB 11.5 on, and the last
// transaction.
var ends = [][]byte{
	{0x7f, 0xff, 0xff, 0xff, 0x0f, 0x42, 0x3f},
	{0xff, 0xff, 0xff, 0xff, 0x0f, 0x42, 0x3f},
	{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
}

func endless(c column.Cell) bool {
	for _, end := range ends {
		if bytes.Equal(c.Bytes, end) {
			return true
		}
	}
	return false
}
