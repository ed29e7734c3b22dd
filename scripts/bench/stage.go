package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// stage is what the contenders of one case share: the broker, the workers and the input.
type stage struct {
	*lab
	work      testCase
	ctx       context.Context
	broker    string
	brokerPID int
	client    *kgo.Client
	admin     *kadm.Client
	ours      *worker
	theirs    *worker // nil without Kafka Connect
	inputPath string
	inputs    string // topic
	orders    *orders
	cleanup   []func() error
}

// inputShare is how much more input there is than a run takes, so that no run ends with it.
const inputShare = 2

// openStage sets a case up. What it started it stops when it fails.
func (l *lab) openStage(ctx context.Context, c testCase) (st *stage, err error) {
	st = &stage{lab: l, work: c, ctx: ctx}
	defer func() {
		if err != nil {
			err = errors.Join(err, st.close())
		}
	}()
	if err := st.openBroker(); err != nil {
		return st, err
	}
	if err := st.openInput(); err != nil {
		return st, err
	}
	var extra []string
	if c.input == fromTopic || c.input == fromDocuments {
		extra = append(extra, flushForSinks)
	}
	if st.ours, err = l.startOutboard(ctx, st.broker, l.realKafka(), extra...); err != nil {
		return st, err
	}
	st.cleanup = append(st.cleanup, st.ours.stop)
	if l.besideKafkaConnect() {
		if st.theirs, err = l.startKafkaConnect(ctx, extra...); err != nil {
			return st, err
		}
		st.cleanup = append(st.cleanup, st.theirs.stop)
	}
	return st, nil
}

// close stops and removes what was made, in reverse.
func (st *stage) close() error {
	var problems []error
	for i := len(st.cleanup) - 1; i >= 0; i-- {
		problems = append(problems, st.cleanup[i]())
	}
	return errors.Join(problems...)
}

func (st *stage) openBroker() error {
	if st.realKafka() {
		st.broker, st.brokerPID = st.kafka, st.kafkaPID
	} else {
		args := []string{"broker", "-mode", discarding}
		if st.work.input == fromTopic {
			args = append([]string{"broker", "-mode", preparing, "-values", st.samples[st.work.payload.name], "-codec", st.work.codec}, st.work.payload.bare...)
		}
		p, address, err := st.launch(st.ctx, "broker", brokerPrefix, st.self, args...)
		if err != nil {
			return err
		}
		st.cleanup = append(st.cleanup, p.stop)
		st.broker, st.brokerPID = address, p.pid()
	}
	return st.connectTo()
}

// openInput makes what sinks and file sources read.
func (st *stage) openInput() (err error) {
	switch st.work.input {
	case fromTopic:
		if st.inputs, err = st.newTopic("input"); err != nil {
			return err
		}
		st.cleanup = append(st.cleanup, func() error { return st.removeTopic(st.inputs) })
		if st.realKafka() {
			return st.fill(st.inputs)
		}
	case fromFile:
		st.inputPath = st.path("lines")
		st.cleanup = append(st.cleanup, func() error { return os.RemoveAll(st.inputPath) })
		return st.writeLines(st.inputPath)
	case fromTable, fromChanges:
		if st.orders, err = openOrders(st.ctx, st.mariadb); err != nil {
			return err
		}
		st.cleanup = append(st.cleanup, st.orders.close)
		return st.orders.fill(st.ctx)
	case fromDocuments:
		return st.openDocuments()
	}
	return nil
}

func (st *stage) fill(topic string) error {
	p, _, err := st.launch(st.ctx, "fill", "", st.self, "produce", "-broker", st.broker, "-topic", topic,
		"-values", st.samples[st.work.payload.name], "-codec", st.work.codec, "-records", strconv.FormatInt(inputShare*st.size(), 10))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(st.ctx, runLimit, fmt.Errorf("topic %s was not full within %s", topic, runLimit))
	defer cancel()
	if err := p.wait(ctx); err != nil {
		return errors.Join(err, context.Cause(ctx), p.stop())
	}
	return nil
}

func (st *stage) writeLines(path string) error {
	values, err := readValues(st.samples[st.work.payload.name])
	if err != nil {
		return err
	}
	var text []byte
	for _, v := range values {
		text = append(append(text, v...), '\n')
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for written := int64(0); written < inputShare*st.size()*lineSize; written += int64(len(text)) {
		if _, err := f.Write(text); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

// size is the number of records of a run that counts.
func (st *stage) size() int64 {
	switch {
	case st.lab.records > 0:
		return st.lab.records
	case st.lab.quick:
		return st.work.quick
	}
	return st.work.records
}

// own returns a context for what is to be done also after the stage's has ended.
func (st *stage) own() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(st.ctx), 2*stopLimit)
}
