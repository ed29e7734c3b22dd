package rest_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/host/herder/herdertest"
	"github.com/outboard-connect/outboard/rest"
)

// workerID is the worker_id of every status.
const workerID = "worker.example:8083"

// worker is the one that the tests of this package share: each uses names of its own.
type worker struct {
	kafka   *herdertest.Cluster // of the groups that tests start
	herder  *herder.Herder
	address string // host:port of a listener on a loopback address
}

var shared worker

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	cluster, err := herdertest.Start(herdertest.Settings{WorkerID: workerID, Plugins: []string{"./testdata/plugin"}})
	if err != nil {
		return 0, err
	}
	defer cluster.Close()
	kafka, err := herdertest.StartKafka(herdertest.Settings{Plugins: []string{"./testdata/plugin"}})
	if err != nil {
		return 0, err
	}
	defer kafka.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	shared = worker{kafka, cluster.Herder, listener.Addr().String()}
	server := rest.New(rest.Settings{Herder: cluster.Herder, Logger: hclog.NewNullLogger(), AdvertisedHosts: []string{"advertised.example"}})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	code = m.Run()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return 0, fmt.Errorf("shutdown: %w", err)
	}
	return code, <-served
}
