package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"
)

// sent is the context of a request with a JSON body.
func sent(body []byte) echo.Context {
	r := httptest.NewRequest(http.MethodPut, "/connectors/a/config", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return echo.New().NewContext(r, httptest.NewRecorder())
}

// FuzzConfigBody compares what is read of a body with what encoding/json makes of it.
func FuzzConfigBody(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `"a"`, ``, ` `, `{"a":"b"}`, `{"a":null,"a":1.50,"b":true}`, `{"a":-0,"b":1E400,"c":123456789012345678901234567890}`,
		`{"a":{}}`, `{"a":[1]}`, `{"a":"\ud83d\ude80\\ud800"}`, `{"a":"\ud800"}`, `{"\udc00":1}`, "{\"a\":\"\xff\"}", "\xef\xbb\xbf{\"a\":\"é\n\"}",
		`{"a":"` + "\u2028" + `\/\b\f\n\r\t\u0000"}`, `{"a":1}x`, `{"a":`, strings.Repeat(`{"a":`, 100),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := readConfig(sent(body))
		if err != nil {
			var p *problem
			if !errors.As(err, &p) || p.status != http.StatusBadRequest || p.message == "" || !utf8.ValidString(p.message) {
				t.Errorf("%#v", err)
			}
			return
		}
		var members map[string]any
		decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))))
		decoder.UseNumber()
		if err := decoder.Decode(&members); err != nil {
			t.Fatalf("accepted, but %v", err)
		}
		want := map[string]*string{}
		for key, member := range members {
			switch member := member.(type) {
			case nil:
				want[key] = nil
			case string, json.Number, bool:
				text := fmt.Sprint(member)
				want[key] = &text
			default:
				t.Errorf("accepted %T", member)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

func TestDeepJSONIsRefused(t *testing.T) {
	for _, open := range []string{"[", `{"a":`} {
		_, err := readConfig(sent([]byte(strings.Repeat(open, 1<<20))))
		var p *problem
		if !errors.As(err, &p) || p.status != http.StatusBadRequest || !strings.Contains(p.message, "max depth") || len(p.message) > 300 {
			t.Errorf("%v", err)
		}
	}
}

func TestLoneSurrogates(t *testing.T) {
	tests := map[string]struct {
		text string
		at   int
	}{
		"none":               {`{"a":"b"}`, -1},
		"pair":               {`"\ud83d\ude80"`, -1},
		"pairs":              {`"\uD83D\uDE80\ud83d\ude80"`, -1},
		"other escapes":      {`"\u0041\n\\"`, -1},
		"escaped backslash":  {`"\\ud83d"`, -1},
		"high at the end":    {`"a\ud83d"`, 2},
		"high before a pair": {`"\ud83d\ud83d\ude80"`, 1},
		"high before text":   {`"\ud83dude80"`, 1},
		"high before escape": {`"\ud83d\u0041"`, 1},
		"low":                {`"\ude80"`, 1},
		"low after a pair":   {`"\ud83d\ude80\ude80"`, 13},
		"after a backslash":  {`"\\\ude80"`, 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := loneSurrogate([]byte(test.text)); got != test.at {
				t.Errorf("%d, want %d", got, test.at)
			}
		})
	}
}

func TestPositions(t *testing.T) {
	text := []byte("a\nüb\n")
	for offset, want := range map[int]string{
		0: "line 1, column 1 (byte offset 0)",
		1: "line 1, column 2 (byte offset 1)",
		2: "line 2, column 1 (byte offset 2)",
		4: "line 2, column 2 (byte offset 4)",
		6: "line 3, column 1 (byte offset 6)",
	} {
		if got := position(text, offset); got != want {
			t.Errorf("%d: %s, want %s", offset, got, want)
		}
	}
}
