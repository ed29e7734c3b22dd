// Command protogen writes the Go code of proto/connect/v1 without protoc: it compiles the .proto files itself
// and runs the three generators that the tools module pins.
//
//	protogen [-check] PROTO_ROOT
//
// With -check nothing is written; files that would change are listed and the exit code is 1.
// The working directory must be inside the tools module.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// folder holds the contract, below the root that imports are relative to.
const folder = "connect/v1"

// generators in the order they run, with their options.
var generators = []struct{ name, options string }{
	{"protoc-gen-go", "paths=source_relative"},
	{"protoc-gen-go-grpc", "paths=source_relative"},
	{"protoc-gen-go-vtproto", "paths=source_relative,features=marshal+unmarshal+unmarshal_unsafe+size+pool,pool=github.com/outboard-connect/outboard/proto/connect/v1.RecordBatch"},
}

func main() {
	check := flag.Bool("check", false, "write nothing; fail when the committed code differs")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: protogen [-check] PROTO_ROOT")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *check); err != nil {
		fmt.Fprintln(os.Stderr, "protogen:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	request, err := compile(root)
	if err != nil {
		return err
	}
	want := map[string][]byte{}
	for _, g := range generators {
		if err := generate(g.name, g.options, request, want); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	have, err := committed(root)
	if err != nil {
		return err
	}
	if check {
		return compare(want, have)
	}
	for name := range have {
		if _, ok := want[name]; !ok {
			if err := os.Remove(filepath.Join(root, name)); err != nil {
				return err
			}
		}
	}
	for name, content := range want {
		if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// compile reads every .proto file of the folder, comments included, into a request for the generators.
func compile(root string) (*pluginpb.CodeGeneratorRequest, error) {
	paths, err := filepath.Glob(filepath.Join(root, folder, "*.proto"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no .proto file in %s", filepath.Join(root, folder))
	}
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = folder + "/" + filepath.Base(p)
	}
	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{root}}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(context.Background(), names...)
	if err != nil {
		return nil, err
	}
	request := &pluginpb.CodeGeneratorRequest{FileToGenerate: names}
	seen := map[string]bool{}
	for _, f := range files {
		request.ProtoFile = appendWithImports(request.ProtoFile, f, seen)
	}
	return request, nil
}

// appendWithImports adds a file after everything it imports, the order that generators expect.
func appendWithImports(to []*descriptorpb.FileDescriptorProto, f protoreflect.FileDescriptor, seen map[string]bool) []*descriptorpb.FileDescriptorProto {
	if seen[f.Path()] {
		return to
	}
	seen[f.Path()] = true
	for i := range f.Imports().Len() {
		to = appendWithImports(to, f.Imports().Get(i).FileDescriptor, seen)
	}
	return append(to, protodesc.ToFileDescriptorProto(f))
}

// generate runs one generator and collects its files.
func generate(tool, options string, request *pluginpb.CodeGeneratorRequest, into map[string][]byte) error {
	request.Parameter = proto.String(options)
	input, err := proto.Marshal(request)
	if err != nil {
		return err
	}
	command := exec.Command("go", "tool", tool)
	command.Stdin = bytes.NewReader(input)
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		return err
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(output, &response); err != nil {
		return err
	}
	if response.Error != nil {
		return errors.New(response.GetError())
	}
	for _, f := range response.File {
		name := filepath.FromSlash(f.GetName())
		if _, twice := into[name]; twice {
			return fmt.Errorf("%s is written by two generators", name)
		}
		into[name] = []byte(f.GetContent())
	}
	return nil
}

// committed reads the generated files that are there.
func committed(root string) (map[string][]byte, error) {
	entries, err := fs.ReadDir(os.DirFS(root), folder)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".pb.go") {
			continue
		}
		name := filepath.FromSlash(folder + "/" + e.Name())
		if files[name], err = os.ReadFile(filepath.Join(root, name)); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// compare names every file that is missing, superfluous or different.
func compare(want, have map[string][]byte) error {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if content, ok := have[name]; !ok {
			problems = append(problems, name+" is missing")
		} else if !bytes.Equal(content, want[name]) {
			problems = append(problems, name+" differs")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[name]; !ok {
			problems = append(problems, name+" has no .proto file any more")
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("generated code is not up to date, run make proto: %s", strings.Join(problems, "; "))
	}
	return nil
}
