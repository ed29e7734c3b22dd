package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

func (s *Server) listPlugins(c echo.Context) error {
	plugins, err := s.herder.Plugins(c.Request().Context(), flagOf(c, "connectorsOnly", true))
	return reply(c, http.StatusOK, listed(plugins), err)
}

func (s *Server) getPluginConfig(c echo.Context, plugin string) error {
	keys, err := s.herder.PluginConfig(c.Request().Context(), plugin, c.QueryParam("version"))
	return reply(c, http.StatusOK, listed(keys), err)
}

func (s *Server) validatePluginConfig(c echo.Context, plugin string) error {
	config, err := readWholeConfig(c)
	if err != nil {
		return err
	}
	result, err := s.herder.Validate(c.Request().Context(), plugin, config)
	return reply(c, http.StatusOK, result, err)
}
