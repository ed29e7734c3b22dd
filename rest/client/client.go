package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/outboard-connect/outboard/host/herder"
)

// Client calls one worker. Its methods are those of [herder.Herder] and safe for concurrent use. A call ends with its context;
// what it asked for may then still happen.
//
// An answer that refuses is an [Error]. Any other error means that there was no answer that could be understood.
type Client struct {
	base string
	http *http.Client
}

// Error is an answer that refuses.
type Error struct {
	Method string
	Path   string
	// Code is error_code, the status code of the answer.
	Code int
	// Message is the worker's, never empty.
	Message string
}

// Error returns the message, and behind it what was refused.
func (e *Error) Error() string {
	return fmt.Sprintf("%s (%d, %s %s)", e.Message, e.Code, e.Method, e.Path)
}

// New returns a client of the worker at an address such as http://localhost:8083, with a path when the worker is behind a proxy
// that adds one. Without an HTTP client it uses [http.DefaultClient].
func New(address string, with *http.Client) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the address of a worker must look like http://localhost:8083, not %q", address)
	}
	if with == nil {
		with = http.DefaultClient
	}
	return &Client{base: strings.TrimSuffix(u.String(), "/"), http: with}, nil
}

// maxAnswer is more than the expanded list of many thousand connectors.
const maxAnswer = 256 << 20

// exchange sends a request, with a body unless it is nil, and returns the status and the body of the answer.
func (c *Client) exchange(ctx context.Context, method, path string, body any) (status int, answer []byte, err error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, content)
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("the worker at %s gave no answer: %w", c.base, err)
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return 0, nil, fmt.Errorf("the answer of the worker at %s was cut off: %w", c.base, err)
	}
	if len(answer) > maxAnswer {
		return 0, nil, fmt.Errorf("the answer of the worker at %s to %s %s is larger than %d MiB", c.base, method, path, maxAnswer>>20)
	}
	return response.StatusCode, answer, nil
}

// call does an exchange and decodes the answer into a value, unless that is nil.
func (c *Client) call(ctx context.Context, method, path string, body, into any) (status int, err error) {
	status, answer, err := c.exchange(ctx, method, path, body)
	if err != nil {
		return 0, err
	}
	if status < 200 || status > 299 {
		return status, refused(method, path, status, answer)
	}
	if into == nil {
		return status, nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return status, fmt.Errorf("the answer of %s to %s %s is not that of a Kafka Connect worker: %w; it begins with %q",
			c.base, method, path, err, beginning(answer))
	}
	return status, nil
}

// refused makes an error of an answer, which a proxy may have written.
func refused(method, path string, status int, answer []byte) *Error {
	var body struct {
		ErrorCode int     `json:"error_code"`
		Message   *string `json:"message"`
	}
	e := &Error{Method: method, Path: path, Code: status}
	if json.Unmarshal(answer, &body) == nil && body.Message != nil && *body.Message != "" {
		e.Message = *body.Message
		if body.ErrorCode != 0 {
			e.Code = body.ErrorCode
		}
		return e
	}
	e.Message = strings.TrimSpace(http.StatusText(status) + " " + beginning(answer))
	if e.Message == "" {
		e.Message = "no message"
	}
	return e
}

// beginning is as much of an answer as an error message can hold.
func beginning(answer []byte) string {
	const most = 200
	text := strings.TrimSpace(strings.ToValidUTF8(string(answer[:min(len(answer), most)]), "\uFFFD"))
	if len(answer) > most {
		text += " …"
	}
	return text
}

// IsNotFound tells whether an error is the answer that something does not exist.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == http.StatusNotFound
}

func connectorPath(name, rest string) string { return "/connectors/" + url.PathEscape(name) + rest }

func taskPath(name string, task int, rest string) string {
	return connectorPath(name, "/tasks/"+strconv.Itoa(task)+rest)
}

// ServerInfo says what the worker is.
func (c *Client) ServerInfo(ctx context.Context) (info herder.ServerInfo, err error) {
	_, err = c.call(ctx, http.MethodGet, "/", nil, &info)
	return info, err
}

// Health tells whether the worker can do its work. A worker that says it cannot is no error.
func (c *Client) Health(ctx context.Context) (health herder.Health, err error) {
	status, answer, err := c.exchange(ctx, http.MethodGet, "/health", nil)
	if err != nil {
		return health, err
	}
	if json.Unmarshal(answer, &health) != nil || health.Status == "" {
		return herder.Health{}, refused(http.MethodGet, "/health", status, answer)
	}
	return health, nil
}

// Connectors returns the names of all connectors.
func (c *Client) Connectors(ctx context.Context) (names []string, err error) {
	_, err = c.call(ctx, http.MethodGet, "/connectors", nil, &names)
	return names, err
}

// Expanded is a connector with its status.
type Expanded struct {
	Status herder.ConnectorStatus `json:"status"`
	Info   herder.ConnectorInfo   `json:"info"`
}

