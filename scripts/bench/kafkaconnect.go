package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// scriptLimit is how long a script of scripts/services may take.
const scriptLimit = 3 * time.Minute

var connectPID = regexp.MustCompile(`running, pid (\d+),`)

// startKafkaConnect starts a worker of Apache Kafka Connect in a fresh JVM, with the settings of its own scripts.
func (l *lab) startKafkaConnect(ctx context.Context, extra ...string) (*worker, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	environment := []string{
		"CONNECT_BOOTSTRAP=" + l.kafka, "CONNECT_GROUP=" + l.group, "CONNECT_REST_PORT=" + strconv.Itoa(port),
		"CONNECT_EXTRA=" + strings.Join(extra, "\n"),
	}
	script := func(ctx context.Context, verb string) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, scriptLimit)
		defer cancel()
		c := exec.CommandContext(ctx, filepath.Join(l.services, "connect.sh"), verb)
		c.Env = append(os.Environ(), environment...)
		var problems bytes.Buffer
		c.Stderr = &problems
		out, err := c.Output()
		if err != nil {
			return "", fmt.Errorf("connect.sh %s: %w\n%s", verb, err, strings.TrimSpace(problems.String()))
		}
		return strings.TrimSpace(string(out)), nil
	}
	stop := func() error { _, err := script(context.WithoutCancel(ctx), "stop"); return err }
	url, err := script(ctx, "start")
	if err != nil {
		return nil, err
	}
	status, err := script(ctx, "status")
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	said := connectPID.FindStringSubmatch(status)
	if said == nil {
		return nil, errors.Join(fmt.Errorf("connect.sh status says no pid: %q", status), stop())
	}
	pid, err := strconv.Atoi(said[1])
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return &worker{connect: connect{url}, pid: pid, stop: stop}, nil
}

// freePort returns a port of 127.0.0.1 that nobody listens on now.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}
