package config_test

import (
	"fmt"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

func ExampleDefinition() {
	definition := config.Definition{
		{
			Name: "file", Type: config.TypeString, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
			Group: "File", Order: 1, Width: config.WidthLong, DisplayName: "File",
			Doc: "Path of the file to read, on the worker's machine.",
		},
		{
			Name: "batch.size", Type: config.TypeInt, Default: config.Default("2000"), Min: config.Limit(1), Importance: config.ImportanceLow,
			Group: "File", Order: 2, Width: config.WidthShort, DisplayName: "Batch size",
			Doc: "How many lines to read before they are handed over.",
		},
	}

	values, err := definition.Parse(map[string]string{"file": "/var/log/syslog"})
	fmt.Println(values.String("file"), values.Int("batch.size"), err)

	_, err = definition.Parse(map[string]string{"batch.size": "0"})
	fmt.Println(err)
	// Output:
	// /var/log/syslog 2000 <nil>
	// Missing required configuration "file" which has no default value. file: Path of the file to read, on the worker's machine.
	// Invalid value 0 for configuration batch.size: Value must be at least 1
}
