package rest

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// levelExample is what the error messages show of a body that is right.
const levelExample = `{"level": "DEBUG"}`

func (s *Server) listLoggers(c echo.Context) error {
	return answer(c, http.StatusOK, s.herder.Loggers(c.Request().Context()))
}

func (s *Server) getLogger(c echo.Context, name string) error {
	level, err := s.herder.Logger(c.Request().Context(), name)
	return reply(c, http.StatusOK, level, err)
}

// setLogger sets a level on this worker, or on all of them.
func (s *Server) setLogger(c echo.Context, name string) error {
	ctx := c.Request().Context()
	scope := strings.ToLower(c.QueryParam("scope"))
	if scope != "" && scope != "worker" && scope != "cluster" {
		return badRequest("The query parameter scope must be worker or cluster; it is %q.", c.QueryParam("scope"))
	}
	members, err := readObject(c, levelExample)
	if err != nil {
		return err
	}
	level, err := stringOf(members["level"], "level")
	if err != nil {
		return err
	}
	if level == "" {
		return badRequest("Desired 'level' parameter was not specified in request. It looks like %s.", levelExample)
	}
	if scope == "cluster" {
		return outcome(c, http.StatusNoContent, s.herder.SetClusterLogger(ctx, name, level))
	}
	changed, err := s.herder.SetLogger(ctx, name, level)
	return reply(c, http.StatusOK, changed, err)
}
