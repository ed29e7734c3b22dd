package kafka

import "github.com/twmb/franz-go/pkg/kgo"

// uniform is a partitioner that spreads records evenly, but for those with a key. How does not matter to who configures it.
type uniform struct{ kgo.Partitioner }

// ExplicitPartition returns a partitioner that sends a record to the partition that its Partition field names, and asks
// p where it is negative. A producer that uses it must set the field of every record. A partition that the topic does not have fails the record.
func ExplicitPartition(p kgo.Partitioner) kgo.Partitioner { return explicitPartitioner{p} }

type explicitPartitioner struct{ otherwise kgo.Partitioner }

func (e explicitPartitioner) ForTopic(topic string) kgo.TopicPartitioner {
	_, even := e.otherwise.(uniform)
	return explicitTopicPartitioner{e.otherwise.ForTopic(topic), even}
}

type explicitTopicPartitioner struct {
	otherwise kgo.TopicPartitioner
	even      bool
}

// Anywhere tells whether a record may go to any partition, as long as all get their share: a producer that knows better than the
// partitioner where there is room need not ask.
func (e explicitTopicPartitioner) Anywhere(r *kgo.Record) bool {
	return e.even && r.Partition < 0 && !e.otherwise.RequiresConsistency(r)
}

func (e explicitTopicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition >= 0 || e.otherwise.RequiresConsistency(r)
}

func (e explicitTopicPartitioner) Partition(r *kgo.Record, n int) int {
	if r.Partition >= 0 {
		return int(r.Partition)
	}
	return e.otherwise.Partition(r, n)
}

func (e explicitTopicPartitioner) PartitionByBackup(r *kgo.Record, n int, backup kgo.TopicBackupIter) int {
	if r.Partition >= 0 {
		return int(r.Partition)
	}
	if byBackup, ok := e.otherwise.(kgo.TopicBackupPartitioner); ok {
		return byBackup.PartitionByBackup(r, n, backup)
	}
	return e.otherwise.Partition(r, n)
}

func (e explicitTopicPartitioner) OnNewBatch() {
	if p, ok := e.otherwise.(kgo.TopicPartitionerOnNewBatch); ok {
		p.OnNewBatch()
	}
}
