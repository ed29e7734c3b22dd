package transform

import "slices"

// dropHeaders is Kafka's DropHeaders: it takes all headers of given names away.
type dropHeaders struct {
	names []string
	drop  func(string) bool
}

func newDropHeaders(s settings) (built, error) {
	t := &dropHeaders{names: s.list("headers")}
	t.drop = func(name string) bool { return slices.Contains(t.names, name) }
	return built{transformation: t}, nil
}

func (t *dropHeaders) apply(m *message) (bool, error) {
	for _, h := range m.headers {
		if t.drop(h.Key) {
			m.headers = m.arena.withoutHeaders(m.headers, t.drop)
			break
		}
	}
	return true, nil
}
