package storage

import (
	"context"
	"errors"
)

// Entry is one record of a log. A nil Value is a tombstone: the key is deleted.
type Entry struct {
	Key, Value []byte
	Offset     int64 // set by the log; grows within one partition of a topic, and within a whole file
}

// Log is a compacted log: of each key the last entry counts, older ones may disappear at any time.
//
// Entries of one key are delivered in the order in which they were appended. A log of one partition, a file and
// memory keep the order of all entries. An entry may be delivered again after a failure of the broker, so that what
// reads a log applies state rather than counts events.
//
// Life: Follow once, then any number of concurrent Append and Sync, then Close once nobody calls anything else.
//
//	opened ──Follow──▶ reading ──all delivered──▶ following ──Close──▶ closed
//	                      └────────── for good ──────┴──▶ failed (Failed is closed, Err says why) ──Close──▶ closed
//
// A broker that is away is no failure: Append and Sync wait as long as their context allows, following resumes by
// itself. Failed is for what does not heal: the topic was deleted, the disk lost data.
type Log interface {
	// Follow delivers every entry, from the oldest, to fn and returns when all that was in the log at the time of the
	// call has been delivered; after that it goes on in the background until Close. It is called once, before Append
	// and Sync. fn runs in one goroutine of the log, never concurrently with itself; it must not call the log, and
	// owns the bytes of an entry only until it returns. When ctx ends first, its error is returned, delivery goes on.
	Follow(ctx context.Context, fn func(Entry)) error
	// Append makes entries durable in the order given, and returns when they are. On an error any part of them may
	// have been written, or, when the error is that of ctx, still be written later. Entries are not changed and not
	// kept after the return. Their Offset is ignored.
	Append(ctx context.Context, entries ...Entry) error
	// Sync returns when everything that anybody appended before the call has been delivered to fn: read your writes.
	Sync(ctx context.Context) error
	// Failed is closed when the log stopped for good before Close. From then on Append and Sync return Err.
	Failed() <-chan struct{}
	// Err is the reason why the log failed, nil before Failed is closed.
	Err() error
	// Close stops following and frees what the log holds; fn is not called after it returned. Appends that have not
	// returned are either durable or get an error. A second Close does nothing. It must not be called by fn.
	Close() error
}

// ErrClosed is what Append and Sync return after Close.
var ErrClosed = errors.New("the log is closed")

var (
	errNotFollowed = errors.New("the log is not followed yet: call Follow before Append and Sync")
	errFollowed    = errors.New("the log is followed already: Follow is called once")
	errNoKey       = errors.New("an entry of a compacted log needs a key")
)
