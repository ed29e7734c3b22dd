package herder

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/outboard-connect/outboard/host/internal/worker"
)

// The members of a sink's partitions and offsets.
const (
	kafkaTopic     = "kafka_topic"
	kafkaPartition = "kafka_partition"
	kafkaOffset    = "kafka_offset"
)

// sinkOffset shows a committed offset, its members in the order of Kafka Connect.
func sinkOffset(o worker.SinkOffset) Offset {
	topic, err := json.Marshal(o.Topic)
	if err != nil {
		panic("herder: a text cannot be quoted: " + err.Error())
	}
	return Offset{
		Partition: fmt.Appendf(nil, `{"%s":%d,"%s":%s}`, kafkaPartition, o.Partition, kafkaTopic, topic),
		Offset:    fmt.Appendf(nil, `{"%s":%d}`, kafkaOffset, o.Offset),
	}
}

// sinkChange reads offsets for a sink. Numbers may be texts, as in Kafka Connect.
func sinkChange(offsets []Offset) ([]worker.SinkOffset, error) {
	change := make([]worker.SinkOffset, len(offsets))
	for i, o := range offsets {
		var err error
		if change[i].Topic, change[i].Partition, err = sinkPartition(o.Partition); err != nil {
			return nil, err
		}
		if change[i].Offset, err = sinkPosition(o.Offset); err != nil {
			return nil, err
		}
	}
	return change, nil
}

func sinkPartition(raw json.RawMessage) (topic string, partition int32, err error) {
	if isNull(raw) {
		return "", 0, errorf(BadRequest, "The partition for a sink connector offset cannot be null or missing")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return "", 0, errorf(BadRequest, "The partition for a sink connector offset must be an object, such as "+
			`{"kafka_topic": "orders", "kafka_partition": 0}; it is %s`, raw)
	}
	topicText, hasTopic := members[kafkaTopic]
	partitionText, hasPartition := members[kafkaPartition]
	if !hasTopic || !hasPartition {
		return "", 0, errorf(BadRequest, "The partition for a sink connector offset must contain the keys '%s' and '%s'", kafkaTopic, kafkaPartition)
	}
	if isNull(topicText) || json.Unmarshal(topicText, &topic) != nil || topic == "" {
		return "", 0, errorf(BadRequest, "Kafka topic names must be valid strings and may not be null")
	}
	if isNull(partitionText) {
		return "", 0, errorf(BadRequest, "Kafka partitions must be valid numbers and may not be null")
	}
	n, err := strconv.ParseInt(plain(partitionText), 10, 32)
	if err != nil {
		return "", 0, errorf(BadRequest, "Failed to parse the following Kafka partition value in the provided offsets: '%s'. "+
			"Partition values for sink connectors need to be integers.", plain(partitionText))
	}
	if n < 0 {
		return "", 0, errorf(BadRequest, "Kafka partition %d in the provided offsets is negative: partitions are numbered from 0", n)
	}
	return topic, int32(n), nil
}

// sinkPosition reads an offset, -1 for none.
func sinkPosition(raw json.RawMessage) (int64, error) {
	if isNull(raw) {
		return -1, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return 0, errorf(BadRequest, `The offset for a sink connector must be an object, such as {"kafka_offset": 1000}, or null; it is %s`, raw)
	}
	text, ok := members[kafkaOffset]
	if !ok {
		return 0, errorf(BadRequest, "The offset for a sink connector should either be null or contain the key '%s'", kafkaOffset)
	}
	n, err := strconv.ParseInt(plain(text), 10, 64)
	if err != nil {
		return 0, errorf(BadRequest, "Failed to parse the following Kafka offset value in the provided offsets: '%s'. "+
			"Offset values for sink connectors need to be integers.", plain(text))
	}
	if n < 0 {
		return 0, errorf(BadRequest, "Kafka offset %d in the provided offsets is negative: to read a partition from where the consumer begins, make its offset null", n)
	}
	return n, nil
}

// plain is the text of a JSON value, without the quotes of a string.
func plain(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil && !isNull(raw) {
		return text
	}
	return strings.TrimSpace(string(raw))
}
