package rest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// access says who may call from where. Without sign-in, the danger is a web page: it can make its reader's browser send
// requests to a worker that only the reader can reach.
type access struct {
	origins    []string // patterns
	methods    string
	hosts      []string
	crossSites *http.CrossOriginProtection
}

func newAccess(settings Settings) access {
	a := access{
		methods:    strings.Join(split(settings.AllowMethods), ","),
		crossSites: http.NewCrossOriginProtection(),
	}
	if a.methods == "" {
		a.methods = "GET,POST,HEAD"
	}
	for _, host := range settings.AdvertisedHosts {
		a.hosts = append(a.hosts, canonicalHost(host))
	}
	for _, o := range split(settings.AllowOrigin) {
		if o != "*" && !strings.Contains(o, "://") {
			settings.Logger.Warn("access.control.allow.origin allows nobody: an origin has a scheme, as https://ui.example.com", "origin", o)
		}
		a.origins = append(a.origins, o)
	}
	return a
}

func split(list string) []string {
	var parts []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// allows tells whether pages of the origin may call the API.
func (a access) allows(origin string) bool {
	return slices.ContainsFunc(a.origins, func(pattern string) bool {
		before, after, any := strings.Cut(pattern, "*")
		if !any {
			return strings.EqualFold(origin, pattern)
		}
		return len(origin) >= len(before)+len(after) && strings.HasPrefix(origin, before) && strings.HasSuffix(origin, after)
	})
}

// guarded refuses what a browser was made to send, and answers pre-flight requests.
func (s *Server) guarded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if err := s.access.checkHost(r); err != nil {
			return err
		}
		if err := s.access.checkOrigin(r); err != nil {
			return err
		}
		if s.access.share(c.Response().Header(), r) {
			return c.NoContent(http.StatusOK)
		}
		return next(c)
	}
}

// loopbackKey marks the context of requests to a loopback listener.
type loopbackKey struct{}

func listenerContext(l net.Listener) context.Context {
	ctx := context.Background()
	if addr, ok := l.Addr().(*net.TCPAddr); ok && addr.IP.IsLoopback() {
		ctx = context.WithValue(ctx, loopbackKey{}, true)
	}
	return ctx
}

// checkHost refuses DNS rebinding: a page of attacker.example whose name now resolves to 127.0.0.1 is of the same origin as the
// worker for the browser, but its requests name attacker.example.
func (a access) checkHost(r *http.Request) error {
	if r.Context().Value(loopbackKey{}) == nil {
		return nil
	}
	host := canonicalHost(hostOf(r.Host))
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || slices.Contains(a.hosts, host) {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().IsLoopback() {
		return nil
	}
	return refusal(http.StatusForbidden, "This worker listens on a loopback address only and does not answer requests for host %q. "+
		"Use localhost, or set rest.advertised.host.name to that name.", host)
}

// hostOf drops the port and the brackets of an IPv6 address.
func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
}

func canonicalHost(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// pageHeader is what our own page adds to a request that changes something. A browser does not let another site send it without
// asking first, so it proves that the page is ours behind proxies that change Host, where Origin cannot.
const pageHeader = "X-Outboard-UI"

// checkOrigin refuses what a page of another site can make a browser send without asking first: a change without a body or with
// one of a simple content type. JSON is asked for first, and share answers.
func (a access) checkOrigin(r *http.Request) error {
	if isJSON(r.Header.Get(echo.HeaderContentType)) || r.Header.Get(pageHeader) != "" || a.allows(r.Header.Get(echo.HeaderOrigin)) {
		return nil
	}
	if a.crossSites.Check(r) == nil {
		return nil
	}
	return refusal(http.StatusForbidden, "A page of another site (origin %q) may not change this worker. "+
		"If it may, add its origin to access.control.allow.origin.", r.Header.Get(echo.HeaderOrigin))
}

// share tells a browser that a page of an allowed origin may read the answer, and reports whether that is all it asked.
func (a access) share(h http.Header, r *http.Request) (preflight bool) {
	if len(a.origins) == 0 {
		return false
	}
	h.Add(echo.HeaderVary, echo.HeaderOrigin)
	origin := r.Header.Get(echo.HeaderOrigin)
	if origin == "" || !a.allows(origin) {
		return false
	}
	h.Set(echo.HeaderAccessControlAllowOrigin, origin)
	if r.Method != http.MethodOptions || r.Header.Get(echo.HeaderAccessControlRequestMethod) == "" {
		h.Set(echo.HeaderAccessControlExposeHeaders, echo.HeaderLocation)
		return false
	}
	h.Set(echo.HeaderAccessControlAllowMethods, a.methods)
	h.Set(echo.HeaderAccessControlAllowHeaders, "X-Requested-With,Content-Type,Accept,Origin,Authorization")
	h.Set(echo.HeaderAccessControlMaxAge, "1800")
	return true
}

// logged writes the access log, which is for those who look for something: debug level.
func (s *Server) logged(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r, began := c.Request(), time.Now()
		if err := next(c); err != nil {
			c.Error(err)
		}
		if s.log.IsDebug() {
			s.log.Debug("request", "from", r.RemoteAddr, "method", r.Method, "path", r.URL.EscapedPath(),
				"status", c.Response().Status, "bytes", c.Response().Size, "took", time.Since(began))
		}
		return nil
	}
}

// recovered makes a panic of a handler the failure of one request.
func (s *Server) recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			switch cause := recover(); cause {
			case nil:
			case http.ErrAbortHandler:
				panic(cause)
			default:
				r := c.Request()
				s.log.Error("a request failed with a panic", "method", r.Method, "path", r.URL.EscapedPath(),
					"err", fmt.Sprint(cause), "stack", string(debug.Stack()))
				err = refusal(http.StatusInternalServerError, "Internal error while the worker handled %s %s; its log has the details.",
					r.Method, r.URL.EscapedPath())
			}
		}()
		return next(c)
	}
}
