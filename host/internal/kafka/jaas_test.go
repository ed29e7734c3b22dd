package kafka

import (
	"slices"
	"strings"
	"testing"
)

const (
	plainModule = "org.apache.kafka.common.security.plain.PlainLoginModule"
	scramModule = "org.apache.kafka.common.security.scram.ScramLoginModule"
)

func TestParseJaas(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text, username, password string
		token                    bool
		problem                  string
	}{
		"usual":                {text: plainModule + ` required username="alice" password="al;ice=\"1\" 'x'";`, username: "alice", password: `al;ice="1" 'x'`},
		"scram":                {text: scramModule + " required\n  username='bob'\n  password='b\"ob'\n  tokenauth=\"true\";", username: "bob", password: `b"ob`, token: true},
		"without quotes":       {text: plainModule + ` Required password=p$1-_ username=u;`, username: "u", password: "p$1-_"},
		"escapes":              {text: plainModule + ` required username="a\tb" password="\\\n\x\'";`, username: "a\tb", password: "\\\nx'"},
		"blanks everywhere":    {text: "  " + plainModule + "  optional  username = \"u\"  password =\"p\"  ;  ", username: "u", password: "p"},
		"nothing":              {text: "", problem: "expected:"},
		"no module":            {text: "required;", problem: "expected:"},
		"no flag":              {text: plainModule + ` username="u" password="p";`, problem: "expected:"},
		"no semicolon":         {text: plainModule + ` required username="u" password="p"`, problem: "expected:"},
		"two entries":          {text: plainModule + ` required username="u" password="p"; ` + plainModule + ` required username="u" password="p";`, problem: "expected:"},
		"option without value": {text: plainModule + ` required username= password="p";`, problem: "expected:"},
		"value missing":        {text: plainModule + ` required username=;`, problem: "expected:"},
		"quote not closed":     {text: plainModule + ` required username="u" password="p;`, problem: "not closed"},
		"ends in a backslash":  {text: plainModule + ` required username="u" password="p\`, problem: "not closed"},
		"no password":          {text: plainModule + ` required username="u";`, problem: "password is missing"},
		"empty password":       {text: plainModule + ` required username="u" password="";`, problem: "password is missing"},
		"other option":         {text: plainModule + ` required username="u" password="p" user_x="y";`, problem: `option "user_x" is not supported`},
		"JNDI":                 {text: `com.sun.security.auth.module.JndiLoginModule required user.provider.url="ldap://x";`, problem: "JndiLoginModule\" is not supported"},
		"LDAP":                 {text: `com.sun.security.auth.module.LdapLoginModule required;`, problem: "LdapLoginModule\" is not supported"},
		"module in quotes":     {text: `"` + plainModule + `" required username="u" password="p";`, problem: "expected:"},
		"case of the module":   {text: strings.ToUpper(plainModule) + ` required username="u" password="p";`, problem: "is not supported"},
		"a second, hidden one": {text: plainModule + ` required username="u" password="p" com.sun.security.auth.module.JndiLoginModule required;`, problem: "expected:"},
		"kerberos":             {text: `com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true;`, problem: "is not supported"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			login, err := parseJaas(c.text)
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Errorf("got %+v, %v", login, err)
				}
				return
			}
			if err != nil || login.username != c.username || login.password != c.password || login.token != c.token {
				t.Errorf("got %+v, %v", login, err)
			}
		})
	}
}

// Whatever the text, only two modules are ever accepted, and an error never shows the password.
func FuzzParseJaas(f *testing.F) {
	f.Add(plainModule+` required username="u" password="`, `";`)
	f.Add(scramModule+` required username='u' password='`, `' x="y";`)
	f.Add(`com.example.Mine required password=`, ` ;`)
	f.Fuzz(func(t *testing.T, before, after string) {
		const password = "kq7Zp0Xv2m"
		login, err := parseJaas(before + password + after)
		switch {
		case err == nil && (login.username == "" || login.password == ""):
			t.Fatalf("accepted without credentials: %+v", login)
		case err == nil && !slices.Contains([]string{"PLAIN", "SCRAM-SHA-256"}, login.mechanisms[0]):
			t.Fatalf("accepted %+v", login)
		case err != nil && strings.Contains(before, "assword=\"") && strings.Contains(err.Error(), password):
			t.Fatalf("the error shows the password: %v", err)
		}
	})
}
