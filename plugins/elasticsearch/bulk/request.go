package bulk

// request is operations that are sent together.
type request struct {
	body  []byte
	items []item
}

func (r *request) add(o *Operation, record int, hash uint64) {
	r.items = append(r.items, item{record: record, start: len(r.body), hash: hash, kind: o.Kind, index: o.Index})
	r.body = o.append(r.body)
}

// clear empties a request that was not sent.
func (r *request) clear() { r.body, r.items = r.body[:0], r.items[:0] }

// fresh returns an empty request with as much room. The memory of one that was
// sent is not used again: who sends it may still look at it after the answer.
func (r *request) fresh() *request {
	return &request{body: make([]byte, 0, cap(r.body)), items: make([]item, 0, cap(r.items))}
}

func (r *request) last() *item { return &r.items[len(r.items)-1] }

// join appends the operations of another request.
func (r *request) join(other *request) {
	at := len(r.body)
	r.body = append(r.body, other.body...)
	for _, it := range other.items {
		it.start += at
		r.items = append(r.items, it)
	}
}

// take appends operation i of another request.
func (r *request) take(other *request, i int) {
	it := other.items[i]
	it.start = len(r.body)
	r.items = append(r.items, it)
	r.body = append(r.body, other.lines(i)...)
}

// lines returns those of operation i.
func (r *request) lines(i int) []byte {
	if i+1 < len(r.items) {
		return r.body[r.items[i].start:r.items[i+1].start]
	}
	return r.body[r.items[i].start:]
}

// split returns the two halves of a request, by bytes, neither empty.
func (r *request) split() (first, second *request) {
	half := 1
	for half < len(r.items)-1 && r.items[half].start < len(r.body)/2 {
		half++
	}
	first, second = &request{}, &request{}
	for i := range r.items {
		if i < half {
			first.take(r, i)
		} else {
			second.take(r, i)
		}
	}
	return first, second
}
