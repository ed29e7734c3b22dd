package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// output is what a worker prints, for others to read meanwhile.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// eventually waits for what others do.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

// closedPort is a port of this machine that refuses connections and can be nobody else's while the test runs.
type closedPort struct {
	number int
	socket *os.File
}

func newClosedPort(t *testing.T) closedPort {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(socket)
	p := closedPort{socket: os.NewFile(uintptr(socket), "closed port")}
	t.Cleanup(func() { p.socket.Close() })
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	address, err := syscall.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	p.number = address.(*syscall.SockaddrInet4).Port
	return p
}

// open makes it accept connections.
func (p closedPort) open(string, string) (net.Listener, error) {
	raw, err := p.socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	var listenErr error
	if err := raw.Control(func(fd uintptr) { listenErr = syscall.Listen(int(fd), 128) }); err != nil || listenErr != nil {
		return nil, errors.Join(err, listenErr)
	}
	return net.FileListener(p.socket)
}

// testWorker is a distributed worker without plugins that waits for Kafka on a port.
func testWorker(t *testing.T, out *output, kafkaPort int, limit time.Duration) composition {
	t.Helper()
	d := dev{listen: "127.0.0.1:0"}
	return composition{
		source: "test", props: d.properties(fmt.Sprintf("127.0.0.1:%d", kafkaPort)), mode: distributed, pluginPath: []string{t.TempDir()},
		out: out, log: hclog.NewNullLogger(), brokerLimit: limit,
	}
}

func TestNoKafkaHasACodeOfItsOwn(t *testing.T) {
	t.Parallel()
	port := newClosedPort(t).number
	err := runWorker(t.Context(), testWorker(t, &output{}, port, 300*time.Millisecond))
	var exit *exitError
	if !errors.As(err, &exit) || exit.code != codeNoKafka {
		t.Fatalf("got %v, want code %d", err, codeNoKafka)
	}
	if want := fmt.Sprintf("no Kafka broker answers at bootstrap.servers=127.0.0.1:%d; start Kafka, or correct the address", port); !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %q, want it to begin with %q", err, want)
	}
	if !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %q, want the cause in it", err)
	}
}

func TestWorkerWaitsForKafka(t *testing.T) {
	t.Parallel()
	port := newClosedPort(t)
	var out output
	w := testWorker(t, &out, port.number, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- runWorker(ctx, w) }()
	eventually(t, "the line of the REST port", func() bool { return strings.Contains(out.String(), "\n") })
	url := strings.TrimSuffix(strings.TrimPrefix(out.String(), "REST "), "\n")
	status, body := get(t, url+"/health")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, `"status":"starting"`) {
		t.Errorf("%d %s", status, body)
	}
	cluster, err := kfake.NewCluster(kfake.Ports(port.number), kfake.ListenFn(port.open))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	eventually(t, "health", func() bool { status, _ := get(t, url+"/health"); return status == http.StatusOK })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestStopWhileWaitingForKafka(t *testing.T) {
	t.Parallel()
	var out output
	w := testWorker(t, &out, newClosedPort(t).number, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- runWorker(ctx, w) }()
	eventually(t, "the line of the REST port", func() bool { return strings.Contains(out.String(), "\n") })
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("a stop while starting is no failure: %v", err)
	}
}

func TestWorkerRefusesAGroupWithOthers(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	other, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumerGroup("outboard-dev"), kgo.ConsumeTopics("t"), kgo.ClientID("other-worker"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := cluster.WaitGroupStable(ctx, "outboard-dev", 1); err != nil {
		t.Fatal(err)
	}
	w := testWorker(t, &output{}, 0, time.Minute)
	w.props["bootstrap.servers"] = cluster.ListenAddrs()[0]
	err = runWorker(ctx, w)
	if err == nil || !strings.HasPrefix(err.Error(), "group.id=outboard-dev is the name of a group that is not one of Connect workers") {
		t.Errorf("got %v", err)
	}
	if group, err := kadm.NewClient(other).DescribeGroups(ctx, "outboard-dev"); err != nil || len(group["outboard-dev"].Members) != 1 {
		t.Errorf("the group was touched: %+v, %v", group, err)
	}
}

func TestWorkerEndsWithItsTopics(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	w := testWorker(t, &output{}, 0, time.Minute)
	w.props["bootstrap.servers"] = cluster.ListenAddrs()[0]
	w.ready = func(running) {
		if err := cluster.DeleteTopic("connect-configs"); err != nil {
			t.Error(err)
		}
	}
	err = runWorker(t.Context(), w)
	if err == nil || !strings.HasPrefix(err.Error(), "topic connect-configs: ") {
		t.Errorf("got %v, want the topic that was deleted", err)
	}
}

func TestWrongPasswordIsNotWaitedWith(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("PLAIN", "worker", "right"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	// Kafka answers a wrong password, kfake closes the connection.
	cluster.ControlKey(int16(kmsg.SASLAuthenticate), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		answer := request.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		answer.ErrorCode, answer.ErrorMessage = kerr.SaslAuthenticationFailed.Code, kmsg.StringPtr("Authentication failed: Invalid username or password")
		return answer, nil, true
	})
	w := testWorker(t, &output{}, 0, time.Minute)
	w.props["bootstrap.servers"] = cluster.ListenAddrs()[0]
	w.props["security.protocol"] = "SASL_PLAINTEXT"
	w.props["sasl.mechanism"] = "PLAIN"
	w.props["sasl.jaas.config"] = `org.apache.kafka.common.security.plain.PlainLoginModule required username="worker" password="hunter2";`
	err = runWorker(t.Context(), w)
	var exit *exitError
	if err == nil || errors.As(err, &exit) || !strings.HasPrefix(err.Error(), "the Kafka broker refuses the worker's user name or password") {
		t.Errorf("got %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the password shows: %v", err)
	}
}

func TestRefusedTokenIsNotWaitedWith(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	cluster.ControlKey(int16(kmsg.SASLHandshake), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		answer := request.ResponseKind().(*kmsg.SASLHandshakeResponse)
		answer.SupportedMechanisms = []string{"OAUTHBEARER"}
		return answer, nil, true
	})
	authorizer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer authorizer.Close()
	w := testWorker(t, &output{}, 0, time.Minute)
	w.props["bootstrap.servers"] = cluster.ListenAddrs()[0]
	w.props["security.protocol"] = "SASL_PLAINTEXT"
	w.props["sasl.mechanism"] = "OAUTHBEARER"
	w.props["sasl.oauthbearer.token.endpoint.url"] = authorizer.URL
	w.props["sasl.jaas.config"] = `org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="worker" clientSecret="hunter2";`
	err = runWorker(t.Context(), w)
	var exit *exitError
	if err == nil || errors.As(err, &exit) || !strings.Contains(err.Error(), "the authorization server refuses a token") {
		t.Errorf("got %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the secret shows: %v", err)
	}
}
