package table

import "strings"

// scanner takes SQL text apart: words, quoted names and texts, single characters. White space and comments count for nothing, but what
// stands in /*! … */ and /*M! … */ does, since the servers execute it.
type scanner struct {
	text string
	at   int
	// executed is how many comments are open whose text counts.
	executed int
}

// skip steps over white space and comments.
func (s *scanner) skip() {
	for s.at < len(s.text) {
		rest := s.text[s.at:]
		switch c := rest[0]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
			s.at++
		case c == '#', strings.HasPrefix(rest, "--") && (len(rest) == 2 || rest[2] <= ' '):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			s.at += n
		case strings.HasPrefix(rest, "/*!"), strings.HasPrefix(rest, "/*M!"):
			s.at += strings.IndexByte(rest, '!') + 1
			for s.at < len(s.text) && isDigit(s.text[s.at]) {
				s.at++
			}
			s.executed++
		case s.executed > 0 && strings.HasPrefix(rest, "*/"):
			s.at += 2
			s.executed--
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				s.at = len(s.text)
				return
			}
			s.at += 2 + n + 2
		default:
			return
		}
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// end tells that nothing is left.
func (s *scanner) end() bool {
	s.skip()
	return s.at >= len(s.text)
}

// peek returns the next character, 0 at the end.
func (s *scanner) peek() byte {
	if s.end() {
		return 0
	}
	return s.text[s.at]
}

// take steps over a character if it comes next.
func (s *scanner) take(c byte) bool {
	if s.peek() != c || c == 0 {
		return false
	}
	s.at++
	return true
}

// word reads a word that is not quoted, "" if there is none.
func (s *scanner) word() string {
	s.skip()
	from := s.at
	for s.at < len(s.text) && isWord(s.text[s.at]) {
		s.at++
	}
	return s.text[from:s.at]
}

// takeWords steps over words, in any case, if exactly they come next.
func (s *scanner) takeWords(words ...string) bool {
	mark := *s
	for _, w := range words {
		if !strings.EqualFold(s.word(), w) {
			*s = mark
			return false
		}
	}
	return true
}

// name reads an identifier, quoted or not.
func (s *scanner) name() (string, bool) {
	switch c := s.peek(); c {
	case '`', '"':
		var b strings.Builder
		for i := s.at + 1; i < len(s.text); i++ {
			if s.text[i] != c {
				b.WriteByte(s.text[i])
				continue
			}
			if i+1 < len(s.text) && s.text[i+1] == c {
				b.WriteByte(c)
				i++
				continue
			}
			s.at = i + 1
			return b.String(), b.Len() > 0
		}
		return "", false
	default:
		w := s.word()
		return w, w != ""
	}
}

// quoted reads a text in quotes.
func (s *scanner) quoted() (string, bool) {
	quote := s.peek()
	if quote != '\'' && quote != '"' {
		return "", false
	}
	var b strings.Builder
	for i := s.at + 1; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '\\' && i+1 < len(s.text):
			i++
			b.WriteByte(unescape(s.text[i]))
		case c == quote && i+1 < len(s.text) && s.text[i+1] == quote:
			b.WriteByte(quote)
			i++
		case c == quote:
			s.at = i + 1
			return b.String(), true
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

func unescape(c byte) byte {
	switch c {
	case '0':
		return 0
	case 'b':
		return '\b'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'Z':
		return 26
	}
	return c
}

// token steps over whatever comes next, one word, quoted text, parenthesis with all inside it, or character; false at the end.
func (s *scanner) token() bool {
	switch c := s.peek(); {
	case c == 0 && s.at >= len(s.text):
		return false
	case c == '\'' || c == '"':
		if _, ok := s.quoted(); !ok {
			s.at = len(s.text)
		}
	case c == '`':
		if _, ok := s.name(); !ok {
			s.at = len(s.text)
		}
	case c == '(':
		s.at++
		for !s.take(')') {
			if !s.token() {
				return false
			}
		}
	case isWord(c):
		s.word()
	default:
		s.at++
	}
	return true
}
