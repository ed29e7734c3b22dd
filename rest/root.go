package rest

import (
	_ "embed"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/outboard-connect/outboard/host/herder"
)

//go:embed openapi.yaml
var description []byte

func (s *Server) getServerInfo(c echo.Context) error {
	return answer(c, http.StatusOK, s.herder.ServerInfo(c.Request().Context()))
}

func (s *Server) getHealth(c echo.Context) error {
	health := s.herder.Health(c.Request().Context())
	return answer(c, healthStatus(health.Status), health)
}

func healthStatus(status herder.HealthStatus) int {
	switch status {
	case herder.Healthy:
		return http.StatusOK
	case herder.Starting:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

func (s *Server) getDescription(c echo.Context) error {
	return send(c, http.StatusOK, "application/yaml", description)
}
