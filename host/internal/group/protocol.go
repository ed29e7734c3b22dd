package group

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/flate"
)

// Protocol is a layout of the group's messages, in the words of connect.protocol. Its number is the version on the wire.
// A group uses the latest that all its members offer; a member offers its own and those before it.
type Protocol int16

// The protocols. Members balance their work in the same way under all of them.
const (
	Eager      Protocol = iota // on the wire: default
	Compatible                 // on the wire: compatible
	Sessioned                  // on the wire: sessioned; requests between workers are signed
)

// ParseProtocol reads a value of connect.protocol.
func ParseProtocol(text string) (Protocol, error) {
	for p := Eager; p <= Sessioned; p++ {
		if strings.EqualFold(text, p.String()) {
			return p, nil
		}
	}
	return 0, fmt.Errorf("connect.protocol=%s is none of eager, compatible, sessioned", text)
}

// String returns the value of connect.protocol.
func (p Protocol) String() string {
	switch p {
	case Eager:
		return "eager"
	case Compatible:
		return "compatible"
	case Sessioned:
		return "sessioned"
	}
	return fmt.Sprintf("version %d", int16(p))
}

// wireName is the name by which brokers know a protocol.
func (p Protocol) wireName() string {
	if p == Eager {
		return "default"
	}
	return p.String()
}

// protocolType is that of Kafka Connect's groups.
const protocolType = "connect"

// memberMetadata is what a member tells the leader when it joins.
type memberMetadata struct {
	version      Protocol
	url          string
	configOffset int64
	// allocation is what the member runs, nil before it was assigned anything for the first time.
	allocation *memberAssignment
	mark       *mark // nil: the member is not an Outboard worker
}

// memberAssignment is what the leader tells a member.
type memberAssignment struct {
	version      Protocol
	problem      int16 // noProblem or configMismatch
	leader       string
	leaderURL    string
	configOffset int64
	// run is all that the member is to run. (Kafka Connect has here, from version 1 on, what is to be started only.)
	run []Work
	// revoked is what it must give up, for others to get it in the next round.
	revoked []Work
	delay   time.Duration // until the leader gives out work that waits for its worker; in whole milliseconds
	mark    *mark         // nil: the leader is not an Outboard worker
}

// Problems of an assignment.
const (
	noProblem      int16 = 0
	configMismatch int16 = 1 // the leader could not read the config topic: everybody keeps what they have
)

// mark is what Outboard appends to the messages of Kafka Connect, whose readers ignore what comes after the last field
// they know. It tells Outboard's workers from Kafka Connect's.
type mark struct {
	leaving bool // of a member that goes: it wants nothing, and what was its own need not wait for it
	more    bool // of an assignment: somebody was told to give something up, so that another round follows soon
}

const (
	markMagic   = "Outboard"
	markVersion = 1
	leavingFlag = 1 << 0
	moreFlag    = 1 << 1
)

// Work that takes more room than packLimit in a message is packed into the mark: all that the members of a group say in a
// round is one record in Kafka, of one megabyte by default.
const (
	packLimit   = 4 << 10
	unpackLimit = 64 << 20
)

// maxName is the number of bytes that a name may have on the wire.
const maxName = math.MaxInt16

// encode returns the message. Names are at most maxName bytes long.
func (m memberMetadata) encode() []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(m.version))
	b = appendString(b, m.url)
	b = binary.BigEndian.AppendUint64(b, uint64(m.configOffset))
	var allocation, packed []byte
	if m.allocation != nil {
		allocation = m.allocation.layout(max(m.version, Compatible))
		if m.mark != nil && (m.version == Eager || len(allocation) > packLimit) {
			allocation, packed = nil, pack(allocation)
		}
	}
	if m.version > Eager {
		b = appendBytes(b, allocation)
	}
	return m.mark.append(b, packed)
}

// decodeMetadata reads what any version of Kafka Connect, or Outboard, wrote.
func decodeMetadata(data []byte) (memberMetadata, error) {
	r := reader{rest: data}
	m := memberMetadata{version: r.version(), url: r.string(), configOffset: r.int64()}
	var allocation, packed []byte
	if m.version > Eager && r.more() {
		allocation = r.bytes()
	}
	if m.mark, packed = r.mark(); packed != nil {
		allocation = packed
	}
	if allocation != nil && r.err == nil {
		inner := reader{rest: allocation}
		a := inner.assignment()
		m.allocation, r.err = &a, inner.err
	}
	if r.err != nil {
		return memberMetadata{}, fmt.Errorf("member metadata: %w", r.err)
	}
	return m, nil
}

// encode returns the message. Names are at most maxName bytes long.
func (a memberAssignment) encode() []byte {
	plain := a.layout(a.version)
	if a.mark == nil {
		return plain
	}
	var packed []byte
	if a.version == Eager && len(a.revoked) > 0 || len(plain) > packLimit {
		packed = pack(a.layout(max(a.version, Compatible)))
		a.run, a.revoked = nil, nil
		plain = a.layout(a.version)
	}
	return a.mark.append(plain, packed)
}

// layout returns the message in a version, without a mark.
func (a memberAssignment) layout(version Protocol) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(version))
	b = binary.BigEndian.AppendUint16(b, uint16(a.problem))
	b = appendString(b, a.leader)
	b = appendString(b, a.leaderURL)
	b = binary.BigEndian.AppendUint64(b, uint64(a.configOffset))
	b = appendWork(b, a.run)
	if version > Eager {
		b = appendWork(b, a.revoked)
		b = binary.BigEndian.AppendUint32(b, uint32(a.delay.Milliseconds()))
	}
	return b
}

