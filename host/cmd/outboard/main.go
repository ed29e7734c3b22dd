// Outboard runs connectors between Kafka and everything else. `outboard help` lists its commands.
package main

import (
	"os"
	"os/signal"

	"github.com/outboard-connect/outboard/host/internal/cli"
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, cli.StopSignals()...)
	os.Exit(cli.Run(signals, os.Args[1:], os.Stdout, os.Stderr))
}
