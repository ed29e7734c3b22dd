package kafka

import (
	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kgo"
)

// compression reads the codec and its level. franz-go would compress with snappy by default, Kafka does not compress.
func (v *values) compression() kgo.Opt {
	codec, _ := choice(v, "compression.type", true, map[string]string{
		"none": "none", "gzip": "gzip", "snappy": "snappy", "lz4": "lz4", "zstd": "zstd",
	})
	// The levels are checked whatever the codec: a wrong one is a mistake either way.
	gzipLevel, hasGzip := v.number("compression.gzip.level", -1, 9)
	lz4Level, hasLz4 := v.number("compression.lz4.level", 1, 17)
	zstdLevel, hasZstd := v.number("compression.zstd.level", -131072, 22)
	c := kgo.NoCompression()
	switch codec {
	case "gzip":
		c = kgo.GzipCompression()
		if hasGzip {
			c = c.WithLevel(int(gzipLevel))
		}
	case "snappy":
		c = kgo.SnappyCompression()
	case "lz4":
		c = kgo.Lz4Compression()
		if hasLz4 {
			c = c.WithLevel(1 << (8 + min(lz4Level, 9))) // the library has nine, in this form
		}
	case "zstd":
		c = kgo.ZstdCompression()
		if hasZstd {
			c = c.WithLevel(int(zstd.EncoderLevelFromZstd(int(zstdLevel))))
		}
	}
	return kgo.ProducerBatchCompression(c)
}
