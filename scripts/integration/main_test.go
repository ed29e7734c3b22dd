//go:build integration

package integration

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
)

// stage is what all tests share, set by TestMain.
var stage struct {
	kafka    string // host:port
	folder   string // removed at the end
	outboard string // the binary
	plugins  string // the folder of the plugins
	fleet    fleet  // beside Kafka
}

func TestMain(m *testing.M) {
	os.Exit(func() int {
		if err := setStage(); err != nil {
			fmt.Fprintln(os.Stderr, "integration:", err)
			return 1
		}
		defer os.RemoveAll(stage.folder)
		defer func() {
			if err := stage.fleet.end(); err != nil {
				fmt.Fprintln(os.Stderr, "integration:", err)
			}
		}()
		// Whoever stops the tests stops their process group, and so the workers.
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
		go func() {
			<-stop
			os.RemoveAll(stage.folder)
			os.Exit(1)
		}()
		return m.Run()
	}())
}

// setStage copies the binaries, so that a build in the meantime does not change what is tested.
func setStage() (err error) {
	if stage.kafka = os.Getenv("OUTBOARD_KAFKA"); stage.kafka == "" {
		return errors.New("OUTBOARD_KAFKA is not set: use make integration, which starts a Kafka and runs these tests, or set it to the host:port of one")
	}
	if _, err := os.Stat("/proc/self/exe"); err != nil {
		return fmt.Errorf("these tests look for processes in /proc, run them on Linux: %w", err)
	}
	if stage.folder, err = os.MkdirTemp("", "outboard-integration-"); err != nil {
		return err
	}
	stage.outboard = filepath.Join(stage.folder, "bin", "outboard")
	stage.plugins = filepath.Join(stage.folder, "bin", "plugins")
	if err := os.MkdirAll(stage.plugins, 0o755); err != nil {
		return err
	}
	built := os.Getenv("OUTBOARD_BIN")
	if built == "" {
		built = filepath.Join("..", "..", "bin")
	}
	plugins, err := os.ReadDir(filepath.Join(built, "plugins"))
	if err != nil {
		return errors.Join(fmt.Errorf("run make build: %w", err), os.RemoveAll(stage.folder))
	}
	binaries := map[string]string{filepath.Join(built, "outboard"): stage.outboard}
	for _, p := range plugins {
		binaries[filepath.Join(built, "plugins", p.Name())] = filepath.Join(stage.plugins, p.Name())
	}
	for from, to := range binaries {
		if err := copyFile(to, from, 0o755); err != nil {
			return errors.Join(fmt.Errorf("run make build: %w", err), os.RemoveAll(stage.folder))
		}
	}
	return nil
}

func copyFile(to, from string, mode os.FileMode) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
