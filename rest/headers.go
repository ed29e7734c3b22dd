package rest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// HeaderRule is one header that answers get.
type HeaderRule struct {
	// Add leaves values that the answer has already; otherwise they are replaced.
	Add bool
	// Date: the value is the time of the answer and After.
	Date  bool
	Name  string
	Value string
	After time.Duration
}

const headerForm = `it must look like "set X-Frame-Options: DENY", with set, add, setDate or addDate in front; rules are separated by commas, and one with a comma in it is put in double quotes`

// ParseHeaders reads the value of response.http.headers.config: rules of the form "[action] [name]: [value]", separated by
// commas. The actions are set and add, and setDate and addDate, whose value is a number of milliseconds from now.
func ParseHeaders(text string) ([]HeaderRule, error) {
	rules, err := splitRules(text)
	if err != nil {
		return nil, err
	}
	var headers []HeaderRule
	for _, rule := range rules {
		head, value, ok := strings.Cut(rule, ":")
		words := strings.Fields(head)
		if !ok || len(words) != 2 {
			return nil, fmt.Errorf("invalid format of header config '%s': %s", rule, headerForm)
		}
		h := HeaderRule{Name: words[1], Value: strings.TrimSpace(value)}
		switch strings.ToLower(words[0]) {
		case "set":
		case "add":
			h.Add = true
		case "setdate":
			h.Date = true
		case "adddate":
			h.Date, h.Add = true, true
		default:
			return nil, fmt.Errorf("invalid header config '%s': the action %s is not one of [set, add, setDate, addDate]", rule, words[0])
		}
		if strings.ContainsFunc(h.Name, notOfToken) {
			return nil, fmt.Errorf("invalid header config '%s': %s is no name of a header", rule, h.Name)
		}
		if strings.ContainsFunc(h.Value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return nil, fmt.Errorf("invalid header config '%s': the value has control characters", rule)
		}
		if h.Date {
			ms, err := strconv.ParseInt(h.Value, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("invalid header config '%s': the value of %s is a number of milliseconds from now", rule, words[0])
			}
			h.After = time.Duration(ms) * time.Millisecond
		}
		headers = append(headers, h)
	}
	return headers, nil
}

// splitRules splits at commas that are not in double quotes.
func splitRules(text string) ([]string, error) {
	var rules []string
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		var rule string
		if text[0] == '"' {
			var closed bool
			if rule, text, closed = strings.Cut(text[1:], `"`); !closed {
				return nil, fmt.Errorf("invalid header config '\"%s': a double quote is not closed", rule)
			}
			text = strings.TrimSpace(text)
			if text != "" && text[0] != ',' {
				return nil, fmt.Errorf("invalid header config '\"%s\"%s': %s", rule, text, headerForm)
			}
			text = strings.TrimPrefix(text, ",")
		} else {
			rule, text, _ = strings.Cut(text, ",")
		}
		rules = append(rules, strings.TrimSpace(rule))
	}
	return rules, nil
}

// notOfToken tells whether a character cannot be in the name of a header.
func notOfToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

// headed gives every answer the configured headers, refusals too. They stand over those of the API, as a proxy's would.
func (s *Server) headed(next echo.HandlerFunc) echo.HandlerFunc {
	if len(s.headers) == 0 {
		return next
	}
	return func(c echo.Context) error {
		c.Response().Before(func() { dress(c.Response().Header(), s.headers, time.Now()) })
		return next(c)
	}
}

func dress(h http.Header, rules []HeaderRule, now time.Time) {
	for _, r := range rules {
		value := r.Value
		if r.Date {
			value = now.Add(r.After).UTC().Format(http.TimeFormat)
		}
		if r.Add {
			h.Add(r.Name, value)
		} else {
			h.Set(r.Name, value)
		}
	}
}
