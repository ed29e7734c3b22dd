package rest

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"
)

// Requests of other workers of the group, which sign them with the session key of the group. What is not signed is refused
// before anything of it is looked at.

// putTasks stores the task configurations that a connector has made on another worker.
func (s *Server) putTasks(c echo.Context, name string) error {
	body, err := s.readSigned(c)
	if err != nil {
		return err
	}
	if !isJSON(c.Request().Header.Get(echo.HeaderContentType)) {
		return notJSON(c.Request())
	}
	var configs []map[string]string
	if err := json.Unmarshal(body, &configs); err != nil || configs == nil || slices.ContainsFunc(configs, isNull) {
		return badRequest("The request body must be a JSON array of task configurations, each an object of strings; it is not.")
	}
	return outcome(c, http.StatusNoContent, s.herder.PutTasks(c.Request().Context(), name, configs))
}

// fence has what earlier tasks of a connector have left open ended.
func (s *Server) fence(c echo.Context, name string) error {
	if _, err := s.readSigned(c); err != nil {
		return err
	}
	return outcome(c, http.StatusNoContent, s.herder.Fence(c.Request().Context(), name))
}

func isNull(config map[string]string) bool { return config == nil }

// readSigned reads the body of a request that a worker has signed.
func (s *Server) readSigned(c echo.Context) ([]byte, error) {
	body, err := readAll(c)
	if err != nil {
		return nil, err
	}
	return body, s.herder.Verify(c.Request().Header, body)
}
