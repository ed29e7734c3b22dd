package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// rootVariable confines the connectors to a folder. A worker hands on what
// begins with OUTBOARD_PLUGIN_.
const rootVariable = "OUTBOARD_PLUGIN_FILE_ROOT"

// place is a configured path and the only way to the files around it: it
// keeps to the operator's root.
type place struct {
	path string   // absolute
	root *os.Root // nil: anywhere
	name string   // the path within root
}

// newPlace finds the file that a configuration means. The error is for users
// and final.
func newPlace(path string) (*place, error) {
	if !filepath.IsAbs(path) {
		// The working directory is the worker's.
		dir, err := os.Getwd()
		if err != nil {
			return nil, fmt.Errorf("the folder that a relative path starts from is not known, write the path in full, from / on: %w", err)
		}
		path = filepath.Join(dir, path)
	}
	p := &place{path: filepath.Clean(path)}
	rootDir := os.Getenv(rootVariable)
	if rootDir == "" {
		return p, nil
	}
	name, err := filepath.Rel(rootDir, p.path)
	if err != nil || !filepath.IsLocal(name) {
		return nil, fmt.Errorf("the operator confines file connectors to %s (%s); choose a file in there", rootDir, rootVariable)
	}
	if p.root, err = os.OpenRoot(rootDir); err != nil {
		return nil, fmt.Errorf("the folder that file connectors are confined to (%s) cannot be opened: %w", rootVariable, err)
	}
	p.name = name
	return p, nil
}

// Close gives the root back.
func (p *place) Close() error {
	if p.root == nil {
		return nil
	}
	return p.root.Close()
}

func (p *place) stat() (os.FileInfo, error) {
	if p.root != nil {
		return p.root.Stat(p.name)
	}
	return os.Stat(p.path)
}

func (p *place) open() (*os.File, error) { return p.openFile(os.O_RDONLY) }

func (p *place) openFile(flag int) (*os.File, error) {
	if p.root != nil {
		return p.root.OpenFile(p.name, flag, 0o644)
	}
	return os.OpenFile(p.path, flag, 0o644)
}

// sibling opens another file of the same folder, for reading.
func (p *place) sibling(name string) (*os.File, error) {
	if p.root != nil {
		return p.root.Open(filepath.Join(filepath.Dir(p.name), name))
	}
	return os.Open(filepath.Join(filepath.Dir(p.path), name))
}

// siblings lists the folder.
func (p *place) siblings() ([]fs.DirEntry, error) {
	if p.root != nil {
		return fs.ReadDir(p.root.FS(), filepath.ToSlash(filepath.Dir(p.name)))
	}
	return os.ReadDir(filepath.Dir(p.path))
}

// reason returns an error of the file system without its operation and path,
// which messages have already.
func reason(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
