package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// takeSamples makes a few records of each kind that the cases have, as they are in Kafka.
func (l *lab) takeSamples(ctx context.Context) (err error) {
	st := &stage{lab: l, ctx: ctx}
	defer func() { err = errors.Join(err, st.close()) }()
	p, address, err := l.launch(ctx, "broker", brokerPrefix, l.self, "broker", "-mode", storing)
	if err != nil {
		return err
	}
	st.cleanup = append(st.cleanup, p.stop)
	if st.ours, err = l.startOutboard(ctx, address, false); err != nil {
		return err
	}
	st.cleanup = append(st.cleanup, st.ours.stop)
	for _, c := range l.cases {
		if c.input == without || c.input == crowd || l.samples[c.payload.name] != "" {
			continue
		}
		values, err := st.sample(ctx, address, c.payload)
		if err != nil {
			return fmt.Errorf("taking samples of %s: %w", c.payload.name, err)
		}
		path := l.path(c.payload.name + ".values")
		if err := writeValues(path, values); err != nil {
			return err
		}
		l.samples[c.payload.name] = path
	}
	return nil
}

func (st *stage) sample(ctx context.Context, broker string, p payload) (values [][]byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	config := with(map[string]string{"connector.class": "DatagenSource", "topic": p.name}, p.datagen, p.converters)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.AllowAutoTopicCreation(), kgo.ConsumeTopics(p.name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	response, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, nil, p.name)
	if err = errors.Join(err, response.Err); err != nil {
		return nil, err
	}
	if err := st.ours.put(ctx, p.name, config); err != nil {
		return nil, err
	}
	for size := 0; size < sampleBytes; {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			_, err := st.ours.running(context.WithoutCancel(ctx), p.name)
			return nil, errors.Join(fmt.Errorf("%d of %d bytes came within %s", size, sampleBytes, startLimit), err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if size < sampleBytes {
				values, size = append(values, r.Value), size+len(r.Value)
			}
		})
	}
	return values, st.ours.removed(ctx, p.name)
}
