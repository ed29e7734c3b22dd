// Package host_test checks the architecture of the whole module: who may import whom, and what every package owes its reader.
package host_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/outboard-connect/outboard"

const (
	v1       = "proto/connect/v1"
	wire     = "proto/wire"
	sdk      = "plugin-sdk"
	data     = "plugin-sdk/data"
	config   = "plugin-sdk/config"
	client   = "plugin-sdk/client"
	sdktest  = "plugin-sdk/sdktest"
	internal = "host/internal/"
	herder   = "host/herder"
	bubble   = "scripts/bubble"
	anything = "..."
)

// rule is one row of the import table. Paths are relative to the module; one that ends in /... covers a folder with all below it.
// Packages of one such folder may import each other; test files may import what the package may, and scripts/bubble.
type rule struct {
	path  string
	may   []string
	tests []string // what test files may import in addition
	bare  bool     // the standard library only
}

var table = []rule{
	{path: v1},
	{path: wire, may: []string{v1, data, config}},

	{path: data, bare: true},
	{path: config},
	{path: sdk, may: []string{wire, v1, data, config}, tests: []string{client, sdktest}},
	{path: client, may: []string{sdk, wire, v1, data, config}, tests: []string{sdktest}},
	{path: sdktest, may: []string{sdk, client, data, config, wire, v1}}, // it speaks the protocol itself
	{path: "plugins/*/...", may: []string{sdk, data, config}, tests: []string{sdktest}},

	{path: internal + "kafka", may: []string{data, config}},
	{path: internal + "producer"},
	{path: internal + "storage", may: []string{data, config, internal + "kafka", internal + "metrics"}},
	{path: internal + "registry", may: []string{data, config, internal + "kafka"}},
	{path: internal + "convert", may: []string{data, config, internal + "registry"}},
	{path: internal + "transform", may: []string{data, config}},
	{path: internal + "tolerance", may: []string{data, config, internal + "kafka", internal + "metrics"}},
	{path: internal + "evolution", may: []string{data}},
	{path: internal + "metrics", may: []string{data, config}},
	{path: internal + "logging"},
	{path: internal + "group", may: []string{internal + "kafka", internal + "storage"}},
	{path: internal + "provider", may: []string{data, config}},
	{path: internal + "isolation", may: []string{client, internal + "metrics"}, tests: []string{anything}},
	{path: internal + "worker", may: []string{
		sdk, data, config, client, wire, v1, // it decodes batches straight into Kafka records
		internal + "kafka", internal + "producer", internal + "storage", internal + "convert", internal + "transform", internal + "tolerance", internal + "metrics",
		internal + "isolation", internal + "provider", internal + "evolution",
	}, tests: []string{anything}},
	{path: herder, may: []string{
		internal + "worker", internal + "group", internal + "storage", internal + "isolation", internal + "logging", internal + "provider", internal + "metrics", config, data,
	}, tests: []string{anything}},
	{path: herder + "/herdertest", may: []string{anything}}, // a whole cluster in one process, for tests outside host
	{path: internal + "cli", may: []string{anything}},
	{path: "host/cmd/outboard", may: []string{internal + "cli"}},
	{path: "host"},

	{path: "rest", may: []string{herder, "rest/ui"}, tests: []string{anything}},
	{path: "rest/client", may: []string{herder}, tests: []string{anything}},
	{path: "rest/ui"},

	{path: bubble, bare: true},
	{path: "scripts/...", may: []string{anything}},
}

// vague names say nothing about what a package holds.
var vague = []string{"util", "utils", "common", "helper", "helpers", "misc", "manager", "base", "impl"}

// listed is what `go list -json` says of a package.
type listed struct {
	ImportPath, Dir, Name, Doc                                   string
	Imports, TestImports, XTestImports                           []string
	GoFiles, CgoFiles, IgnoredGoFiles, TestGoFiles, XTestGoFiles []string
}

