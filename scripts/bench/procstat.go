package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc, the same on all architectures that Go runs on.
const tick = 10 * time.Millisecond

// stat is what /proc/<pid>/stat says of a process.
type stat struct {
	parent int
	cpu    time.Duration // user and system, without children
}

func parseStat(text []byte) (s stat, err error) {
	// The second field is the name of the program in parentheses, and may hold spaces and parentheses itself.
	_, rest, found := bytes.Cut(text, []byte("("))
	end := bytes.LastIndexByte(rest, ')')
	if !found || end < 0 {
		return s, fmt.Errorf("no name in parentheses in %.80q", text)
	}
	fields := strings.Fields(string(rest[end+1:]))
	if len(fields) < 13 {
		return s, fmt.Errorf("%d fields behind the name in %.80q, at least 13 are needed", len(fields), text)
	}
	if s.parent, err = strconv.Atoi(fields[1]); err != nil {
		return s, err
	}
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return s, err
		}
		s.cpu += time.Duration(n) * tick
	}
	return s, nil
}

func statOf(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	s, err := parseStat(text)
	if err != nil {
		return s, fmt.Errorf("/proc/%d/stat: %w", pid, err)
	}
	return s, nil
}

// cpuOf is what processes have used until now, together.
func cpuOf(pids ...int) (sum time.Duration, err error) {
	for _, pid := range pids {
		s, err := statOf(pid)
		if err != nil {
			return 0, err
		}
		sum += s.cpu
	}
	return sum, nil
}

// childrenOf returns the processes that a process started and that still run.
func childrenOf(pid int) ([]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has just ended
		}
		if s, err := parseStat(text); err == nil && s.parent == pid {
			child, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				return nil, err
			}
			pids = append(pids, child)
		}
	}
	return pids, nil
}

// memory is what a process has, in bytes.
type memory struct {
	peak, resident int64
	proportional   int64 // shared pages divided by the number of those who share them
}

func (m *memory) add(o memory) {
	m.peak += o.peak
	m.resident += o.resident
	m.proportional += o.proportional
}

// memoryOf is the memory of processes, together.
func memoryOf(pids ...int) (sum memory, err error) {
	for _, pid := range pids {
		var m memory
		if m.peak, err = kilobytes(fmt.Sprintf("/proc/%d/status", pid), "VmHWM:"); err != nil {
			return sum, err
		}
		if m.resident, err = kilobytes(fmt.Sprintf("/proc/%d/status", pid), "VmRSS:"); err != nil {
			return sum, err
		}
		if m.proportional, err = kilobytes(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss:"); err != nil {
			return sum, err
		}
		sum.add(m)
	}
	return sum, nil
}

func kilobytes(file, key string) (int64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	n, err := parseKilobytes(text, key)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	return n, nil
}

// parseKilobytes finds a line such as "VmRSS:  123 kB".
func parseKilobytes(text []byte, key string) (int64, error) {
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == key && fields[2] == "kB" {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("no line %s", key)
}

// resetPeaks makes the peak of memory what processes have now.
func resetPeaks(pids ...int) error {
	for _, pid := range pids {
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
			return err
		}
	}
	return nil
}

// busy is the time that all cores of the machine have worked.
func busy() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseBusy(text)
}

func parseBusy(text []byte) (time.Duration, error) {
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat begins with %.80q, not with the times of all cores", line)
	}
	var sum time.Duration
	for i, field := range fields[1:9] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		if idle := i == 3 || i == 4; !idle {
			sum += time.Duration(n) * tick
		}
	}
	return sum, nil
}
