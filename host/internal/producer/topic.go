package producer

import (
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topic is what the producer knows of a topic.
type topic struct {
	name        string
	id          [16]byte
	partitioner kgo.TopicPartitioner
	partitions  []*partition // empty while they are not known
	writable    []*partition // those that have a leader
	backlog     backlog
	anywhere    anywhere   // the partitioner, if it is one
	keyless     bool       // it says yes of records without a key that name no partition
	current     *partition // that records go to that may go anywhere

	waiting []waiting // for the partitions, in order
	asked   int       // times in a row that the broker did not know the topic
	stale   bool      // its metadata is to be read again
	loaded  time.Time
}

// anywhere is a partitioner that leaves some records to the producer: they go to one partition until its batch is sent, and then to
// another that less waits for than for others. So batches get as large as they may. Of records without a key, with a negative Partition, it says
// always the same.
type anywhere interface {
	Anywhere(*kgo.Record) bool
}

// waiting is a record that has no partition yet.
type waiting struct {
	from   Origin
	index  int
	record *kgo.Record // in memory of its own
	since  time.Time
}

// none is the id of a leader or of a producer while there is none, and stands for epoch and number where they are not used.
const none = -1

// partition is a partition of a topic, and what is to be sent to it.
type partition struct {
	topic  *topic
	number int32
	leader int32
	queue  []*batch // oldest first; the last one may be open
	// inFlight is the batch in a request, nil when there is none. It is the first of the queue, unless it was abandoned.
	inFlight  *batch
	notBefore time.Time // it tries again
	active    bool      // in the producer's list

	// Of idempotence.
	producerID int64 // none: it has none yet
	epoch      int16
	sequence   int32 // of the next batch
}

// records is how many wait in the partition.
func (p *partition) records() int64 {
	n := int64(0)
	for _, b := range p.queue {
		n += int64(b.count)
	}
	return n
}

// open returns the batch that records are added to, nil when there is none.
func (p *partition) open() *batch {
	if n := len(p.queue); n > 0 && !p.queue[n-1].closed {
		return p.queue[n-1]
	}
	return nil
}

// restart begins a new epoch: what the broker has of the old one does not matter any more.
func (p *partition) restart() {
	p.sequence = 0
	if p.epoch++; p.epoch < 0 {
		p.producerID, p.epoch = none, 0
	}
}

// isKeyless tells of most records that may go anywhere that they may.
func (t *topic) isKeyless(r *kgo.Record) bool { return t.keyless && r.Key == nil && r.Partition < 0 }

// pick chooses the partition of a record; nil when the topic does not have it.
func (t *topic) pick(r *kgo.Record) *partition {
	if t.isKeyless(r) || t.anywhere != nil && t.anywhere.Anywhere(r) {
		if t.current == nil || t.current.open() == nil {
			t.current = t.leastBusy()
		}
		return t.current
	}
	among := t.writable
	if len(t.writable) < len(t.partitions) && (len(among) == 0 || t.partitioner.RequiresConsistency(r)) {
		among = t.partitions
	}
	i := 0
	if len(among) > 1 || r.Partition > 0 {
		if by, ok := t.partitioner.(kgo.TopicBackupPartitioner); ok {
			t.backlog = backlog{of: among}
			i = by.PartitionByBackup(r, len(among), &t.backlog)
		} else {
			i = t.partitioner.Partition(r, len(among))
		}
	}
	if i < 0 || i >= len(among) {
		return nil
	}
	return among[i]
}

// leastBusy returns a partition that can be written to and has the fewest records waiting, one of those at random.
func (t *topic) leastBusy() *partition {
	among := t.writable
	if len(among) == 0 {
		among = t.partitions
	}
	start := rand.IntN(len(among))
	best, least := among[start], among[start].records()
	for i := 1; i < len(among) && least > 0; i++ {
		if p := among[(start+i)%len(among)]; p.records() < least {
			best, least = p, p.records()
		}
	}
	return best
}

// backlog tells the partitioner how many records wait in each partition.
type backlog struct {
	of   []*partition
	next int
}

func (b *backlog) Rem() int { return len(b.of) - b.next }

func (b *backlog) Next() (int, int64) {
	b.next++
	return b.next - 1, b.of[b.next-1].records()
}

// learn takes over what the broker says of a topic that it knows. It returns false when this is not the topic it was: one
// of its name was deleted and this one created.
func (t *topic) learn(m *kmsg.MetadataResponseTopic, now time.Time) bool {
	if t.id != [16]byte{} && m.TopicID != [16]byte{} && t.id != m.TopicID {
		return false
	}
	t.id, t.asked, t.stale, t.loaded = m.TopicID, 0, false, now
	for range len(m.Partitions) - len(t.partitions) {
		t.partitions = append(t.partitions, &partition{topic: t, number: int32(len(t.partitions)), leader: none, producerID: none})
	}
	for i := range m.Partitions {
		p := &m.Partitions[i]
		if int(p.Partition) >= len(t.partitions) || p.Partition < 0 {
			continue
		}
		leader := p.Leader
		if err := kerr.ErrorForCode(p.ErrorCode); err != nil && err != kerr.ReplicaNotAvailable {
			leader = none
		}
		t.partitions[p.Partition].leader = leader
	}
	t.writable = t.writable[:0]
	for _, p := range t.partitions {
		if p.leader == none {
			t.stale = true
		} else {
			t.writable = append(t.writable, p)
		}
	}
	return true
}
