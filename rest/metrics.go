package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// getMetrics answers with what this worker counts; whoever wants those of the group asks every worker.
func (s *Server) getMetrics(c echo.Context) error {
	return send(c, http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", s.herder.Metrics())
}
