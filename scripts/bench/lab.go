package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// lab is where the cases run.
type lab struct {
	settings
	self    string // this program, whose other commands are started
	folder  string // of files that nobody needs afterwards
	samples map[string]string
	serial  int
	log     io.Writer
}

func newLab(s settings) (*lab, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	needs := []string{"outboard", "plugins/datagen", "plugins/blackhole", "plugins/file"}
	if s.tables() {
		needs = []string{"outboard", "plugins/mysql", "plugins/elasticsearch"}
	}
	for _, needed := range needs {
		if _, err := os.Stat(filepath.Join(s.bin, needed)); err != nil {
			return nil, fmt.Errorf("%w: run make build, or say with -bin where it is", err)
		}
	}
	if s.bin, err = filepath.Abs(s.bin); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "outboard-bench.")
	if err != nil {
		return nil, err
	}
	return &lab{settings: s, self: self, folder: folder, samples: map[string]string{}, log: os.Stderr}, nil
}

func (l *lab) close() {
	if l.keep {
		fmt.Fprintln(l.log, "logs are in", l.folder)
		return
	}
	_ = os.RemoveAll(l.folder) // it is in the folder for temporary files, which somebody else empties
}

// name returns a name that nothing else in this run has.
func (l *lab) unique(of string) string {
	l.serial++
	return fmt.Sprintf("%s-%d", of, l.serial)
}

func (l *lab) path(name string) string { return filepath.Join(l.folder, name) }

func (l *lab) say(format string, args ...any) {
	fmt.Fprintf(l.log, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
