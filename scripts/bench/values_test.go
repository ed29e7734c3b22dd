package main

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"
)

func TestValues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "values")
	values := [][]byte{[]byte("a"), {}, bytes.Repeat([]byte("long"), 1000)}
	if err := writeValues(path, values); err != nil {
		t.Fatal(err)
	}
	got, err := readValues(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(got, values, bytes.Equal) {
		t.Errorf("got %q", got)
	}
	if size := meanSize(got); size != 1334 {
		t.Errorf("mean size %d, want 1334", size)
	}
}

func FuzzParseValues(f *testing.F) {
	f.Add([]byte("\x01a\x00"))
	f.Add([]byte("\x05abc"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, text []byte) {
		values, err := parseValues(text)
		if (err == nil) == (len(values) == 0) {
			t.Errorf("%d values and the error %v", len(values), err)
		}
	})
}
