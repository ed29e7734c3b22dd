package provider_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/host/internal/provider"
)

// secrets makes a folder with things to refer to.
func secrets(t *testing.T) string {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"db.properties": "# of the shop\npassword=s3cret-word\nspaces = a b\\u00e9\nuser:shop\nempty=\nnested=${file:x:y}\n",
		"token":         "t0ken\n",
		"dir/inner":     "inside",
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(folder, "out")); err != nil {
		t.Fatal(err)
	}
	return folder
}

func workerFile(folder string) map[string]string {
	return map[string]string{
		"config.providers":                             "file, dir,env",
		"config.providers.file.class":                  "org.apache.kafka.common.config.provider.FileConfigProvider",
		"config.providers.file.param.allowed.paths":    folder,
		"config.providers.file.param.ttl.ms":           "1500",
		"config.providers.dir.class":                   "DirectoryConfigProvider",
		"config.providers.dir.param.allowed.paths":     folder,
		"config.providers.env.class":                   "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
		"config.providers.env.param.allowlist.pattern": "SHOP_.*",
	}
}

func TestResolve(t *testing.T) {
	folder := secrets(t)
	t.Setenv("SHOP_KEY", "from-the-environment")
	t.Setenv("OTHER", "never")
	p, err := provider.New(workerFile(folder))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, want, err string }{
		"plain":               {"plain", "plain", ""},
		"file":                {"${file:F/db.properties:password}", "s3cret-word", ""},
		"properties syntax":   {"${file:F/db.properties:spaces}|${file:F/db.properties:user}", "a bé|shop", ""},
		"within text":         {"jdbc:x?p=${file:F/db.properties:password}&k=${env:SHOP_KEY}", "jdbc:x?p=s3cret-word&k=from-the-environment", ""},
		"empty":               {"${file:F/db.properties:empty}", "", ""},
		"not recursive":       {"${file:F/db.properties:nested}", "${file:x:y}", ""},
		"missing key":         {"${file:F/db.properties:nothing}", "${file:F/db.properties:nothing}", ""},
		"unknown alias":       {"${vault:a:b}", "${vault:a:b}", ""},
		"no reference":        {"${topic}-a", "${topic}-a", ""},
		"directory":           {"${dir:F:token}", "t0ken\n", ""},
		"inner directory":     {"${dir:F/dir:inner}", "inside", ""},
		"directory missing":   {"${dir:F:nothing}", "${dir:F:nothing}", ""},
		"directory climbing":  {"${dir:F/dir:../token}", "${dir:F/dir:../token}", ""},
		"environment":         {"${env:SHOP_KEY}", "from-the-environment", ""},
		"environment hidden":  {"${env:OTHER}", "${env:OTHER}", ""},
		"environment path":    {"${env:a:SHOP_KEY}", "", "environment variables have no path"},
		"file missing":        {"${file:F/none.properties:a}", "", "could not read properties from file F/none.properties: no such file or directory"},
		"file outside":        {"${file:/etc/hostname:a}", "", "/etc/hostname is outside allowed.paths (F)"},
		"file climbing":       {"${file:F/../../etc/hostname:a}", "", "is outside allowed.paths"},
		"file by link":        {"${file:F/out:a}", "", "is outside allowed.paths"},
		"directory not there": {"${dir:F/nowhere:a}", "", "the path F/nowhere is not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := p.Resolve(map[string]string{"key": strings.ReplaceAll(c.text, "F/", folder+"/"), "k2": "v"})
			if c.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), "key: ") || !strings.Contains(strings.ReplaceAll(err.Error(), folder, "F"), c.err) {
					t.Fatalf("got %v, want %s", err, c.err)
				}
				return
			}
			if c.text = strings.ReplaceAll(c.text, "${dir:F:", "${dir:"+folder+":"); strings.Contains(c.text, folder) {
				r, err = p.Resolve(map[string]string{"key": c.text})
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.ReplaceAll(r.Values["key"], folder, "F"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSecretsStayHidden(t *testing.T) {
	folder := secrets(t)
	p, err := provider.New(workerFile(folder))
	if err != nil {
		t.Fatal(err)
	}
	raw := map[string]string{"password": "${file:" + folder + "/db.properties:password}", "user": "shop", "url": "x?${file:" + folder + "/db.properties:password}"}
	before := maps.Clone(raw)
	r, err := p.Resolve(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(raw, before) {
		t.Error("the configuration given was changed")
	}
	if got := r.Hide("login with s3cret-word failed: s3cret-word"); got != "login with ******** failed: ********" {
		t.Errorf("a text still says %q", got)
	}
	for name, c := range map[string]struct{ value, text, want string }{
		"a file ends with a line":        {"s3cret\n", "login with s3cret failed", "login with ******** failed"},
		"quoted":                         {`s3"cret\`, `setting is "s3\"cret\\"`, `setting is "********"`},
		"lines, in a trace":              {"first part\nsecond part", "it is first part\nCaused by: second part", "it is ********\nCaused by: ********"},
		"lines, quoted":                  {"first part\nsecond part", `it is "first part\nsecond part"`, `it is "********"`},
		"too short to be looked for":     {"abc", "abc", "abc"},
		"one that has another one in it": {"s3cret", "s3cret-word", "********"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(folder, "value"), []byte(c.value), 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := p.Resolve(map[string]string{"long": "${file:" + folder + "/db.properties:password}", "value": "${dir:" + folder + ":value}"})
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Hide(c.text); got != c.want || !r.Secret() {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	task := map[string]string{"password": "s3cret-word", "user": "shop", "tables": "a,b", "url": "x?s3cret-word"}
	if got := r.Restore(task); got["password"] != raw["password"] || got["url"] != raw["url"] || got["tables"] != "a,b" || task["password"] != "s3cret-word" {
		t.Errorf("the task has %v", got)
	}
	if got, ok := r.Raw("password"); !ok || got != raw["password"] {
		t.Errorf("raw is %q", got)
	}
	if _, ok := r.Raw("user"); ok {
		t.Error("user has no reference")
	}
	if r.TTL.Milliseconds() != 1500 {
		t.Errorf("the time to live is %s", r.TTL)
	}
}

func TestBadProviders(t *testing.T) {
	for name, c := range map[string]struct {
		change map[string]string
		want   string
	}{
		"no class":       {map[string]string{"config.providers.env.class": ""}, "config.providers.env.class is missing"},
		"unknown class":  {map[string]string{"config.providers.env.class": "VaultConfigProvider"}, `config.providers.env.class is "VaultConfigProvider": use `},
		"relative path":  {map[string]string{"config.providers.file.param.allowed.paths": "secrets"}, `config.providers.file.param.allowed.paths has "secrets"`},
		"missing path":   {map[string]string{"config.providers.dir.param.allowed.paths": "/nowhere/at/all"}, "config.providers.dir.param.allowed.paths has /nowhere/at/all"},
		"no expression":  {map[string]string{"config.providers.env.param.allowlist.pattern": "("}, `config.providers.env.param.allowlist.pattern is "("`},
		"no number":      {map[string]string{"config.providers.file.param.ttl.ms": "soon"}, `config.providers.file.param.ttl.ms is "soon"`},
		"not at all bad": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			props := workerFile(t.TempDir())
			maps.Copy(props, c.change)
			_, err := provider.New(props)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func FuzzResolve(f *testing.F) {
	f.Add("${file:a:b}${env:x}${")
	p, err := provider.New(map[string]string{"config.providers": "env", "config.providers.env.class": "EnvVarConfigProvider", "config.providers.env.param.allowlist.pattern": "NONE"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := p.Resolve(map[string]string{"k": text})
		if err == nil && r.Values["k"] != text {
			t.Errorf("%q became %q without a value to put there", text, r.Values["k"])
		}
	})
}
