package worker

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/convert"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// A batch has the room that the one before took, so that its arena need not grow record by record; a huge one is no measure.
func TestRoomOfABatch(t *testing.T) {
	s := newSubmitted()
	conv, err := convert.New("JsonConverter", map[string]string{"schemas.enable": "false"}, convert.Value)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1000, 100_000, 2 * maxRoom} {
		open := func() *batch {
			return s.next(&wire.Frame{Batch: &connectv1.RecordBatch{}}, 0, func(*batch, int, *kgo.Record, error) bool { return true }, func(int, int64) {})
		}
		b := open()
		if _, err := conv.FromConnect(&b.made.arena, "topic", data.StringValue(strings.Repeat("x", size))); err != nil {
			t.Fatal(err)
		}
		b.filled(0)
		want := min(size, maxRoom)
		if s.room < want || s.room > want+want/4 {
			t.Errorf("after a batch of %d bytes the next has room for %d", size, s.room)
		}
	}
}
