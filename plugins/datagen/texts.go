package main

import (
	"maps"
	"math/rand/v2"
	"strconv"
	"sync"
	"weak"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
)

const (
	// numberSize is the number of digits that a record's number is written in.
	numberSize = 16
	// maxValueSize leaves room in a record for key and offset.
	maxValueSize = sdk.MaxRecord - 1<<10
	// poolSize is how many bytes the bodies of all records are cut from: far
	// beyond the window of the usual compression, so that pieces seldom overlap
	// in it, and little enough for the processor's cache.
	poolSize = 512 << 10
	// runLength is how many records in a row are pieces of the pool in a row: the processor fetches what comes next beforehand.
	runLength = 64
	// maxWord is how long a word, its number and the space behind it are together at most.
	maxWord = 16
)

// texts makes values of printable text: the number of the record, and a piece
// of a pool of words and numbers that depends on it. Compression finds in it
// about what it finds in logs and documents.
type texts struct {
	*pool
	size int // of a value
	digits
}

// pool is what the bodies of a seed's records are cut from: its end is followed by its beginning.
type pool struct {
	text []byte
	mix  uint64
}

var words = [...]string{
	"alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima", "mike",
	"november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey", "xray", "yankee", "zulu",
}

func newTexts(seed int64, size int) *texts { return &texts{pool: poolOf(seed), size: size} }

// pools are those in use, by their seed: tasks in the same process share them.
var pools struct {
	sync.Mutex
	inUse map[int64]weak.Pointer[pool]
}

func poolOf(seed int64) *pool {
	pools.Lock()
	defer pools.Unlock()
	if p := pools.inUse[seed].Value(); p != nil {
		return p
	}
	if pools.inUse == nil {
		pools.inUse = map[int64]weak.Pointer[pool]{}
	}
	maps.DeleteFunc(pools.inUse, func(_ int64, p weak.Pointer[pool]) bool { return p.Value() == nil })
	p := newPool(seed)
	pools.inUse[seed] = weak.Make(p)
	return p
}

func newPool(seed int64) *pool {
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	p := &pool{text: make([]byte, 0, poolSize+maxWord), mix: random.Uint64()}
	for len(p.text) < poolSize {
		p.text = append(p.text, words[random.Uint64()%uint64(len(words))]...)
		p.text = strconv.AppendUint(p.text, random.Uint64()%1000, 10)
		p.text = append(p.text, ' ')
	}
	p.text = p.text[:poolSize]
	return p
}

func (t *texts) write(r *sdk.Record, number int64) {
	at := (scramble(uint64(number)/runLength^t.mix) + uint64(number)%runLength*uint64(t.size)) % poolSize
	value := r.ValueSpace(t.size)
	t.set(number)
	rest := value[copy(value, t.digits.text[:]):]
	for from := t.pool.text[at:]; len(rest) > 0; from = t.pool.text {
		rest = rest[copy(rest, from):]
	}
}

// digits are a number in numberSize digits.
type digits struct {
	number int64
	text   [numberSize]byte // all zero: there is none yet
}

// set makes it another number, which takes little when that follows soon on the one before.
func (d *digits) set(number int64) {
	last := &d.text[numberSize-1]
	if more := number - d.number; *last >= '0' && more >= 0 && more <= int64('9'-*last) {
		*last += byte(more)
	} else {
		stamp(d.text[:], number)
	}
	d.number = number
}

// stamp writes a number in numberSize digits.
func stamp(dst []byte, n int64) {
	_ = dst[numberSize-1]
	for i := numberSize - 1; i > 0; i -= 2 {
		q := n / 100
		two := pairs[2*(n-100*q):]
		dst[i-1], dst[i] = two[0], two[1]
		n = q
	}
}

const pairs = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899"

// scramble turns consecutive numbers into ones that have nothing in common
// (splitmix64).
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
