package rest

import (
	"net/http"
	"net/url"
	"strconv"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
)

// route is one method of one path. The operation is its operationId in openapi.yaml.
type route struct {
	method    string
	path      string
	operation string
	handle    handler
}

// routes is the API. GET serves HEAD too, and every path answers OPTIONS.
var routes = []route{
	{http.MethodGet, "/", "getServerInfo", (*Server).getServerInfo},
	{http.MethodGet, "/health", "getHealth", (*Server).getHealth},
	{http.MethodGet, "/metrics", "getMetrics", (*Server).getMetrics},
	{http.MethodGet, "/openapi.yaml", "getDescription", (*Server).getDescription},

	{http.MethodGet, "/connectors", "listConnectors", (*Server).listConnectors},
	{http.MethodPost, "/connectors", "createConnector", (*Server).createConnector},
	{http.MethodGet, "/connectors/:connector", "getConnector", connector((*Server).getConnector)},
	{http.MethodDelete, "/connectors/:connector", "deleteConnector", connector((*Server).deleteConnector)},
	{http.MethodGet, "/connectors/:connector/config", "getConnectorConfig", connector((*Server).getConnectorConfig)},
	{http.MethodPut, "/connectors/:connector/config", "putConnectorConfig", connector((*Server).putConnectorConfig)},
	{http.MethodPatch, "/connectors/:connector/config", "patchConnectorConfig", connector((*Server).patchConnectorConfig)},
	{http.MethodGet, "/connectors/:connector/status", "getConnectorStatus", connector((*Server).getConnectorStatus)},
	{http.MethodPost, "/connectors/:connector/restart", "restartConnector", connector((*Server).restartConnector)},
	{http.MethodPut, "/connectors/:connector/pause", "pauseConnector", connector((*Server).pauseConnector)},
	{http.MethodPut, "/connectors/:connector/resume", "resumeConnector", connector((*Server).resumeConnector)},
	{http.MethodPut, "/connectors/:connector/stop", "stopConnector", connector((*Server).stopConnector)},

	{http.MethodGet, "/connectors/:connector/tasks", "listTasks", connector((*Server).listTasks)},
	{http.MethodGet, "/connectors/:connector/tasks/:task/status", "getTaskStatus", task((*Server).getTaskStatus)},
	{http.MethodPost, "/connectors/:connector/tasks/:task/restart", "restartTask", task((*Server).restartTask)},

	{http.MethodGet, "/connectors/:connector/topics", "getTopics", connector((*Server).getTopics)},
	{http.MethodPut, "/connectors/:connector/topics/reset", "resetTopics", connector((*Server).resetTopics)},

	{http.MethodGet, "/connectors/:connector/offsets", "getOffsets", connector((*Server).getOffsets)},
	{http.MethodPatch, "/connectors/:connector/offsets", "alterOffsets", connector((*Server).alterOffsets)},
	{http.MethodDelete, "/connectors/:connector/offsets", "resetOffsets", connector((*Server).resetOffsets)},

	{http.MethodGet, "/connector-plugins", "listPlugins", (*Server).listPlugins},
	{http.MethodGet, "/connector-plugins/:plugin/config", "getPluginConfig", plugin((*Server).getPluginConfig)},
	{http.MethodPut, "/connector-plugins/:plugin/config/validate", "validatePluginConfig", plugin((*Server).validatePluginConfig)},

	{http.MethodPost, "/outboard/v1/preview", "preview", (*Server).preview},

	{http.MethodGet, "/admin/loggers", "listLoggers", (*Server).listLoggers},
	{http.MethodGet, "/admin/loggers/:logger", "getLogger", logger((*Server).getLogger)},
	{http.MethodPut, "/admin/loggers/:logger", "setLogger", logger((*Server).setLogger)},

	{http.MethodGet, "/ui", "getPage", (*Server).getPage},
	{http.MethodGet, "/ui/:file", "getPageFile", (*Server).getPageFile},
}

// signedRoutes are what workers ask each other. They are part of the API, but nobody signs in for them: the session key of the
// group signs them.
var signedRoutes = []route{
	{http.MethodPost, "/connectors/:connector/tasks", "putTasks", connector((*Server).putTasks)},
	{http.MethodPut, "/connectors/:connector/fence", "fence", connector((*Server).fence)},
}

// handler serves a request.
type handler = func(*Server, echo.Context) error

// connector makes a handler of one that is about a connector.
func connector(handle func(s *Server, c echo.Context, name string) error) handler {
	return func(s *Server, c echo.Context) error {
		name, err := element(c, "connector")
		if err != nil {
			return err
		}
		return handle(s, c, name)
	}
}

// task makes a handler of one that is about a task. A task that is no number is a path that the API does not have.
func task(handle func(s *Server, c echo.Context, name string, task int) error) handler {
	return connector(func(s *Server, c echo.Context, name string) error {
		number, err := strconv.ParseUint(c.Param("task"), 10, 31)
		if err != nil {
			return notFound()
		}
		return handle(s, c, name, int(number))
	})
}

// plugin makes a handler of one that is about a plugin.
func plugin(handle func(s *Server, c echo.Context, plugin string) error) handler {
	return func(s *Server, c echo.Context) error {
		class, err := element(c, "plugin")
		if err != nil {
			return err
		}
		return handle(s, c, class)
	}
}

// logger makes a handler of one that is about a logger.
func logger(handle func(s *Server, c echo.Context, logger string) error) handler {
	return func(s *Server, c echo.Context) error {
		name, err := element(c, "logger")
		if err != nil {
			return err
		}
		return handle(s, c, name)
	}
}

// element is an element of the path, decoded once. An empty one is a path that the API does not have.
func element(c echo.Context, parameter string) (string, error) {
	name, err := url.PathUnescape(c.Param(parameter))
	switch {
	case err != nil:
		return "", badRequest("The path cannot be read: %v. Percent-encode the name.", err)
	case name == "":
		return "", notFound()
	case !utf8.ValidString(name):
		return "", badRequest("The %s of the path, %q, is not valid UTF-8.", parameter, name)
	}
	return name, nil
}