// list returns every package of the module, those of the integration tests included.
func list(t *testing.T) []listed {
	t.Helper()
	command := exec.Command("go", "list", "-e", "-tags", "integration", "-json=ImportPath,Dir,Name,Doc,Imports,TestImports,XTestImports,"+
		"GoFiles,CgoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles", "./...")
	command.Dir = ".."
	var problems bytes.Buffer
	command.Stderr = &problems
	output, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &problems)
	}
	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// within tells whether a pattern covers a path, and returns the part before /... as the path spells it.
// In a pattern, * stands for one element.
func within(pattern, path string) (folder string, ok bool) {
	prefix, tree := strings.CutSuffix(pattern, "/...")
	elements, n := strings.Split(path, "/"), strings.Count(prefix, "/")+1
	if len(elements) < n || len(elements) > n && !tree {
		return "", false
	}
	for i, e := range strings.Split(prefix, "/") {
		if e != "*" && e != elements[i] {
			return "", false
		}
	}
	return strings.Join(elements[:n], "/"), true
}

// find returns the row of a package and the folder it belongs to.
func find(path string) (row *rule, folder string) {
	for i := range table {
		if folder, ok := within(table[i].path, path); ok {
			return &table[i], folder
		}
	}
	return nil, ""
}

// own is a package's path relative to the module.
func own(importPath string) (string, bool) {
	return strings.CutPrefix(importPath, module+"/")
}

func TestImports(t *testing.T) {
	for _, p := range list(t) {
		path, ok := own(p.ImportPath)
		if !ok {
			t.Errorf("%s: the module's root holds no package", p.ImportPath)
			continue
		}
		row, folder := find(path)
		if row == nil {
			t.Errorf("%s is in no row of the import table", path)
			continue
		}
		check := func(imports []string, may []string, what string) {
			for _, i := range imports {
				target, ours := own(i)
				if !ours || target == path || strings.HasPrefix(target, folder+"/") && strings.HasSuffix(row.path, "/...") {
					continue
				}
				if !slices.Contains(may, anything) && !slices.Contains(may, target) {
					t.Errorf("%s%s imports %s; it may import %s", path, what, target, strings.Join(may, ", "))
				}
			}
		}
		for _, i := range p.Imports {
			if row.bare && strings.Contains(strings.Split(i, "/")[0], ".") {
				t.Errorf("%s imports %s; it may import the standard library only", path, i)
			}
		}
		check(p.Imports, row.may, "")
		may := slices.Concat(row.may, row.tests, []string{bubble})
		check(p.TestImports, may, " (test)")
		check(p.XTestImports, may, " (test)")
	}
}

// calls tells whether a file names a function of a package.
func calls(file *ast.File, pkg, function string) (found bool) {
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == function {
			x, ok := s.X.(*ast.Ident)
			found = found || ok && x.Name == pkg
		}
		return !found
	})
	return found
}

func TestPackages(t *testing.T) {
	for _, p := range list(t) {
		path, _ := own(p.ImportPath)
		for _, e := range slices.Compact(append(strings.Split(path, "/"), p.Name)) {
			if slices.Contains(vague, strings.TrimSuffix(e, "_test")) {
				t.Errorf("%s: a package needs a name that says what it holds, not %q", path, e)
			}
		}
		written := 0 // files that are neither generated nor tests
		for _, name := range slices.Concat(p.GoFiles, p.CgoFiles, p.IgnoredGoFiles, p.TestGoFiles, p.XTestGoFiles) {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Error(err)
				continue
			}
			if ast.IsGenerated(file) {
				continue
			}
			if !strings.HasSuffix(name, "_test.go") {
				written++
			}
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
					t.Errorf("%s/%s has an init function", path, name)
				}
			}
			if path != bubble && calls(file, "synctest", "Test") {
				t.Errorf("%s/%s calls synctest.Test; %s has a Test that survives the race detector", path, name, bubble)
			}
		}
		switch {
		case len(p.GoFiles)+len(p.CgoFiles) == 0: // tests alone
		case p.Doc == "":
			t.Errorf("%s has no package comment", path)
		case p.Name != "main" && written > 1 && !slices.Contains(p.GoFiles, "doc.go"):
			t.Errorf("%s has several files: its package comment belongs in doc.go", path)
		}
	}
}
