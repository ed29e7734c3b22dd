package cli

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseProperties(t *testing.T) {
	cases := map[string]struct {
		text string
		want map[string]string
	}{
		"separators":           {"a=1\nb:2\nc 3\nd = 4\n e\t:\t5", map[string]string{"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"}},
		"comments and blanks":  {"# x=1\n! y=2\n\n  # z=3\na=#1", map[string]string{"a": "#1"}},
		"no value":             {"a=\nb", map[string]string{"a": "", "b": ""}},
		"value with separator": {"sasl.jaas.config=org.X required username=\"u\" password=\"p=q\";", map[string]string{"sasl.jaas.config": `org.X required username="u" password="p=q";`}},
		"continued lines":      {"a=one,\\\n    two,\\\n\tthree\nb=2", map[string]string{"a": "one,two,three", "b": "2"}},
		"continued, Windows":   {"a=one,\\\r\n    two\r\nb=2\r\n", map[string]string{"a": "one,two", "b": "2"}},
		"continued at the end": {"a=one\\", map[string]string{"a": "one"}},
		"escapes":              {`path=C\:\\temp\tx` + "\n" + `k\ e\=y=v`, map[string]string{"path": "C:\\temp\tx", "k e=y": "v"}},
		"unicode escape":       {`a=caf\u00e9`, map[string]string{"a": "café"}},
		"UTF-8":                {"a=café €", map[string]string{"a": "café €"}},
		"UTF-8 with a mark":    {"\xEF\xBB\xBFa=1", map[string]string{"a": "1"}},
		"ISO-8859-1":           {"a=caf\xe9", map[string]string{"a": "café"}},
		"trailing blanks stay": {"a=1  \nb=2", map[string]string{"a": "1  ", "b": "2"}},
		"no expansion":         {"a=${HOME} ${file:/x:y} ${a}", map[string]string{"a": "${HOME} ${file:/x:y} ${a}"}},
		"the last one counts":  {"a=1\na=2", map[string]string{"a": "2"}},
		"replacement as is":    {"a=\uFFFD", map[string]string{"a": "\uFFFD"}},
		"empty":                {"", map[string]string{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := parseProperties([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestParsePropertiesRefuses(t *testing.T) {
	cases := map[string]struct{ text, want string }{
		"UTF-16":             {"a\x00=\x001\x00", "NUL bytes"},
		"half a character":   {`a=\ud83d\ude00`, "key a: "},
		"bad unicode escape": {"a=1\nb=\\u12g4", "Line 2"},
		"no key":             {"=1", "Line 1"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := parseProperties([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestReadPropertiesNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.properties")
	if _, err := readProperties(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names %s", err, path)
	}
	if err := os.WriteFile(path, []byte("\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readProperties(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names %s", err, path)
	}
}

// FuzzParseProperties: whatever a file holds, the parser returns; what it reads is read again from its own escaped form.
func FuzzParseProperties(f *testing.F) {
	for _, seed := range []string{"a=1\nb : 2", "a=one,\\\r\n two", `a=caf\u00e9`, "\\", "a\\", "=", "#", "a=\xff", "\\u"} {
		f.Add([]byte(seed))
	}
	escape := strings.NewReplacer("\\", "\\\\", "\n", "\\n", "\r", "\\r", "\t", "\\t", "\f", "\\f", " ", "\\ ", "=", "\\=", ":", "\\:", "#", "\\#", "!", "\\!", "\x00", "\\u0000")
	f.Fuzz(func(t *testing.T, text []byte) {
		values, err := parseProperties(text)
		if err != nil {
			return
		}
		var again strings.Builder
		again.WriteString("# so that a byte order mark in a key is not the file's\n")
		for key, value := range values {
			again.WriteString(escape.Replace(key) + "=" + escape.Replace(value) + "\n")
		}
		read, err := parseProperties([]byte(again.String()))
		if err != nil {
			t.Fatalf("%q: %v", again.String(), err)
		}
		if !maps.Equal(values, read) {
			t.Fatalf("read %q, then %q", values, read)
		}
	})
}
