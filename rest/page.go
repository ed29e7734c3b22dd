package rest

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/outboard-connect/outboard/rest/ui"
)

// getPage answers with and without a trailing slash, without a redirect.
func (s *Server) getPage(c echo.Context) error {
	contentType, _, _ := ui.Open(ui.Index)
	return sendFile(c, contentType, ui.Page(strings.HasSuffix(c.Request().URL.Path, "/")))
}

func (s *Server) getPageFile(c echo.Context) error {
	contentType, body, ok := ui.Open(c.Param("file"))
	if !ok {
		return notFound()
	}
	return sendFile(c, contentType, body)
}

// sendFile sends a file of the page, which a new binary may change: browsers ask each time.
func sendFile(c echo.Context, contentType string, body []byte) error {
	h := c.Response().Header()
	h.Set(echo.HeaderContentSecurityPolicy, ui.Policy)
	h.Set(echo.HeaderXContentTypeOptions, "nosniff")
	h.Set(echo.HeaderReferrerPolicy, "no-referrer")
	h.Set(echo.HeaderCacheControl, "no-cache")
	return send(c, http.StatusOK, contentType, body)
}
