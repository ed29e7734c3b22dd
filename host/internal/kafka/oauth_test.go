package kafka_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/outboard-connect/outboard/host/internal/kafka"
)

func oauthLogin(id, secret string, more ...string) string {
	return fmt.Sprintf(`org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="%s" clientSecret="%s" %s;`, id, secret, strings.Join(more, " "))
}

// bearer is a Kafka cluster that notes the first message of each OAUTHBEARER authentication and believes them all.
type bearer struct {
	*kfake.Cluster
	mu       sync.Mutex
	messages []string
}

func newBearer(t *testing.T) *bearer {
	t.Helper()
	b := &bearer{Cluster: newCluster(t)}
	b.ControlKey(int16(kmsg.SASLHandshake), func(request kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		answer := request.ResponseKind().(*kmsg.SASLHandshakeResponse)
		answer.SupportedMechanisms = []string{"OAUTHBEARER"}
		return answer, nil, true
	})
	b.ControlKey(int16(kmsg.SASLAuthenticate), func(request kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		b.mu.Lock()
		defer b.mu.Unlock()
		b.messages = append(b.messages, string(request.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes))
		return request.ResponseKind().(*kmsg.SASLAuthenticateResponse), nil, true
	})
	return b
}

func (b *bearer) said() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.messages
}

// authorizer is an authorization server with one client; the tokens that it gives are numbered.
type authorizer struct {
	mu    sync.Mutex
	asked []string // grant and scope of each request
	life  int      // of a token, in seconds; 0: it does not say
	jwt   bool
}

func (a *authorizer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	id, secret, _ := r.BasicAuth()
	a.asked = append(a.asked, r.PostFormValue("grant_type")+" "+r.PostFormValue("scope"))
	switch {
	case r.URL.Path == "/away":
		http.Error(w, "<html>try later</html>", http.StatusServiceUnavailable)
	case r.URL.Path == "/elsewhere":
		http.Redirect(w, r, "/token", http.StatusTemporaryRedirect)
	case r.URL.Path == "/page":
		fmt.Fprint(w, "<html>sign in</html>")
	case r.URL.Path == "/broken":
		fmt.Fprint(w, `{"access_token":"a\u0001b"}`)
	case id != "id-1" || secret != `se"cret%`:
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"invalid_client","error_description":"no such\u001b[2J client"}`)
	default:
		answer := map[string]any{"access_token": fmt.Sprintf("token-%d", len(a.asked)), "token_type": "bearer"}
		if a.life > 0 {
			answer["expires_in"] = a.life
		}
		if a.jwt {
			claims := base64.RawURLEncoding.EncodeToString([]byte(`{"iat":1000,"exp":4600,"sub":"x"}`))
			answer["access_token"] = "e30." + claims + ".c2ln"
		}
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func (a *authorizer) requests() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

// goodLogin has a secret with all that quoting can break, and a scope.
var goodLogin = oauthLogin("id-1", `se\"cret%`, `scope="read write"`, `extension_logicalCluster="lkc-1"`)

func TestOAuth(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(" from.a.file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		props    map[string]string
		life     int
		jwt      bool
		requests int // for the two clients of talk, and the connections of each; -1: one for each connection
		message  string
	}{
		"a login": {map[string]string{"sasl.jaas.config": goodLogin, "sasl.login.callback.handler.class": "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"},
			3600, false, 2, "n,,\x01auth=Bearer token-1\x01logicalCluster=lkc-1\x01\x01"},
		"keys of Kafka 4.1": {map[string]string{"sasl.oauthbearer.client.credentials.client.id": "id-1", "sasl.oauthbearer.client.credentials.client.secret": `se"cret%`, "sasl.oauthbearer.scope": "read write",
			"sasl.oauthbearer.jwt.retriever.class": "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever"}, 3600, false, 2, "n,,\x01auth=Bearer token-1\x01\x01"},
		"keys win over the login": {map[string]string{"sasl.jaas.config": oauthLogin("x", "y"), "sasl.oauthbearer.client.credentials.client.id": "id-1", "sasl.oauthbearer.client.credentials.client.secret": `se"cret%`, "sasl.oauthbearer.scope": "read write"},
			3600, false, 2, "n,,\x01auth=Bearer token-1\x01\x01"},
		"the token says how long": {map[string]string{"sasl.jaas.config": goodLogin}, 0, true, 2, ""},
		"nobody says how long":    {map[string]string{"sasl.jaas.config": goodLogin}, 0, false, -1, "n,,\x01auth=Bearer token-1\x01logicalCluster=lkc-1\x01\x01"},
		"a file":                  {map[string]string{"sasl.jaas.config": oauthLogin("", ""), "sasl.oauthbearer.token.endpoint.url": "file://" + file}, 0, false, 0, "n,,\x01auth=Bearer from.a.file\x01\x01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &authorizer{life: c.life, jwt: c.jwt}
			identity := httptest.NewServer(server)
			defer identity.Close()
			cluster := newBearer(t)
			props := map[string]string{"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.token.endpoint.url": identity.URL + "/token"}
			for key, value := range c.props {
				props[key] = value
			}
			if err := talk(t, cluster.Cluster, props); err != nil {
				t.Fatal(err)
			}
			said, asked := cluster.said(), server.requests()
			if c.requests >= 0 && len(asked) != c.requests || c.requests < 0 && len(asked) != len(said) {
				t.Errorf("%d requests for %d connections: %q", len(asked), len(said), asked)
			}
			for _, a := range asked {
				if a != "client_credentials read write" {
					t.Errorf("asked for %q", a)
				}
			}
			if len(said) == 0 || c.message != "" && said[0] != c.message {
				t.Errorf("said %q", said)
			}
		})
	}
}

