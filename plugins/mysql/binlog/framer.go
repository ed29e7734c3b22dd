package binlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/outboard-connect/outboard/plugins/mysql/position"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// Types of events that go-mysql has no name for.
const (
	mariadbWriteRowsCompressed  replication.EventType = 169
	mariadbUpdateRowsCompressed replication.EventType = 170
	mariadbDeleteRowsCompressed replication.EventType = 171
)

// framer makes events of the server's: it finds transactions, computes positions, leaves out what is done already and the rows of tables that
// are not captured. It is used by one goroutine.
type framer struct {
	mariadb  bool
	captures func(table.ID) bool
	emit     func(*Event) error

	// at is behind the last event that was emitted. After a reconnection it tells what comes twice.
	at position.Position
	// done is where the stream was opened, until that transaction is behind.
	done    position.Position
	dormant bool // done is of no transaction any more
	// countAnnotations is for a position of Debezium's with include.query on MariaDB.
	countAnnotations bool

	server  string
	file    string
	next    uint64 // where the next event starts
	seeking bool   // the server looks for the first transaction
	whole   bool   // the file was read from its beginning, and no transaction of it yet
	// The transaction under way.
	gtid         position.GTID
	gtidStart    uint64
	hasGTID      bool // the event before was a GTID event
	micros       int64
	inside       bool
	start        uint64
	index        int
	sent, behind int // events of it that were emitted before a reconnection; that done says are done

	tables    map[uint64]*mapped
	event     Event // to be emitted
	unpacking bool  // the events are out of a compressed transaction
}

// mapped is a table whose number was seen in this file.
type mapped struct {
	rest     []byte // of the last table map
	captured bool
}

// connected starts over with a new connection, which begins with a transaction by its GTID, or with a place in a file. Another server may
// have cut a transaction into other events: what was begun comes again from its beginning.
func (f *framer) connected(s Start) {
	if s.Other {
		f.at.Events, f.at.Transaction, f.dormant = 0, position.GTID{}, true
	}
	f.server = s.Server
	f.file, f.next, f.seeking, f.whole = f.at.File, f.at.Pos, s.ByGTID, false
	f.gtid, f.hasGTID, f.inside = position.GTID{}, false, false
	f.tables = make(map[uint64]*mapped)
}

// errDamaged says that an event cannot be as a server writes it.
var errDamaged = errors.New("an event is damaged")

// handle takes one event from the server.
func (f *framer) handle(h *replication.EventHeader, body []byte) error {
	if err := f.frame(h, body); err != nil {
		if errors.Is(err, errStopped) {
			return err
		}
		return fmt.Errorf("event %s at %s:%d: %w", h.EventType, f.file, f.next, err)
	}
	return nil
}

func (f *framer) frame(h *replication.EventHeader, body []byte) error {
	switch h.EventType {
	case replication.ROTATE_EVENT:
		return f.rotate(h, body)
	case replication.HEARTBEAT_EVENT:
		return f.heartbeat(h, body)
	}
	start := f.next
	if h.Flags&replication.LOG_EVENT_ARTIFICIAL_F == 0 {
		start = f.place(h)
	}
	if h.EventType == replication.TRANSACTION_PAYLOAD_EVENT {
		return f.payload(h, body, start)
	}
	return f.dispatch(h, body, start)
}

// place computes where an event starts, and where the next one does. The header has only 32 bits of its end; within transactions
// MariaDB leaves it out from 11.4 on. The event of a file's format that the server sends at every start names no place.
func (f *framer) place(h *replication.EventHeader) (start uint64) {
	switch {
	case h.EventType == replication.FORMAT_DESCRIPTION_EVENT:
		f.next = max(f.next, uint64(h.LogPos))
		return f.next
	case h.LogPos != 0:
		end := f.next&^0xffffffff | uint64(h.LogPos)
		if end < f.next && f.next-end > 1<<31 {
			end += 1 << 32
		}
		f.next = end
		return end - min(uint64(h.EventSize), end)
	}
	start = f.next
	f.next += uint64(h.EventSize)
	return start
}

