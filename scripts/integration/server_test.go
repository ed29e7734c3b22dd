//go:build integration

package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// server is a service of scripts/services, on a port and with data of its own.
type server struct {
	*service
	t      *testing.T
	shared bool // with all tests of the run
}

// mariadb is the MariaDB of all tests, with a database for each: newDatabase.
func mariadb(t *testing.T) *server { t.Helper(); return sharedServer(t, "mariadb") }

// mysqlServer is the MySQL of all tests, with a database for each: newDatabase.
func mysqlServer(t *testing.T) *server { t.Helper(); return sharedServer(t, "mysql") }

// openSearch is the OpenSearch of all tests. The names of a test's indexes begin with its worker's prefix.
func openSearch(t *testing.T) *server { t.Helper(); return sharedServer(t, "opensearch") }

// elasticsearch is the Elasticsearch of all tests. The names of a test's indexes begin with its worker's prefix.
func elasticsearch(t *testing.T) *server { t.Helper(); return sharedServer(t, "elasticsearch") }

// newBroker starts a Kafka of a test's own, which it may kill.
func newBroker(t *testing.T) *server { t.Helper(); return newServer(t, "kafka") }

// newServer starts a server of a test's own, which it may kill: kafka, mariadb, mysql, opensearch or elasticsearch. Options
// are for its start, as its script takes them behind the port. Its data are empty.
func newServer(t *testing.T, name string, options ...string) *server {
	t.Helper()
	s := keepServer(t, name, options...)
	s.start()
	return s
}

// keepServer prepares a server of a test's own, which start starts.
func keepServer(t *testing.T, name string, options ...string) *server {
	t.Helper()
	s, err := keepService(name, freePortPair(t), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.end(); err != nil {
			t.Error(err)
		}
	})
	return &server{service: s, t: t}
}

func sharedServer(t *testing.T, name string) *server {
	t.Helper()
	s, err := stage.fleet.get(name, func() int { return freePortPair(t) })
	if err != nil {
		t.Fatal(err)
	}
	return &server{service: s, t: t, shared: true}
}

// start starts the server, with the data that it has, and returns when it answers.
func (s *server) start() { s.t.Helper(); s.do("start", s.options...) }

// stop stops it in order.
func (s *server) stop() { s.t.Helper(); s.do("stop") }

// kill is SIGKILL.
func (s *server) kill() { s.t.Helper(); s.do("kill") }

func (s *server) do(verb string, options ...string) {
	s.t.Helper()
	if s.shared {
		s.t.Fatalf("%s is the server of all tests, who must not %s it: take newServer", s.name, verb)
	}
	if err := s.run(verb, options...); err != nil {
		s.t.Fatal(err)
	}
}

// service is a server and what removes it. Whatever becomes of the tests' process, the server and its data go with it.
type service struct {
	name    string
	port    int
	options []string
	address string // host:port, or the URL of a search server
	script  string
	keeper  *exec.Cmd
	leash   io.Closer // the keeper's standard input
}

// keepService prepares a service, which run starts.
func keepService(name string, port int, options ...string) (*service, error) {
	script, err := filepath.Abs(filepath.Join("..", "services", name+".sh"))
	if err != nil {
		return nil, err
	}
	s := &service{name: name, port: port, options: options, script: script}
	s.address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	if name == "opensearch" || name == "elasticsearch" {
		s.address = "http://" + s.address
	}
	// A reader whose pipe closes when this process ends, in a session of its own, so that a signal does not reach it.
	s.keeper = exec.Command("sh", "-c", `cat; exec "$0" wipe "$1"`, script, strconv.Itoa(port))
	s.keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if s.leash, err = s.keeper.StdinPipe(); err != nil {
		return nil, err
	}
	return s, s.keeper.Start()
}

// serviceLimit is how long a script may take that has nothing to fetch; the first start on a machine fetches a server.
const serviceLimit = 10 * time.Minute

// run runs a verb of the script: start, stop or kill.
func (s *service) run(verb string, options ...string) error {
	var output bytes.Buffer
	command := exec.Command(s.script, append([]string{verb, strconv.Itoa(s.port)}, options...)...)
	command.Stdout, command.Stderr = &output, &output
	command.WaitDelay = time.Second // what it leaves running has no pipe of ours
	if err := command.Start(); err != nil {
		return err
	}
	late := time.AfterFunc(serviceLimit, func() { _ = command.Process.Kill() })
	defer late.Stop()
	if err := command.Wait(); err != nil {
		return fmt.Errorf("%s.sh %s %d: %w\n%s", s.name, verb, s.port, err, strings.TrimSpace(output.String()))
	}
	return nil
}

// end removes the server and its data.
func (s *service) end() error {
	_ = s.leash.Close() // a pipe
	if err := s.keeper.Wait(); err != nil {
		return fmt.Errorf("%s on port %d is not gone: %w", s.name, s.port, err)
	}
	return nil
}

// fleet is the servers that all tests share. The first who asks for one starts it.
type fleet struct {
	mu      sync.Mutex
	members map[string]*sharedService
}

type sharedService struct {
	once    sync.Once
	service *service
	err     error
}

func (f *fleet) get(name string, port func() int) (*service, error) {
	f.mu.Lock()
	if f.members == nil {
		f.members = map[string]*sharedService{}
	}
	m := f.members[name]
	if m == nil {
		m = &sharedService{}
		f.members[name] = m
	}
	f.mu.Unlock()
	m.once.Do(func() {
		if m.service, m.err = keepService(name, port()); m.err == nil {
			m.err = m.service.run("start")
		}
	})
	return m.service, m.err
}

// end removes all of them.
func (f *fleet) end() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var problems []error
	for _, m := range f.members {
		if m.service != nil {
			problems = append(problems, m.service.end())
		}
	}
	return errors.Join(problems...)
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
