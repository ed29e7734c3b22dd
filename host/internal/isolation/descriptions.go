package isolation

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/plugin-sdk/client"
)

// descriptionsFormat changes when older or newer files must not be read.
const descriptionsFormat = 1

// descriptions remembers what binaries said of themselves, in memory and in a file.
type descriptions struct {
	path        string
	hostVersion string

	mu      sync.Mutex
	by      map[Checksum]*client.Description
	unsaved bool
}

// descriptionsFile is the form of the file. What a plugin says may depend on the host's version.
type descriptionsFile struct {
	Format      int               `json:"format"`
	HostVersion string            `json:"host_version"`
	Plugins     map[string][]byte `json:"plugins"` // checksum in hexadecimal digits -> protobuf
}

// loadDescriptions reads the file. One that cannot be used is ignored: everything in it can be asked again.
func loadDescriptions(path, hostVersion string, log hclog.Logger) *descriptions {
	d := &descriptions{path: path, hostVersion: hostVersion, by: map[Checksum]*client.Description{}}
	if path == "" {
		return d
	}
	text, err := os.ReadFile(path)
	if err == nil {
		d.by, err = parseDescriptions(text, hostVersion)
	}
	if err != nil {
		d.by, d.unsaved = map[Checksum]*client.Description{}, true
		if !errors.Is(err, fs.ErrNotExist) {
			log.Info("the descriptions of plugins kept by an earlier run cannot be used, plugins are asked again", "path", path, "err", err)
		}
	}
	return d
}

func parseDescriptions(text []byte, hostVersion string) (map[Checksum]*client.Description, error) {
	var file descriptionsFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	if file.Format != descriptionsFormat {
		return nil, fmt.Errorf("its format is %d, this worker writes %d", file.Format, descriptionsFormat)
	}
	if file.HostVersion != hostVersion {
		return nil, fmt.Errorf("it was written by version %q, this is %q", file.HostVersion, hostVersion)
	}
	by := make(map[Checksum]*client.Description, len(file.Plugins))
	for digits, bytes := range file.Plugins {
		sum, err := parseChecksum(digits)
		if err != nil {
			return nil, err
		}
		d := &client.Description{}
		if err := d.UnmarshalVT(bytes); err != nil {
			return nil, fmt.Errorf("plugin %s: %w", digits, err)
		}
		if err := client.CheckDescription(d); err != nil {
			return nil, fmt.Errorf("plugin %s: %w", digits, err)
		}
		by[sum] = d
	}
	return by, nil
}

func (d *descriptions) get(sum Checksum) (*client.Description, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found, ok := d.by[sum]
	return found, ok
}

func (d *descriptions) put(sum Checksum, new *client.Description) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.by[sum], d.unsaved = new, true
}

// save forgets all but the given binaries and writes the file if something changed.
func (d *descriptions) save(current map[Checksum]bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for sum := range d.by {
		if !current[sum] {
			delete(d.by, sum)
			d.unsaved = true
		}
	}
	if d.path == "" || !d.unsaved {
		return nil
	}
	file := descriptionsFile{Format: descriptionsFormat, HostVersion: d.hostVersion, Plugins: make(map[string][]byte, len(d.by))}
	for sum, description := range d.by {
		bytes, err := description.MarshalVT()
		if err != nil {
			return fmt.Errorf("plugin %s: %w", description.GetName(), err)
		}
		file.Plugins[sum.String()] = bytes
	}
	text, err := json.Marshal(file)
	if err != nil {
		return err
	}
	if err := replace(d.path, text); err != nil {
		return err
	}
	d.unsaved = false
	return nil
}

// replace writes a file as a whole or not at all. Its folder need not exist.
func replace(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = temporary.Write(text)
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}
