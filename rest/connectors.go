package rest

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/outboard-connect/outboard/host/herder"
)

// What the error messages show of a body that is right.
const (
	createExample = `{"name": "my-source", "config": {"connector.class": "FileStreamSource", "file": "/tmp/in.txt", "topic": "lines"}}`
	configExample = `{"connector.class": "FileStreamSource", "file": "/tmp/in.txt", "topic": "lines"}`
)

// flagOf is a boolean of the query, as Java reads it: anything but true is false.
func flagOf(c echo.Context, parameter string, unset bool) bool {
	value := c.QueryParam(parameter)
	if value == "" {
		return unset
	}
	return strings.EqualFold(value, "true")
}

func (s *Server) listConnectors(c echo.Context) error {
	names, err := s.herder.Connectors(c.Request().Context())
	if err != nil {
		return err
	}
	if expand, ok := c.QueryParams()["expand"]; ok {
		return s.expandConnectors(c, names, expand)
	}
	return answer(c, http.StatusOK, listed(names))
}

// expanded is one connector of an expanded list: what was asked for.
type expanded struct {
	Status *herder.ConnectorStatus `json:"status,omitempty"`
	Info   *herder.ConnectorInfo   `json:"info,omitempty"`
}

// expandConnectors leaves out what was deleted since the names were listed.
func (s *Server) expandConnectors(c echo.Context, names, expand []string) error {
	list := make(map[string]expanded, len(names))
	for _, name := range names {
		entry, err := s.expand(c, name, expand)
		if notThere(err) {
			continue
		}
		if err != nil {
			return err
		}
		list[name] = entry
	}
	return answer(c, http.StatusOK, list)
}

func (s *Server) expand(c echo.Context, name string, expand []string) (expanded, error) {
	var entry expanded
	ctx := c.Request().Context()
	if slices.Contains(expand, "status") {
		status, err := s.herder.Status(ctx, name)
		if err != nil {
			return entry, err
		}
		entry.Status = &status
	}
	if slices.Contains(expand, "info") {
		info, err := s.herder.Info(ctx, name)
		if err != nil {
			return entry, err
		}
		entry.Info = &info
	}
	return entry, nil
}

func notThere(err error) bool {
	var e *herder.Error
	return errors.As(err, &e) && e.Code == herder.NotFound
}

func (s *Server) createConnector(c echo.Context) error {
	name, config, initial, err := readCreation(c)
	if err != nil {
		return err
	}
	info, err := s.herder.Create(c.Request().Context(), name, config, initial)
	if err != nil {
		return err
	}
	setLocation(c, info.Name)
	return answer(c, http.StatusCreated, info)
}

// readCreation reads the body of a creation. The herder judges names.
func readCreation(c echo.Context) (name string, config map[string]string, initial herder.Target, err error) {
	members, err := readObject(c, createExample)
	if err != nil {
		return "", nil, "", err
	}
	for _, field := range slices.Sorted(maps.Keys(members)) {
		raw := members[field]
		switch field {
		case "name":
			name, err = stringOf(raw, field)
		case "config":
			config, err = readCreationConfig(raw)
		case "initial_state":
			initial, err = readTarget(raw)
		default:
			err = badRequest("Unrecognized field %q in the request body. Its fields are name, config and initial_state; "+
				"what belongs to the connector goes into config.", field)
		}
		if err != nil {
			return "", nil, "", err
		}
	}
	if config == nil {
		return "", nil, "", badRequest(`The request body has no field "config". It must look like %s.`, createExample)
	}
	return name, config, initial, nil
}

func readCreationConfig(raw json.RawMessage) (map[string]string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, badRequest(`The field "config" of the request body must be an object; it is %s.`, kindOf(raw))
	}
	if members == nil {
		return nil, nil
	}
	values, err := configOf(members)
	if err != nil {
		return nil, err
	}
	return withoutNulls(values)
}

func readTarget(raw json.RawMessage) (herder.Target, error) {
	word, err := stringOf(raw, "initial_state")
	if err != nil {
		return "", err
	}
	switch target := herder.Target(strings.ToUpper(word)); target {
	case "", herder.TargetRunning, herder.TargetPaused, herder.TargetStopped:
		return target, nil
	default:
		return "", badRequest(`The field "initial_state" of the request body must be RUNNING, PAUSED or STOPPED; it is %q.`, word)
	}
}

func (s *Server) getConnector(c echo.Context, name string) error {
	info, err := s.herder.Info(c.Request().Context(), name)
	return reply(c, http.StatusOK, info, err)
}

func (s *Server) deleteConnector(c echo.Context, name string) error {
	return outcome(c, http.StatusNoContent, s.herder.Delete(c.Request().Context(), name))
}

func (s *Server) getConnectorConfig(c echo.Context, name string) error {
	config, err := s.herder.Config(c.Request().Context(), name)
	return reply(c, http.StatusOK, config, err)
}

// readConfig reads a body that is a configuration, null values as nil.
func readConfig(c echo.Context) (map[string]*string, error) {
	members, err := readObject(c, configExample)
	if err != nil {
		return nil, err
	}
	return configOf(members)
}

// readWholeConfig reads a body that is a configuration without null values.
func readWholeConfig(c echo.Context) (map[string]string, error) {
	values, err := readConfig(c)
	if err != nil {
		return nil, err
	}
	return withoutNulls(values)
}

func (s *Server) putConnectorConfig(c echo.Context, name string) error {
	config, err := readWholeConfig(c)
	if err != nil {
		return err
	}
	info, created, err := s.herder.PutConfig(c.Request().Context(), name, config)
	if err != nil {
		return err
	}
	if created {
		setLocation(c, info.Name)
		return answer(c, http.StatusCreated, info)
	}
	return answer(c, http.StatusOK, info)
}

func (s *Server) patchConnectorConfig(c echo.Context, name string) error {
	patch, err := readConfig(c)
	if err != nil {
		return err
	}
	info, err := s.herder.PatchConfig(c.Request().Context(), name, patch)
	return reply(c, http.StatusOK, info, err)
}

func (s *Server) getConnectorStatus(c echo.Context, name string) error {
	status, err := s.herder.Status(c.Request().Context(), name)
	return reply(c, http.StatusOK, status, err)
}

// restartConnector restarts the connector alone, or with a flag what the flags choose; a body counts for nothing.
func (s *Server) restartConnector(c echo.Context, name string) error {
	ctx := c.Request().Context()
	includeTasks, onlyFailed := flagOf(c, "includeTasks", false), flagOf(c, "onlyFailed", false)
	if !includeTasks && !onlyFailed {
		return outcome(c, http.StatusNoContent, s.herder.RestartConnector(ctx, name))
	}
	status, err := s.herder.Restart(ctx, name, includeTasks, onlyFailed)
	return reply(c, http.StatusAccepted, status, err)
}

func (s *Server) pauseConnector(c echo.Context, name string) error {
	return outcome(c, http.StatusAccepted, s.herder.Pause(c.Request().Context(), name))
}

func (s *Server) resumeConnector(c echo.Context, name string) error {
	return outcome(c, http.StatusAccepted, s.herder.Resume(c.Request().Context(), name))
}

func (s *Server) stopConnector(c echo.Context, name string) error {
	return outcome(c, http.StatusNoContent, s.herder.Stop(c.Request().Context(), name))
}
