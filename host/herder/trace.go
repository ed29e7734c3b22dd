package herder

import (
	"fmt"
	"strings"
)

// trace turns an error into the shape of a Java stack trace, which is what readers of statuses take apart: the type and the
// message, where it happened, then what was behind it.
func trace(err error, where string) string {
	message, rest, _ := strings.Cut(err.Error(), "\n")
	text := fmt.Sprintf("org.apache.kafka.connect.errors.ConnectException: %s\n\tat outboard.%s", message, where)
	for line := range strings.Lines(rest) {
		if line = strings.TrimSpace(line); line != "" {
			text += "\nCaused by: " + line
		}
	}
	return text
}

// firstLine is the message of a trace without its type.
func firstLine(trace string) string {
	line, _, _ := strings.Cut(trace, "\n")
	if kind, message, ok := strings.Cut(line, ": "); ok && !strings.ContainsAny(kind, " \t") {
		return message
	}
	return line
}