// rotate moves on to another file: at its end, and at the start of every connection.
func (f *framer) rotate(_ *replication.EventHeader, body []byte) error {
	if len(body) < 8 {
		return errDamaged
	}
	file, pos := string(body[8:]), binary.LittleEndian.Uint64(body)
	clear(f.tables) // their numbers are those of a file
	if file == f.file {
		f.next, f.whole = max(pos, 4), pos <= 4
		return nil
	}
	f.file, f.next, f.whole = file, max(pos, 4), pos <= 4
	return f.position()
}

// heartbeat comes when the server has nothing to send. It tells how far it has looked, which is beyond what was sent when that was done already.
func (f *framer) heartbeat(h *replication.EventHeader, body []byte) error {
	if f.inside || f.hasGTID || len(body) == 0 || h.LogPos == 0 {
		return nil
	}
	file := string(body)
	if file != f.file {
		f.file, f.next, f.whole = file, uint64(h.LogPos), false
		clear(f.tables)
	} else if end := f.next&^0xffffffff | uint64(h.LogPos); end >= f.next {
		f.next = end
	} else {
		return nil
	}
	f.seeking = false
	return f.position()
}

// position tells that nothing is under way here. The server looks for GTIDs from the beginning of a file on: what it skips counts for
// nothing before the first transaction is found.
func (f *framer) position() error {
	if f.inside || f.hasGTID || f.seeking {
		return nil
	}
	f.event = Event{Kind: Position, File: f.file, End: f.next}
	return f.send()
}

func (f *framer) dispatch(h *replication.EventHeader, body []byte, start uint64) error {
	t := h.EventType
	switch t {
	case replication.FORMAT_DESCRIPTION_EVENT:
		clear(f.tables)
		return f.position()
	case replication.HEARTBEAT_LOG_EVENT_V2: // comes to those alone who ask for it
		return nil
	case replication.PREVIOUS_GTIDS_EVENT:
		return f.previous(body)
	case replication.MARIADB_GTID_LIST_EVENT:
		return f.gtidList(h, body)
	case replication.GTID_EVENT, replication.ANONYMOUS_GTID_EVENT, replication.GTID_TAGGED_LOG_EVENT:
		return f.mysqlGTID(h, body, start)
	case replication.MARIADB_GTID_EVENT:
		return f.mariadbGTID(h, body, start)
	case replication.QUERY_EVENT, replication.MARIADB_QUERY_COMPRESSED_EVENT:
		return f.query(h, body, start)
	case replication.EXECUTE_LOAD_QUERY_EVENT:
		return f.loadQuery(h, body, start)
	case replication.XID_EVENT, replication.XA_PREPARE_LOG_EVENT:
		return f.commit(h)
	case replication.TABLE_MAP_EVENT:
		return f.tableMap(h, body, start)
	case replication.ROWS_QUERY_EVENT, replication.MARIADB_ANNOTATE_ROWS_EVENT:
		return f.rowsQuery(h, body, start)
	case replication.INCIDENT_EVENT:
		return f.inner(h, Event{Kind: Incident, Body: body}, start)
	}
	if kind, compressed, extra, ok := rowsKind(t); ok {
		return f.rows(h, body, start, Event{Kind: kind, Compressed: compressed, Extra: extra})
	}
	if t == replication.PARTIAL_UPDATE_ROWS_EVENT {
		return f.partial(body)
	}
	if f.inside {
		f.index++
	}
	return f.position()
}

// rowsKind tells what kind of rows a type of event has.
func rowsKind(t replication.EventType) (kind Kind, compressed, extra, ok bool) {
	switch t {
	case replication.WRITE_ROWS_EVENTv1:
		return Insert, false, false, true
	case replication.UPDATE_ROWS_EVENTv1:
		return Update, false, false, true
	case replication.DELETE_ROWS_EVENTv1:
		return Delete, false, false, true
	case replication.WRITE_ROWS_EVENTv2:
		return Insert, false, true, true
	case replication.UPDATE_ROWS_EVENTv2:
		return Update, false, true, true
	case replication.DELETE_ROWS_EVENTv2:
		return Delete, false, true, true
	case replication.MARIADB_WRITE_ROWS_COMPRESSED_EVENT_V1:
		return Insert, true, false, true
	case replication.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT_V1:
		return Update, true, false, true
	case replication.MARIADB_DELETE_ROWS_COMPRESSED_EVENT_V1:
		return Delete, true, false, true
	case mariadbWriteRowsCompressed:
		return Insert, true, true, true
	case mariadbUpdateRowsCompressed:
		return Update, true, true, true
	case mariadbDeleteRowsCompressed:
		return Delete, true, true, true
	}
	return 0, false, false, false
}

