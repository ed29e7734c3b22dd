package main

import (
	"errors"
	"strings"
	"testing"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugin-sdk/sdktest"
)

func start(t *testing.T, config map[string]string) *sdktest.Sink {
	t.Helper()
	s, err := sdktest.InProcess(t, plugin()).StartSink("BlackholeSink", config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRetriable(t *testing.T) {
	s := start(t, map[string]string{keyFailEvery: "10"})
	// Records 10, 20, 30 and 40 fail: 10 and 20 in the second batch, 30 and 40 in the third.
	errant, err := s.Put(sdktest.Records("t", 0, 0, 9), sdktest.Records("t", 0, 9, 20), sdktest.Records("t", 0, 29, 20))
	if err != nil || len(errant) != 0 {
		t.Fatalf("%v, %v", errant, err)
	}
	if n := s.Retries(); n != 2 {
		t.Errorf("%d batches came again, expected are 2", n)
	}
	offsets, err := s.Flush()
	if err != nil || len(offsets) != 1 || offsets[0].Offset != 49 {
		t.Errorf("%v, %v", offsets, err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func TestErrant(t *testing.T) {
	s := start(t, map[string]string{keyFailEvery: "4", keyFailKind: kindErrant})
	errant, err := s.Put(sdktest.Records("t", 0, 0, 3), sdktest.Records("t", 0, 3, 6))
	if err != nil {
		t.Fatal(err)
	}
	var offsets []int64
	for _, e := range errant {
		offsets = append(offsets, e.Record.Offset)
	}
	if len(offsets) != 2 || offsets[0] != 3 || offsets[1] != 7 {
		t.Fatalf("errant are %v", offsets)
	}
	if text := errant[0].Reason.Error(); !strings.Contains(text, "offset 3") || !strings.Contains(text, "fail.every=4") {
		t.Errorf("the reason is %q", text)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func TestFatal(t *testing.T) {
	s := start(t, map[string]string{keyFailEvery: "15", keyFailKind: kindFatal})
	_, err := s.Put(sdktest.Records("t", 0, 0, 10), sdktest.Records("t", 0, 10, 10), sdktest.Records("t", 0, 20, 10))
	var e *sdk.Error
	if !errors.As(err, &e) || e.Class != sdk.Permanent || !strings.Contains(err.Error(), "record 15") {
		t.Errorf("%v", err)
	}
	// What came after the failure was not put; what came before may be committed.
	offsets, err := s.Flush()
	if err != nil || len(offsets) != 1 || offsets[0].Offset != 10 {
		t.Errorf("%v, %v", offsets, err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func TestSize(t *testing.T) {
	r := &data.SinkRecord{Topic: "to", Key: data.StringValue("k"), Value: data.BytesValue(make([]byte, 10)),
		Headers: []data.Header{{Key: "h", Value: data.StringValue("v")}, {Key: "null"}}}
	if n := sizeOf(r); n != 2+1+10+1+1+4 {
		t.Errorf("size is %d", n)
	}
}
