package rest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"
)

// answer sends a value as compact JSON, with & < > as they are.
func answer(c echo.Context, status int, value any) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	return send(c, status, "application/json", bytes.TrimSuffix(body.Bytes(), []byte("\n")))
}

// send sends a body with its length, so that an answer to HEAD has it too.
func send(c echo.Context, status int, contentType string, body []byte) error {
	c.Response().Header().Set(echo.HeaderContentLength, strconv.Itoa(len(body)))
	return c.Blob(status, contentType, body)
}

// reply answers with what a call returned.
func reply[T any](c echo.Context, status int, value T, err error) error {
	if err != nil {
		return err
	}
	return answer(c, status, value)
}

// outcome is the answer of a call that returns nothing else.
func outcome(c echo.Context, status int, err error) error {
	if err != nil {
		return err
	}
	return c.NoContent(status)
}

// listed returns the list, or an empty one: clients iterate without looking.
func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// setLocation says where a new connector is: an absolute URL on the listener that was addressed.
func setLocation(c echo.Context, name string) {
	c.Response().Header().Set(echo.HeaderLocation, origin(c.Request())+"/connectors/"+pathElement(name))
}

// origin is the server as this request addressed it.
func origin(r *http.Request) string {
	host := r.Host
	if host == "" { // HTTP/1.0
		if addr, ok := r.Context().Value(http.LocalAddrContextKey).(interface{ String() string }); ok {
			host = addr.String()
		}
	}
	if r.TLS != nil {
		return "https://" + host
	}
	return "http://" + host
}

// pathElement encodes a name so that it leads back. Dots alone would be taken for a relative path.
func pathElement(name string) string {
	switch name {
	case ".":
		return "%2E"
	case "..":
		return "%2E%2E"
	default:
		return url.PathEscape(name)
	}
}