// previous has the GTIDs of all files before, at the beginning of each of MySQL's files.
func (f *framer) previous(body []byte) error {
	set, err := position.DecodeSet(body)
	if err != nil {
		return err
	}
	return f.executed(set)
}

// gtidList is the same of MariaDB; at the start of a connection it lists what the file begins with, which may be long before.
func (f *framer) gtidList(h *replication.EventHeader, body []byte) error {
	if len(body) < 4 {
		return errDamaged
	}
	count := int(binary.LittleEndian.Uint32(body) & (1<<28 - 1))
	body = body[4:]
	if count > len(body)/16 {
		return errDamaged
	}
	if h.Flags&replication.LOG_EVENT_ARTIFICIAL_F != 0 {
		return nil
	}
	var set position.Set
	for range count {
		set.Add(position.GTID{
			Source: position.Source{MariaDB: true, Domain: binary.LittleEndian.Uint32(body)},
			Server: binary.LittleEndian.Uint32(body[4:]), N: binary.LittleEndian.Uint64(body[8:]),
		})
		body = body[16:]
	}
	return f.executed(set)
}

// executed tells the GTIDs before this place, if it is at the beginning of the file. After a start in the middle they are those of the
// beginning all the same.
func (f *framer) executed(set position.Set) error {
	if !f.inside && !f.seeking && f.whole && !set.Empty() {
		f.event = Event{Kind: Executed, File: f.file, End: f.next, GTIDs: set}
		if err := f.send(); err != nil {
			return err
		}
	}
	return f.position()
}

// mysqlGTID comes before a transaction or statement.
func (f *framer) mysqlGTID(h *replication.EventHeader, body []byte, start uint64) error {
	var e replication.GTIDEvent
	if err := decodeGTID(&e, h.EventType, body); err != nil {
		return err
	}
	f.gtid, f.hasGTID, f.gtidStart = position.GTID{}, true, start
	if h.EventType != replication.ANONYMOUS_GTID_EVENT {
		f.gtid = position.GTID{Source: position.Source{UUID: [16]byte(e.SID), Tag: e.Tag}, N: uint64(e.GNO)}
	}
	f.micros = int64(e.OriginalCommitTimestamp)
	f.inside = false
	return nil
}

// decodeGTID turns the panics of a decoder that trusts its input into errors.
func decodeGTID(e *replication.GTIDEvent, t replication.EventType, body []byte) (err error) {
	defer func() {
		if recover() != nil {
			err = errDamaged
		}
	}()
	if t == replication.GTID_TAGGED_LOG_EVENT {
		var tagged replication.GtidTaggedLogEvent
		if err := tagged.Decode(body); err != nil {
			return err
		}
		*e = tagged.GTIDEvent
	} else if err := e.Decode(body); err != nil {
		return err
	}
	if len(e.SID) != 16 || e.GNO < 0 || t != replication.ANONYMOUS_GTID_EVENT && e.GNO == 0 {
		return errDamaged
	}
	return nil
}

// mariadbStandalone is the flag of a group of one statement.
const mariadbStandalone = 1

// mariadbGTID starts a transaction or precedes a statement.
func (f *framer) mariadbGTID(h *replication.EventHeader, body []byte, start uint64) error {
	if len(body) < 13 {
		return errDamaged
	}
	f.gtid = position.GTID{
		Source: position.Source{MariaDB: true, Domain: binary.LittleEndian.Uint32(body[8:])},
		Server: h.ServerID, N: binary.LittleEndian.Uint64(body),
	}
	if f.gtid.N == 0 {
		return errDamaged
	}
	f.micros, f.gtidStart, f.hasGTID, f.inside = 0, start, true, false
	if body[12]&mariadbStandalone != 0 {
		return nil
	}
	return f.begin(h, start, 0, false)
}

