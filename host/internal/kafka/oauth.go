package kafka

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
)

// oauthClasses are the classes of Kafka that mean what is done here anyway, by their key.
var oauthClasses = map[string][]string{
	"sasl.login.callback.handler.class": {
		"org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler",
		"org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler",
	},
	"sasl.oauthbearer.jwt.retriever.class": {
		"org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever",
		"org.apache.kafka.common.security.oauthbearer.ClientCredentialsJwtRetriever",
		"org.apache.kafka.common.security.oauthbearer.FileJwtRetriever",
	},
	"sasl.oauthbearer.jwt.validator.class": {
		"org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator",
		"org.apache.kafka.common.security.oauthbearer.ClientJwtValidator",
	},
}

// oauth reads how to get tokens: from an authorization server, which is given the client's credentials (RFC 6749, section 4.4), or from a file.
func (v *values) oauth(login jaasLogin) sasl.Mechanism {
	const urlKey = "sasl.oauthbearer.token.endpoint.url"
	before := len(v.problems)
	for _, key := range slices.Sorted(maps.Keys(oauthClasses)) {
		if class, given := v.text(key); given && !slices.Contains(oauthClasses[key], class) {
			v.problem(key, "%s; it may be one of %s", javaClass, strings.Join(oauthClasses[key], ", "))
		}
	}
	source := &tokenSource{extensions: map[string]string{}, turn: make(chan struct{}, 1), now: time.Now}
	for name, value := range login.options {
		switch extension, isExtension := strings.CutPrefix(name, "extension_"); {
		case isExtension && extension != "auth":
			source.extensions[extension] = value
		case !slices.Contains([]string{"clientId", "clientSecret", "scope"}, name) && !strings.HasPrefix(name, "ssl."):
			v.problem("sasl.jaas.config", "option %q is not supported: only clientId, clientSecret, scope, extension_… and ssl.… are; unsecured tokens are not made", name)
		}
	}
	text, given := v.text(urlKey)
	address, err := url.Parse(text)
	switch {
	case !given:
		v.problems = append(v.problems, fmt.Errorf("%s is missing: with sasl.mechanism=OAUTHBEARER it is where tokens come from, an https:// address of an authorization server or a file:// path; unsecured tokens, which Java makes without it, are not supported", urlKey))
		return nil
	case err != nil || !slices.Contains([]string{"https", "http", "file"}, address.Scheme) || address.Scheme != "file" && address.Host == "":
		v.problem(urlKey, "must be an address that begins with https://, http:// or file://")
		return nil
	case address.Scheme == "file":
		source.file = address.Path
	default:
		source.endpoint, source.shown = text, address.Redacted()
		v.credentials(source, login)
		source.client = v.tokenClient(login)
	}
	if len(v.problems) > before {
		return nil
	}
	return oauth.Oauth(source.auth)
}

// credentials reads what the client shows the authorization server. Kafka 4.1 has keys for it, which win over the options of the login module.
func (v *values) credentials(source *tokenSource, login jaasLogin) {
	for _, c := range []struct {
		key, option string
		to          *string
		required    bool
	}{
		{"sasl.oauthbearer.client.credentials.client.id", "clientId", &source.id, true},
		{"sasl.oauthbearer.client.credentials.client.secret", "clientSecret", &source.secret, true},
		{"sasl.oauthbearer.scope", "scope", &source.scope, false},
	} {
		value, given := v.text(c.key)
		if !given {
			value = login.options[c.option]
		}
		if value == "" && c.required {
			v.problems = append(v.problems, fmt.Errorf("%s is missing, and sasl.jaas.config has no option %s: the authorization server gives tokens to clients it knows", c.key, c.option))
		}
		*c.to = value
	}
	source.encode, _ = v.flag("sasl.oauthbearer.header.urlencode")
}

// Kafka's own limits of a request for a token have no defaults; these keep a connection from waiting for ever.
const (
	tokenConnectTimeout = 10 * time.Second
	tokenReadTimeout    = 30 * time.Second
)

