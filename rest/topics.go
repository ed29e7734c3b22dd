package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// topics are those of one connector. Clients take the first member of the object around it.
type topics struct {
	Topics []string `json:"topics"`
}

func (s *Server) getTopics(c echo.Context, name string) error {
	used, err := s.herder.Topics(c.Request().Context(), name)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, map[string]topics{name: {listed(used)}})
}

func (s *Server) resetTopics(c echo.Context, name string) error {
	return outcome(c, http.StatusAccepted, s.herder.ResetTopics(c.Request().Context(), name))
}