// begin starts a transaction.
func (f *framer) begin(h *replication.EventHeader, start uint64, thread uint32, standalone bool) error {
	if f.hasGTID {
		start = f.gtidStart
	} else {
		f.gtid, f.micros = position.GTID{}, 0
	}
	if f.micros == 0 {
		f.micros = int64(h.Timestamp) * 1_000_000
	}
	f.inside, f.hasGTID, f.seeking, f.whole, f.start, f.index = true, false, false, false, start, 1
	f.resume()
	if f.sent > 0 {
		return nil
	}
	f.event = Event{
		Kind: Begin, Standalone: standalone, Server: f.server, File: f.file, Start: start, End: f.next, Micros: f.micros, ServerID: h.ServerID, Thread: thread,
		GTID: f.gtid,
	}
	if f.behind > 0 {
		f.event.Done = -1
	}
	return f.send()
}

// resume finds out how much of the transaction that begins is done.
func (f *framer) resume() {
	f.sent, f.behind = 0, 0
	if f.at.Events > 0 && f.isAt(&f.at) {
		f.sent = f.at.Events
	}
	if f.dormant {
		return
	}
	if f.done.Events > 0 || f.done.Rows > 0 {
		if f.isAt(&f.done) {
			f.behind = f.done.Events
			return
		}
		// Debezium's offset does not name the transaction; it is the first one.
		if f.done.Transaction.IsZero() && f.sent == 0 && f.at.Events == 0 {
			f.behind = f.done.Events
			f.done.Transaction, f.done.File, f.done.Pos = f.gtid, f.file, f.start
			return
		}
	}
	f.dormant = true
}

// isAt tells whether a position is in the transaction that begins.
func (f *framer) isAt(p *position.Position) bool {
	if !f.gtid.IsZero() || !p.Transaction.IsZero() {
		return p.Transaction == f.gtid
	}
	return p.File == f.file && p.Pos == f.start
}

// inner emits an event inside a transaction, unless it was before.
func (f *framer) inner(h *replication.EventHeader, e Event, start uint64) error {
	e.Index, e.File, e.Start, e.End, e.Micros, e.ServerID, e.GTID = f.index, f.file, start, f.next, f.micros, h.ServerID, f.gtid
	f.index++
	if e.Index < f.sent {
		if e.Kind != TableMap {
			return nil
		}
		e.Index = f.sent - 1 // the number of the table may be new
	}
	f.event = e
	return f.send()
}

// commit ends the transaction.
func (f *framer) commit(h *replication.EventHeader) error {
	if !f.inside {
		return f.position()
	}
	f.event = Event{Kind: Commit, File: f.file, Start: f.start, End: f.next, Index: f.index, Micros: f.micros, ServerID: h.ServerID, GTID: f.gtid}
	f.inside, f.sent, f.dormant = false, 0, true
	return f.send()
}

// query is BEGIN, COMMIT, DDL, or what else is logged as text.
func (f *framer) query(h *replication.EventHeader, body []byte, start uint64) error {
	q, err := decodeQuery(body, h.EventType == replication.MARIADB_QUERY_COMPRESSED_EVENT)
	if err != nil {
		return err
	}
	switch {
	case isWord(q.text, "BEGIN") || hasWords(q.text, "XA", "START") || hasWords(q.text, "XA", "BEGIN"):
		if f.inside { // MariaDB's GTID event has begun it
			f.index++
			return nil
		}
		return f.begin(h, start, q.thread, false)
	case f.inside && (isWord(q.text, "COMMIT") || isWord(q.text, "ROLLBACK") || hasWords(q.text, "XA", "COMMIT") || hasWords(q.text, "XA", "ROLLBACK")):
		return f.commit(h)
	}
	return f.statement(h, start, q)
}

// statement is inside a transaction or one by itself.
func (f *framer) statement(h *replication.EventHeader, start uint64, q query) error {
	alone := !f.inside
	if alone {
		if err := f.begin(h, start, q.thread, true); err != nil {
			return err
		}
	}
	if err := f.inner(h, Event{Kind: Statement, Thread: q.thread, Database: q.database, Body: q.text}, start); err != nil {
		return err
	}
	if alone {
		return f.commit(h)
	}
	return nil
}

// loadQuery is LOAD DATA, logged as a statement: the text follows the fields of a query and those of the file.
func (f *framer) loadQuery(h *replication.EventHeader, body []byte, start uint64) error {
	const fields = 4 + 4 + 4 + 1
	if len(body) < queryHeader+fields {
		return errDamaged
	}
	q, err := decodeQuery(append(body[:queryHeader:queryHeader], body[queryHeader+fields:]...), false)
	if err != nil {
		return err
	}
	return f.statement(h, start, q)
}

