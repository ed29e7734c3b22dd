package client

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// binary is the file of a plugin, kept open from the check of its checksum until it runs.
type binary struct {
	path string
	file *os.File
	info os.FileInfo // before the check
	elf  bool        // executable as it is, without an interpreter of its own choice
}

// openBinary opens the file of a plugin and compares its checksum, unless that is nil.
func openBinary(path string, checksum []byte) (*binary, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("is not there any more: install it again: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	b := &binary{path: path, file: file}
	if err := b.check(checksum); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *binary) close() { b.file.Close() }

func (b *binary) check(checksum []byte) error {
	info, err := b.file.Stat()
	if err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("is not a file but %s", info.Mode().Type())
	}
	b.info = info
	var magic [len(elf.ELFMAG)]byte
	if _, err := io.ReadFull(b.file, magic[:]); err == nil {
		b.elf = string(magic[:]) == elf.ELFMAG
	}
	if checksum == nil {
		return nil
	}
	hash := sha256.New()
	hash.Write(magic[:min(int64(len(magic)), info.Size())])
	if _, err := io.Copy(hash, b.file); err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	if sum := hash.Sum(nil); subtle.ConstantTimeCompare(sum, checksum) != 1 {
		return fmt.Errorf("was not started, %w: its SHA-256 is %x, recorded is %x; the next look at plugin.path will find it", ErrChanged, sum, checksum)
	}
	return nil
}

// unchanged tells that nobody wrote to the file since it was opened. It is asked when the file runs: nobody can any more.
func (b *binary) unchanged() error {
	info, err := b.file.Stat()
	if err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	if info.Size() != b.info.Size() || !info.ModTime().Equal(b.info.ModTime()) {
		return fmt.Errorf("was killed, %w: somebody wrote to it while it was started", ErrChanged)
	}
	return nil
}

// pathCommand runs the file by its name.
func (b *binary) pathCommand() *exec.Cmd { return &exec.Cmd{Path: b.path, Args: []string{b.path}} }

// explain tells why the operating system refused to execute the file, and what to do.
func (b *binary) explain(err error) error {
	switch {
	case errors.Is(err, syscall.EACCES) && b.info.Mode()&0o111 == 0:
		return fmt.Errorf("is not executable: chmod +x %s: %w", b.path, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("may not be executed: check that this user may, and that its file system is not mounted noexec: %w", err)
	case errors.Is(err, syscall.ETXTBSY):
		return fmt.Errorf("is still being written: copy it under another name and rename it: %w", err)
	case errors.Is(err, syscall.ENOENT):
		if interpreter := b.interpreter(); interpreter != "" {
			return fmt.Errorf("needs %s, which is not there: install it, or build the plugin statically (CGO_ENABLED=0): %w", interpreter, err)
		}
		return fmt.Errorf("is not there any more: install it again: %w", err)
	case errors.Is(err, syscall.ENOEXEC):
		if platform := b.platform(); platform != "" {
			return fmt.Errorf("is built for %s, this worker runs on %s/%s: build it with GOOS=%[2]s GOARCH=%[3]s: %[4]w",
				platform, runtime.GOOS, runtime.GOARCH, err)
		}
		return fmt.Errorf("is not a program: remove it from plugin.path, or give a script a first line such as #!/bin/sh: %w", err)
	}
	return fmt.Errorf("cannot be started: %w", err)
}

// interpreter returns the program that the file asks for: that of a script, or the dynamic linker.
func (b *binary) interpreter() string {
	if b.elf {
		f, err := elf.NewFile(b.file)
		if err != nil {
			return ""
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP {
				name := make([]byte, min(p.Filesz, 4096))
				n, _ := p.ReadAt(name, 0)
				return printable(string(bytes.TrimRight(name[:n], "\x00")), 256)
			}
		}
		return ""
	}
	var head [256]byte
	n, _ := b.file.ReadAt(head[:], 0)
	line, _, _ := strings.Cut(string(head[:n]), "\n")
	script, ok := strings.CutPrefix(line, "#!")
	if fields := strings.Fields(script); ok && len(fields) > 0 {
		return printable(fields[0], len(head))
	}
	return ""
}

// platform returns what the file is built for, as far as its first bytes tell, or nothing.
func (b *binary) platform() string {
	if b.elf {
		f, err := elf.NewFile(b.file)
		if err != nil {
			return ""
		}
		names := map[elf.Machine]string{
			elf.EM_X86_64: "linux/amd64", elf.EM_AARCH64: "linux/arm64", elf.EM_386: "linux/386", elf.EM_ARM: "linux/arm",
			elf.EM_RISCV: "linux/riscv64", elf.EM_PPC64: "linux/ppc64le", elf.EM_S390: "linux/s390x", elf.EM_LOONGARCH: "linux/loong64",
		}
		if name, ok := names[f.Machine]; ok {
			return name
		}
		return f.Machine.String()
	}
	var head [4]byte
	_, _ = b.file.ReadAt(head[:], 0)
	switch {
	case string(head[:2]) == "MZ":
		return "windows"
	case string(head[:]) == "\xcf\xfa\xed\xfe", string(head[:]) == "\xca\xfe\xba\xbe":
		return "darwin"
	}
	return ""
}
