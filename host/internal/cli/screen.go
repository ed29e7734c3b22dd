package cli

import (
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"
)

// screen is a terminal with a table at its lower end. What is written scrolls by above the table. Its methods are safe for
// concurrent use.
type screen struct {
	out   io.Writer
	width func() int

	mu    sync.Mutex
	table []string
}

func newScreen(terminal *os.File) *screen {
	return &screen{out: terminal, width: func() int {
		if width, _, err := term.GetSize(int(terminal.Fd())); err == nil && width > 0 {
			return width
		}
		return 80
	}}
}

// Write writes whole lines above the table.
func (s *screen) Write(lines []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	erased := s.erase()
	if _, err := io.WriteString(s.out, erased+string(lines)+s.drawn()); err != nil {
		return 0, err
	}
	return len(lines), nil
}

// Draw replaces the table; nil removes it.
func (s *screen) Draw(table []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	erased, width := s.erase(), s.width()
	s.table = make([]string, len(table))
	for i, line := range table {
		s.table[i] = clip(line, width) // a line that wraps would be erased in part only
	}
	_, err := io.WriteString(s.out, erased+s.drawn())
	return err
}

// erase is what removes the table from the terminal: the cursor to its first line, and everything from there.
func (s *screen) erase() string {
	if len(s.table) == 0 {
		return ""
	}
	return strings.Repeat("\x1b[1A", len(s.table)) + "\r\x1b[J"
}

func (s *screen) drawn() string {
	if len(s.table) == 0 {
		return ""
	}
	return strings.Join(s.table, "\n") + "\n"
}

// clip cuts a line to a number of characters.
func clip(line string, width int) string {
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	runes := []rune(line)
	return string(runes[:max(width-1, 0)]) + "…"
}
