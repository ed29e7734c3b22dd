package client

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const maxSocketPath = 108

// processAttributes gives the process a group of its own, and its death when the host dies.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// command executes the very file that was checked, whatever its name stands for by then. The process inherits the open file as number 3; a
// link in its private directory leads there and gives the process its name in ps and top. The interpreter of a script must find it by its
// name, so a script is open to being swapped between check and start.
func (b *binary) command(dir string) (*exec.Cmd, error) {
	cmd := b.pathCommand()
	if !b.elf {
		return cmd, nil
	}
	link := filepath.Join(dir, filepath.Base(b.path))
	if err := os.Symlink("/proc/self/fd/3", link); err != nil {
		return nil, fmt.Errorf("cannot be started: %w", err)
	}
	cmd.Path = link
	cmd.ExtraFiles = []*os.File{b.file}
	return cmd, nil
}

// awaitExit returns when the process has ended and leaves it to be reaped, so that its id stays its own until its group is killed.
func awaitExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

// preferAsVictim makes the kernel kill the plugin before the host when the machine runs out of memory. Any process may raise its own kind's score.
func preferAsVictim(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("500"), 0)
}

// memoryInUse is the memory of a process that belongs to it alone, in bytes: not its program, nor files it has mapped.
func memoryInUse(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	var size, resident, shared int64
	if _, err := fmt.Sscan(string(text), &size, &resident, &shared); err != nil {
		return 0, err
	}
	return (resident - shared) * int64(os.Getpagesize()), nil
}

// outOfMemoryKills is how often the kernel killed a process for want of memory: in the control group of this host where there is one of
// version 2, else on the whole machine. -1: not known.
func outOfMemoryKills() int64 {
	if own, err := os.ReadFile("/proc/self/cgroup"); err == nil {
		for line := range strings.Lines(string(own)) {
			if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
				if n := counter(filepath.Join("/sys/fs/cgroup", path, "memory.events")); n >= 0 {
					return n
				}
			}
		}
	}
	return counter("/proc/vmstat")
}

// counter reads the line "oom_kill <number>".
func counter(path string) int64 {
	file, err := os.Open(path)
	if err != nil {
		return -1
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "oom_kill "); ok {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				return n
			}
		}
	}
	return -1
}
