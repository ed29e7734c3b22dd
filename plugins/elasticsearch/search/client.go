package search

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Config says how to reach a cluster.
type Config struct {
	// URLs are those of its nodes, at least one.
	URLs []string
	// Username and Password, APIKey or Token say who asks; all empty: nobody in particular.
	Username, Password string
	// APIKey is "id:key", or that in base64 as the server gives it.
	APIKey string
	// Token is a bearer token.
	Token string
	// TLS is used for https. Nil: the system's certificates.
	TLS *tls.Config
	// Proxy is the address of an HTTP proxy, nil for none.
	Proxy *url.URL
	// ConnectTimeout bounds the making of a connection, RequestTimeout a whole
	// request with its answer, IdleTimeout the life of an unused connection.
	ConnectTimeout, RequestTimeout, IdleTimeout time.Duration
	// Compress sends with gzip and asks for answers with it.
	Compress bool
	// Connections is how many requests there may be at the same time.
	Connections int
}

// Client asks a cluster. It is safe for concurrent use.
type Client struct {
	nodes    *nodes
	http     *http.Client
	timeout  time.Duration
	compress bool
	header   http.Header
	identity
}

// identity is who asks, for messages.
type identity struct {
	who  string
	key  string // of the configuration, that is most likely wrong; empty: nobody in particular asks
	keys string // that have to do with it
}

// writeBuffer is the room of a connection: what is larger is written past it in one go.
const writeBuffer = 64 << 10

// New returns a client. It does not connect yet.
func New(c Config) (*Client, error) {
	var urls []*url.URL
	for _, text := range c.URLs {
		u, err := parseURL(text)
		if err != nil {
			return nil, err
		}
		urls = append(urls, u)
	}
	if len(urls) == 0 {
		return nil, keyErrorf("connection.url", "connection.url is empty: name the search server, as in http://localhost:9200")
	}
	dialer := &net.Dialer{Timeout: c.ConnectTimeout, KeepAlive: 30 * time.Second}
	transport := &http.Transport{
		DialContext:         dialer.DialContext,
		TLSClientConfig:     c.TLS,
		TLSHandshakeTimeout: c.ConnectTimeout,
		MaxIdleConnsPerHost: c.Connections,
		IdleConnTimeout:     c.IdleTimeout,
		DisableCompression:  !c.Compress,
		WriteBufferSize:     writeBuffer,
		ReadBufferSize:      writeBuffer,
	}
	if c.Proxy != nil {
		transport.Proxy = http.ProxyURL(c.Proxy)
	}
	client := &Client{
		nodes: newNodes(urls), timeout: c.RequestTimeout, compress: c.Compress, header: http.Header{},
		http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	return client, client.identify(c)
}

// parseURL reads an element of connection.url, which may lack the scheme.
func parseURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, keyErrorf("connection.url", "connection.url is no list of addresses such as http://localhost:9200")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, keyErrorf("connection.url", "connection.url has %s://, it can be http:// or https://", u.Scheme)
	case u.Host == "":
		return nil, keyErrorf("connection.url", "connection.url has an address without a host: %s", u.Redacted())
	case u.User != nil:
		return nil, keyErrorf("connection.url", "connection.url has a user name in it (%s): use connection.username and connection.password", u.Redacted())
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	u.RawQuery, u.Fragment = "", ""
	return u, nil
}

// identify prepares what says who asks.
func (c *Client) identify(config Config) error {
	c.identity.who = "requests without a user"
	c.header.Set("User-Agent", "outboard")
	ways := 0
	if config.Username != "" || config.Password != "" {
		if config.Username == "" || config.Password == "" {
			return keyErrorf("connection.username", "connection.username and connection.password go together: give both or neither")
		}
		ways++
		c.identity = identity{fmt.Sprintf("the user %q", config.Username), "connection.password", "connection.username and connection.password"}
		c.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(config.Username+":"+config.Password)))
	}
	if key := config.APIKey; key != "" {
		ways++
		c.identity = identity{"the API key", "connection.api.key", "connection.api.key"}
		if strings.Contains(key, ":") {
			key = base64.StdEncoding.EncodeToString([]byte(key))
		}
		c.header.Set("Authorization", "ApiKey "+key)
	}
	if config.Token != "" {
		ways++
		c.identity = identity{"the token", "connection.bearer.token", "connection.bearer.token"}
		c.header.Set("Authorization", "Bearer "+config.Token)
	}
	if ways > 1 {
		return keyErrorf("connection.username", "connection.username, connection.api.key and connection.bearer.token exclude each other: give one")
	}
	return nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
	url    string
}

// ask sends a request to a node and reads the answer. A node that cannot be
// connected to is left for the next one.
func (c *Client) ask(ctx context.Context, method, path, contentType string, body []byte) (*answer, error) {
	var last error
	for range c.nodes.len() {
		node := c.nodes.pick()
		a, err := c.askNode(ctx, node, method, path, contentType, body)
		if err == nil {
			c.nodes.alive(node)
			return a, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		c.nodes.dead(node)
		last = &Unreachable{URL: node.url.String(), Err: err}
		var op *net.OpError
		if !errors.As(err, &op) || op.Op != "dial" {
			return nil, last // it may have been received
		}
	}
	return nil, last
}

func (c *Client) askNode(ctx context.Context, n *node, method, path, contentType string, body []byte) (*answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, &timeoutError{c.timeout})
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, n.url.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range c.header {
		request.Header[name] = values
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if c.compress && len(body) > 0 {
		compressed, err := compress(body)
		if err != nil {
			return nil, err
		}
		request.Header.Set("Content-Encoding", "gzip")
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(compressed)), int64(len(compressed))
		request.GetBody = nil
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, cause(ctx, err)
	}
	defer response.Body.Close()
	a := &answer{status: response.StatusCode, header: response.Header, url: n.url.String()}
	if a.body, err = io.ReadAll(io.LimitReader(response.Body, mostAnswer)); err != nil {
		return nil, cause(ctx, err)
	}
	return a, nil
}

// mostAnswer bounds an answer: a bulk answer has a few hundred bytes for each document at the most.
const mostAnswer = 256 << 20

// timeoutError is the end of a request by read.timeout.ms.
type timeoutError struct{ after time.Duration }

func (e *timeoutError) Error() string { return fmt.Sprintf("no answer within %s", e.after) }

// cause says why a context ended, where that is why a request failed.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func compress(body []byte) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(body) / 4)
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
