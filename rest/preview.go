package rest

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

const previewExample = `{"config": {"connector.class": "FileStreamSource", "file": "/tmp/lines", "topic": "lines"}, "records": 10}`

// preview takes records through a configuration.
func (s *Server) preview(c echo.Context) error {
	members, err := readObject(c, previewExample)
	if err != nil {
		return err
	}
	if err := fieldsOf(members, "the request of a preview", "config", "records", "timeout_ms"); err != nil {
		return err
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(members["config"], &given); err != nil || given == nil {
		return badRequest("config is missing or no object. The request is like %s.", previewExample)
	}
	values, err := configOf(given)
	if err != nil {
		return err
	}
	config, err := withoutNulls(values)
	if err != nil {
		return err
	}
	var numbers struct{ records, timeout int }
	for name, to := range map[string]*int{"records": &numbers.records, "timeout_ms": &numbers.timeout} {
		if text := members[name]; text != nil {
			if err := json.Unmarshal(text, to); err != nil || *to < 1 {
				return badRequest("%s is %s: it takes a whole number from 1.", name, text)
			}
		}
	}
	previews, err := s.herder.Preview(c.Request().Context(), config, numbers.records, time.Duration(numbers.timeout)*time.Millisecond)
	return reply(c, http.StatusOK, map[string]any{"records": listed(previews)}, err)
}
