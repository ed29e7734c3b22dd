package kafka

import (
	"errors"
	"fmt"
	"strings"
)

// jaasLogin is what a sasl.jaas.config says, as far as it is understood.
type jaasLogin struct {
	mechanisms         []string // that the login module is for
	username, password string
	token              bool // the password is that of a delegation token
	// options are those of an OAUTHBEARER login, which has neither user nor password.
	options map[string]string
}

const oauthMechanism = "OAUTHBEARER"

// loginModules are the modules whose entries are understood, with their mechanisms. Others are classes that would have
// to be loaded and run: that is how a connector's configuration has become remote code execution, more than once.
var loginModules = map[string][]string{
	"org.apache.kafka.common.security.plain.PlainLoginModule":             {"PLAIN"},
	"org.apache.kafka.common.security.scram.ScramLoginModule":             {"SCRAM-SHA-256", "SCRAM-SHA-512"},
	"org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule": {oauthMechanism},
}

// errJaasForm never repeats the text, which holds a password.
var errJaasForm = errors.New(`expected: org.apache.kafka.common.security.plain.PlainLoginModule required username="…" password="…"; (or scram.ScramLoginModule, or oauthbearer.OAuthBearerLoginModule required clientId="…" clientSecret="…";)`)

// parseJaas reads a JAAS entry: module, control flag, options, semicolon.
func parseJaas(text string) (jaasLogin, error) {
	tokens, err := jaasTokens(text)
	if err != nil {
		return jaasLogin{}, err
	}
	if len(tokens) < 3 || tokens[0].quoted || tokens[1].quoted {
		return jaasLogin{}, errJaasForm
	}
	login := jaasLogin{mechanisms: loginModules[tokens[0].text]}
	if login.mechanisms == nil {
		return jaasLogin{}, fmt.Errorf("login module %q is not supported, and no Java classes are loaded: use PlainLoginModule, ScramLoginModule or OAuthBearerLoginModule of Kafka", tokens[0].text)
	}
	switch strings.ToLower(tokens[1].text) {
	case "required", "requisite", "sufficient", "optional":
	default:
		return jaasLogin{}, errJaasForm
	}
	withOptions := login.mechanisms[0] == oauthMechanism
	if withOptions {
		login.options = map[string]string{}
	}
	tokens = tokens[2:]
	for len(tokens) >= 3 && !tokens[0].quoted && tokens[1].is("=") {
		if tokens[2].is("=") || tokens[2].is(";") {
			return jaasLogin{}, errJaasForm
		}
		value := tokens[2].text
		switch name := tokens[0].text; {
		case withOptions:
			login.options[name] = value
		case name == "username":
			login.username = value
		case name == "password":
			login.password = value
		case name == "tokenauth":
			login.token = value == "true"
		default:
			return jaasLogin{}, fmt.Errorf("option %q is not supported: only username, password and tokenauth are", name)
		}
		tokens = tokens[3:]
	}
	if len(tokens) != 1 || !tokens[0].is(";") {
		return jaasLogin{}, errJaasForm
	}
	if !withOptions && (login.username == "" || login.password == "") {
		return jaasLogin{}, errors.New("username or password is missing")
	}
	return login, nil
}

// jaasToken is a word, a quoted text, "=" or ";".
type jaasToken struct {
	text   string
	quoted bool
}

func (t jaasToken) is(punctuation string) bool { return !t.quoted && t.text == punctuation }

func jaasTokens(text string) ([]jaasToken, error) {
	var tokens []jaasToken
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			i++
		case c == '=' || c == ';':
			tokens = append(tokens, jaasToken{text: string(c)})
			i++
		case c == '"' || c == '\'':
			value, n, ok := jaasQuoted(text[i:])
			if !ok {
				return nil, errors.New("a quotation mark is not closed")
			}
			tokens = append(tokens, jaasToken{text: value, quoted: true})
			i += n
		default:
			end := i + strings.IndexAny(text[i:]+";", " \t\r\n=;\"'")
			tokens = append(tokens, jaasToken{text: text[i:end]})
			i = end
		}
	}
	return tokens, nil
}

// jaasQuoted reads a text in its quotes and returns how long it is with them. A backslash takes the next character as it
// is, apart from the letters that Java gives a meaning.
func jaasQuoted(text string) (value string, n int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == text[0]:
			return b.String(), i + 1, true
		case c == '\n':
			return "", 0, false
		case c == '\\' && i+1 < len(text):
			i++
			if at := strings.IndexByte("nrtbf", text[i]); at >= 0 {
				b.WriteByte("\n\r\t\b\f"[at])
			} else {
				b.WriteByte(text[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, false
}
