package producer

import (
	"bytes"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What is appended is what franz-go's own reader of Kafka's format reads, takes the room that was said, and can be read back.
func FuzzRecord(f *testing.F) {
	f.Add([]byte("key"), []byte("value"), "header", []byte("h"), int64(5), 3, true)
	f.Add([]byte(nil), []byte{}, "", []byte(nil), int64(-1), 0, false)
	f.Add(bytes.Repeat([]byte{1}, 200), bytes.Repeat([]byte{2}, 20000), "ü", []byte{}, int64(1)<<40, 1<<30, true)
	f.Fuzz(func(t *testing.T, key, value []byte, name string, header []byte, since int64, index int, headers bool) {
		if since > 1<<50 || since < -1<<50 || index < 0 || index > 1<<31-1 {
			t.Skip()
		}
		r := &kgo.Record{Key: key, Value: value}
		if headers {
			r.Headers = []kgo.RecordHeader{{Key: name, Value: header}, {Key: "second"}}
		}
		size := bodySize(contentSize(r), since, index)
		text := appendRecord([]byte("before"), r, size, since, index)
		text = text[len("before"):]
		var k kmsg.Record
		if err := k.ReadFrom(text); err != nil {
			t.Fatal(err)
		}
		if int(k.Length) != size || len(text) != size+signedSize(int64(size)) {
			t.Errorf("%d bytes of which the body has %d, said were %d", len(text), k.Length, size)
		}
		if k.TimestampDelta64 != since || k.OffsetDelta != int32(index) || !same(k.Key, key) || !same(k.Value, value) || len(k.Headers) != len(r.Headers) {
			t.Errorf("%+v", k)
		}
		const first = 1_700_000_000_000
		var back kgo.Record
		if rest := readRecord(append(text, "behind"...), &back, first); string(rest) != "behind" {
			t.Errorf("behind it is %q", rest)
		}
		if !same(back.Key, key) || !same(back.Value, value) || !back.Timestamp.Equal(time.UnixMilli(first+since)) {
			t.Errorf("%+v", back)
		}
		for i, h := range r.Headers {
			if k.Headers[i].Key != h.Key || !same(k.Headers[i].Value, h.Value) || back.Headers[i].Key != h.Key || !same(back.Headers[i].Value, h.Value) {
				t.Errorf("header %d: %+v, %+v", i, k.Headers[i], back.Headers[i])
			}
		}
	})
}

// same tells whether two are equal, and null alike.
func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
