package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/rest/client"
)

// previewCommand shows what would become of records.
func previewCommand(stdout io.Writer) *cobra.Command {
	var worker, output string
	var records int
	var within time.Duration
	command := &cobra.Command{
		Use:   "preview CONNECTOR-FILE",
		Short: "Take a few records through a connector's configuration, and write nothing",
		Long: "Asks a worker to run a connector's configuration, from a .json or .properties file, for a few records, and shows each record before and\n" +
			"after every transformation and as it would be in Kafka. No record, offset or schema is written.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("usage: outboard preview CONNECTOR-FILE (%d arguments given)", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("--output is %q: use text or json", output)
			}
			file, err := readConnectorFile(args[0])
			if err != nil {
				return err
			}
			c, err := client.New(worker, nil)
			if err != nil {
				return err
			}
			return preview(cmd.Context(), c, stdout, file.config, output, records, within)
		},
	}
	command.Flags().StringVar(&worker, "worker", "http://127.0.0.1:8083", "address of the worker's REST API")
	command.Flags().StringVar(&output, "output", "text", "how to show it: text or json")
	command.Flags().IntVar(&records, "records", 5, "how many records")
	command.Flags().DurationVar(&within, "within", 15*time.Second, "how long to wait for them")
	return command
}

func preview(ctx context.Context, c *client.Client, out io.Writer, config map[string]string, output string, records int, within time.Duration) error {
	previews, err := c.Preview(ctx, config, records, within)
	if err != nil {
		return err
	}
	if output == "json" {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(previews)
	}
	if len(previews) == 0 {
		fmt.Fprintf(out, "no record came within %s\n", within)
	}
	for i, v := range previews {
		showPreview(out, i+1, v)
	}
	return nil
}

func showPreview(out io.Writer, number int, v herder.Preview) {
	fmt.Fprintf(out, "record %d\n", number)
	for _, s := range v.Stages {
		fmt.Fprintf(out, "  %-12s topic %s\n", s.Name, s.Topic)
		fmt.Fprintf(out, "    key   %s\n    value %s\n", s.Key, s.Value)
		for _, h := range s.Headers {
			fmt.Fprintf(out, "    header %s %s\n", h.Name, h.Value)
		}
	}
	if k := v.Kafka; k != nil {
		fmt.Fprintf(out, "  %-12s topic %s\n", "kafka", k.Topic)
		fmt.Fprintf(out, "    key   %s\n    value %s\n", bytesText(k.Key), bytesText(k.Value))
	}
	switch {
	case v.Dropped != "":
		fmt.Fprintf(out, "  dropped by %s\n", v.Dropped)
	case v.Error != "":
		fmt.Fprintf(out, "  failed: %s\n", strings.ReplaceAll(v.Error, "\n", "\n    "))
	}
}

// bytesText shows bytes of Kafka.
func bytesText(b *herder.PreviewText) string {
	switch {
	case b == nil:
		return "null"
	case b.Text != nil:
		return *b.Text
	}
	return fmt.Sprintf("%x (%d bytes)", b.Base64, b.Size)
}
