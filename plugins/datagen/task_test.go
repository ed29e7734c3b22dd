package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugin-sdk/sdktest"
	"github.com/outboard-connect/outboard/scripts/bubble"
)

// makeAll takes all records that some tasks make.
func makeAll(t *testing.T, config map[string]string, most int) [][]sdktest.Record {
	t.Helper()
	p := sdktest.InProcess(t, plugin())
	configs, err := p.TaskConfigs("DatagenSource", config, most)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]sdktest.Record
	for i, c := range configs {
		s, err := p.StartSource("DatagenSource", c, nil)
		if err != nil {
			t.Fatal(err)
		}
		total, err := strconv.Atoi(config[keyRecords])
		if err != nil {
			t.Fatal(err)
		}
		records := s.Take((total - i + len(configs) - 1) / len(configs))
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		if more := s.TakeWithin(1, 0); len(more) > 0 {
			t.Errorf("task %d made one record too many: %s", i, more[0])
		}
		all = append(all, records)
	}
	return all
}

// TestSlices checks that the tasks make each number once, and the same value
// whatever their number.
func TestSlices(t *testing.T) {
	for name, config := range map[string]map[string]string{
		"bytes":    {keyTopic: "t", keyRecords: "1003"},
		"rows":     {keyTopic: "t", keyRecords: "1003", keyShape: shapeRow, keyKey: keySequence},
		"only two": {keyTopic: "t", keyRecords: "2"},
	} {
		t.Run(name, func(t *testing.T) {
			alone := makeAll(t, config, 1)[0]
			for _, most := range []int{1, 2, 3} {
				slices := makeAll(t, config, most)
				for i, want := range alone {
					if got := slices[i%len(slices)][i/len(slices)]; got.Text() != want.Text() || string(got.Key.Data) != string(want.Key.Data) {
						t.Fatalf("%d tasks: record %d is %s, expected %s", most, i, got, want)
					}
				}
			}
		})
	}
}

func TestBytes(t *testing.T) {
	printable := regexp.MustCompile(`^[0-9]{16}[a-z0-9 ]*$`)
	for _, size := range []int{numberSize, 100, poolSize + 77, 3_000_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			records := makeAll(t, map[string]string{keyTopic: "t", keyRecords: "3", keyValueSize: fmt.Sprint(size), keyKey: keySequence}, 1)[0]
			seen := map[string]bool{}
			for i, r := range records {
				text := r.Text()
				n, err := strconv.Atoi(text[:numberSize])
				if err != nil || n != i || len(text) != size || !printable.MatchString(text) {
					t.Errorf("record %d of %d bytes: %.50q, %v", i, len(text), text, err)
				}
				if want := fmt.Sprintf("%016d", i); string(r.Key.Data) != want {
					t.Errorf("key %q, expected %q", r.Key.Data, want)
				}
				if body := text[numberSize:]; body != "" && seen[body] {
					t.Errorf("record %d has the same body as another one", i)
				} else {
					seen[body] = true
				}
			}
		})
	}
}

func TestSeed(t *testing.T) {
	value := func(seed string) string {
		return makeAll(t, map[string]string{keyTopic: "t", keyRecords: "1", keySeed: seed}, 1)[0][0].Text()
	}
	if one := value("1"); one != value("1") || one == value("2") {
		t.Error("a seed must make the same record again, and another seed another one")
	}
}

// TestReplay pins the values: those who replay a seed with a later version expect the same ones.
func TestReplay(t *testing.T) {
	for size, want := range map[string]string{
		"100":    "0b681e81fa223418c756d9c2eb2c8dc7237938fe8c75582b5eef57a593014b88",
		"600000": "a2999479a5a09d8c7f7af9c3298b07cafb03b1a46dedfee8ceae9312126f72e3",
	} {
		t.Run(size, func(t *testing.T) {
			sum := sha256.New()
			for _, r := range makeAll(t, map[string]string{keyTopic: "t", keyRecords: "100", keyValueSize: size, keySeed: "7"}, 1)[0] {
				sum.Write(r.Value.Data)
			}
			if got := hex.EncodeToString(sum.Sum(nil)); got != want {
				t.Errorf("the values' SHA-256 is %s, expected %s", got, want)
			}
		})
	}
}

// TestPools checks that tasks of the same seed share what their values are cut from, as long as one of them is there.
func TestPools(t *testing.T) {
	one := newTexts(101, 20)
	if other := newTexts(101, 3000); other.pool != one.pool {
		t.Error("two tasks of a seed have a pool each")
	}
	if other := newTexts(102, 20); other.pool == one.pool {
		t.Error("tasks of two seeds share a pool")
	}
	runtime.KeepAlive(one)
	runtime.GC()
	newTexts(103, 20)
	pools.Lock()
	defer pools.Unlock()
	for _, seed := range []int64{101, 102} {
		if _, kept := pools.inUse[seed]; kept {
			t.Errorf("the pool of seed %d is remembered, and nobody uses it", seed)
		}
	}
}