// tokenClient asks the authorization server, whose certificates the options ssl.* of the login module are about.
func (v *values) tokenClient(login jaasLogin) *http.Client {
	connect, given := v.millis("sasl.login.connect.timeout.ms", time.Millisecond, forever)
	if !given {
		connect = tokenConnectTimeout
	}
	read, given := v.millis("sasl.login.read.timeout.ms", time.Millisecond, forever)
	if !given {
		read = tokenReadTimeout
	}
	var config *tls.Config
	ssl := maps.Clone(login.options)
	maps.DeleteFunc(ssl, func(name, _ string) bool { return !strings.HasPrefix(name, "ssl.") })
	if len(ssl) > 0 {
		var err error
		if config, err = ClientTLS(ssl); err != nil {
			v.problem("sasl.jaas.config", "%v", err)
		}
	}
	return &http.Client{
		Timeout: connect + read,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, TLSHandshakeTimeout: connect, ResponseHeaderTimeout: read,
			DialContext: (&net.Dialer{Timeout: connect}).DialContext, DisableKeepAlives: true, // a token lasts longer than a connection
		},
		// What a server redirects to would be shown the client's secret.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ErrTokenRefused is wrapped by errors of connections for which the authorization server refuses a token: to ask again is no use before somebody
// has changed something.
var ErrTokenRefused = errors.New("the authorization server refuses a token")

// tokenSource gives connections their tokens. One is used for four fifths of its life, as Java's login does, by all connections.
type tokenSource struct {
	file             string // where tokens are when there is no endpoint
	endpoint, shown  string // shown without a password
	id, secret       string
	scope            string
	encode           bool // id and secret for the header, as RFC 6749 has it and few servers want it
	client           *http.Client
	extensions       map[string]string
	now              func() time.Time
	turn             chan struct{} // held by who looks at what is below; one asks, the others have its answer
	token            string
	fresh            time.Time // until when the token is used
	lastProblem      error     // of the last request, for those who waited for it
	lastProblemUntil time.Time
}

// tokenPause is for how long an answer that is no token counts for all connections.
const tokenPause = time.Second

// auth is called for each connection, by several at a time.
func (s *tokenSource) auth(ctx context.Context) (oauth.Auth, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return oauth.Auth{}, context.Cause(ctx)
	}
	now := s.now()
	switch {
	case s.token != "" && now.Before(s.fresh):
		return oauth.Auth{Token: s.token, Extensions: s.extensions}, nil
	case s.lastProblem != nil && now.Before(s.lastProblemUntil):
		return oauth.Auth{}, s.lastProblem
	}
	token, life, err := s.fetch(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.lastProblem, s.lastProblemUntil = err, s.now().Add(tokenPause)
		}
		return oauth.Auth{}, err
	}
	s.token, s.fresh, s.lastProblem = token, now.Add(life/5*4), nil
	return oauth.Auth{Token: token, Extensions: s.extensions}, nil
}

// fetch gets a token and how long it lives. Errors hold nothing that the server says beyond the fields of RFC 6749, section 5.2.
func (s *tokenSource) fetch(ctx context.Context) (token string, life time.Duration, err error) {
	if s.file != "" {
		text, err := os.ReadFile(s.file)
		if err != nil {
			return "", 0, fmt.Errorf("the token of sasl.oauthbearer.token.endpoint.url cannot be read: %w", err)
		}
		token = strings.TrimSpace(string(text))
		if !plainToken(token) {
			return "", 0, fmt.Errorf("the file %s of sasl.oauthbearer.token.endpoint.url holds no token", s.file)
		}
		return token, 0, nil // whoever renews the file knows when
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if s.scope != "" {
		form.Set("scope", s.scope)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	id, secret := s.id, s.secret
	if s.encode {
		id, secret = url.QueryEscape(id), url.QueryEscape(secret)
	}
	request.SetBasicAuth(id, secret)
	response, err := s.client.Do(request)
	if err != nil {
		return "", 0, fmt.Errorf("no token from sasl.oauthbearer.token.endpoint.url: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return "", 0, fmt.Errorf("no token from sasl.oauthbearer.token.endpoint.url=%s: %w", s.shown, err)
	}
	return parseToken(s.shown, response.StatusCode, body)
}

// tokenAnswer is what an authorization server answers with.
type tokenAnswer struct {
	Token       string  `json:"access_token"`
	Expires     float64 `json:"expires_in"`
	Error       string  `json:"error"`
	Description string  `json:"error_description"`
}

func parseToken(endpoint string, status int, body []byte) (token string, life time.Duration, err error) {
	var answer tokenAnswer
	jsonErr := json.Unmarshal(body, &answer)
	switch {
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests:
		return "", 0, fmt.Errorf("%w at sasl.oauthbearer.token.endpoint.url=%s, status %d%s; check clientId, clientSecret and scope in sasl.jaas.config",
			ErrTokenRefused, endpoint, status, answer.reason())
	case status != http.StatusOK:
		return "", 0, fmt.Errorf("no token from sasl.oauthbearer.token.endpoint.url=%s: status %d%s", endpoint, status, answer.reason())
	case jsonErr != nil || !plainToken(answer.Token):
		return "", 0, fmt.Errorf("no token from sasl.oauthbearer.token.endpoint.url=%s: the answer is no JSON with an access_token; is it the token endpoint?", endpoint)
	}
	return answer.Token, tokenLife(answer), nil
}

// reason is what the server says, made harmless for a log.
func (a tokenAnswer) reason() string {
	text := strings.TrimSpace(a.Error + " " + a.Description)
	if text == "" {
		return ""
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return " (" + text + ")"
}

// maxTokenLife keeps a number that is too great from becoming a negative time.
const maxTokenLife = 30 * 24 * time.Hour

// tokenLife is what the server says, or else what the token itself does, a JWT (RFC 7519). 0: not known, the token is used once.
func tokenLife(answer tokenAnswer) time.Duration {
	if answer.Expires > 0 {
		return time.Duration(min(answer.Expires, maxTokenLife.Seconds()) * float64(time.Second))
	}
	parts := strings.Split(answer.Token, ".")
	if len(parts) != 3 {
		return 0
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	var claims struct {
		Issued  float64 `json:"iat"`
		Expires float64 `json:"exp"`
	}
	if err != nil || json.Unmarshal(text, &claims) != nil || claims.Issued <= 0 || claims.Expires <= claims.Issued {
		return 0
	}
	return time.Duration(min(claims.Expires-claims.Issued, maxTokenLife.Seconds()) * float64(time.Second))
}

// plainToken tells whether a text can be a token: anything else would break the message it is put into.
func plainToken(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}
