package main

import (
	"encoding/binary"
	"testing"

	"github.com/outboard-connect/outboard/plugins/mysql/binlog"
)

// tableMapVersioned is the map that MariaDB logs for CREATE TABLE shop.h (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING.
func tableMapVersioned() []byte {
	body := binary.LittleEndian.AppendUint64(nil, tableT)[:6]
	body = append(body, 0, 0, 4)
	body = append(body, "shop\x00\x01h\x00"...)
	return append(body, "\x04\x03\x03\x11\x11\x02\x06\x06\x02\x01\x01\x00\x04\x17\x02id\x01v\trow_start\x07row_end\x08\x02\x00\x03"...)
}

// version is a row of it, until a second; 0: it is present.
func version(id, v uint32, end uint32) []byte {
	r := []byte{0}
	r = binary.LittleEndian.AppendUint32(r, id)
	r = binary.LittleEndian.AppendUint32(r, v)
	r = append(r, 0x6b, 3, 0x77, 0x3e, 0, 0, 0)
	if end == 0 {
		return append(r, 0x7f, 0xff, 0xff, 0xff, 0x0f, 0x42, 0x3f)
	}
	return append(binary.BigEndian.AppendUint32(r, end), 0, 0, 0)
}

// A system-versioned table has present rows alone: updates that end one are deletes, and what is inserted into the history or deleted from it is
// nothing.
func TestSystemVersioned(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config map[string]string
		want   string
	}{
		"envelope": {nil, `
			p.shop.h {id=1} c null → {id=1,v=1}
			p.shop.h {id=2} c null → {id=2,v=2}
			p.shop.h {id=1} u {id=1,v=1} → {id=1,v=3}
			p.shop.h {id=2} d {id=2,v=2} → null
			p.shop.h {id=2} null
			`},
		"without deletes": {map[string]string{keySkippedOperations: "d"}, `
			p.shop.h {id=1} c null → {id=1,v=1}
			p.shop.h {id=2} c null → {id=2,v=2}
			p.shop.h {id=1} u {id=1,v=1} → {id=1,v=3}
			`},
		"rows": {map[string]string{keyOutput: "row"}, `
			p.shop.h {id=1} {id=1,v=1}
			p.shop.h {id=2} {id=2,v=2}
			p.shop.h {id=1} {id=1,v=3}
			p.shop.h {id=2} null
			`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := new(script).begin(2).add(binlog.Event{Kind: binlog.TableMap, TableID: tableT, Body: tableMapVersioned()})
			rows := func(kind binlog.Kind, rows ...[]byte) {
				images := 1
				if kind == binlog.Update {
					images = 2
				}
				body := rowsT(images)
				body = append(body[:8], 2, 0, 4)
				for range images {
					body = append(body, 0b1111)
				}
				for _, r := range rows {
					body = append(body, r...)
				}
				l.add(binlog.Event{Kind: kind, TableID: tableT, Extra: true, Body: body})
			}
			rows(binlog.Insert, version(1, 1, 0), version(2, 2, 0))
			rows(binlog.Update, version(1, 1, 0), version(1, 3, 0))
			rows(binlog.Insert, version(1, 1, 99))
			rows(binlog.Update, version(2, 2, 0), version(2, 2, 99))
			rows(binlog.Delete, version(1, 1, 99), version(2, 2, 99))
			s := newStream(t, c.config)
			s.mariadb = true
			compare(t, show(t, delivered(t, s, l.commit())), c.want)
		})
	}
}
