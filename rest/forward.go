package rest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/outboard-connect/outboard/host/herder"
)

// A request that this worker may not carry out goes to the one that may: to the leader, and from there, when it is about
// something that a third worker runs, to that one. A client's request has no query parameter forward; the first hop has true, the
// last false. So there are at most two, whatever the workers think of each other:
//
//	client ──▶ any worker ──forward=true──▶ leader ──forward=false──▶ owner
//
// What the client gets is the answer of the worker that carried it out.
const forwardParameter = "forward"

const (
	// forwardTime bounds a request with all its hops. The herders bound theirs to 90 s.
	forwardTime = 95 * time.Second
	// absentTime is how long a worker at which nobody listens is taken for one that has just died: within its session time-out
	// the group has another one in its place.
	absentTime = 30 * time.Second
	// askAgain is the pause before the herder is asked again who is to carry out a request.
	askAgain = 250 * time.Millisecond
)

// conflicting is what Kafka Connect says when a request has used up its hops, and what clients know as "try again".
const conflicting = "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"

// The headers that go along with a request, and with an answer. The others are about a connection.
var (
	askedHeaders = []string{echo.HeaderContentType, echo.HeaderAuthorization,
		"X-Connect-Authorization", "X-Connect-Request-Signature-Algorithm"}
	answeredHeaders = []string{echo.HeaderContentType, echo.HeaderWWWAuthenticate, echo.HeaderRetryAfter}
)

// forwarded has a request carried out by this worker, or by the one that the herder names. While that one has nothing to do with
// it, because it has just died, is starting or shutting down, the herder is asked again: the group will have another one.
func (s *Server) forwarded(handle echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, cancel := context.WithTimeout(c.Request().Context(), forwardTime)
		defer cancel()
		c.SetRequest(c.Request().WithContext(ctx))
		for began := time.Now(); ; readAgain(c) {
			err := handle(c)
			worker, ok := elsewhere(err)
			if !ok {
				return err
			}
			to, err := s.nextHop(c.Request(), worker)
			if err != nil {
				return err
			}
			a, err := s.ask(c, to)
			if !nothingDone(a, err) || time.Since(began) > absentTime || !pause(ctx) {
				return relay(c, a, err)
			}
		}
	}
}

// elsewhere is the URL of the worker that is to carry out a request instead of this one.
func elsewhere(err error) (worker string, ok bool) {
	var e *herder.Error
	if !errors.As(err, &e) || e.Code != herder.Elsewhere {
		return "", false
	}
	return e.URL, true
}

// nextHop is the URL of a request at another worker.
func (s *Server) nextHop(r *http.Request, worker string) (string, error) {
	hop := "true"
	switch r.URL.Query().Get(forwardParameter) {
	case "":
	case "true":
		hop = "false"
	default:
		return "", refusal(http.StatusConflict, conflicting)
	}
	if s.peers == nil || worker == "" {
		return "", refusal(http.StatusConflict, conflicting)
	}
	query := r.URL.Query()
	query.Set(forwardParameter, hop)
	return strings.TrimSuffix(worker, "/") + r.URL.RawPath + "?" + query.Encode(), nil
}

// answered is the answer of another worker.
type answered struct {
	status int
	header http.Header
	body   []byte
}

// ask sends a request to another worker.
func (s *Server) ask(c echo.Context, to string) (answered, error) {
	r := c.Request()
	s.log.Debug("forwarding a request", "method", r.Method, "path", r.URL.EscapedPath(), "to", to)
	answer, err := s.peers.do(r.Context(), r.Method, to, chosen(r.Header, askedHeaders), read(c))
	if err != nil {
		return answered{}, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answered{answer.StatusCode, answer.Header, body}, err
}

// nothingDone tells whether a request may be sent again: nobody listened, or who did is not at work.
func nothingDone(a answered, err error) bool {
	return notReached(err) || err == nil && a.status == http.StatusServiceUnavailable
}

// pause waits before the next try. It is false when there is no time for one.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(askAgain):
		return true
	}
}

// relay gives the client the answer of another worker, or tells that there is none.
func relay(c echo.Context, a answered, err error) error {
	if err != nil {
		return refusal(http.StatusInternalServerError, "IO Error trying to forward REST request: %v. "+
			"Workers must reach each other under their rest.advertised.host.name and rest.advertised.port.", err)
	}
	h := c.Response().Header()
	for name, values := range chosen(a.header, answeredHeaders) {
		h[name] = values
	}
	if location, err := url.Parse(a.header.Get(echo.HeaderLocation)); err == nil && location.Path != "" {
		h.Set(echo.HeaderLocation, origin(c.Request())+location.EscapedPath())
	}
	if len(a.body) == 0 {
		return c.NoContent(a.status)
	}
	return send(c, a.status, a.header.Get(echo.HeaderContentType), a.body)
}

// chosen returns the headers of these names.
func chosen(from http.Header, names []string) http.Header {
	to := http.Header{}
	for _, name := range names {
		if values := from.Values(name); len(values) > 0 {
			to[http.CanonicalHeaderKey(name)] = values
		}
	}
	return to
}
