package transform

import "github.com/outboard-connect/outboard/plugin-sdk/data"

// insertHeader is Kafka's InsertHeader: every record gets a header with the same value.
type insertHeader struct {
	name  string
	value data.Value
}

func newInsertHeader(s settings) (built, error) {
	v, err := parseLiteral(s.text("value.literal"))
	if err != nil {
		return built{}, s.wrong("value.literal", "%v", err)
	}
	return built{transformation: &insertHeader{s.text("header"), v}}, nil
}

func (t *insertHeader) apply(m *message) (bool, error) {
	m.addHeader(t.name, t.value)
	return true, nil
}
