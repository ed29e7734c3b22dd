package registry

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// with makes a client of settings such as "a=1 b=2", with the defaults of the others.
func with(t *testing.T, address, text string) (*Client, error) {
	t.Helper()
	values := map[string]string{"schema.registry.url": address}
	for _, k := range Definition() {
		if k.Default != nil {
			values[k.Name] = *k.Default
		}
	}
	for pair := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	return New(func(name string) string { return values[name] }, "value")
}

func TestAccess(t *testing.T) {
	for name, c := range map[string]struct{ url, settings, want string }{
		"none":       {"http://HOST", "", ""},
		"in the URL": {"http://ada:secret@HOST", "", "Basic YWRhOnNlY3JldA=="},
		"user info":  {"http://HOST", "basic.auth.credentials.source=USER_INFO basic.auth.user.info=ada:secret", "Basic YWRhOnNlY3JldA=="},
		"bearer":     {"http://HOST", "bearer.auth.credentials.source=STATIC_TOKEN bearer.auth.token=t", "Bearer t"},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan string, 1)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got <- r.Header.Get("Authorization")
				_, _ = w.Write([]byte(`{"schema":"\"int\""}`))
			}))
			defer server.Close()
			client, err := with(t, strings.Replace(c.url, "HOST", strings.TrimPrefix(server.URL, "http://"), 1), c.settings)
			if err != nil {
				t.Fatal(err)
			}
			s, err := client.Schema(ID{Number: 1})
			if err != nil || s.Text != `"int"` || s.Type != Avro {
				t.Fatalf("%v, %v", s, err)
			}
			if authorization := <-got; authorization != c.want {
				t.Errorf("Authorization is %q, want %q", authorization, c.want)
			}
		})
	}
}

func TestSettingsThatContradict(t *testing.T) {
	for name, c := range map[string]struct{ url, settings, want string }{
		"address":   {"localhost:8081", "", "schema.registry.url has an address that is not like http://localhost:8081"},
		"user info": {"http://a", "basic.auth.credentials.source=USER_INFO", "basic.auth.user.info is missing"},
		"no colon":  {"http://a", "basic.auth.user.info=secret", "basic.auth.user.info has no colon"},
		"token":     {"http://a", "bearer.auth.credentials.source=STATIC_TOKEN", "bearer.auth.token is missing"},
		"latest":    {"http://a", "use.latest.version=true", "auto.register.schemas is not false"},
		"id writer": {"http://a", "value.schema.id.serializer=Mine", `value.schema.id.serializer is "Mine": use one of PrefixSchemaIdSerializer, HeaderSchemaIdSerializer`},
		"id reader": {"http://a", "value.schema.id.deserializer=HeaderSchemaIdDeserializer", "value.schema.id.deserializer is \"HeaderSchemaIdDeserializer\": use one of DualSchemaIdDeserializer, PrefixSchemaIdDeserializer"},
		"strategy":  {"http://a", "value.subject.name.strategy=Mine", `value.subject.name.strategy is "Mine": use one of TopicNameStrategy`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := with(t, c.url, c.settings)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%v has a secret in it", err)
			}
		})
	}
}

func TestSubjects(t *testing.T) {
	for strategy, want := range map[string]string{"TopicNameStrategy": "orders-value", "RecordNameStrategy": "a.B", "TopicRecordNameStrategy": "orders-a.B"} {
		t.Run(strategy, func(t *testing.T) {
			client, err := with(t, "http://a", "value.subject.name.strategy="+strategyPackage+strategy)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := client.Subject("orders", "a.B"); got != want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		})
	}
}

// A GUID comes with what is looked up, not with what is registered; not every registry has them.
func TestGUIDs(t *testing.T) {
	const guid = "0b8f6f3c-1d3a-4c9b-9a53-6f3d1f0c2a11"
	for name, c := range map[string]struct{ settings, answer, want, fails string }{
		"registered":  {"", `{"id":7,"guid":"` + guid + `"}`, guid, ""},
		"looked up":   {"auto.register.schemas=false", `{"id":7,"guid":"` + guid + `"}`, guid, ""},
		"the latest":  {"auto.register.schemas=false use.latest.version=true", `{"id":7,"guid":"` + guid + `","schema":"\"int\""}`, guid, ""},
		"none":        {"", `{"id":7}`, "", "the schema of the value, subject s, needs a GUID to be named in a header: the registry gives it none (Confluent's does from version 8.0 on); use such a registry, or set value.schema.id.serializer="},
		"none latest": {"auto.register.schemas=false use.latest.version=true", `{"id":7,"schema":"\"int\""}`, "", "the registry gives it none"},
		"nonsense":    {"", `{"id":7,"guid":"0b8f"}`, "", `"0b8f" is no GUID`},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				answer := c.answer
				if r.Method == http.MethodPost && r.URL.Path == "/subjects/s/versions" {
					answer = `{"id":7}`
				}
				_, _ = w.Write([]byte(answer))
			}))
			defer server.Close()
			client, err := with(t, server.URL, "value.schema.id.serializer=HeaderSchemaIdSerializer "+c.settings)
			if err != nil {
				t.Fatal(err)
			}
			id, _, err := client.ID("s", `"int"`, Avro)
			switch {
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
				t.Errorf("got %v, want %s", err, c.fails)
			case c.fails == "" && (err != nil || id.Number != 7 || id.GUID.String() != c.want):
				t.Errorf("got %d %s, %v", id.Number, id.GUID, err)
			}
		})
	}
}
