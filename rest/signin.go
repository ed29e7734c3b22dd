package rest

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"
)

// signedIn lets those through whose name and password the server accepts. Browsers that ask whether a page of another origin
// may call are answered before: they never say who they are. Workers sign what they ask.
func (s *Server) signedIn(next echo.HandlerFunc) echo.HandlerFunc {
	if s.signIn == nil {
		return next
	}
	return func(c echo.Context) error {
		if isSigned(c.Request().Method, c.Path()) {
			return next(c)
		}
		user, password, given := c.Request().BasicAuth()
		if given && s.signIn(user, password) {
			return next(c)
		}
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Basic realm="Outboard", charset="UTF-8"`)
		if given {
			return refusal(http.StatusUnauthorized, "User cannot access the resource. The user name or the password is wrong.")
		}
		return refusal(http.StatusUnauthorized, "User cannot access the resource. Send a user name and a password with HTTP basic authentication.")
	}
}

// isSigned tells whether a route is one that asks for a signature instead.
func isSigned(method, path string) bool {
	return slices.ContainsFunc(signedRoutes, func(r route) bool { return r.method == method && r.path == path })
}
