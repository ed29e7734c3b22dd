package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/outboard-connect/outboard/host/herder"
)

// connectorFile is a connector of the command line.
type connectorFile struct {
	path   string
	name   string
	config map[string]string
	target herder.Target
}

// readConnectorFile reads a connector from a properties file, or from a JSON file that holds the configuration alone or
// {"name": …, "config": {…}, "initial_state": …} as for POST /connectors.
func readConnectorFile(path string) (connectorFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return connectorFile{}, fmt.Errorf("connector file %w", err)
	}
	c, err := parseConnectorFile(text)
	if err != nil {
		return connectorFile{}, fmt.Errorf("connector file %s: %w", path, err)
	}
	c.path = path
	return c, nil
}

// parseConnectorFile tells the forms apart by what is in the file, as Kafka Connect does: its name may end in anything.
func parseConnectorFile(text []byte) (c connectorFile, err error) {
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '{' {
		c, err = parseConnectorJSON(trimmed)
	} else {
		c.config, err = parseProperties(text)
	}
	if err != nil {
		return c, err
	}
	if c.name == "" {
		c.name = c.config["name"]
	}
	switch {
	case strings.TrimSpace(c.name) == "":
		return c, errors.New("the key name is missing or empty: every connector needs a name")
	case c.config["name"] != "" && c.config["name"] != c.name:
		return c, fmt.Errorf("it names the connector %s and in its config %s: use one name", c.name, c.config["name"])
	}
	return c, nil
}

func parseConnectorJSON(text []byte) (connectorFile, error) {
	members := map[string]json.RawMessage{}
	if err := decodeJSON(text, &members); err != nil {
		return connectorFile{}, err
	}
	if inner := bytes.TrimSpace(members["config"]); len(inner) == 0 || inner[0] != '{' {
		config, err := parseJSONConfig(members)
		return connectorFile{config: config}, err
	}
	var c connectorFile
	for member, value := range members {
		var err error
		switch member {
		case "config":
			inner := map[string]json.RawMessage{}
			if err = json.Unmarshal(value, &inner); err == nil {
				c.config, err = parseJSONConfig(inner)
			}
		case "name":
			err = json.Unmarshal(value, &c.name)
		case "initial_state":
			var state string
			err = json.Unmarshal(value, &state)
			c.target = herder.Target(strings.ToUpper(state))
		default:
			err = errors.New("only name, config and initial_state may be here")
		}
		if err != nil {
			return c, fmt.Errorf("member %s: %w", member, err)
		}
	}
	switch c.target {
	case "", herder.TargetRunning, herder.TargetPaused, herder.TargetStopped:
		return c, nil
	}
	return c, fmt.Errorf("initial_state %s is none of RUNNING, PAUSED, STOPPED", c.target)
}

// parseJSONConfig takes texts, and numbers and truth values exactly as they are written.
func parseJSONConfig(members map[string]json.RawMessage) (map[string]string, error) {
	config := make(map[string]string, len(members))
	for key, raw := range members {
		switch raw = bytes.TrimSpace(raw); {
		case raw[0] == '"':
			var text string
			if err := json.Unmarshal(raw, &text); err != nil {
				return nil, fmt.Errorf("key %s: %w", key, err)
			}
			config[key] = text
		case raw[0] == '{' || raw[0] == '[' || raw[0] == 'n':
			return nil, fmt.Errorf("key %s has the value %.40s: write a text, a number, true or false", key, raw)
		default:
			config[key] = string(raw)
		}
	}
	return config, nil
}

// decodeJSON decodes one JSON value and says in which line it is wrong.
func decodeJSON(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	err := decoder.Decode(into)
	offset := decoder.InputOffset()
	if err == nil {
		if _, more := decoder.Token(); more == io.EOF {
			return nil
		}
		err = errors.New("there is something after the end of the object")
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = syntax.Offset
	}
	offset = min(offset, int64(len(text)))
	return fmt.Errorf("line %d is no JSON: %w", 1+bytes.Count(text[:offset], []byte("\n")), err)
}
