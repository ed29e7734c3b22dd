package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// origin tells where and when figures were taken, and of what.
type origin struct {
	Date    string `json:"date"`
	Command string `json:"command"`
	Commit  string `json:"commit"` // -dirty: the checkout had changes
	CPU     string `json:"cpu"`
	Cores   int    `json:"cores"`
	Kernel  string `json:"kernel"`
	Go      string `json:"go"`
	Quick   bool   `json:"quick,omitempty"`
}

func newOrigin(ctx context.Context, s settings) (origin, error) {
	cpus, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return origin{}, err
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return origin{}, err
	}
	return origin{
		Date: time.Now().UTC().Format(time.RFC3339), Command: s.command, Commit: commit(ctx), CPU: modelOf(string(cpus)),
		Cores: runtime.NumCPU(), Kernel: strings.TrimSpace(string(kernel)), Go: runtime.Version(), Quick: s.quick,
	}, nil
}

// commit names the checkout in the working folder, where run.sh is.
func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return "unknown" // no checkout, or no git: the figures are good all the same
	}
	return strings.TrimSpace(string(out))
}

// modelOf finds the name of the processor in /proc/cpuinfo, which not every architecture has there.
func modelOf(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
