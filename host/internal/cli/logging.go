package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/pflag"

	"github.com/outboard-connect/outboard/host/internal/logging"
)

// logFlags are the flags that say how to log.
type logFlags struct {
	level, format string
}

func (l *logFlags) flags(f *pflag.FlagSet, level string) {
	f.StringVar(&l.level, "log-level", level, "what to log: trace, debug, info, warn, error or off")
	f.StringVar(&l.format, "log-format", "text", "how to log: text or json")
}

// logger makes the logger that the flags describe. Its levels can be changed by name.
func (l *logFlags) logger(out io.Writer) (hclog.Logger, *logging.Levels, error) {
	level := hclog.LevelFromString(l.level)
	if level == hclog.NoLevel {
		return nil, nil, fmt.Errorf("--log-level=%s is none of trace, debug, info, warn, error, off", l.level)
	}
	if !strings.EqualFold(l.format, "text") && !strings.EqualFold(l.format, "json") {
		return nil, nil, fmt.Errorf("--log-format=%s is none of text, json", l.format)
	}
	log, levels := logging.New(hclog.LoggerOptions{
		Name: "outboard", Level: level, Output: out, JSONFormat: strings.EqualFold(l.format, "json"),
	})
	return log, levels, nil
}
