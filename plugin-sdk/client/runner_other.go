//go:build unix && !linux

package client

import (
	"errors"
	"os/exec"
	"syscall"
)

const maxSocketPath = 104

// processAttributes gives the process a group of its own. When the host dies the SDK sees the end of standard input and exits.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// command executes the file by its name: between check and start it could be swapped.
func (b *binary) command(string) (*exec.Cmd, error) { return b.pathCommand(), nil }

// awaitExit leaves the waiting to the reaping.
func awaitExit(int) {}

func preferAsVictim(int) error { return nil }

// memoryInUse is not known: GOMEMLIMIT is all there is.
func memoryInUse(int) (int64, error) { return 0, errors.ErrUnsupported }

func outOfMemoryKills() int64 { return -1 }
