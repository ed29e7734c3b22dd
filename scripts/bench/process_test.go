package main

import (
	"testing"
)

func TestLaunch(t *testing.T) {
	tests := map[string]struct {
		script, want, error string
	}{
		"says it":         {script: "echo hello; echo ready 127.0.0.1:1; echo ready again; cat", want: "127.0.0.1:1"},
		"ends":            {script: "echo no such file >&2; exit 3", error: "thing ended while starting; the end of its log:\n  no such file"},
		"ends in silence": {script: "exit 0", error: "ended while starting"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := &lab{folder: t.TempDir()}
			p, said, err := l.launch(t.Context(), "thing", "ready ", "/bin/sh", "-c", test.script)
			checkError(t, err, test.error)
			if said != test.want {
				t.Errorf("it said %q, want %q", said, test.want)
			}
			if p == nil {
				return
			}
			if err := p.stop(); err != nil {
				t.Error(err)
			}
			if err := p.stop(); err != nil {
				t.Errorf("stopped again: %v", err)
			}
		})
	}
}

func TestWait(t *testing.T) {
	l := &lab{folder: t.TempDir()}
	for script, want := range map[string]string{"exit 0": "", "echo it broke >&2; exit 1": "failed: exit status 1; the end of its log:\n  it broke"} {
		p, _, err := l.launch(t.Context(), "thing", "", "/bin/sh", "-c", script)
		if err != nil {
			t.Fatal(err)
		}
		checkError(t, p.wait(t.Context()), want)
	}
}
