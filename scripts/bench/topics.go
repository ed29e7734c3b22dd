package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// newTopic makes a topic of a new name. Kafka forgets it soon after it is deleted: runs would fill the disk otherwise.
func (st *stage) newTopic(of string) (string, error) {
	name := st.unique(of)
	return name, st.createTopic(name)
}

func (st *stage) createTopic(name string) error {
	soon := "1000"
	response, err := st.admin.CreateTopic(st.ctx, int32(st.partitions), 1, map[string]*string{"file.delete.delay.ms": &soon}, name)
	if err == nil {
		err = response.Err
	}
	if err != nil {
		return fmt.Errorf("creating topic %s: %w", name, err)
	}
	// Kafka answers before all of it knows.
	stored := st.stored(name)
	return await(st.ctx, startLimit, "topic "+name, func(ctx context.Context) (bool, error) {
		_, err := stored(ctx)
		return err == nil, nil
	})
}

func (st *stage) removeTopic(name string) error {
	ctx, cancel := st.own()
	defer cancel()
	response, err := st.admin.DeleteTopic(ctx, name)
	if err == nil {
		err = response.Err
	}
	if err != nil {
		return fmt.Errorf("deleting topic %s: %w", name, err)
	}
	return nil
}

// stored counts the records of a topic.
func (st *stage) stored(topic string) func(context.Context) (int64, error) {
	return func(ctx context.Context) (sum int64, err error) {
		offsets, err := st.admin.ListEndOffsets(ctx, topic)
		if err != nil {
			return 0, fmt.Errorf("end of topic %s: %w", topic, err)
		}
		offsets.Each(func(o kadm.ListedOffset) {
			if o.Err != nil {
				err = fmt.Errorf("end of topic %s: %w", topic, o.Err)
			}
			sum += o.Offset
		})
		return sum, err
	}
}

// sizeOf counts the bytes of a topic.
func (st *stage) sizeOf(topic string) func(context.Context) (int64, error) {
	partitions := kadm.TopicsSet{}
	for n := range st.partitions {
		partitions.Add(topic, int32(n))
	}
	return func(ctx context.Context) (sum int64, err error) {
		brokers, err := st.admin.DescribeAllLogDirs(ctx, partitions)
		if err != nil {
			return 0, fmt.Errorf("size of topic %s: %w", topic, err)
		}
		for _, folders := range brokers {
			sum += folders.Size()
		}
		return sum, nil
	}
}

// committed counts the records of the input that a group is done with.
func (st *stage) committed(group string) func(context.Context) (int64, error) {
	return func(ctx context.Context) (sum int64, err error) {
		offsets, err := st.admin.FetchOffsets(ctx, group)
		if kerr.IsRetriable(err) || errors.Is(err, kerr.GroupIDNotFound) {
			return 0, nil // the group is not there yet, or Kafka is not ready for it
		}
		if err != nil {
			return 0, fmt.Errorf("offsets of group %s: %w", group, err)
		}
		for _, o := range offsets[st.inputs] {
			if o.Err != nil {
				return 0, fmt.Errorf("offsets of group %s: %w", group, o.Err)
			}
			sum += max(0, o.At)
		}
		return sum, nil
	}
}

// written counts the lines of a file.
func written(path string) func(context.Context) (int64, error) {
	return func(context.Context) (int64, error) {
		info, err := os.Stat(path)
		if errors.Is(err, os.ErrNotExist) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		return info.Size() / lineSize, nil
	}
}
