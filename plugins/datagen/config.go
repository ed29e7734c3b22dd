package main

import (
	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

const (
	keyTopic     = "topic"
	keyRecords   = "records"
	keyRate      = "rate"
	keyShape     = "shape"
	keyValueSize = "value.size"
	keyKey       = "key"
	keyHeaders   = "headers"
	keySeed      = "seed"

	// What the connector tells its tasks.
	keySlice  = "slice"
	keySlices = "slices"
)

const (
	shapeBytes  = "bytes"
	shapeRow    = "row"
	keyNone     = "none"
	keySequence = "sequence"
)

var sourceConfig = config.Definition{
	{
		Name: keyTopic, Type: config.TypeString, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
		Group: "Records", Order: 1, Width: config.WidthMedium, DisplayName: "Topic",
		Doc: "The topic to write to.",
	},
	{
		Name: keyRecords, Type: config.TypeLong, Default: config.Default("0"), Min: config.Limit(0), Importance: config.ImportanceHigh,
		Group: "Records", Order: 2, Width: config.WidthShort, DisplayName: "Records",
		Doc: "How many records to make, by all tasks together. 0 means without end.",
	},
	{
		Name: keyRate, Type: config.TypeDouble, Default: config.Default("0"), Min: config.Limit(0), Max: config.Limit(1e9), Importance: config.ImportanceHigh,
		Group: "Records", Order: 3, Width: config.WidthShort, DisplayName: "Rate",
		Doc: "How many records to make a second, by all tasks together. 0 means as many as possible.",
	},
	{
		Name: keyShape, Type: config.TypeString, Default: config.Default(shapeBytes), Valid: []string{shapeBytes, shapeRow}, Importance: config.ImportanceMedium,
		Group: "Records", Order: 4, Width: config.WidthShort, DisplayName: "Shape", Dependents: []string{keyValueSize},
		Doc: "What values are. With bytes, printable text of value.size bytes that begins with the number of the record in 16 digits; " +
			"with row, ten fields of different types with a schema.",
	},
	{
		Name: keyValueSize, Type: config.TypeInt, Default: config.Default("100"), Min: config.Limit(numberSize), Max: config.Limit(maxValueSize), Importance: config.ImportanceMedium,
		Group: "Records", Order: 5, Width: config.WidthShort, DisplayName: "Value size",
		Doc: "Bytes of each value of the shape bytes.",
	},
	{
		Name: keyKey, Type: config.TypeString, Default: config.Default(keyNone), Valid: []string{keyNone, keySequence}, Importance: config.ImportanceMedium,
		Group: "Records", Order: 6, Width: config.WidthShort, DisplayName: "Key",
		Doc: "What keys are. With none, null; with sequence, the number of the record in 16 digits.",
	},
	{
		Name: keyHeaders, Type: config.TypeInt, Default: config.Default("0"), Min: config.Limit(0), Max: config.Limit(maxHeaders), Importance: config.ImportanceLow,
		Group: "Records", Order: 7, Width: config.WidthShort, DisplayName: "Headers",
		Doc: "How many headers each record has, called header0, header1 and so on, each with the number of the record in 16 digits.",
	},
	{
		Name: keySeed, Type: config.TypeLong, Default: config.Default("1"), Importance: config.ImportanceLow,
		Group: "Records", Order: 8, Width: config.WidthShort, DisplayName: "Seed",
		Doc: "Another seed makes other records with the same numbers.",
	},
}

// taskConfig is what a task reads: the connector's keys and its slice.
func taskConfig() config.Definition {
	return append(config.Definition{
		{Name: keySlice, Type: config.TypeLong, Required: true},
		{Name: keySlices, Type: config.TypeLong, Required: true, Min: config.Limit(1)},
	}, sourceConfig...)
}

// parse reads a configuration; the error is for good.
func parse(d config.Definition, given map[string]string) (config.Values, error) {
	v, err := d.Parse(given)
	if err != nil {
		return v, sdk.Fatal(err)
	}
	return v, nil
}
