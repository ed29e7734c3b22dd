package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// dev are the flags of outboard dev.
type dev struct {
	logFlags
	listen     string
	dataDir    string
	pluginPath []string
	kafkaPort  int
}

func devCommand(stdout, stderr io.Writer) *cobra.Command {
	var d dev
	command := &cobra.Command{
		Use:   "dev",
		Short: "Run a worker with an embedded Kafka, to try and to test",
		Long: "Runs a worker and a Kafka of one broker in one process, to try connectors and to test them.\n" +
			"Nothing else is needed. It is not for data that must not be lost.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context(), stdout, stderr) },
	}
	flags := command.Flags()
	flags.StringVar(&d.listen, "listen", defaultListener, "host:port where the REST API and the web page are; port 0: any")
	flags.StringVar(&d.dataDir, "data-dir", "", "folder where the embedded Kafka keeps its data (default: in memory, gone after a stop)")
	flags.StringArrayVar(&d.pluginPath, "plugin-path", nil, "folder with plugin binaries; may be given several times (default: the folder plugins beside this binary)")
	flags.IntVar(&d.kafkaPort, "kafka-port", 9092, "port of the embedded Kafka on 127.0.0.1; 0: any")
	d.flags(flags, "info")
	return command
}

// run runs until ctx is done. On a terminal it draws what runs below what is logged.
func (d *dev) run(ctx context.Context, stdout, stderr io.Writer) error {
	var display *screen
	if file, ok := stdout.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		display = newScreen(file)
		stdout = display
		if other, ok := stderr.(*os.File); ok && term.IsTerminal(int(other.Fd())) {
			stderr = display
		}
	}
	log, levels, err := d.logger(stderr)
	if err != nil {
		return err
	}
	if _, err := portOf(d.listen); err != nil {
		return fmt.Errorf("--listen=%s is not host:port, such as 127.0.0.1:8083: %w", d.listen, err)
	}
	if d.kafkaPort < 0 || d.kafkaPort > 65535 {
		return fmt.Errorf("--kafka-port=%d is not a port from 0 to 65535", d.kafkaPort)
	}
	kafka, err := startEmbeddedKafka(d.kafkaPort, d.dataDir, log.Named("broker"))
	if err != nil {
		return err
	}
	defer kafka.close()
	fmt.Fprintf(stdout, "Outboard %s with an embedded Kafka, for trying and testing: no replicas, not for data that must not be lost\n", version)
	return runWorker(ctx, composition{
		source: "outboard dev", props: d.properties(kafka.address()), mode: distributed, pluginPath: d.pluginPath, pluginCache: pluginCache(),
		out: stdout, log: log, levels: levels, brokerLimit: brokerLimit, single: true,
		ready: func(w running) {
			d.welcome(stdout, w, kafka.address())
			if display != nil {
				w.group.Go("display", func(ctx context.Context) error { return showProgress(ctx, display, w.herder) })
			}
		},
	})
}

// properties are those of the worker, as in Kafka's quick start but for plain JSON.
func (d *dev) properties(broker string) map[string]string {
	return map[string]string{
		"bootstrap.servers":                 broker,
		"group.id":                          "outboard-dev",
		"listeners":                         "http://" + d.listen,
		"key.converter":                     "org.apache.kafka.connect.json.JsonConverter",
		"key.converter.schemas.enable":      "false",
		"value.converter":                   "org.apache.kafka.connect.json.JsonConverter",
		"value.converter.schemas.enable":    "false",
		"config.storage.topic":              "connect-configs",
		"config.storage.replication.factor": "1",
		"offset.storage.topic":              "connect-offsets",
		"offset.storage.replication.factor": "1",
		"offset.storage.partitions":         "1",
		"status.storage.topic":              "connect-status",
		"status.storage.replication.factor": "1",
		"status.storage.partitions":         "1",
		"offset.flush.interval.ms":          "1000",
	}
}

// welcome tells where to look.
func (d *dev) welcome(out io.Writer, w running, broker string) {
	kept := "in memory: gone after a stop, --data-dir DIR keeps it"
	if d.dataDir != "" {
		kept = "data in " + d.dataDir
	}
	fmt.Fprintf(out, "  web page    %s/ui/\n", w.url)
	fmt.Fprintf(out, "  Kafka       %s (%s)\n", broker, kept)
	fmt.Fprintf(out, "  converters  JsonConverter with schemas.enable=false, unless a connector sets its own\n")
	fmt.Fprintf(out, "  plugins     %s\n", strings.Join(w.pluginPath, ", "))
	for _, line := range found(w.catalog.List()) {
		fmt.Fprintf(out, "              %s\n", line)
	}
	fmt.Fprintln(out, "Stop it with Ctrl+C.")
}
