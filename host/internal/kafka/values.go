package kafka

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// values reads properties and gathers what is wrong with them. A property that is absent or blank is not given.
type values struct {
	role     Role
	props    map[string]string
	problems []error
}

// problem reports what is wrong with the value of a key. Secrets are not repeated.
func (v *values) problem(key, format string, args ...any) {
	shown := strconv.Quote(v.props[key])
	if isSecret(key) {
		shown = "of"
	} else {
		shown += " for"
	}
	v.problems = append(v.problems, fmt.Errorf("invalid value %s %s: %s", shown, key, fmt.Sprintf(format, args...)))
}

// error returns all problems in one error.
func (v *values) error() error { return errors.Join(v.problems...) }

func (v *values) text(key string) (string, bool) {
	text := strings.TrimSpace(v.props[key])
	return text, text != ""
}

func (v *values) number(key string, least, most int64) (int64, bool) {
	text, given := v.text(key)
	if !given {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		v.problem(key, "not a whole number")
	case n < least || n > most:
		v.problem(key, "must be from %d to %d", least, most)
	default:
		return n, true
	}
	return 0, false
}

// millis reads a time in milliseconds.
func (v *values) millis(key string, least, most time.Duration) (time.Duration, bool) {
	n, given := v.number(key, least.Milliseconds(), most.Milliseconds())
	return time.Duration(n) * time.Millisecond, given
}

func (v *values) flag(key string) (value, given bool) {
	text, given := v.text(key)
	switch {
	case !given:
		return false, false
	case strings.EqualFold(text, "true"):
		return true, true
	case strings.EqualFold(text, "false"):
		return false, true
	}
	v.problem(key, "must be true or false")
	return false, false
}

// choice reads one of several words; the result is spelt as in the table. folded tells that upper and lower case are the same.
func choice[T any](v *values, key string, folded bool, choices map[string]T) (chosen T, given bool) {
	text, given := v.text(key)
	if !given {
		return chosen, false
	}
	for word, value := range choices {
		if word == text || folded && strings.EqualFold(word, text) {
			return value, true
		}
	}
	v.problem(key, "must be one of %s", strings.Join(slices.Sorted(maps.Keys(choices)), ", "))
	return chosen, false
}

// list reads words between commas.
func (v *values) list(key string) []string {
	text, _ := v.text(key)
	var words []string
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return words
}