func TestRows(t *testing.T) {
	records := makeAll(t, map[string]string{keyTopic: "t", keyRecords: "2000", keyShape: shapeRow}, 1)[0]
	nulls := map[string]int{}
	for i, r := range records {
		v, err := data.Decode(r.Value.Schema, r.Value.Data)
		if err != nil {
			t.Fatal(err)
		}
		row := v.(map[string]any)
		if row["id"] != int64(i) || len(row) != 10 {
			t.Fatalf("record %d: %v", i, row)
		}
		if q := row["quantity"].(int32); q < 1 || q > 16 {
			t.Errorf("record %d: quantity %d", i, q)
		}
		if at := row["ordered_at"].(time.Time); at.Year() != 2026 {
			t.Errorf("record %d: ordered at %v", i, at)
		}
		for name, v := range row {
			if v == nil {
				nulls[name]++
			}
		}
	}
	for _, name := range []string{"discount", "note"} {
		if n := nulls[name]; n < 500 || n > 1800 {
			t.Errorf("%s is null in %d of %d records", name, n, len(records))
		}
		delete(nulls, name)
	}
	if len(nulls) > 0 {
		t.Errorf("nulls in %v", nulls)
	}
}

func TestStamp(t *testing.T) {
	for _, n := range []int64{0, 7, 10, 99, 100, 12345, 9999999999999999} {
		var b [numberSize]byte
		stamp(b[:], n)
		if want := fmt.Sprintf("%016d", n); string(b[:]) != want {
			t.Errorf("%s, expected %s", b, want)
		}
	}
}

// Whatever number came before, the digits are those of the number.
func TestDigits(t *testing.T) {
	var d digits
	for _, n := range []int64{0, 0, 1, 2, 9, 10, 11, 18, 19, 20, 99, 100, 101, 104, 109, 108, 7, 16, 25, 1000, 999, 9999999999999998, 9999999999999999} {
		d.set(n)
		if want := fmt.Sprintf("%016d", n); string(d.text[:]) != want {
			t.Errorf("%s, expected %s", d.text, want)
		}
	}
}

func TestPace(t *testing.T) {
	for name, rate := range map[string]float64{"one": 1, "slow": 0.25, "hundred": 100, "fast": 1e6} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				p := newPace(rate)
				begin := time.Now()
				made, bursts := int64(0), 0
				for time.Since(begin) < 20*time.Second {
					n := p.wait(t.Context())
					p.spend(n)
					made += n
					bursts++
				}
				took := time.Since(begin).Seconds()
				if want := rate * took; float64(made) > want+1 || float64(made) < want-rate/100-1 {
					t.Errorf("%d records in %.3f s at a rate of %g", made, took, rate)
				}
				if most := took/burstEvery.Seconds() + 1; float64(bursts) > most {
					t.Errorf("%d bursts in %.3f s", bursts, took)
				}
			})
		})
	}
}

// TestPaceHeldUp: what nobody took is made up for, but not all of it.
func TestPaceHeldUp(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p := newPace(1000)
		time.Sleep(time.Hour)
		if n := p.wait(t.Context()); n != 100 {
			t.Errorf("%d records are due after an hour", n)
		}
	})
}

func TestPaceStopped(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p := newPace(1e-300)
		if n := p.wait(ctx); n != 0 || ctx.Err() == nil {
			t.Errorf("%d records are due", n)
		}
	})
}

func TestStoredOffsets(t *testing.T) {
	p := sdktest.InProcess(t, plugin())
	config := map[string]string{keyTopic: "t", keyRecords: "10"}
	for name, c := range map[string]struct {
		partition sdk.Partition
		offset    string
		ok        bool
	}{
		"fine":            {partitionOf(0, 2), `{"n":5}`, true},
		"reset":           {sdk.NewPartition("x", 1), "", true},
		"negative":        {partitionOf(0, 2), `{"n":-5}`, false},
		"text":            {partitionOf(0, 2), `{"n":"5"}`, false},
		"other":           {partitionOf(0, 2), `{"m":5}`, false},
		"no slice":        {sdk.NewPartition("of", 2), `{"n":5}`, false},
		"slice too large": {partitionOf(2, 2), `{"n":5}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			var offset sdk.Offset
			if c.offset != "" {
				offset = sdk.Offset(c.offset)
			}
			handled, err := p.AlterSourceOffsets("DatagenSource", config, sdk.SourceOffset{Partition: c.partition, Offset: offset})
			if (err == nil) != c.ok || handled != c.ok {
				t.Errorf("%t, %v", handled, err)
			}
		})
	}
	configs, err := p.TaskConfigs("DatagenSource", config, 1)
	if err != nil {
		t.Fatal(err)
	}
	offsets := new(sdktest.Offsets)
	offsets.Set(partitionOf(0, 1), sdk.Offset(`{"n":"many"}`))
	s, err := p.StartSource("DatagenSource", configs[0], offsets)
	if err == nil {
		t.Error("a damaged offset was accepted")
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// BenchmarkRecord is what a record costs from its making to the host's end of
// the stream.
func BenchmarkRecord(b *testing.B) {
	for name, config := range map[string]map[string]string{
		"bytes":    {keyTopic: "t"},
		"sequence": {keyTopic: "t", keyKey: keySequence},
		"row":      {keyTopic: "t", keyShape: shapeRow},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			p := sdktest.InProcess(b, plugin())
			configs, err := p.TaskConfigs("DatagenSource", config, 1)
			if err != nil {
				b.Fatal(err)
			}
			s, err := p.StartSource("DatagenSource", configs[0], nil)
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			s.Skip(b.N)
			b.StopTimer()
			if err := s.Stop(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
