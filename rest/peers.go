package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// What a worker may cost that asks another one.
const (
	dialTime = 5 * time.Second // to connect and to agree on TLS
	// peerIdleTime ends connections before the other worker does: what is sent on one that is just ending is lost.
	peerIdleTime = idleTime / 2
	// peerMessage bounds what is read of an answer that nobody but the log sees.
	peerMessage = 64 << 10
)

// Peers sends requests to the other workers of the group. Its methods are safe for concurrent use.
type Peers struct{ http *http.Client }

// NewPeers returns what sends requests to workers. The configuration is for those with https URLs; nil trusts the authorities
// that the system does.
func NewPeers(config *tls.Config) *Peers {
	dialer := &net.Dialer{Timeout: dialTime}
	return &Peers{&http.Client{
		// No proxy: workers reach each other under the addresses that they advertise.
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: config, TLSHandshakeTimeout: dialTime,
			IdleConnTimeout: peerIdleTime, MaxIdleConnsPerHost: 16, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Send sends a request with these headers to a worker; a body is JSON. The error says that the request has not arrived, that no
// answer came, or with which status and message the worker refused.
func (p *Peers) Send(ctx context.Context, method, url string, header http.Header, body []byte) error {
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if len(body) > 0 {
		header.Set("Content-Type", "application/json")
	}
	answer, err := p.do(ctx, method, url, header, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, peerMessage))
	if answer.StatusCode/100 == 2 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the worker at %s answers %d and no message: %w", url, answer.StatusCode, err)
	}
	return fmt.Errorf("the worker at %s answers %d: %s", url, answer.StatusCode, messageOf(text))
}

// messageOf is the message of a refusal, or its whole text when what answers is no worker.
func messageOf(text []byte) string {
	var f failure
	if json.Unmarshal(text, &f) == nil && f.Message != "" {
		return f.Message
	}
	return strings.TrimSpace(string(text))
}

// Close closes the connections on which nothing is sent.
func (p *Peers) Close() { p.http.CloseIdleConnections() }

// do sends a request and returns the answer, whose body the caller closes.
func (p *Peers) do(ctx context.Context, method, url string, header http.Header, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = header
	return p.http.Do(r)
}

// notReached tells whether an error means that nobody listens where a request was sent: it has no effect and may be sent
// again.
func notReached(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