// decodeAssignment reads what any version of Kafka Connect, or Outboard, wrote.
func decodeAssignment(data []byte) (memberAssignment, error) {
	r := reader{rest: data}
	a := r.assignment()
	var packed []byte
	if a.mark, packed = r.mark(); packed != nil {
		inner := reader{rest: packed}
		all := inner.assignment()
		a.run, a.revoked, r.err = all.run, all.revoked, inner.err
	}
	if r.err != nil {
		return memberAssignment{}, fmt.Errorf("member assignment: %w", r.err)
	}
	return a, nil
}

// assignment reads the fields of an assignment.
func (r *reader) assignment() memberAssignment {
	a := memberAssignment{
		version: r.version(), problem: r.int16(), leader: r.string(), leaderURL: r.string(), configOffset: r.int64(),
	}
	if r.more() {
		a.run = r.work()
	}
	if a.version > Eager && r.more() {
		a.revoked = r.work()
	}
	if a.version > Eager && r.more() {
		a.delay = time.Duration(r.int32()) * time.Millisecond
	}
	return a
}

// append appends a mark, with what the message itself has no room for.
func (m *mark) append(b, packed []byte) []byte {
	if m == nil {
		return b
	}
	b = append(b, markMagic...)
	b = binary.BigEndian.AppendUint16(b, markVersion)
	flags := byte(0)
	if m.leaving {
		flags |= leavingFlag
	}
	if m.more {
		flags |= moreFlag
	}
	return appendBytes(append(b, flags), packed)
}

func pack(data []byte) []byte {
	var packed bytes.Buffer
	// It keeps no state, where a writer takes most of a megabyte; and a buffer takes everything.
	_ = flate.StatelessDeflate(&packed, data, true, nil)
	return packed.Bytes()
}

func unpack(packed []byte) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), unpackLimit+1))
	if err != nil {
		return nil, fmt.Errorf("packed work: %w", err)
	}
	if len(data) > unpackLimit {
		return nil, fmt.Errorf("packed work: more than %d bytes", unpackLimit)
	}
	return data, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

// appendBytes appends bytes that may be nil.
func appendBytes(b, data []byte) []byte {
	if data == nil {
		return binary.BigEndian.AppendUint32(b, math.MaxUint32)
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(data))), data...)
}

// appendWork appends work by connector: its name, and the numbers of its tasks.
func appendWork(b []byte, work []Work) []byte {
	sorted := slices.SortedFunc(slices.Values(work), compareWork)
	groups := 0
	count := len(b)
	b = binary.BigEndian.AppendUint32(b, 0)
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].Connector == sorted[0].Connector {
			n++
		}
		b = appendString(b, sorted[0].Connector)
		b = binary.BigEndian.AppendUint32(b, uint32(n))
		for _, w := range sorted[:n] {
			b = binary.BigEndian.AppendUint32(b, uint32(int32(w.Task)))
		}
		sorted = sorted[n:]
		groups++
	}
	binary.BigEndian.PutUint32(b[count:], uint32(groups))
	return b
}

// reader reads a message. After the first error it returns zeros.
type reader struct {
	rest []byte
	err  error
}

var errCut = errors.New("it ends too early")

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
	r.rest = nil
}

// more tells whether there are fields left: writers may leave out the last ones.
func (r *reader) more() bool { return len(r.rest) > 0 && !r.marked() }

// marked tells whether the mark comes next. No field begins like it: as a length it would be beyond any message.
func (r *reader) marked() bool { return bytes.HasPrefix(r.rest, []byte(markMagic)) }

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.fail("%w", errCut)
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) version() Protocol {
	v := r.int16()
	if v < 0 {
		r.fail("version %d", v)
	}
	return Protocol(v)
}

func (r *reader) int16() int16 {
	if b := r.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *reader) int32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *reader) int64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *reader) string() string { return string(r.take(int(r.int16()))) }

// bytes reads bytes that may be nil.
func (r *reader) bytes() []byte {
	n := r.int32()
	if n == -1 {
		return nil
	}
	return r.take(int(n))
}

// work reads what appendWork wrote, or nothing where an array is null.
func (r *reader) work() []Work {
	var work []Work
	for range r.count(6) {
		connector := r.string()
		for range r.count(4) {
			work = append(work, Work{connector, int(r.int32())})
		}
	}
	return work
}

// count reads the number of elements of an array, each of which has at least size bytes.
func (r *reader) count(size int) int {
	n := int(r.int32())
	if n < 0 {
		return 0
	}
	if n > len(r.rest)/size {
		r.fail("%w", errCut)
		return 0
	}
	return n
}

// mark reads a mark and what is packed in it. What follows is for later versions.
func (r *reader) mark() (m *mark, packed []byte) {
	if r.err != nil || !r.marked() {
		return nil, nil
	}
	r.take(len(markMagic))
	if version := r.int16(); version < markVersion {
		r.fail("version %d of what Outboard adds", version)
	}
	flags := r.take(1)
	packed = r.bytes()
	if r.err != nil {
		return nil, nil
	}
	if packed != nil {
		var err error
		if packed, err = unpack(packed); err != nil {
			r.fail("%w", err)
			return nil, nil
		}
	}
	return &mark{leaving: flags[0]&leavingFlag != 0, more: flags[0]&moreFlag != 0}, packed
}
