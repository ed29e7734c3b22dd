package cli

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// restConfig is what a worker makes of properties, those that it must have aside.
func restConfig(t *testing.T, more ...string) (workerConfig, error) {
	t.Helper()
	props := map[string]string{"bootstrap.servers": "a:1", "key.converter": "JsonConverter", "value.converter": "JsonConverter", "offset.storage.file.filename": "/tmp/x"}
	for i := 0; i < len(more); i += 2 {
		props[more[i]] = more[i+1]
	}
	return parseWorkerConfig(props, standalone)
}

func TestListeners(t *testing.T) {
	store := newIdentity(t).file
	for name, c := range map[string]struct {
		props []string
		want  string // protocol and address of each listener, + for TLS, ! for /admin alone; the one advertised in brackets
		err   string
	}{
		"none":                {nil, "[http 127.0.0.1:8083]", ""},
		"all addresses":       {[]string{"listeners", "http://:8083"}, "[http :8083]", ""},
		"upper case":          {[]string{"listeners", "HTTP://:8083"}, "[http :8083]", ""},
		"a host":              {[]string{"listeners", "http://connect.example:8080/"}, "[http connect.example:8080]", ""},
		"two":                 {[]string{"listeners", "http://127.0.0.1:1,http://[::1]:2"}, "[http 127.0.0.1:1] http [::1]:2", ""},
		"any port":            {[]string{"listeners", "http://127.0.0.1:0"}, "[http 127.0.0.1:0]", ""},
		"https":               {[]string{"listeners", "https://:8443", "ssl.keystore.location", store}, "[https :8443+]", ""},
		"https, with prefix":  {[]string{"listeners", "https://:8443", "listeners.https.ssl.keystore.location", store, "ssl.keystore.location", "/no/such"}, "[https :8443+]", ""},
		"both":                {[]string{"listeners", "https://:8443,http://:8083", "ssl.keystore.location", store}, "https :8443+ [http :8083]", ""},
		"both, https for all": {[]string{"listeners", "http://:8083,https://:8443", "ssl.keystore.location", store, "rest.advertised.listener", "HTTPS"}, "http :8083 [https :8443+]", ""},
		"admin":               {[]string{"listeners", "http://:1", "admin.listeners", "http://:2"}, "[http :1] http :2!", ""},
		"admin with TLS":      {[]string{"listeners", "http://:1", "admin.listeners", "https://:2", "admin.listeners.https.ssl.keystore.location", store}, "[http :1] https :2+!", ""},
		"admin nowhere":       {[]string{"listeners", "http://:1", "admin.listeners", ""}, "[http :1]", ""},

		"https without a store":      {[]string{"listeners", "https://:8443"}, "", "settings of https listeners: ssl.keystore.location is missing"},
		"https, nothing with prefix": {[]string{"listeners", "https://:8443", "ssl.keystore.location", store, "listeners.https.ssl.client.auth", "none"}, "", "each with the prefix listeners.https.: ssl.keystore.location is missing"},
		"admin without a store":      {[]string{"listeners", "https://:8443", "listeners.https.ssl.keystore.location", store, "admin.listeners", "https://:2"}, "", "ssl.keystore.location is missing"},
		"advertised is not there":    {[]string{"listeners", "http://:8083", "rest.advertised.listener", "https"}, "", "Invalid value https for configuration rest.advertised.listener: none of listeners speaks it"},
		"admin is not advertised":    {[]string{"listeners", "http://:8083", "admin.listeners", "https://:2", "ssl.keystore.location", store, "rest.advertised.listener", "https"}, "", "rest.advertised.listener"},
		"no protocol":                {[]string{"listeners", "localhost:8083"}, "", "Invalid value localhost:8083 for configuration listeners"},
		"no port":                    {[]string{"listeners", "http://localhost"}, "", "a port from 0 to 65535 is missing"},
		"no number":                  {[]string{"listeners", "http://localhost:rest"}, "", "Unable to parse listener"},
		"port too large":             {[]string{"listeners", "http://localhost:65536"}, "", "a port from 0 to 65535 is missing"},
		"other protocol":             {[]string{"listeners", "ftp://localhost:21"}, "", "the protocol ftp is unknown"},
		"a path":                     {[]string{"listeners", "http://localhost:8083/connect"}, "", "there is more than"},
		"a blank element":            {[]string{"listeners", "http://:1,"}, "", "Invalid value  for configuration listeners"},
		"a bad admin":                {[]string{"admin.listeners", "localhost:8083"}, "", "Invalid value localhost:8083 for configuration admin.listeners"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := restConfig(t, c.props...)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got error %v, want one with %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			for i, l := range got.listeners {
				text := l.protocol + " " + l.address
				if l.tls != nil {
					text += "+"
				}
				if l.admin {
					text += "!"
				}
				if i == got.shown {
					text = "[" + text + "]"
				}
				texts = append(texts, text)
			}
			if text := strings.Join(texts, " "); text != c.want {
				t.Errorf("got %s, want %s", text, c.want)
			}
			if apart := strings.Contains(c.want, "!"); apart != (got.admin == adminApart) || name == "admin nowhere" != (got.admin == adminNowhere) {
				t.Errorf("admin is %v", got.admin)
			}
		})
	}
}

