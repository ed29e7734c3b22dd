package main

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

func TestConnectErrors(t *testing.T) {
	t.Parallel()
	s := &settings{host: "db.example", port: 3307, user: "capture", password: "tOpSecret", connectTimeout: 30 * time.Second}
	for name, c := range map[string]struct {
		err   error
		key   string
		fatal bool
		says  string
	}{
		"wrong password":    {&mysql.MySQLError{Number: 1045, Message: "Access denied"}, keyPassword, true, "check database.user and database.password"},
		"unknown host":      {&net.DNSError{Err: "no such host", Name: "db.example", IsNotFound: true}, keyHostname, false, "check database.hostname"},
		"nobody listens":    {&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}, keyHostname, false, "check database.hostname and database.port"},
		"no answer":         {context.DeadlineExceeded, keyHostname, false, "connect.timeout.ms=30000"},
		"no TLS":            {mysql.ErrNoTLS, keySSLMode, true, "database.ssl.mode=preferred"},
		"TLS demanded":      {&mysql.MySQLError{Number: 3159}, keySSLMode, true, "database.ssl.mode=required"},
		"host not allowed":  {&mysql.MySQLError{Number: 1130}, keyUser, true, "CREATE USER 'capture'@'HOST'"},
		"too many":          {&mysql.MySQLError{Number: 1040}, keyHostname, false, "max_connections"},
		"expired":           {&mysql.MySQLError{Number: 1820}, keyPassword, true, "ALTER USER"},
		"blocked":           {&mysql.MySQLError{Number: 1129}, keyHostname, true, "FLUSH HOSTS"},
		"initial statement": {&initialError{"SET x", &mysql.MySQLError{Number: 1193}}, keyInitialStatements, true, "SET x"},
		"another answer":    {&mysql.MySQLError{Number: 1053, Message: "Server shutdown in progress"}, keyHostname, false, "Server shutdown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := connectError(s, c.err)
			if key != c.key || isFatal(err) != c.fatal || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %s, fatal %v: %v", key, isFatal(err), err)
			}
			if strings.Contains(err.Error(), s.password) {
				t.Errorf("the password is in it: %v", err)
			}
			if !errors.Is(err, c.err) {
				t.Error("the error inside is gone")
			}
		})
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][3]int{
		"8.0.15": {8, 0, 15}, "8.4.2-log": {8, 4, 2}, "10.11.19-MariaDB-0+deb12u1-log": {10, 11, 19}, "5.5.5-10.2.3-MariaDB": {10, 2, 3}, "9.1": {9, 1, 0}, "": {},
	} {
		if got := parseVersion(text); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
	s := &server{major: [3]int{10, 11, 19}}
	for _, c := range []struct {
		version [3]int
		want    bool
	}{{[3]int{10, 11, 19}, true}, {[3]int{10, 12, 0}, false}, {[3]int{10, 5, 99}, true}, {[3]int{11, 0, 0}, false}, {[3]int{9, 99, 99}, true}} {
		if got := s.atLeast(c.version[0], c.version[1], c.version[2]); got != c.want {
			t.Errorf("at least %v: %v", c.version, got)
		}
	}
}
