package search

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

// Unreachable is the failure of a request that got no answer.
type Unreachable struct {
	URL string
	Err error
}

// Unwrap returns what went wrong.
func (u *Unreachable) Unwrap() error { return u.Err }

// Error says what happened and what to do.
func (u *Unreachable) Error() string {
	d := u.diagnose()
	return fmt.Sprintf("the search server %s cannot be reached (%s): %s", u.URL, d.reason, d.advice)
}

// diagnosis is what can be said of a failure.
type diagnosis struct {
	reason, advice string
	key            string // of the configuration
	permanent      bool   // until the configuration is changed
}

// The keys of diagnoses.
const (
	urlKey      = "connection.url"
	trustKey    = "elastic.https.ssl.truststore.location"
	hostKey     = "elastic.https.ssl.endpoint.identification.algorithm"
	identityKey = "elastic.https.ssl.keystore.location"
	readKey     = "read.timeout.ms"
)

func (u *Unreachable) diagnose() diagnosis {
	if d, ok := u.diagnoseTLS(); ok {
		return d
	}
	var dns *net.DNSError
	var late *timeoutError
	var op *net.OpError
	var broken *answerError
	switch {
	case errors.As(u.Err, &broken):
		return diagnosis{broken.Error(), "look whether a proxy stands between", urlKey, false}
	case errors.As(u.Err, &dns):
		return diagnosis{"there is no host of this name", "check connection.url, and the worker's DNS", urlKey, false}
	case errors.Is(u.Err, syscall.ECONNREFUSED):
		return diagnosis{"connection refused", "check connection.url, and that the server runs and listens on this address", urlKey, false}
	case errors.As(u.Err, &late):
		return diagnosis{late.Error(), "look at its health; if it is only slow, raise read.timeout.ms", readKey, false}
	case errors.As(u.Err, &op) && op.Op == "dial":
		return diagnosis{op.Err.Error(), "check connection.url, the network and firewalls between, or raise connection.timeout.ms", urlKey, false}
	case errors.Is(u.Err, io.EOF), errors.Is(u.Err, io.ErrUnexpectedEOF), errors.Is(u.Err, syscall.ECONNRESET), errors.Is(u.Err, syscall.EPIPE):
		return diagnosis{"it has closed the connection", "look at its log; if it speaks TLS, write https:// in connection.url", urlKey, false}
	}
	return diagnosis{u.Err.Error(), "check connection.url, and that the server runs", urlKey, false}
}

// diagnoseTLS tells what went wrong before anything could be asked.
func (u *Unreachable) diagnoseTLS() (diagnosis, bool) {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	text := u.Err.Error()
	switch {
	case errors.As(u.Err, &unknown):
		return diagnosis{"its certificate is of an authority that is not trusted",
			"put the certificate of the authority, as PEM, into a file and name that in " + trustKey, trustKey, true}, true
	case errors.As(u.Err, &host):
		return diagnosis{"its certificate is for another host: " + host.Error(),
			"use the name of the certificate in connection.url, or set " + hostKey + " to nothing", hostKey, true}, true
	case errors.As(u.Err, &invalid):
		return diagnosis{invalid.Error(), "renew the certificate of the server, or trust another one with " + trustKey, trustKey, true}, true
	case errors.As(u.Err, &record), strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return diagnosis{"it does not speak TLS", "write http:// in connection.url", urlKey, true}, true
	case errors.As(u.Err, &alert), strings.Contains(text, "remote error: tls:"):
		return diagnosis{text, "give the certificate of the client in " + identityKey + ", if the server asks for one", identityKey, true}, true
	}
	return diagnosis{}, false
}
