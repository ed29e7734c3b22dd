package cli

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/outboard-connect/outboard/host/internal/kafka"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

const (
	extensionsKey = "rest.extension.classes"
	usersKey      = "outboard.rest.users.file"
	loginKey      = "java.security.auth.login.config"

	basicAuthExtension = "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension"
	propertyFileModule = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule"
	loginSection       = "KafkaConnect"
)

// users are those who may use REST, with the hashes of their passwords.
type users map[string][sha256.Size]byte

// signIn tells whether a name and a password are right, in a time that tells nothing of either.
func (u users) signIn(name, password string) bool {
	want, known := u[name]
	got := sha256.Sum256([]byte(password))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1 && known
}

// usersOf reads who may use REST; nil when everybody may. What is only half configured is an error, and so is a file without
// users, which lets everybody in with Kafka Connect.
func usersOf(c config.Values, environ func(string) string) (users, error) {
	asked := false
	for _, class := range c.List(extensionsKey) {
		switch class {
		case basicAuthExtension, strings.TrimPrefix(basicAuthExtension, "org.apache.kafka.connect.rest.basic.auth.extension."):
			asked = true
		default:
			return nil, invalidValue(extensionsKey, class, "no Java classes are loaded; only "+basicAuthExtension+" is known")
		}
	}
	key, path := usersKey, strings.TrimSpace(c.String(usersKey))
	switch {
	case path != "":
	case !asked:
		return nil, nil
	default:
		var err error
		if key, path, err = usersFile(c, environ); err != nil {
			return nil, err
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	entries, err := parseProperties(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", key, path, err)
	}
	all := users{}
	for name, password := range entries {
		if password == "" {
			return nil, fmt.Errorf("%s: %s: user %s has no password; write a line %s=PASSWORD", key, path, name, name)
		}
		all[name] = sha256.Sum256([]byte(password))
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: %s has no users, and REST would let nobody in; write a line USER=PASSWORD for each", key, path)
	}
	return all, nil
}

// usersFile finds the file of users by way of a JAAS file, where that of Kafka Connect is.
func usersFile(c config.Values, environ func(string) string) (key, path string, err error) {
	key, login := loginKey, strings.TrimSpace(c.String(loginKey))
	if login == "" {
		key, login = "KAFKA_OPTS", loginOption(environ("KAFKA_OPTS"))
	}
	if login == "" {
		return "", "", errors.New(extensionsKey + " asks for user names and passwords, and nothing says where they are: set " + usersKey +
			" to a file with a line USER=PASSWORD for each, or " + loginKey + " to a JAAS file, as the environment variable KAFKA_OPTS does with -D" + loginKey + "=FILE")
	}
	text, err := os.ReadFile(login)
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", key, err)
	}
	modules, err := kafka.LoginModules(string(text), loginSection)
	if err != nil {
		return "", "", fmt.Errorf("%s: %s: %w", key, login, err)
	}
	if len(modules) != 1 || modules[0].Class != propertyFileModule || modules[0].Options["file"] == "" {
		return "", "", fmt.Errorf(`%s: %s: section %s must be one login module with a file: %s required file="/path/of/users.properties";`, key, login, loginSection, propertyFileModule)
	}
	return login, modules[0].Options["file"], nil
}

// loginOption finds the JAAS file in options of a JVM.
func loginOption(options string) string {
	path := ""
	for option := range strings.FieldsSeq(options) {
		if value, ok := strings.CutPrefix(option, "-D"+loginKey+"="); ok {
			path = strings.Trim(value, `"'`)
		}
	}
	return path
}
