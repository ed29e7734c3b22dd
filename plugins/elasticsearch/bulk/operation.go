package bulk

import (
	"hash/maphash"
	"strconv"
)

// Kind is a kind of operation.
type Kind uint8

const (
	// Index writes a document, whatever was there.
	Index Kind = iota
	// Create writes a document that is new. If it is there already, it was this operation that made it: done.
	Create
	// Upsert writes the members of the document into the one that is there, if any.
	Upsert
	// Delete deletes a document.
	Delete
)

// Unversioned is the Version of an operation without one.
const Unversioned = -1

// Operation is one operation on one document. Its parts are copied.
type Operation struct {
	Kind Kind
	// Index is the name of an index, as document.CheckIndex allows.
	Index string
	// ID is the document's. Empty with Index and Create: the server makes one.
	ID []byte
	// Routing chooses the shard; empty: the id does.
	Routing string
	// Version lets the server refuse an operation when it has done one with the
	// same version or a higher one; Unversioned for none. Not with Create and Upsert.
	Version int64
	// Document is a JSON object on one line, nil with Delete.
	Document []byte
}

var kindNames = [...]string{Index: "index", Create: "create", Upsert: "update", Delete: "delete"}

// mostConflicts is how often the server tries an Upsert again itself when somebody else changes the document.
const mostConflicts = "3"

// append writes the lines of the operation.
func (o *Operation) append(b []byte) []byte {
	b = append(append(append(b, `{"`...), kindNames[o.Kind]...), `":{"_index":"`...)
	b = append(append(b, o.Index...), '"')
	if len(o.ID) > 0 {
		b = appendText(append(b, `,"_id":`...), o.ID)
	}
	if o.Routing != "" {
		b = appendText(append(b, `,"routing":`...), []byte(o.Routing))
	}
	switch {
	case o.Kind == Upsert:
		b = append(b, `,"retry_on_conflict":`+mostConflicts...)
	case o.Version != Unversioned:
		b = strconv.AppendInt(append(b, `,"version":`...), o.Version, 10)
		b = append(b, `,"version_type":"external"`...)
	}
	b = append(b, "}}\n"...)
	switch o.Kind {
	case Delete:
		return b
	case Upsert:
		b = append(append(append(b, `{"doc":`...), o.Document...), `,"doc_as_upsert":true}`...)
	default:
		b = append(b, o.Document...)
	}
	return append(b, '\n')
}

const hexDigits = "0123456789abcdef"

// appendText writes UTF-8 as a JSON text.
func appendText(b, text []byte) []byte {
	b = append(b, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// item is an operation in a request.
type item struct {
	record int
	start  int // of its lines in the request's body
	hash   uint64
	kind   Kind
	index  string
	// again is set when the operation was done and is sent once more, behind an
	// earlier one on the same document.
	again bool
}

// hash returns what operations on the same document have in common, 0 without an id.
func hash(seed maphash.Seed, id []byte) uint64 {
	if len(id) == 0 {
		return 0
	}
	return maphash.Bytes(seed, id) | 1
}
