//go:build integration

package integration

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// broker is a Kafka of a test's own, which it may kill.
type broker struct {
	t       *testing.T
	port    int
	address string
}

// newBroker starts one with empty data. Whatever becomes of the test's process, the broker and its data go with it.
func newBroker(t *testing.T) *broker {
	t.Helper()
	b := &broker{t: t, port: freePortPair(t)}
	b.address = net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port))
	// A reader whose pipe closes when this process ends, in a session of its own, so that a signal does not reach it.
	keeper := exec.Command("sh", "-c", `cat; exec "$0" wipe "$1"`, service(t), strconv.Itoa(b.port))
	keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	end, err := keeper.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := keeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = end.Close() // a pipe
		if err := keeper.Wait(); err != nil {
			t.Errorf("the broker on port %d is not gone: %v", b.port, err)
		}
	})
	b.start()
	return b
}

func service(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "services", "kafka.sh"))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// start starts the broker, with the data that it has, and returns when it answers.
func (b *broker) start() { b.t.Helper(); b.run("start") }

// stop stops it in order.
func (b *broker) stop() { b.t.Helper(); b.run("stop") }

// kill is SIGKILL.
func (b *broker) kill() { b.t.Helper(); b.run("kill") }

func (b *broker) run(what string) {
	b.t.Helper()
	var output bytes.Buffer
	command := exec.CommandContext(b.t.Context(), service(b.t), what, strconv.Itoa(b.port))
	command.Stdout, command.Stderr = &output, &output
	command.WaitDelay = time.Second // what it leaves running has no pipe of ours
	if err := command.Run(); err != nil {
		b.t.Fatalf("kafka.sh %s %d: %v\n%s", what, b.port, err, strings.TrimSpace(output.String()))
	}
}

// freePortPair returns a port below those that the system hands out, free with the one behind it.
func freePortPair(t *testing.T) int {
	t.Helper()
	for range 50 {
		port := 12000 + 2*rand.IntN(3000)
		if free(port) && free(port+1) {
			return port
		}
	}
	t.Fatal("no free ports found from 12000 to 18000")
	return 0
}

func free(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}
