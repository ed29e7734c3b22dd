package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/outboard-connect/outboard/host/herder"
)

func TestErrorsBecomeStatuses(t *testing.T) {
	tests := map[string]struct {
		err    error
		status int
		body   string
	}{
		"not found":         {&herder.Error{Code: herder.NotFound, Message: "Connector a not found"}, 404, `{"error_code":404,"message":"Connector a not found"}`},
		"already exists":    {&herder.Error{Code: herder.AlreadyExists, Message: "Connector a already exists"}, 409, `{"error_code":409,"message":"Connector a already exists"}`},
		"bad request":       {&herder.Error{Code: herder.BadRequest, Message: "x"}, 400, `{"error_code":400,"message":"x"}`},
		"forbidden":         {&herder.Error{Code: herder.Forbidden, Message: "x"}, 403, `{"error_code":403,"message":"x"}`},
		"conflict":          {&herder.Error{Code: herder.Conflict, Message: "x"}, 409, `{"error_code":409,"message":"x"}`},
		"rebalance":         {&herder.Error{Code: herder.Rebalance, Message: "x"}, 409, `{"error_code":409,"message":"x"}`},
		"unavailable":       {&herder.Error{Code: herder.Unavailable, Message: "x"}, 503, `{"error_code":503,"message":"x"}`},
		"time-out":          {&herder.Error{Code: herder.Timeout, Message: "Request timed out."}, 500, `{"error_code":500,"message":"Request timed out."}`},
		"internal":          {&herder.Error{Code: herder.Internal, Message: "x"}, 500, `{"error_code":500,"message":"x"}`},
		"without a message": {&herder.Error{Code: herder.Conflict}, 409, `{"error_code":409,"message":"conflict"}`},
		"wrapped":           {fmt.Errorf("while: %w", &herder.Error{Code: herder.NotFound, Message: "x"}), 404, `{"error_code":404,"message":"x"}`},
		"of a newer code":   {&herder.Error{Code: 255, Message: "x"}, 500, `{"error_code":500,"message":"x"}`},
		"client gone":       {fmt.Errorf("while: %w", context.Canceled), 500, `{"error_code":500,"message":"Request interrupted: while: context canceled"}`},
		"anything else":     {errors.New("disk on <fire> & \"smoke\"\n\x00"), 500, `{"error_code":500,"message":"disk on <fire> & \"smoke\"\n\u0000"}`},
		"nothing said":      {errors.New(""), 500, `{"error_code":500,"message":"internal error"}`},
		"ours":              {badRequest("line %d", 3), 400, `{"error_code":400,"message":"line 3"}`},
		"the router's":      {echo.ErrNotFound, 404, `{"error_code":404,"message":"HTTP 404 Not Found"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			recorder := httptest.NewRecorder()
			c := echo.New().NewContext(httptest.NewRequest(http.MethodGet, "/", nil), recorder)
			new(Server).refuse(test.err, c)
			if recorder.Code != test.status || recorder.Body.String() != test.body {
				t.Errorf("%d %s, want %d %s", recorder.Code, recorder.Body, test.status, test.body)
			}
			if got := recorder.Header().Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type %s", got)
			}
		})
	}
}

// TestEveryCodeHasAStatus fails when the herder learns a code that statusOf does not know: codes have names of their own.
func TestEveryCodeHasAStatus(t *testing.T) {
	for code := herder.Code(1); code.String() != herder.Internal.String(); code++ {
		if statusOf(code) == http.StatusInternalServerError && code != herder.Timeout {
			t.Errorf("statusOf does not know %q", code)
		}
	}
}
