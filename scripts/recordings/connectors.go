package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

func (s *server) connector(r run) string { return s.name + "-" + r.name }

// create makes the connector of a run. Values that are null are written as such, not as their default.
func (s *server) create(ctx context.Context, r run, serverID int) error {
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		return err
	}
	const converter = "org.apache.kafka.connect.json.JsonConverter"
	settings := map[string]string{
		"connector.class": s.class, "tasks.max": "1", "topic.prefix": s.connector(r),
		"database.hostname": host, "database.port": port, "database.user": s.user, "database.password": s.user, "database.server.id": strconv.Itoa(serverID),
		"database.include.list": database, "include.schema.changes": "false",
		"schema.history.internal.kafka.bootstrap.servers": s.broker, "schema.history.internal.kafka.topic": "history-" + s.connector(r),
		"key.converter": converter, "value.converter": converter, "key.converter.schemas.enable": "true", "value.converter.schemas.enable": "true",
		"key.converter.replace.null.with.default": "false", "value.converter.replace.null.with.default": "false",
	}
	if r.tables != nil {
		settings["table.include.list"] = database + "." + strings.Join(r.tables, ","+database+".") + "," + database + ".marker"
	}
	for key, value := range r.settings {
		settings[key] = value
	}
	body, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	return s.request(ctx, http.MethodPut, "/connectors/"+s.connector(r)+"/config", body)
}

func (s *server) remove(ctx context.Context, r run) error {
	return s.request(ctx, http.MethodDelete, "/connectors/"+s.connector(r), nil)
}

func (s *server) request(ctx context.Context, method, path string, body []byte) error {
	q, err := http.NewRequestWithContext(ctx, method, s.connect+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	return err
}
