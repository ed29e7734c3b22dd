package rest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/labstack/echo/v4"

	"github.com/outboard-connect/outboard/host/herder"
)

// The limits on what a client may cost.
const (
	headerTime = 10 * time.Second // to send the head of a request
	bodyTime   = 30 * time.Second // to send the rest of it
	// writeTime bounds a whole exchange. The herder bounds its part to 90 s.
	writeTime  = bodyTime + 2*time.Minute
	idleTime   = 2 * time.Minute
	maxHeaders = 64 << 10
	maxBody    = 10 << 20
)

// Settings is what a server needs.
type Settings struct {
	Herder *herder.Herder
	Logger hclog.Logger

	// AllowOrigin is access.control.allow.origin: the origins, comma separated, whose pages may call the API from a browser, as
	// https://ui.example.com. A * stands for any text. Empty: only the page that the worker itself serves.
	AllowOrigin string
	// AllowMethods is access.control.allow.methods: the methods, comma separated, that those pages may use.
	// Empty: GET, POST and HEAD.
	AllowMethods string
	// Peers are the other workers of the group. Nil: what another worker would have to do is refused.
	Peers *Peers
	// AdvertisedHosts are the host names, without port, that a request to a loopback listener may name beside localhost and
	// loopback addresses.
	AdvertisedHosts []string

	// Headers are response.http.headers.config, see [ParseHeaders].
	Headers []HeaderRule
	// SignIn tells whether a user name and a password are right. It is called for every request, concurrently, and returns
	// soon. Nil: everybody is let in.
	SignIn func(user, password string) bool
	// Part is what is served.
	Part Part
}

// Part is a part of the API.
type Part uint8

// The parts of the API.
const (
	Everything Part = iota
	WithoutAdmin
	// AdminOnly is what is below /admin.
	AdminOnly
)

// has tells whether a path belongs to the part.
func (p Part) has(path string) bool {
	admin := strings.HasPrefix(path, "/admin/")
	return p == Everything || admin == (p == AdminOnly)
}

// Server serves the API. Its methods are safe for concurrent use.
type Server struct {
	herder  *herder.Herder
	log     hclog.Logger
	access  access
	headers []HeaderRule
	signIn  func(user, password string) bool
	peers   *Peers
	http    *http.Server
}

// New returns a server that listens nowhere yet.
func New(settings Settings) *Server {
	s := &Server{
		herder: settings.Herder, log: settings.Logger, access: newAccess(settings),
		headers: settings.Headers, signIn: settings.SignIn, peers: settings.Peers,
	}
	s.http = &http.Server{
		Handler:           s.router(settings.Part),
		ReadHeaderTimeout: headerTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeaders,
		BaseContext:       listenerContext,
		ErrorLog:          settings.Logger.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
	}
	return s
}

// Handler returns the API as a handler, for a server of the caller's own. The Host of requests is then not checked.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Serve answers requests that arrive at the listener until Shutdown, when it returns nil, or until the listener fails. It may be
// called for several listeners, TLS ones among them, at the same time. It closes the listener.
func (s *Server) Serve(listener net.Listener) error {
	if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Shutdown closes the listeners and waits for the requests being served. When the context ends first it closes their connections
// and returns the context's error.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		_ = s.http.Close() // the first error says what happened
	}
	return err
}

// router returns the chain that doc.go draws.
func (s *Server) router(part Part) http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = s.refuse
	e.Pre(s.logged, s.headed, s.recovered, s.bounded, s.guarded)
	e.Use(s.signedIn, queried)
	methods := map[string][]string{}
	for _, r := range slices.Concat(routes, signedRoutes) {
		if !part.has(r.path) {
			continue
		}
		handle := func(c echo.Context) error { return r.handle(s, c) }
		if r.method != http.MethodGet {
			handle = s.forwarded(handle)
		}
		e.Add(r.method, r.path, handle)
		methods[r.path] = append(methods[r.path], r.method)
		if r.method == http.MethodGet {
			e.Add(http.MethodHead, r.path, handle) // net/http leaves the body out
			methods[r.path] = append(methods[r.path], http.MethodHead)
		}
	}
	for path, list := range methods {
		e.Add(http.MethodOptions, path, options(append(list, http.MethodOptions)))
	}
	return escaped(e)
}

// options answers OPTIONS as Kafka Connect does.
func options(methods []string) echo.HandlerFunc {
	list := strings.Join(methods, ", ")
	return func(c echo.Context) error {
		c.Response().Header().Set(echo.HeaderAllow, list)
		return c.Blob(http.StatusOK, "text/plain", []byte(list))
	}
}

// bounded gives a body a deadline. readBody lifts it when the body is there; where nobody reads it, net/http does after the answer.
func (s *Server) bounded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().ContentLength != 0 {
			setReadDeadline(c, time.Now().Add(bodyTime))
		}
		return next(c)
	}
}

// setReadDeadline does what it can: a handler that runs in another server than ours may have no connection to set it on.
func setReadDeadline(c echo.Context, t time.Time) {
	_ = http.NewResponseController(c.Response()).SetReadDeadline(t)
}

// escaped routes on the path as it was sent, without a trailing slash. echo would route on the decoded path whenever encoding it
// again gives what was sent: names with %25 would then be decoded twice.
func escaped(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to, routed := *r.URL, *r
		if to.RawPath == "" {
			to.RawPath = to.EscapedPath()
		}
		if len(to.RawPath) > 1 {
			to.RawPath = strings.TrimSuffix(to.RawPath, "/")
		}
		routed.URL = &to
		next.ServeHTTP(w, &routed)
	})
}

// queried refuses a query that cannot be read: a flag of it would be lost.
func queried(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, err := url.ParseQuery(c.Request().URL.RawQuery); err != nil {
			return badRequest("The query of the URL cannot be read: %v. Percent-encode what is not a letter or digit.", err)
		}
		return next(c)
	}
}
