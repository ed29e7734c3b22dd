package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// testCase is a work, and who does it.
type testCase struct {
	name           string
	payload        payload
	codec          string
	input          input
	records, quick int64 // of a run
	contenders     []contender
	budget         float64 // of Outboard, in CPU-seconds per million records; 0: none
}

// input is where a case's records come from.
type input uint8

const (
	fromSource    input = iota // the source makes them
	fromTopic                  // a topic that is full of them
	fromFile                   // a file of lines
	fromTable                  // a table that is full of them
	fromChanges                // the changes of a table
	fromDocuments              // a topic of rows, which become documents
	fromCommits                // single rows, whose way is timed
	without                    // there are none: the case is about processes
	crowd                      // there are few: the case is about a worker with many connectors
)

// payload is a kind of records.
type payload struct {
	name       string
	datagen    map[string]string // keys of DatagenSource that make them
	rows       bool              // they have a schema
	converters map[string]string // that write and read them
	bare       []string          // flags that make the bare producer's records alike
}

// contender does the work of a case in its own way.
type contender struct {
	name  string
	start func(*stage) (*running, error)
	// Outboard's figures divided by the contender's are to be so; 0 is whatever they are.
	leastRate, mostCPU float64
}

// subject is the contender that all others are compared with.
const subject = "outboard"

// Converters, by the names that both Outboard and Kafka Connect know.
const (
	byteArrays = "org.apache.kafka.connect.converters.ByteArrayConverter"
	texts      = "org.apache.kafka.connect.storage.StringConverter"
	documents  = "org.apache.kafka.connect.json.JsonConverter"
)

func converters(class string, settings ...string) map[string]string {
	m := map[string]string{"key.converter": class, "value.converter": class}
	for i := 0; i < len(settings); i += 2 {
		m["key.converter."+settings[i]], m["value.converter."+settings[i]] = settings[i+1], settings[i+1]
	}
	return m
}

func bytesOf(size int) payload {
	n := strconv.Itoa(size)
	return payload{
		name:       "bytes-" + n,
		datagen:    map[string]string{"shape": "bytes", "value.size": n},
		converters: converters(byteArrays),
	}
}

// whole are records with all that a record can have: a key of 16 bytes, two headers of 16 bytes and a value.
func whole(size int) payload {
	p := bytesOf(size)
	p.name = "whole-" + strconv.Itoa(size)
	p.datagen = with(p.datagen, map[string]string{"key": "sequence", "headers": "2"})
	p.bare = []string{"-key", "-headers", "2"}
	return p
}

// rows are values of ten fields, written as JSON.
func rows(schemas bool) payload {
	enable := strconv.FormatBool(schemas)
	return payload{
		name:       "rows-schemas-" + enable,
		datagen:    map[string]string{"shape": "row"},
		rows:       true,
		converters: converters(documents, "schemas.enable", enable),
	}
}

// lineSize is the length of the lines of files, with their end.
const lineSize = 100

func lines() payload {
	p := bytesOf(lineSize - 1)
	p.converters = converters(texts)
	return p
}

func benchCases() []testCase {
	all := []testCase{}
	for _, size := range []struct {
		name           string
		bytes          int
		records, quick int64
	}{{"100", 100, 4_000_000, 1_500_000}, {"1k", 1024, 1_200_000, 500_000}} {
		for _, codec := range []string{"none", "snappy"} {
			least := 0.0
			switch {
			case size.bytes == 100:
				least = 0.7
			case codec == "snappy":
				least = 0.8
			}
			all = append(all, testCase{
				name: "source-" + size.name + "-" + codec, payload: bytesOf(size.bytes), codec: codec, records: size.records, quick: size.quick,
				contenders: []contender{{name: "bare", start: bareProduce, leastRate: least}, {name: subject, start: outboardSource}},
			})
		}
	}
	for _, c := range []testCase{
		{name: "source-whole-100-none", payload: whole(100), codec: "none", records: 3_000_000, quick: 1_200_000},
		{name: "source-whole-1k-snappy", payload: whole(1024), codec: "snappy", records: 1_200_000, quick: 500_000},
	} {
		least := 0.7
		if c.codec == "snappy" {
			least = 0.8
		}
		c.contenders = []contender{{name: "bare", start: bareProduce, leastRate: least}, {name: subject, start: outboardSource}}
		all = append(all, c)
	}
	for _, schemas := range []bool{false, true} {
		c := testCase{
			name: "row-json", payload: rows(schemas), codec: "none", records: 2_000_000, quick: 600_000,
			contenders: []contender{
				{name: "bare, same bytes", start: bareProduce},
				{name: "outboard, bytes of that size", start: outboardSameSize},
				{name: subject, start: outboardSource},
			},
		}
		if schemas {
			c.name, c.records, c.quick = "row-json-schemas", 800_000, 250_000
		}
		all = append(all, c)
	}
	sink := func(name string, p payload, codec string, records, quick int64) {
		all = append(all, testCase{
			name: name, payload: p, codec: codec, input: fromTopic, records: records, quick: quick,
			contenders: []contender{{name: "bare", start: bareConsume}, {name: subject, start: outboardSink}},
		})
	}
	sink("sink-100-none", bytesOf(100), "none", 5_000_000, 2_000_000)
	sink("sink-whole-100-none", whole(100), "none", 4_000_000, 1_500_000)
	sink("sink-100-snappy", bytesOf(100), "snappy", 5_000_000, 2_000_000)
	sink("sink-1k-none", bytesOf(1024), "none", 1_500_000, 600_000)
	sink("sink-1k-snappy", bytesOf(1024), "snappy", 1_500_000, 600_000)
	sink("sink-json", rows(false), "none", 2_000_000, 600_000)
	return append(all, testCase{name: "idle", input: without}, testCase{name: "crowd", input: crowd})
}

