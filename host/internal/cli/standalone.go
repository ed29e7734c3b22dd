package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"github.com/outboard-connect/outboard/host/herder"
)

func standaloneCommand(stdout, stderr io.Writer) *cobra.Command {
	var logs logFlags
	command := &cobra.Command{
		Use:   "standalone WORKER.properties [CONNECTOR.properties|CONNECTOR.json …]",
		Short: "Run a worker that keeps offsets in a file, as connect-standalone does",
		Long: "Runs a worker with a properties file of Kafka Connect's standalone mode, and creates the connectors of the other files.\n" +
			"A connector file is a properties file, a JSON object of the configuration, or {\"name\": …, \"config\": {…}, \"initial_state\": …}.\n" +
			"Offsets are kept in the file offset.storage.file.filename; connectors made with the REST API are gone after a stop.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("usage: outboard standalone WORKER.properties [CONNECTOR.properties|CONNECTOR.json …]")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			log, levels, err := logs.logger(stderr)
			if err != nil {
				return err
			}
			props, err := readProperties(args[0])
			if err != nil {
				return err
			}
			w := composition{source: args[0], props: props, mode: standalone, pluginCache: pluginCache(), out: stdout, log: log, levels: levels, brokerLimit: brokerLimit}
			for _, path := range args[1:] {
				connector, err := readConnectorFile(path)
				if err != nil {
					return &exitError{codeConnector, err}
				}
				w.connectors = append(w.connectors, connector)
			}
			return runWorker(cmd.Context(), w)
		},
	}
	logs.flags(command.Flags(), "info")
	return command
}

// create creates a connector of the command line.
func create(ctx context.Context, h *herder.Herder, c connectorFile, log hclog.Logger) error {
	if _, err := h.Create(ctx, c.name, c.config, c.target); err != nil {
		return &exitError{codeConnector, fmt.Errorf("connector %s of %s cannot be created: %w", c.name, c.path, err)}
	}
	log.Info("created a connector", "connector", c.name, "file", c.path)
	return nil
}