// The authorization server's certificate is looked at with the ssl options of the login module, not with those of the brokers.
func TestOAuthOverTLS(t *testing.T) {
	t.Parallel()
	identity := httptest.NewTLSServer(&authorizer{life: 60})
	t.Cleanup(identity.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: identity.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ option, want string }{
		"trusted":    {`ssl.truststore.location="` + ca + `"`, ""},
		"stranger's": {"", "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := ping(t, newBearer(t), map[string]string{"sasl.oauthbearer.token.endpoint.url": identity.URL + "/token", "sasl.jaas.config": oauthLogin("id-1", `se\"cret%`, c.option)})
			if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// ping connects once.
func ping(t *testing.T, cluster *bearer, props map[string]string) error {
	t.Helper()
	props["bootstrap.servers"], props["security.protocol"], props["sasl.mechanism"] = cluster.ListenAddrs()[0], "SASL_PLAINTEXT", "OAUTHBEARER"
	config, err := kafka.NewConfig(kafka.Admin, props, hclog.NewNullLogger())
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(config.Options, kgo.RequestRetries(0))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	return client.Ping(t.Context())
}

func TestOAuthProblems(t *testing.T) {
	t.Parallel()
	server := &authorizer{life: 60}
	identity := httptest.NewServer(server)
	t.Cleanup(identity.Close)
	for name, c := range map[string]struct {
		props   map[string]string
		want    string
		refused bool
	}{
		"no endpoint":            {map[string]string{"sasl.jaas.config": goodLogin}, "sasl.oauthbearer.token.endpoint.url is missing", false},
		"an unsecured token":     {map[string]string{"sasl.jaas.config": `org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="admin";`}, `option "unsecuredLoginStringClaim_sub" is not supported`, false},
		"no secret":              {map[string]string{"sasl.jaas.config": oauthLogin("id", ""), "sasl.oauthbearer.token.endpoint.url": identity.URL}, "sasl.jaas.config has no option clientSecret", false},
		"no login":               {map[string]string{"sasl.oauthbearer.token.endpoint.url": identity.URL}, "sasl.oauthbearer.client.credentials.client.id is missing", false},
		"another module":         {map[string]string{"sasl.jaas.config": plainLogin("u", "hunter2"), "sasl.oauthbearer.token.endpoint.url": identity.URL}, "its login module is for PLAIN", false},
		"no address":             {map[string]string{"sasl.jaas.config": goodLogin, "sasl.oauthbearer.token.endpoint.url": "id.example/token"}, "must be an address that begins with https://", false},
		"another class":          {map[string]string{"sasl.jaas.config": goodLogin, "sasl.oauthbearer.token.endpoint.url": identity.URL, "sasl.login.callback.handler.class": "com.example.Mine"}, "no Java classes are loaded", false},
		"assertions":             {map[string]string{"sasl.jaas.config": goodLogin, "sasl.oauthbearer.token.endpoint.url": identity.URL, "sasl.oauthbearer.jwt.retriever.class": "org.apache.kafka.common.security.oauthbearer.JwtBearerJwtRetriever"}, "sasl.oauthbearer.jwt.retriever.class: no Java classes", false},
		"a bad store":            {map[string]string{"sasl.jaas.config": oauthLogin("id", "s", `ssl.truststore.location="/nowhere"`), "sasl.oauthbearer.token.endpoint.url": identity.URL}, "/nowhere", false},
		"no such file":           {map[string]string{"sasl.jaas.config": goodLogin, "sasl.oauthbearer.token.endpoint.url": "file:///nowhere"}, "/nowhere", false},
		"a file without a token": {map[string]string{"sasl.jaas.config": goodLogin, "sasl.oauthbearer.token.endpoint.url": "file:///dev/null"}, "/dev/null of sasl.oauthbearer.token.endpoint.url holds no token", false},
		"another secret":         {map[string]string{"sasl.jaas.config": oauthLogin("id-1", "hunter2"), "sasl.oauthbearer.token.endpoint.url": identity.URL + "/token"}, "status 401 (invalid_client no such [2J client); check clientId, clientSecret and scope", true},
		"the server is away":     {map[string]string{"sasl.jaas.config": goodLogin, "sasl.oauthbearer.token.endpoint.url": identity.URL + "/away"}, "status 503", false},
		"a redirection":          {map[string]string{"sasl.jaas.config": goodLogin, "sasl.oauthbearer.token.endpoint.url": identity.URL + "/elsewhere"}, "status 307", false},
		"a page":                 {map[string]string{"sasl.jaas.config": goodLogin, "sasl.oauthbearer.token.endpoint.url": identity.URL + "/page"}, "is it the token endpoint?", false},
		"a broken token":         {map[string]string{"sasl.jaas.config": goodLogin, "sasl.oauthbearer.token.endpoint.url": identity.URL + "/broken"}, "no JSON with an access_token", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := ping(t, newBearer(t), c.props)
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, kafka.ErrTokenRefused) != c.refused {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "se\"cret") || strings.Contains(err.Error(), "\x1b")) {
				t.Errorf("a secret or a foreign character shows: %q", err)
			}
		})
	}
}

// While one connection asks for a token the others wait, as long as they like.
func TestOAuthAsksOnce(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	server := &authorizer{life: 60}
	identity := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(asked) // a second request panics
		<-answer
		server.ServeHTTP(w, r)
	}))
	defer identity.Close()
	cluster := newBearer(t)
	config, err := kafka.NewConfig(kafka.Admin, map[string]string{
		"bootstrap.servers": cluster.ListenAddrs()[0], "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER",
		"sasl.jaas.config": goodLogin, "sasl.oauthbearer.token.endpoint.url": identity.URL,
	}, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		client, err := kgo.NewClient(config.Options...)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		all.Go(func() {
			if err := client.Ping(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	<-asked
	impatient, err := kgo.NewClient(config.Options...)
	if err != nil {
		t.Fatal(err)
	}
	defer impatient.Close()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := impatient.Ping(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("one who does not wait: %v", err)
	}
	close(answer)
	all.Wait()
}
