package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// worker is a worker of Outboard or of Kafka Connect.
type worker struct {
	connect
	pid     int
	plugins bool // connectors run in processes of their own
	stop    func() error
}

// flushForSinks makes committed offsets tell often how far a sink is.
const flushForSinks = "offset.flush.interval.ms=200"

// startOutboard starts a worker: with a broker that keeps nothing its state is in a file and in memory, else in Kafka.
func (l *lab) startOutboard(ctx context.Context, broker string, keeps bool, extra ...string) (*worker, error) {
	return l.startOutboardAs(ctx, l.unique("outboard"), broker, keeps, extra...)
}

// startOutboardAs starts a worker with a group and topics that an earlier one of the name may have left.
func (l *lab) startOutboardAs(ctx context.Context, name, broker string, keeps bool, extra ...string) (*worker, error) {
	mode, lines := "standalone", []string{
		"bootstrap.servers=" + broker,
		"key.converter=" + byteArrays, "value.converter=" + byteArrays,
		"listeners=http://127.0.0.1:0",
		"plugin.path=" + filepath.Join(l.bin, "plugins"),
	}
	if keeps {
		mode = "worker"
		lines = append(lines, "group.id="+name,
			"config.storage.topic="+name+"-configs", "config.storage.replication.factor=1",
			"offset.storage.topic="+name+"-offsets", "offset.storage.replication.factor=1",
			"status.storage.topic="+name+"-status", "status.storage.replication.factor=1")
	} else {
		lines = append(lines, "offset.storage.file.filename="+l.path(name+".offsets"))
	}
	path := l.path(name + ".properties")
	if err := os.WriteFile(path, []byte(strings.Join(append(lines, extra...), "\n")+"\n"), 0o600); err != nil {
		return nil, err
	}
	p, url, err := l.launch(ctx, "outboard", "REST ", filepath.Join(l.bin, "outboard"), mode, path)
	if err != nil {
		return nil, err
	}
	w := &worker{connect: connect{url}, pid: p.pid(), plugins: true, stop: p.stop}
	if err := w.ready(ctx, p); err != nil {
		return nil, fmt.Errorf("%w\n%v", err, p.stop())
	}
	return w, nil
}

// ready waits until the worker takes requests.
func (w *worker) ready(ctx context.Context, p *process) error {
	return await(ctx, startLimit, "the worker to be ready", func(ctx context.Context) (bool, error) {
		select {
		case <-p.done:
			return false, p.failure("ended while starting")
		default:
			return w.healthy(ctx), nil
		}
	})
}

// removed deletes a connector and waits until its processes are gone and the worker has nothing to do.
func (w *worker) removed(ctx context.Context, name string) error {
	if err := w.remove(ctx, name); err != nil {
		return err
	}
	if w.plugins {
		err := await(ctx, stopLimit, "the plugin processes to end", func(context.Context) (bool, error) {
			left, err := childrenOf(w.pid)
			return len(left) == 0, err
		})
		if err != nil {
			return err
		}
	}
	return settle(ctx, w.pid)
}
