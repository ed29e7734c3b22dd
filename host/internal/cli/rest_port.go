package cli

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/rest"
)

// restPort is where REST answers. From the first moment to the last something does:
//
//	open ──▶ starting: 503, and what the worker is waiting for ──Serve──▶ the API ──Stop──▶ closed
//
// Its methods are called one after another, except Say.
type restPort struct {
	log       hclog.Logger
	listeners []*lent
	stage     atomic.Pointer[string]
	starting  *http.Server
	visitors  sync.WaitGroup // connections of starting
	api       []*rest.Server
	serving   sync.WaitGroup
	failed    chan struct{} // closed when a listener fails
	failure   error
	fail      sync.Once
}

const (
	// startingPatience is how long those are waited for who connected before the API and have not sent their request.
	startingPatience = 250 * time.Millisecond
	// stoppingPatience is how long requests may take once the worker is stopped.
	stoppingPatience = time.Second
)

// openRESTPort listens everywhere and begins to answer.
func openRESTPort(listeners []listener, log hclog.Logger) (*restPort, error) {
	p := &restPort{log: log, failed: make(chan struct{})}
	for _, where := range listeners {
		l, err := net.Listen("tcp", where.address)
		if err != nil {
			p.close()
			if errors.Is(err, syscall.EADDRINUSE) {
				return nil, fmt.Errorf("REST cannot listen on %s: another process does; stop it, or choose another port with listeners (outboard dev: --listen)", where.address)
			}
			return nil, fmt.Errorf("REST cannot listen on %s: %w", where.address, err)
		}
		p.listeners = append(p.listeners, &lent{TCPListener: l.(*net.TCPListener), listener: where})
	}
	p.Say("reading its configuration")
	p.starting = &http.Server{
		Handler:           http.HandlerFunc(p.answerStarting),
		ReadHeaderTimeout: time.Second,
		ConnState:         p.visit,
		ErrorLog:          log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
	}
	p.starting.SetKeepAlivesEnabled(false) // an answer a connection: the next one shall reach the API
	p.each(func(*lent) serving { return p.starting })
	return p, nil
}

// Say tells what the worker is doing while it starts, in words that follow "The worker is starting:".
func (p *restPort) Say(stage string) { p.stage.Store(&stage) }

// answerStarting answers every request: /health as Kafka Connect does, others with an error.
func (p *restPort) answerStarting(w http.ResponseWriter, r *http.Request) {
	message := "The worker is starting: " + *p.stage.Load()
	var body any = struct {
		Code    int    `json:"error_code"`
		Message string `json:"message"`
	}{http.StatusServiceUnavailable, message}
	if r.URL.Path == "/health" {
		body = herder.Health{Status: herder.Starting, Message: message}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
	_ = json.NewEncoder(w).Encode(body) // who does not listen has no use for the error
}

// Serve goes on with the API on the same listeners, and with admin on those that are for it alone, nil when there are none.
// Who connects in between waits a moment.
func (p *restPort) Serve(api, admin *rest.Server) {
	p.endStarting()
	p.api = []*rest.Server{api}
	if admin != nil {
		p.api = append(p.api, admin)
	}
	p.each(func(l *lent) serving {
		if l.admin {
			return admin
		}
		return api
	})
}

// serving answers what arrives at a listener.
type serving interface{ Serve(net.Listener) error }

// visit counts connections.
func (p *restPort) visit(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		p.visitors.Add(1)
	case http.StateClosed, http.StateHijacked:
		p.visitors.Done()
	case http.StateActive, http.StateIdle:
	}
}

// endStarting ends the answers of the start and gets the listeners back. Shutdown would drop those who have connected and
// whose request is not read yet.
func (p *restPort) endStarting() {
	for _, l := range p.listeners {
		_ = l.Close() // lends no more connections
	}
	p.serving.Wait()
	answered := make(chan struct{})
	go func() {
		p.visitors.Wait()
		close(answered)
	}()
	select {
	case <-answered:
	case <-time.After(startingPatience): // for who connected and asks nothing
	}
	_ = p.starting.Close() // nothing is left that could fail
	for _, l := range p.listeners {
		l.giveBack()
	}
}

func (p *restPort) each(server func(*lent) serving) {
	for _, l := range p.listeners {
		p.serving.Go(func() {
			var on net.Listener = l
			if l.tls != nil {
				on = tls.NewListener(l, l.tls)
			}
			if err := server(l).Serve(on); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				p.fail.Do(func() {
					p.failure = fmt.Errorf("listening on %s: %w", l.Addr(), err)
					close(p.failed)
				})
			}
		})
	}
}

// Failed is closed when a listener failed; Err then tells why.
func (p *restPort) Failed() <-chan struct{} { return p.failed }

// Err is the reason of a failure, nil before Failed is closed.
func (p *restPort) Err() error {
	select {
	case <-p.failed:
		return p.failure
	default:
		return nil
	}
}

// Addresses are those that are listened on.
func (p *restPort) Addresses() []*net.TCPAddr {
	var all []*net.TCPAddr
	for _, l := range p.listeners {
		all = append(all, l.Addr().(*net.TCPAddr))
	}
	return all
}

// Stop ends the requests being served, waits a moment for them, and closes the listeners. By then the worker is stopped:
// nothing that is asked now would be done.
func (p *restPort) Stop(ctx context.Context) error {
	defer p.close()
	if p.api == nil {
		p.endStarting()
		return nil
	}
	moment, cancel := context.WithTimeout(ctx, stoppingPatience)
	defer cancel()
	var problems []error
	for _, api := range p.api {
		err := api.Shutdown(moment)
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			err = nil // connections on which nobody asks anything
		}
		problems = append(problems, err)
	}
	p.serving.Wait()
	return errors.Join(problems...)
}

func (p *restPort) close() {
	for _, l := range p.listeners {
		_ = l.TCPListener.Close() // nothing depends on it any more
	}
}

// lent is a listener that a server uses for a time: the server's Close ends its Accept, the port stays open. Connections
// that arrive in between are kept by the kernel.
type lent struct {
	*net.TCPListener
	listener
	ended atomic.Bool
}

func (l *lent) Accept() (net.Conn, error) {
	conn, err := l.TCPListener.Accept()
	if err != nil && l.ended.Load() {
		return nil, net.ErrClosed
	}
	return conn, err
}

func (l *lent) Close() error {
	l.ended.Store(true)
	return l.SetDeadline(time.Unix(1, 0))
}

func (l *lent) giveBack() {
	l.ended.Store(false)
	_ = l.SetDeadline(time.Time{}) // fails only on a closed listener, where nothing matters any more
}
