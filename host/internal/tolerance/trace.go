package tolerance

import "strings"

// Trace writes an error in the shape of a Java stack trace, which is what readers of a status and of dead letters take apart: the class of
// the exception and the first line of the message, then the frames, then every other line of the message as a cause.
func Trace(class, message string, frames ...string) string {
	var b strings.Builder
	first, rest, _ := strings.Cut(message, "\n")
	b.WriteString(class + ": " + first)
	for _, f := range frames {
		b.WriteString("\n\tat " + f)
	}
	for line := range strings.Lines(rest) {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString("\nCaused by: " + line)
		}
	}
	return b.String()
}
