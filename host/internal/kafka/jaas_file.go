package kafka

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// LoginModule is one entry of a section of a JAAS file.
type LoginModule struct {
	// Class is a Java class, Flag required, requisite, sufficient or optional.
	Class, Flag string
	Options     map[string]string
}

// errLoginFile never repeats the text, which may hold passwords.
var errLoginFile = errors.New(`it must look like: Name { module.Class required option="value"; };`)

// LoginModules reads the section of a name in the text of a JAAS file, the one that Java programs are told of with
// -Djava.security.auth.login.config.
func LoginModules(text, name string) ([]LoginModule, error) {
	tokens, err := jaasTokens(spaced(text))
	if err != nil {
		return nil, err
	}
	var found []LoginModule
	var names []string
	for len(tokens) > 0 {
		if len(tokens) < 2 || tokens[0].is("{") || !tokens[1].is("{") {
			return nil, errLoginFile
		}
		section := tokens[0].text
		if slices.Contains(names, section) {
			return nil, fmt.Errorf("section %s is there twice", section)
		}
		names = append(names, section)
		var modules []LoginModule
		if modules, tokens, err = loginSection(tokens[2:]); err != nil {
			return nil, fmt.Errorf("section %s: %w", section, err)
		}
		if section == name {
			found = modules
		}
	}
	if found == nil {
		return nil, fmt.Errorf("it has no section %s; its sections are: %s", name, strings.Join(names, ", "))
	}
	return found, nil
}

// loginSection reads entries up to "};" and returns what follows.
func loginSection(tokens []jaasToken) (modules []LoginModule, rest []jaasToken, err error) {
	for {
		switch {
		case len(tokens) >= 2 && tokens[0].is("}") && tokens[1].is(";"):
			if len(modules) == 0 {
				return nil, nil, errors.New("it has no login module")
			}
			return modules, tokens[2:], nil
		case len(tokens) < 3 || tokens[0].quoted:
			return nil, nil, errLoginFile
		}
		m := LoginModule{Class: tokens[0].text, Flag: strings.ToLower(tokens[1].text), Options: map[string]string{}}
		if !slices.Contains([]string{"required", "requisite", "sufficient", "optional"}, m.Flag) {
			return nil, nil, errLoginFile
		}
		for tokens = tokens[2:]; ; tokens = tokens[3:] {
			if len(tokens) > 0 && tokens[0].is(";") {
				break
			}
			if len(tokens) < 3 || !tokens[1].is("=") || !tokens[2].quoted && strings.ContainsAny(tokens[2].text, "={};") {
				return nil, nil, errLoginFile
			}
			m.Options[tokens[0].text] = tokens[2].text
		}
		modules, tokens = append(modules, m), tokens[1:]
	}
}

// spaced drops comments and puts spaces around braces, outside of quotes.
func spaced(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"' || c == '\'':
			_, n, ok := jaasQuoted(text[i:])
			if !ok {
				n = len(text) - i // jaasTokens says what is wrong
			}
			b.WriteString(text[i : i+n])
			i += n
		case strings.HasPrefix(text[i:], "//"):
			end := strings.IndexByte(text[i:], '\n')
			if end < 0 {
				return b.String()
			}
			i += end
		case strings.HasPrefix(text[i:], "/*"):
			end := strings.Index(text[i:], "*/")
			if end < 0 {
				return b.String()
			}
			b.WriteByte(' ')
			i += end + len("*/")
		case c == '{' || c == '}':
			b.WriteString(" " + string(c) + " ")
			i++
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String()
}
