package transform

// interned keeps texts that were worked out from texts, topics for instance. Nearly always it is the text of the record
// before that is asked for.
type interned struct {
	from, to string
	known    map[string]string
}

const mostInterned = 10_000

func (n *interned) get(from string) (to string, ok bool) {
	if n.known != nil && from == n.from {
		return n.to, true
	}
	if to, ok = n.known[from]; ok {
		n.from, n.to = from, to
	}
	return to, ok
}

// own returns a text that lives longer than the bytes it is read from.
func (n *interned) own(b []byte) string {
	if to, ok := n.known[string(b)]; ok {
		return to
	}
	s := string(b)
	n.put(s, s)
	return s
}

func (n *interned) put(from, to string) {
	if n.known == nil || len(n.known) >= mostInterned {
		n.known = map[string]string{}
	}
	n.known[from] = to
	n.from, n.to = from, to
}
