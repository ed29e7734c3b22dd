package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// brokerPrefix begins the line in which a broker says its address.
const brokerPrefix = "broker "

// What a broker does with records.
const (
	storing    = "store"   // keeps what is produced
	discarding = "discard" // forgets it, but for how many they were
	preparing  = "fetch"   // forgets it, and answers every fetch with the same batch
)

// runBroker is a broker on a port of 127.0.0.1, until ctx ends or the parent does.
func runBroker(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("broker", flag.ContinueOnError)
	mode := f.String("mode", storing, "store, discard or fetch")
	path := f.String("values", "", "fetch: file of the values")
	codec := f.String("codec", "none", "fetch: compression of the batch")
	keyed := f.Bool("key", false, "fetch: the first bytes of the value are the key")
	headers := f.Int("headers", 0, "fetch: headers of each record")
	if err := f.Parse(args); err != nil {
		return err
	}
	opts := []kfake.Opt{kfake.NumBrokers(1), kfake.ClusterID("outboard-bench"), kfake.MaxVersions(withoutClientMetrics())}
	switch *mode {
	case storing:
	case discarding:
		opts = append(opts, kfake.BlackholeProduce())
	case preparing:
		values, err := readValues(*path)
		if err != nil {
			return err
		}
		batch, err := preparedBatch(values, extras(*keyed, *headers), *codec)
		if err != nil {
			return err
		}
		opts = append(opts, kfake.BlackholeProduce(), kfake.SyntheticFetch(kfake.SyntheticBatch{Batch: batch}))
	default:
		return fmt.Errorf("-mode %q is none of %s, %s, %s", *mode, storing, discarding, preparing)
	}
	ctx, cancel := withParent(ctx)
	defer cancel()
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return err
	}
	defer cluster.Close()
	fmt.Printf("%s%s\n", brokerPrefix, cluster.ListenAddrs()[0])
	<-ctx.Done()
	return nil
}

// withoutClientMetrics are the requests of a Kafka without a plugin that takes the metrics of clients, as Apache Kafka is by default (4.3.1
// offers neither of the two).
func withoutClientMetrics() *kversion.Versions {
	v := kversion.Stable()
	v.SetMaxKeyVersion(int16(kmsg.GetTelemetrySubscriptions), -1)
	v.SetMaxKeyVersion(int16(kmsg.PushTelemetry), -1)
	return v
}

// preparedSize is how many bytes of records a batch has before it is compressed.
const preparedSize = 256 << 10

// preparedBatch makes a batch as a producer would out of these values, again from the first when they are too few.
func preparedBatch(values [][]byte, more extra, codec string) ([]byte, error) {
	compression, err := codecOf(codec)
	if err != nil {
		return nil, err
	}
	compressor, err := kgo.DefaultCompressor(compression)
	if err != nil {
		return nil, err
	}
	var records []byte
	n := int32(0)
	for ; len(records) < preparedSize; n++ {
		r := kmsg.Record{OffsetDelta: n, Value: values[int(n)%len(values)]}
		if more.keyed {
			r.Key = r.Value[:numberSize]
		}
		for _, name := range more.headers {
			r.Headers = append(r.Headers, kmsg.Header{Key: name, Value: r.Value[:numberSize]})
		}
		r.Length = int32(len(r.AppendTo(nil)) - 1) // a length of 0 takes one byte, and is not part of itself
		records = r.AppendTo(records)
	}
	attributes := int16(0)
	if compressor != nil {
		compressed, used := compressor.Compress(new(bytes.Buffer), records)
		if used == kgo.CodecError {
			return nil, fmt.Errorf("compressing a batch with %s failed", codec)
		}
		records, attributes = compressed, int16(used)
	}
	now := time.Now().UnixMilli()
	b := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, Attributes: attributes, LastOffsetDelta: n - 1, FirstTimestamp: now, MaxTimestamp: now,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: n, Records: records,
	}
	// The length counts what follows it, the checksum what follows the checksum.
	const lengthAt, lengthEnd, sumAt, sumEnd = 8, 12, 17, 21
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[lengthAt:], uint32(len(raw)-lengthEnd))
	binary.BigEndian.PutUint32(raw[sumAt:], crc32.Checksum(raw[sumEnd:], crc32.MakeTable(crc32.Castagnoli)))
	return raw, nil
}

func codecOf(name string) (kgo.CompressionCodec, error) {
	switch name {
	case "none":
		return kgo.NoCompression(), nil
	case "snappy":
		return kgo.SnappyCompression(), nil
	}
	return kgo.CompressionCodec{}, fmt.Errorf("compression %q is none of none, snappy", name)
}
