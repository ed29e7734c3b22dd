package main

import (
	"fmt"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// The keys, which are Kafka's.
const (
	keyFile      = "file"
	keyTopic     = "topic"
	keyBatchSize = "batch.size"
)

var sourceConfig = config.Definition{
	{
		Name: keyFile, Type: config.TypeString, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
		Group: "File", Order: 1, Width: config.WidthLong, DisplayName: "File",
		Doc: "Path of the file to read, on the worker's machine. The file may appear later. " +
			"Standard input, which Kafka reads without this key, does not exist here: a connector runs in a process of its own.",
	},
	{
		Name: keyTopic, Type: config.TypeString, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
		Group: "File", Order: 2, Width: config.WidthMedium, DisplayName: "Topic",
		Doc: "The topic to write the lines to.",
	},
	{
		Name: keyBatchSize, Type: config.TypeInt, Default: config.Default("2000"), Min: config.Limit(1), Importance: config.ImportanceLow,
		Group: "File", Order: 3, Width: config.WidthShort, DisplayName: "Batch size",
		Doc: "The largest number of lines that are handed over at once. What is there is handed over without waiting for more.",
	},
}

var sinkConfig = config.Definition{
	{
		Name: keyFile, Type: config.TypeString, Importance: config.ImportanceHigh,
		Group: "File", Order: 1, Width: config.WidthLong, DisplayName: "File",
		Doc: "Path of the file to append to, on the worker's machine. It is created when missing, its folder is not. " +
			"Without it, lines go to the worker's standard output.",
	},
}

// parse reads a configuration; the error is for good.
func parse(d config.Definition, given map[string]string) (config.Values, error) {
	v, err := d.Parse(given)
	if err != nil {
		return v, sdk.Fatal(err)
	}
	return v, nil
}

// pathError says which key to change.
func pathError(path string, err error) error {
	return fmt.Errorf("%s=%s: %w", keyFile, path, err)
}
