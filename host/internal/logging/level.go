package logging

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-hclog"
)

// words are Kafka Connect's names of levels, from silence to everything. Outboard has nothing fatal to say beyond errors, and
// nothing finer than TRACE.
var words = []struct {
	word  string
	level hclog.Level
}{
	{"OFF", hclog.Off}, {"FATAL", hclog.Off}, {"ERROR", hclog.Error}, {"WARN", hclog.Warn}, {"INFO", hclog.Info},
	{"DEBUG", hclog.Debug}, {"TRACE", hclog.Trace}, {"ALL", hclog.Trace},
}

// ParseLevel returns a level in Kafka Connect's spelling, whatever the case it is written in.
func ParseLevel(text string) (string, error) {
	var known []string
	for _, w := range words {
		if strings.EqualFold(w.word, text) {
			return w.word, nil
		}
		known = append(known, w.word)
	}
	return "", fmt.Errorf("invalid log level '%s'. Levels are %s", text, strings.Join(known, ", "))
}

// levelOf returns the level of a word that ParseLevel has returned.
func levelOf(word string) hclog.Level {
	for _, w := range words {
		if w.word == word {
			return w.level
		}
	}
	return hclog.NoLevel
}

// wordOf returns the first word of a level.
func wordOf(level hclog.Level) string {
	for _, w := range words {
		if w.level == level {
			return w.word
		}
	}
	return "INFO"
}