// The id of a worker is what others reach it by.
func TestWorkerIDIsAdvertised(t *testing.T) {
	bound := &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 7}
	for want, props := range map[string][]string{
		"10.1.2.3:7":          nil,
		"connect.example:7":   {"rest.advertised.host.name", "connect.example"},
		"connect.example:443": {"rest.advertised.host.name", "connect.example", "rest.advertised.port", "443"},
	} {
		c, err := restConfig(t, props...)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.workerID(bound); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestUsers(t *testing.T) {
	folder := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	list := file("users.properties", "# who\nalice=s3cret\nbob = pa:ss w\u00f6rd\n")
	login := func(name, entry string) string { return file(name, "KafkaConnect {\n  "+entry+"\n};\n") }
	right := login("jaas.conf", fmt.Sprintf("%s required file=%q;", propertyFileModule, list))
	for name, c := range map[string]struct {
		props   map[string]string
		options string // KAFKA_OPTS
		nobody  bool   // is asked
		problem string
	}{
		"nothing":             {map[string]string{}, "", true, ""},
		"a file":              {map[string]string{usersKey: list}, "", false, ""},
		"a file and a class":  {map[string]string{usersKey: list, extensionsKey: "BasicAuthSecurityRestExtension"}, "", false, ""},
		"a JAAS file":         {map[string]string{extensionsKey: basicAuthExtension, loginKey: right}, "", false, ""},
		"KAFKA_OPTS":          {map[string]string{extensionsKey: basicAuthExtension}, "-Xmx1g -D" + loginKey + "=" + right + " -Dx=y", false, ""},
		"options of others":   {map[string]string{}, "-D" + loginKey + "=" + right, true, ""},
		"a JAAS file, no ask": {map[string]string{loginKey: right}, "", true, ""},

		"asked, no file":       {map[string]string{extensionsKey: basicAuthExtension}, "-Xmx1g", false, "nothing says where they are: set outboard.rest.users.file"},
		"another class":        {map[string]string{extensionsKey: "org.example.Extension"}, "", false, "Invalid value org.example.Extension for configuration rest.extension.classes: no Java classes are loaded"},
		"no such file":         {map[string]string{usersKey: "/no/such"}, "", false, "outboard.rest.users.file: open /no/such"},
		"no such JAAS file":    {map[string]string{extensionsKey: basicAuthExtension, loginKey: "/no/such"}, "", false, loginKey + ": open /no/such"},
		"no users":             {map[string]string{usersKey: file("empty", "# nobody\n")}, "", false, "has no users"},
		"no password":          {map[string]string{usersKey: file("half", "alice=\n")}, "", false, "user alice has no password"},
		"another section":      {map[string]string{extensionsKey: basicAuthExtension, loginKey: file("other.conf", `Client { a.B required; };`)}, "", false, "it has no section KafkaConnect"},
		"another login module": {map[string]string{extensionsKey: basicAuthExtension, loginKey: login("ldap.conf", `com.sun.security.auth.module.LdapLoginModule required;`)}, "", false, "must be one login module with a file"},
		"a module, no file":    {map[string]string{extensionsKey: basicAuthExtension, loginKey: login("nofile.conf", propertyFileModule+` required;`)}, "", false, "must be one login module with a file"},
	} {
		t.Run(name, func(t *testing.T) {
			var definition config.Definition
			for _, k := range workerKeys {
				if strings.HasPrefix(k.Name, "rest.ext") || k.Name == usersKey || k.Name == loginKey {
					definition = append(definition, k.Key)
				}
			}
			values, err := definition.Parse(c.props)
			if err != nil {
				t.Fatal(err)
			}
			got, err := usersOf(values, func(name string) string {
				if name != "KAFKA_OPTS" {
					t.Errorf("the variable %s was read", name)
				}
				return c.options
			})
			switch {
			case c.problem != "":
				if err == nil || !strings.Contains(err.Error(), c.problem) || strings.Contains(err.Error(), "s3cret") {
					t.Errorf("err %v, want %q", err, c.problem)
				}
			case err != nil:
				t.Error(err)
			case c.nobody != (got == nil):
				t.Errorf("got %d users", len(got))
			case !c.nobody && !(got.signIn("alice", "s3cret") && got.signIn("bob", "pa:ss wörd") && !got.signIn("alice", "pa:ss wörd") && !got.signIn("carol", "") && !got.signIn("", "")):
				t.Error("the wrong ones are let in")
			}
		})
	}
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.1.2.3": true, "::1": true, "localhost": true, "LOCALHOST": true,
		"": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "localhost.example": false,
	} {
		if got := isLoopback(host); got != want {
			t.Errorf("isLoopback(%q) = %v, want %v", host, got, want)
		}
	}
}