// Expand returns all connectors that have a status, by name.
func (c *Client) Expand(ctx context.Context) (connectors map[string]Expanded, err error) {
	_, err = c.call(ctx, http.MethodGet, "/connectors?expand=status&expand=info", nil, &connectors)
	return connectors, err
}

// Info returns a connector.
func (c *Client) Info(ctx context.Context, name string) (info herder.ConnectorInfo, err error) {
	_, err = c.call(ctx, http.MethodGet, connectorPath(name, ""), nil, &info)
	return info, err
}

// Config returns a connector's configuration.
func (c *Client) Config(ctx context.Context, name string) (config map[string]string, err error) {
	_, err = c.call(ctx, http.MethodGet, connectorPath(name, "/config"), nil, &config)
	return config, err
}

// Tasks returns a connector's tasks with their configurations.
func (c *Client) Tasks(ctx context.Context, name string) (tasks []herder.TaskInfo, err error) {
	_, err = c.call(ctx, http.MethodGet, connectorPath(name, "/tasks"), nil, &tasks)
	return tasks, err
}

// Status returns the states of a connector and its tasks.
func (c *Client) Status(ctx context.Context, name string) (status herder.ConnectorStatus, err error) {
	_, err = c.call(ctx, http.MethodGet, connectorPath(name, "/status"), nil, &status)
	return status, err
}

// TaskStatus returns the state of a task.
func (c *Client) TaskStatus(ctx context.Context, name string, task int) (status herder.TaskStatus, err error) {
	_, err = c.call(ctx, http.MethodGet, taskPath(name, task, "/status"), nil, &status)
	return status, err
}

// creation is the body of a request to create a connector.
type creation struct {
	Name    string            `json:"name"`
	Config  map[string]string `json:"config"`
	Initial herder.Target     `json:"initial_state,omitempty"`
}

// Create creates a connector in a state, or RUNNING when that is empty.
func (c *Client) Create(ctx context.Context, name string, config map[string]string, initial herder.Target) (info herder.ConnectorInfo, err error) {
	_, err = c.call(ctx, http.MethodPost, "/connectors", creation{name, config, initial}, &info)
	return info, err
}

// PutConfig creates a connector or replaces its configuration, and tells which.
func (c *Client) PutConfig(ctx context.Context, name string, config map[string]string) (info herder.ConnectorInfo, created bool, err error) {
	if config == nil {
		config = map[string]string{} // a nil map would be sent as null
	}
	status, err := c.call(ctx, http.MethodPut, connectorPath(name, "/config"), config, &info)
	return info, status == http.StatusCreated, err
}

// PatchConfig changes some keys of a configuration; a nil deletes its key.
func (c *Client) PatchConfig(ctx context.Context, name string, patch map[string]*string) (info herder.ConnectorInfo, err error) {
	if patch == nil {
		patch = map[string]*string{}
	}
	_, err = c.call(ctx, http.MethodPatch, connectorPath(name, "/config"), patch, &info)
	return info, err
}

// Delete deletes a connector.
func (c *Client) Delete(ctx context.Context, name string) error {
	_, err := c.call(ctx, http.MethodDelete, connectorPath(name, ""), nil, nil)
	return err
}

// Pause pauses a connector and its tasks soon.
func (c *Client) Pause(ctx context.Context, name string) error {
	_, err := c.call(ctx, http.MethodPut, connectorPath(name, "/pause"), nil, nil)
	return err
}

// Resume resumes a paused or stopped connector soon.
func (c *Client) Resume(ctx context.Context, name string) error {
	_, err := c.call(ctx, http.MethodPut, connectorPath(name, "/resume"), nil, nil)
	return err
}

// Stop stops a connector and removes its tasks.
func (c *Client) Stop(ctx context.Context, name string) error {
	_, err := c.call(ctx, http.MethodPut, connectorPath(name, "/stop"), nil, nil)
	return err
}

// RestartConnector restarts a connector without its tasks.
func (c *Client) RestartConnector(ctx context.Context, name string) error {
	_, err := c.call(ctx, http.MethodPost, connectorPath(name, "/restart"), nil, nil)
	return err
}

// Restart restarts what the flags choose, of which one must be true, and returns a status in which that shows RESTARTING.
func (c *Client) Restart(ctx context.Context, name string, includeTasks, onlyFailed bool) (status herder.ConnectorStatus, err error) {
	if !includeTasks && !onlyFailed {
		return status, fmt.Errorf("restart %s: neither includeTasks nor onlyFailed: use RestartConnector", name)
	}
	query := fmt.Sprintf("/restart?includeTasks=%t&onlyFailed=%t", includeTasks, onlyFailed)
	_, err = c.call(ctx, http.MethodPost, connectorPath(name, query), nil, &status)
	return status, err
}

// RestartTask restarts a task.
func (c *Client) RestartTask(ctx context.Context, name string, task int) error {
	_, err := c.call(ctx, http.MethodPost, taskPath(name, task, "/restart"), nil, nil)
	return err
}

