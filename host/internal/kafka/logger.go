package kafka

import (
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A client logs at most this many lines in a period; what comes beyond is counted and the count logged with the next line.
const (
	maxLines   = 20
	linePeriod = 10 * time.Second
)

// NewLogger returns a logger for a franz-go client that writes to logger. What the client calls information is for
// those who debug it, and a broker that is away makes it say the same thing over and over: levels go down by one from
// there on, and lines are bounded.
func NewLogger(logger hclog.Logger) kgo.Logger { return &clientLogger{logger: logger} }

type clientLogger struct {
	logger hclog.Logger

	mu         sync.Mutex
	since      time.Time // start of the period
	lines      int       // written in it
	suppressed int       // not written since the last line
}

func (l *clientLogger) Level() kgo.LogLevel {
	switch l.logger.GetLevel() {
	case hclog.Trace:
		return kgo.LogLevelDebug
	case hclog.Debug:
		return kgo.LogLevelInfo
	case hclog.Info, hclog.Warn, hclog.NoLevel:
		return kgo.LogLevelWarn
	case hclog.Error:
		return kgo.LogLevelError
	}
	return kgo.LogLevelNone
}

func (l *clientLogger) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	suppressed, ok := l.admit()
	if !ok {
		return
	}
	if suppressed > 0 {
		keyvals = append(keyvals[:len(keyvals):len(keyvals)], "suppressed", suppressed)
	}
	switch level {
	case kgo.LogLevelError:
		l.logger.Error(msg, keyvals...)
	case kgo.LogLevelWarn:
		l.logger.Warn(msg, keyvals...)
	case kgo.LogLevelInfo:
		l.logger.Debug(msg, keyvals...)
	default:
		l.logger.Trace(msg, keyvals...)
	}
}

// admit tells whether a line may be written, and how many were not since the last one.
func (l *clientLogger) admit() (suppressed int, ok bool) {
	if l.logger.IsDebug() { // who asks for all gets all
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.since) >= linePeriod {
		l.since, l.lines = now, 0
	}
	if l.lines >= maxLines {
		l.suppressed++
		return 0, false
	}
	l.lines++
	suppressed, l.suppressed = l.suppressed, 0
	return suppressed, true
}
