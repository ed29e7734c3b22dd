package kafka

import "strings"

// hidden is what a secret looks like in a log, as in Kafka's.
const hidden = "[hidden]"

// Redact returns a copy of properties in which secrets are hidden, for logs. Keys may have any prefix.
func Redact(props map[string]string) map[string]string {
	shown := make(map[string]string, len(props))
	for key, value := range props {
		if isSecret(key) {
			value = hidden
		}
		shown[key] = value
	}
	return shown
}

// secretWords mark a key whose value nobody should see, wherever they stand in it.
var secretWords = []string{"password", "passphrase", "secret", "jaas", "keystore.key", "token", "credential", "private.key", "api.key", "apikey", "access.key"}

func isSecret(key string) bool {
	key = strings.ToLower(key)
	for _, word := range secretWords {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}
