package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/outboard-connect/outboard/host/herder"
)

// problem is an answer that refuses: its status, and what the caller reads.
type problem struct {
	status  int
	message string
}

// Error returns what the caller reads.
func (p *problem) Error() string { return p.message }

// failure is the body of every answer that refuses.
type failure struct {
	ErrorCode int    `json:"error_code"`
	Message   string `json:"message"`
}

func refusal(status int, format string, args ...any) error {
	return &problem{status, fmt.Sprintf(format, args...)}
}

func badRequest(format string, args ...any) error {
	return refusal(http.StatusBadRequest, format, args...)
}

// notFound is the answer to a path that the API does not have, in the words of Kafka Connect.
func notFound() error { return refusal(http.StatusNotFound, "HTTP 404 Not Found") }

// refuse answers with an error. It is the only writer of error bodies.
func (s *Server) refuse(err error, c echo.Context) {
	r := c.Request()
	if c.Response().Committed {
		s.log.Debug("the answer was cut off", "method", r.Method, "path", r.URL.EscapedPath(), "err", err)
		return
	}
	p := problemOf(err, c)
	if err := answer(c, p.status, failure{p.status, p.message}); err != nil {
		s.log.Debug("the client did not take its answer", "method", r.Method, "path", r.URL.EscapedPath(), "err", err)
	}
}

// problemOf finds the status and the words for an error of a handler, of the herder or of the router.
func problemOf(err error, c echo.Context) *problem {
	var ours *problem
	var theirs *herder.Error
	var routing *echo.HTTPError
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &theirs):
		return &problem{statusOf(theirs.Code), said(theirs.Message, theirs.Code.String())}
	case errors.As(err, &routing):
		return problemOfRouting(routing.Code, c)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &problem{http.StatusInternalServerError, "Request interrupted: " + err.Error()}
	default:
		return &problem{http.StatusInternalServerError, said(err.Error(), "internal error")}
	}
}

// statusOf is the one place where codes become statuses.
func statusOf(code herder.Code) int {
	switch code {
	case herder.NotFound:
		return http.StatusNotFound
	case herder.BadRequest:
		return http.StatusBadRequest
	case herder.Forbidden:
		return http.StatusForbidden
	case herder.AlreadyExists, herder.Conflict, herder.Rebalance, herder.Elsewhere:
		return http.StatusConflict
	case herder.Unavailable:
		return http.StatusServiceUnavailable
	case herder.Timeout, herder.Internal:
		return http.StatusInternalServerError
	default:
		return http.StatusInternalServerError
	}
}

func problemOfRouting(status int, c echo.Context) *problem {
	message := fmt.Sprintf("HTTP %d %s", status, http.StatusText(status))
	if status == http.StatusMethodNotAllowed {
		if allow, ok := c.Get(echo.ContextKeyHeaderAllow).(string); ok {
			c.Response().Header().Set(echo.HeaderAllow, allow)
			message += ": " + c.Request().Method + " is not one of " + allow
		}
	}
	return &problem{status, message}
}

// said returns the message, or what to say instead of nothing.
func said(message, instead string) string {
	if strings.TrimSpace(message) == "" {
		return instead
	}
	return message
}
