package client

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	goplugin "github.com/hashicorp/go-plugin"
)

// maxHandshake bounds the handshake line. A certificate, which this host does not ask for, would be its longest part.
const maxHandshake = 4096

// readLine reads the first line, at most limit bytes of it, without white space at its ends. What was read beyond is returned too.
func readLine(r io.Reader, limit int) (line string, more []byte) {
	buf := make([]byte, 0, limit)
	for len(buf) < limit {
		n, err := r.Read(buf[len(buf):limit])
		buf = buf[:len(buf)+n]
		if line, more, ok := bytes.Cut(buf, []byte("\n")); ok {
			return string(bytes.TrimSpace(line)), more
		}
		if err != nil {
			break
		}
	}
	return string(bytes.TrimSpace(buf)), nil
}

// checkHandshake judges the line with which a plugin tells where it serves:
//
//	core protocol | protocol version | network | address | grpc | certificate
//
// The socket must be in dir, where nobody else can reach it.
func checkHandshake(line, dir string, version uint) error {
	parts := strings.Split(line, "|")
	if len(parts) < 5 {
		return fmt.Errorf("printed %q where the handshake belongs: nothing may write to standard output before sdk.Serve, log to standard error; "+
			"or it is no Outboard plugin at all: remove it from plugin.path", printable(line, 200))
	}
	core, own, network, address, protocol := parts[0], parts[1], parts[2], parts[3], parts[4]
	switch {
	case core != strconv.Itoa(goplugin.CoreProtocolVersion):
		return fmt.Errorf("speaks core protocol %q of go-plugin, this worker speaks %d: build it with a current go-plugin",
			printable(core, 40), goplugin.CoreProtocolVersion)
	case own != strconv.FormatUint(uint64(version), 10):
		return fmt.Errorf("speaks protocol version %q, this worker speaks %d: install a plugin built for this worker, or upgrade the worker",
			printable(own, 40), version)
	case protocol != string(goplugin.ProtocolGRPC):
		return fmt.Errorf("speaks %q, this worker speaks grpc: serve gRPC", printable(protocol, 40))
	case network != "unix" || filepath.Dir(address) != dir:
		return fmt.Errorf("listens on %s %q, it must be a Unix socket in the directory of the variable %s",
			printable(network, 40), printable(address, 200), goplugin.EnvUnixSocketDir)
	}
	return nil
}