// Names of the contenders of kafka-connect.
const (
	theirs = "kafka connect"
	equal  = "kafka connect, equal"
)

func kafkaConnectCases() []testCase {
	ours := contender{name: subject, start: outboardSource}
	source := func(name string, p payload, codec string, records int64, defaults, tuned float64) testCase {
		return testCase{name: name, payload: p, codec: codec, records: records, quick: records / 2, contenders: []contender{
			ours, {name: theirs, start: theirSource(false), mostCPU: defaults}, {name: equal, start: theirSource(true), mostCPU: tuned},
		}}
	}
	sink := func(name string, p payload, records int64, most float64) testCase {
		return testCase{name: name, payload: p, codec: "none", input: fromTopic, records: records, quick: records / 2, contenders: []contender{
			{name: subject, start: outboardSink}, {name: theirs, start: theirSink, mostCPU: most},
		}}
	}
	return []testCase{
		source("source-100-none", bytesOf(100), "none", 4_000_000, 0.35, 0.8),
		source("source-100-snappy", bytesOf(100), "snappy", 4_000_000, 0.35, 0.8),
		source("source-1k-snappy", bytesOf(1024), "snappy", 1_000_000, 0, 0),
		source("row-json", rows(false), "none", 1_500_000, 0.3, 0),
		source("row-json-schemas", rows(true), "none", 500_000, 0.2, 0),
		sink("sink-100-none", bytesOf(100), 5_000_000, 1),
		sink("sink-json", rows(false), 1_500_000, 0.5),
		{name: "file-source", payload: lines(), codec: "none", input: fromFile, records: 3_000_000, quick: 1_500_000, contenders: []contender{
			{name: subject, start: fileSource(ourWorker, nil)},
			{name: theirs, start: fileSource(theirWorker, nil), mostCPU: 0.25},
			{name: equal, start: fileSource(theirWorker, equalSettings())},
		}},
		{name: "file-sink", payload: lines(), codec: "none", input: fromTopic, records: 3_000_000, quick: 1_500_000, contenders: []contender{
			{name: subject, start: fileSink(ourWorker)}, {name: theirs, start: fileSink(theirWorker), mostCPU: 0.5},
		}},
		{name: "idle", input: without},
	}
}

// equalSettings make the batches of Kafka Connect's producer like ours.
func equalSettings() map[string]string {
	return map[string]string{"producer.override.batch.size": "262144", "producer.override.linger.ms": "5"}
}

// choose returns the cases whose names begin with one of some words; all when there are no words.
func choose(known []testCase, words []string) ([]testCase, error) {
	if len(words) == 0 {
		return known, nil
	}
	wanted := map[string]bool{}
	for _, word := range words {
		found := false
		for _, c := range known {
			if strings.HasPrefix(c.name, word) {
				wanted[c.name], found = true, true
			}
		}
		if !found {
			var names []string
			for _, c := range known {
				names = append(names, c.name)
			}
			return nil, fmt.Errorf("no case begins with %q; there are %s", word, strings.Join(names, ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(known), func(c testCase) bool { return !wanted[c.name] }), nil
}

// with joins configurations; later ones win.
func with(configs ...map[string]string) map[string]string {
	all := map[string]string{"tasks.max": "1"}
	for _, c := range configs {
		maps.Copy(all, c)
	}
	return all
}
