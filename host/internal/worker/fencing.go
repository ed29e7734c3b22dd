package worker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/outboard-connect/outboard/host/internal/kafka"
)

// Fencing keeps tasks of an earlier generation, which may still run on a worker that is cut off, from writing beside those
// of a later one. The functions are called by several goroutines; they may call the worker.
type Fencing struct {
	// Fence returns when no task of an earlier generation of the connector can commit a transaction any more.
	Fence func(ctx context.Context, id TaskID, generation int64) error
	// Current tells whether the task is still this worker's to run, in this generation, as of now.
	Current func(ctx context.Context, id TaskID, generation int64) (bool, error)
}

// transactionalID is Kafka Connect's for the producer of a task.
func (w *Worker) transactionalID(id TaskID) string {
	return w.settings.ExactlyOnceGroup + "-" + id.Connector + "-" + strconv.Itoa(id.Task)
}

const (
	// fencingTimeout is the time-out of the transactions that a fencing producer never begins.
	fencingTimeout = 10 * time.Second
	// fencingPause is the time between two attempts while the brokers end the transaction of the one that is fenced.
	fencingPause = 50 * time.Millisecond
)

// FenceTasks ends the transactions of tasks 0 to count-1 of a source connector, and keeps the producers that those tasks have
// now from any other. Producers that are made later can write.
func (w *Worker) FenceTasks(ctx context.Context, connector string, config map[string]string, count int) error {
	resolved, err := w.settings.Providers.Resolve(config)
	if err != nil {
		return fmt.Errorf("resolving the configuration: %w", err)
	}
	cfg, err := w.settings.client(kafka.Admin, TaskID{Connector: connector}, resolved.Values, w.log.With("connector", connector))
	if err != nil {
		return discreet(resolved, err)
	}
	client, err := kgo.NewClient(cfg.Options...)
	if err != nil {
		return discreet(resolved, fmt.Errorf("making the client that fences tasks: %w", err))
	}
	defer client.Close()
	for n := range count {
		if err := fence(ctx, client, w.transactionalID(TaskID{connector, n})); err != nil {
			return discreet(resolved, err)
		}
	}
	return nil
}

// fence takes a transactional id away from whoever has it.
func fence(ctx context.Context, client *kgo.Client, id string) error {
	for {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID = &id
		req.TransactionTimeoutMillis = int32(fencingTimeout.Milliseconds())
		resp, err := req.RequestWith(ctx, client)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
			return fmt.Errorf("transactional.id %s of an earlier task cannot be fenced: grant the principal of the connector's admin client WRITE and DESCRIBE on it: %w", id, err)
		case !errors.Is(err, kerr.ConcurrentTransactions):
			return fmt.Errorf("transactional.id %s of an earlier task cannot be fenced: %w", id, err)
		}
		select {
		case <-time.After(fencingPause):
		case <-ctx.Done():
			return fmt.Errorf("transactional.id %s of an earlier task was not fenced in time: %w", id, errors.Join(ctx.Err(), err))
		}
	}
}
