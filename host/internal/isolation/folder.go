package isolation

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sumsName is the file that, where it exists, lists the checksum of every plugin in its folder, as sha256sum writes it.
const sumsName = "SHA256SUMS"

// unfit are suffixes of files that lie beside plugins and are none, executable or not.
var unfit = []string{".tmp", ".part", ".partial", ".jar", ".txt", ".md", ".json", ".yaml", ".yml", ".properties", ".sha256", ".sig", ".asc", ".gz", ".zip", "~"}

// candidate is a file that looks like a plugin.
type candidate struct {
	path    string
	info    os.FileInfo // of the file that links lead to
	problem string      // why it must not be executed
}

// same tells whether nobody touched the file in between.
func (c candidate) same(o candidate) bool {
	return os.SameFile(c.info, o.info) && c.info.Size() == o.info.Size() && c.info.ModTime().Equal(o.info.ModTime()) &&
		c.info.Mode() == o.info.Mode() && c.problem == o.problem
}

// survey is what lies in plugin.path.
type survey struct {
	folders    []string // those that exist, each entry of plugin.path followed by the folders in it
	candidates []candidate
	problems   []Entry // folders that cannot be used
}

// look lists the folders of plugin.path and the folders in them. Whatever cannot be read is a problem of that folder, not of the survey.
func look(path []string) survey {
	var s survey
	for _, folder := range path {
		for _, inner := range s.folder(folder) {
			s.folder(inner)
		}
	}
	return s
}

// folder takes the files of one folder and returns the folders in it.
func (s *survey) folder(folder string) (inner []string) {
	again := slices.Contains(s.folders, folder) // plugin.path names a folder and one in it
	entries, err := os.ReadDir(folder)
	if err != nil {
		problem := fmt.Sprintf("cannot be read: %v", err)
		if errors.Is(err, fs.ErrNotExist) {
			problem = "this folder of plugin.path does not exist: create it, or correct plugin.path"
		}
		s.problems = append(s.problems, Entry{Path: folder, Problem: problem})
		return nil
	}
	if !again {
		s.folders = append(s.folders, folder)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(folder, e.Name())
		info, err := os.Stat(path)
		switch {
		case err != nil: // a link to nowhere, or removed just now
		case info.IsDir():
			inner = append(inner, path)
		case !again && info.Mode().IsRegular() && fit(path, info):
			s.candidates = append(s.candidates, candidate{path: path, info: info, problem: untrusted(path, info)})
		}
	}
	return inner
}

// fit tells whether a file looks like a plugin: a program, or one that lacks the permission to be executed.
func fit(path string, info os.FileInfo) bool {
	name := filepath.Base(path)
	if name == sumsName || slices.ContainsFunc(unfit, func(suffix string) bool { return strings.HasSuffix(strings.ToLower(name), suffix) }) {
		return false
	}
	return info.Mode()&0o111 != 0 || program(path)
}

// program tells whether a file begins like a program.
func program(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	var head [4]byte
	if _, err := io.ReadFull(file, head[:]); err != nil {
		return false
	}
	return string(head[:]) == "\x7fELF" || string(head[:2]) == "#!" || string(head[:]) == "\xcf\xfa\xed\xfe"
}

// untrusted tells why a file must not be executed: anybody could have put it there.
func untrusted(path string, info os.FileInfo) string {
	if info.Mode()&0o111 == 0 {
		return "is not executable: chmod +x " + path
	}
	if info.Mode()&0o002 != 0 {
		return "everybody may change it, so it is not started: chmod o-w " + path
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Sprintf("cannot be read: %v", err)
	}
	for _, folder := range []string{filepath.Dir(path), filepath.Dir(target)} {
		info, err := os.Stat(folder)
		if err != nil {
			return fmt.Sprintf("cannot be read: %v", err)
		}
		if info.Mode()&0o002 != 0 {
			return "everybody may replace it, so it is not started: chmod o-w " + folder
		}
	}
	return ""
}

// sums are the checksums that a folder's SHA256SUMS lists, by file name.
type sums map[string]Checksum

// readSums reads the SHA256SUMS of a folder; nil when there is none.
func readSums(folder string) (sums, error) {
	file, err := os.Open(filepath.Join(folder, sumsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return parseSums(file)
}

// parseSums reads lines of a checksum in hexadecimal digits, a space, a space or an asterisk, and a file name.
func parseSums(r io.Reader) (sums, error) {
	all := sums{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), "\r")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		digits, name, ok := strings.Cut(line, " ")
		sum, err := parseChecksum(digits)
		if !ok || err != nil || len(name) < 2 || name[0] != ' ' && name[0] != '*' {
			return nil, fmt.Errorf("line %d is not one that sha256sum writes", n)
		}
		all[filepath.Clean(name[1:])] = sum
	}
	return all, lines.Err()
}

// check tells why the list does not vouch for a file; empty when it does, or when there is no list.
func (s sums) check(path string, actual Checksum) string {
	if s == nil {
		return ""
	}
	name := filepath.Base(path)
	switch listed, ok := s[name]; {
	case !ok:
		return fmt.Sprintf("is not listed in the %s beside it, so it is not started: add the line that sha256sum %s writes", sumsName, name)
	case listed != actual:
		return fmt.Sprintf("has the SHA-256 %s, the %s beside it says %s: install the file again", actual, sumsName, listed)
	}
	return ""
}