func (f *framer) rowsQuery(h *replication.EventHeader, body []byte, start uint64) error {
	if h.EventType == replication.ROWS_QUERY_EVENT {
		if len(body) == 0 {
			return errDamaged
		}
		return f.inner(h, Event{Kind: RowsQuery, Body: body[1:]}, start) // behind a length that is too short for most statements
	}
	if f.countAnnotations && !f.dormant {
		return f.inner(h, Event{Kind: RowsQuery, Body: body}, start)
	}
	// Whether MariaDB sends them is up to who reads, so they do not count. One too many does no harm.
	if f.index < f.sent {
		return nil
	}
	f.event = Event{Kind: RowsQuery, Index: f.index - 1, File: f.file, Start: start, End: f.next, Micros: f.micros, ServerID: h.ServerID, GTID: f.gtid, Body: body}
	return f.send()
}

// tableMap comes before rows. What the receiver has is not emitted again.
func (f *framer) tableMap(h *replication.EventHeader, body []byte, start uint64) error {
	id, database, name, rest, err := table.MapIdentity(body)
	if err != nil {
		return err
	}
	m := f.tables[id]
	if m != nil && bytes.Equal(m.rest, rest) {
		f.index++
		return nil
	}
	if m == nil {
		m = &mapped{}
		f.tables[id] = m
	}
	body = bytes.Clone(body) // it is kept, and rest is its end
	m.rest = body[len(body)-len(rest):]
	m.captured = f.captures(table.ID{Database: string(database), Name: string(name)})
	if !m.captured {
		f.index++
		return nil
	}
	return f.inner(h, Event{Kind: TableMap, TableID: id, Body: body}, start)
}

// noTable is the number in a row event that only ends a statement.
const noTable = 0xffffff

// rows are of one table.
func (f *framer) rows(h *replication.EventHeader, body []byte, start uint64, e Event) error {
	if len(body) < 8 {
		return errDamaged
	}
	e.TableID, e.Body = table.TableID(body), body
	m := f.tables[e.TableID]
	if m == nil && e.TableID != noTable {
		return fmt.Errorf("rows of table number %d, which no table map has named", e.TableID)
	}
	if m == nil || !m.captured {
		f.index++
		return nil
	}
	switch {
	case f.index < f.behind:
		e.Done = -1
	case f.index == f.behind && !f.dormant:
		e.Done = f.done.Rows
	}
	return f.inner(h, e, start)
}

// partial rows have changes of JSON documents instead of the documents.
func (f *framer) partial(body []byte) error {
	if len(body) < 8 {
		return errDamaged
	}
	if m := f.tables[table.TableID(body)]; m != nil && m.captured {
		return &Error{Reason: PartialJSON, err: errors.New("the log has changes of JSON documents instead of whole ones")}
	}
	f.index++
	return nil
}

func (f *framer) send() error {
	if err := f.emit(&f.event); err != nil {
		return err
	}
	f.event.Advance(&f.at)
	return nil
}

// query is what a query event says.
type query struct {
	thread   uint32
	database string
	text     []byte
}

const queryHeader = 4 + 4 + 1 + 2 + 2

func decodeQuery(body []byte, compressed bool) (query, error) {
	if len(body) < queryHeader {
		return query{}, errDamaged
	}
	q := query{thread: binary.LittleEndian.Uint32(body)}
	database, status := int(body[8]), int(binary.LittleEndian.Uint16(body[11:]))
	rest := body[queryHeader:]
	if len(rest) < status+database+1 {
		return query{}, errDamaged
	}
	q.database = string(rest[status : status+database])
	q.text = rest[status+database+1:]
	if compressed {
		text, err := inflate(q.text)
		if err != nil {
			return query{}, err
		}
		q.text = text
	}
	return q, nil
}

func isWord(text []byte, word string) bool {
	return len(text) >= len(word) && len(text) < len(word)+8 && bytes.EqualFold(bytes.TrimSpace(text), []byte(word))
}

func hasWords(text []byte, words ...string) bool {
	for _, w := range words {
		text = bytes.TrimLeft(text, " \t\r\n")
		if len(text) < len(w) || !bytes.EqualFold(text[:len(w)], []byte(w)) {
			return false
		}
		text = text[len(w):]
	}
	return true
}
