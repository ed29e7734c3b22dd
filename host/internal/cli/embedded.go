package cli

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// compactEvery is how often the embedded Kafka compacts its topics. It starts no timer of its own after it was opened from
// a folder.
const compactEvery = 10 * time.Minute

// embeddedKafka is a Kafka of one broker inside this process, for trying and testing: it answers as Kafka does, but has no
// replicas, and after a crash it may take a transaction for committed that was not.
type embeddedKafka struct {
	cluster *kfake.Cluster
	lock    *os.File // nil: in memory
	quit    chan struct{}
	compact sync.WaitGroup
}

// startEmbeddedKafka starts one on a port of 127.0.0.1, 0 for any. Its data is in a folder, which nobody else may have open
// at the same time, or in memory when folder is empty.
func startEmbeddedKafka(port int, folder string, log hclog.Logger) (*embeddedKafka, error) {
	k := &embeddedKafka{quit: make(chan struct{})}
	options := []kfake.Opt{
		kfake.Ports(port),
		kfake.ClusterID("outboard-dev"),
		kfake.AllowAutoTopicCreation(),
		kfake.DefaultNumPartitions(1), // as Kafka
		kfake.MaxVersions(withoutClientMetrics()),
		kfake.WithLogger(brokerLog{log}),
	}
	if folder != "" {
		var err error
		if k.lock, err = lockFolder(folder); err != nil {
			return nil, err
		}
		options = append(options, kfake.DataDir(folder))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		k.unlock()
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("the embedded Kafka cannot listen on 127.0.0.1:%d: another process does; stop it, or choose another port with --kafka-port (0: any)", port)
		}
		return nil, fmt.Errorf("the embedded Kafka does not start: %w", err)
	}
	k.cluster = cluster
	cluster.ControlKey(int16(kmsg.CreateTopics), k.oneReplica)
	k.compact.Go(k.compactNowAndThen)
	return k, nil
}

// withoutClientMetrics are the requests of a Kafka that does not ask its clients for their metrics: Kafka does so only with a plugin that takes
// them, and each client would have compressed and sent its own twice a minute, for nobody.
func withoutClientMetrics() *kversion.Versions {
	v := kversion.Stable()
	v.SetMaxKeyVersion(int16(kmsg.GetTelemetrySubscriptions), -1)
	v.SetMaxKeyVersion(int16(kmsg.PushTelemetry), -1)
	return v
}

// oneReplica lets configurations for a cluster of three brokers work on one.
func (k *embeddedKafka) oneReplica(request kmsg.Request) (kmsg.Response, error, bool) {
	k.cluster.KeepControl()
	topics := request.(*kmsg.CreateTopicsRequest).Topics
	for i := range topics {
		topics[i].ReplicationFactor = min(topics[i].ReplicationFactor, 1)
	}
	return nil, nil, false
}

func (k *embeddedKafka) compactNowAndThen() {
	ticker := time.NewTicker(compactEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			k.cluster.Compact()
		case <-k.quit:
			return
		}
	}
}

// address is host:port.
func (k *embeddedKafka) address() string { return k.cluster.ListenAddrs()[0] }

// close writes what is to be kept and frees the folder.
func (k *embeddedKafka) close() {
	close(k.quit)
	k.compact.Wait()
	k.cluster.Close()
	k.unlock()
}

func (k *embeddedKafka) unlock() {
	if k.lock != nil {
		_ = k.lock.Close() // gives the lock back; the file stays, so that nobody locks a removed one
	}
}

// lockFolder makes a folder this process's alone. The lock ends with the process, however that ends.
func lockFolder(folder string) (*os.File, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("--data-dir: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(folder, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--data-dir: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return file, nil
	}
	_ = file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("--data-dir %s is in use by another outboard dev: stop it, or choose another folder", folder)
	}
	return nil, fmt.Errorf("--data-dir %s cannot be locked: %w", folder, err)
}

// brokerLog passes on what goes wrong in the embedded Kafka.
type brokerLog struct{ log hclog.Logger }

func (l brokerLog) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		l.log.Error(fmt.Sprintf(format, args...))
	case kfake.LogLevelWarn:
		l.log.Warn(fmt.Sprintf(format, args...))
	case kfake.LogLevelNone, kfake.LogLevelInfo, kfake.LogLevelDebug:
		if l.log.IsTrace() {
			l.log.Trace(fmt.Sprintf(format, args...))
		}
	}
}

// portOf returns the port of an address.
func portOf(address string) (int, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return int(n), err
}