// Topics returns the topics that a connector has used.
func (c *Client) Topics(ctx context.Context, name string) ([]string, error) {
	var connectors map[string]struct {
		Topics []string `json:"topics"`
	}
	_, err := c.call(ctx, http.MethodGet, connectorPath(name, "/topics"), nil, &connectors)
	return connectors[name].Topics, err
}

// ResetTopics forgets the topics that a connector has used.
func (c *Client) ResetTopics(ctx context.Context, name string) error {
	_, err := c.call(ctx, http.MethodPut, connectorPath(name, "/topics/reset"), nil, nil)
	return err
}

// Offsets returns where a connector is.
func (c *Client) Offsets(ctx context.Context, name string) ([]herder.Offset, error) {
	var offsets herder.Offsets
	_, err := c.call(ctx, http.MethodGet, connectorPath(name, "/offsets"), nil, &offsets)
	return offsets.Offsets, err
}

// AlterOffsets replaces offsets of a connector that is STOPPED, a null one deletes, and returns the worker's message: it tells
// whether there is something left to do by hand.
func (c *Client) AlterOffsets(ctx context.Context, name string, offsets []herder.Offset) (message string, err error) {
	var answer struct {
		Message string `json:"message"`
	}
	_, err = c.call(ctx, http.MethodPatch, connectorPath(name, "/offsets"), herder.Offsets{Offsets: offsets}, &answer)
	return answer.Message, err
}

// ResetOffsets deletes all offsets of a connector that is STOPPED. The message is as that of AlterOffsets.
func (c *Client) ResetOffsets(ctx context.Context, name string) (message string, err error) {
	var answer struct {
		Message string `json:"message"`
	}
	_, err = c.call(ctx, http.MethodDelete, connectorPath(name, "/offsets"), nil, &answer)
	return answer.Message, err
}

// Plugins returns the connectors that are installed, or all plugins.
func (c *Client) Plugins(ctx context.Context, connectorsOnly bool) (plugins []herder.PluginInfo, err error) {
	_, err = c.call(ctx, http.MethodGet, "/connector-plugins?connectorsOnly="+strconv.FormatBool(connectorsOnly), nil, &plugins)
	return plugins, err
}

// PluginConfig returns the keys of a plugin, in a version of it unless that is empty.
func (c *Client) PluginConfig(ctx context.Context, plugin, version string) (keys []herder.KeyInfo, err error) {
	path := "/connector-plugins/" + url.PathEscape(plugin) + "/config"
	if version != "" {
		path += "?version=" + url.QueryEscape(version)
	}
	_, err = c.call(ctx, http.MethodGet, path, nil, &keys)
	return keys, err
}

// Validate checks a configuration, which must have a connector.class.
func (c *Client) Validate(ctx context.Context, plugin string, config map[string]string) (infos herder.ConfigInfos, err error) {
	if config == nil {
		config = map[string]string{}
	}
	_, err = c.call(ctx, http.MethodPut, "/connector-plugins/"+url.PathEscape(plugin)+"/config/validate", config, &infos)
	return infos, err
}

// Preview takes records through a configuration; see [herder.Herder.Preview].
func (c *Client) Preview(ctx context.Context, config map[string]string, records int, within time.Duration) ([]herder.Preview, error) {
	request := map[string]any{"config": config}
	if records > 0 {
		request["records"] = records
	}
	if within > 0 {
		request["timeout_ms"] = within.Milliseconds()
	}
	var answer struct{ Records []herder.Preview }
	_, err := c.call(ctx, http.MethodPost, "/outboard/v1/preview", request, &answer)
	return answer.Records, err
}

func loggerPath(name string) string { return "/admin/loggers/" + url.PathEscape(name) }

// Loggers returns the levels of a worker's loggers, by name.
func (c *Client) Loggers(ctx context.Context) (loggers map[string]herder.LoggerLevel, err error) {
	_, err = c.call(ctx, http.MethodGet, "/admin/loggers", nil, &loggers)
	return loggers, err
}

// Logger returns the level of a logger.
func (c *Client) Logger(ctx context.Context, name string) (level herder.LoggerLevel, err error) {
	_, err = c.call(ctx, http.MethodGet, loggerPath(name), nil, &level)
	return level, err
}

// levelBody is the body of a request to set a level.
type levelBody struct {
	Level string `json:"level"`
}

// SetLogger sets the level of a logger, and of those below it, and returns the names of those that were changed by it.
func (c *Client) SetLogger(ctx context.Context, name, level string) (changed []string, err error) {
	_, err = c.call(ctx, http.MethodPut, loggerPath(name), levelBody{level}, &changed)
	return changed, err
}

// SetClusterLogger sets the level of a logger on all workers of the cluster.
func (c *Client) SetClusterLogger(ctx context.Context, name, level string) error {
	_, err := c.call(ctx, http.MethodPut, loggerPath(name)+"?scope=cluster", levelBody{level}, nil)
	return err
}
