package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

func (s *Server) listTasks(c echo.Context, name string) error {
	tasks, err := s.herder.Tasks(c.Request().Context(), name)
	return reply(c, http.StatusOK, listed(tasks), err)
}

func (s *Server) getTaskStatus(c echo.Context, name string, task int) error {
	status, err := s.herder.TaskStatus(c.Request().Context(), name, task)
	return reply(c, http.StatusOK, status, err)
}

func (s *Server) restartTask(c echo.Context, name string, task int) error {
	return outcome(c, http.StatusNoContent, s.herder.RestartTask(c.Request().Context(), name, task))
}
