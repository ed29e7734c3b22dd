package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugins/mysql/position"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// openDatabase returns the pool of connections for everything but the binary log. Sessions have UTC, utf8mb4 and what
// database.initial.statements makes of them. No connection is made yet.
func openDatabase(s *settings) (*sql.DB, error) {
	tlsConfig, err := s.tls.config(s.host)
	if err != nil {
		return nil, err
	}
	c := mysql.NewConfig()
	c.User, c.Passwd = s.user, s.password
	c.Net, c.Addr = "tcp", net.JoinHostPort(s.host, strconv.Itoa(s.port))
	c.TLS, c.AllowFallbackToPlaintext = tlsConfig, s.tls.mode == tlsPreferred
	c.Timeout = s.connectTimeout
	c.Params = map[string]string{"time_zone": "'+00:00'"}
	c.ConnectionAttributes = "program_name:outboard"
	// What the driver logs, it also returns.
	c.Logger = log.New(io.Discard, "", 0)
	if err := c.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return nil, fmt.Errorf("preparing connections: %w", err)
	}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("preparing connections: %w", err)
	}
	return sql.OpenDB(&initialized{connector, s.initialStatements}), nil
}

// initialized runs statements on each new connection.
type initialized struct {
	driver.Connector
	statements []string
}

func (c *initialized) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, statement := range c.statements {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, statement, nil); err != nil {
			_ = conn.Close()
			return nil, &initialError{statement, err}
		}
	}
	return conn, nil
}

// initialError is the failure of one of database.initial.statements.
type initialError struct {
	statement string
	err       error
}

func (e *initialError) Error() string { return fmt.Sprintf("%s: %v", e.statement, e.err) }
func (e *initialError) Unwrap() error { return e.err }

// connectError says of an error of a connection, or of the first statement on it, which key to change and what to do. Errors that pass
// by themselves are not marked as fatal.
func connectError(s *settings, err error) (key string, explained error) {
	address := net.JoinHostPort(s.host, strconv.Itoa(s.port))
	var answer *mysql.MySQLError
	var initial *initialError
	var dns *net.DNSError
	fatal := func(key, format string, args ...any) (string, error) {
		return key, sdk.Fatal(fmt.Errorf(format+": %w", append(args, err)...))
	}
	switch {
	case errors.As(err, &initial):
		return fatal(keyInitialStatements, "the server refuses a statement of %s; mend it or leave it out", keyInitialStatements)
	case errors.As(err, &answer):
		return answerError(s, address, answer)
	case errors.As(err, &dns) && dns.IsNotFound:
		return keyHostname, fmt.Errorf("the host %s is not known; check %s: %w", s.host, keyHostname, err)
	case errors.Is(err, mysql.ErrNoTLS):
		return fatal(keySSLMode, "the server at %s has no TLS; configure it there, or set %s=preferred", address, keySSLMode)
	case isCertificateError(err):
		return fatal(keySSLTruststore, "the certificate of the server at %s is not trusted; name its authority in %s, or set %s=required to trust any", address, keySSLTruststore, keySSLMode)
	case errors.Is(err, context.DeadlineExceeded):
		return keyHostname, fmt.Errorf("no answer from %s within %s=%d; check %s, %s and firewalls: %w", address, keyConnectTimeout, s.connectTimeout.Milliseconds(), keyHostname, keyPort, err)
	}
	return keyHostname, fmt.Errorf("cannot connect to %s; check %s and %s, and that the server runs: %w", address, keyHostname, keyPort, err)
}

// isFatal tells that only a person can help.
func isFatal(err error) bool {
	var e *sdk.Error
	return errors.As(err, &e) && e.Class == sdk.Permanent
}

// The answers of a server to a new connection.
const (
	deniedAccess     = 1045
	deniedDatabase   = 1044
	deniedHost       = 1130
	blockedHost      = 1129
	expiredPassword  = 1820
	expiredAccount   = 1862
	lockedAccount    = 3118
	tooMany          = 1040
	tooManyOfUser    = 1203
	insecure         = 3159
	noPlugin         = 1251
	accessDeniedRole = 1698
)

func answerError(s *settings, address string, answer *mysql.MySQLError) (key string, explained error) {
	fatal := func(key, format string, args ...any) (string, error) {
		return key, sdk.Fatal(fmt.Errorf(format+": %w", append(args, answer)...))
	}
	switch answer.Number {
	case deniedAccess, accessDeniedRole:
		return fatal(keyPassword, "the server at %s denies access to user %s; check %s and %s, and that the user may connect from this host", address, s.user, keyUser, keyPassword)
	case deniedHost, deniedDatabase:
		return fatal(keyUser, "user %s may not connect to %s from this host; create a user for it: CREATE USER '%s'@'HOST' IDENTIFIED BY '…'", s.user, address, s.user)
	case blockedHost:
		return fatal(keyHostname, "the server at %s has blocked this host after many failed connections; run FLUSH HOSTS there", address)
	case expiredPassword, expiredAccount:
		return fatal(keyPassword, "the password of user %s has expired; set a new one with ALTER USER and change %s", s.user, keyPassword)
	case lockedAccount:
		return fatal(keyUser, "the account of user %s is locked; run ALTER USER … ACCOUNT UNLOCK", s.user)
	case insecure:
		return fatal(keySSLMode, "the server at %s demands TLS; set %s=required", address, keySSLMode)
	case noPlugin:
		return fatal(keyUser, "user %s has an authentication method that is not supported; use caching_sha2_password or mysql_native_password", s.user)
	case tooMany, tooManyOfUser:
		return keyHostname, fmt.Errorf("the server at %s has no connection left; raise max_connections or max_user_connections, or lower %s: %w", address, keySnapshotThreads, answer)
	}
	return keyHostname, fmt.Errorf("the server at %s answers: %w", address, answer)
}

// server is what a server says of itself.
type server struct {
	mariadb bool
	version string
	major   [3]int // of the version
	// identity tells one server from another, whatever its address: server_uuid of MySQL, server_uid of MariaDB; "": it has none.
	identity string
	id       uint32
	gtids    bool // transactions have GTIDs: MySQL's gtid_mode=ON, and MariaDB always
	tls      bool // connections are encrypted
	charsets table.Charsets
	// variables are the global ones that the rest asks for; see variable.
	variables map[string]string
}

// serverVariables are what is asked for at once.
var serverVariables = []string{
	"version", "server_id", "server_uuid", "server_uid", "gtid_mode", "log_bin", "binlog_format", "binlog_row_image", "binlog_row_metadata",
	"binlog_row_value_options", "binlog_rows_query_log_events", "binlog_annotate_row_events", "gtid_purged", "gtid_executed", "gtid_binlog_pos", "gtid_binlog_state",
	"gtid_current_pos", "read_only", "super_read_only", "lower_case_table_names", "max_allowed_packet", "binlog_legacy_event_pos", "expire_logs_days", "binlog_expire_logs_seconds",
}

// readServer asks a server for what the connector needs to know.
func readServer(ctx context.Context, db *sql.DB) (*server, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	s := &server{variables: make(map[string]string)}
	quoted := make([]string, len(serverVariables))
	for i, name := range serverVariables {
		quoted[i] = table.Literal(name)
	}
	if err := pairs(ctx, conn, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ("+strings.Join(quoted, ", ")+")", s.variables); err != nil {
		return nil, fmt.Errorf("reading the server's variables: %w", err)
	}
	session := make(map[string]string)
	if err := pairs(ctx, conn, "SHOW SESSION STATUS LIKE 'Ssl_cipher'", session); err != nil {
		return nil, fmt.Errorf("reading the session's status: %w", err)
	}
	s.tls = session["ssl_cipher"] != ""
	s.version = s.variables["version"]
	s.mariadb = strings.Contains(s.version, "MariaDB")
	s.major = parseVersion(s.version)
	s.identity = s.variables["server_uuid"]
	s.gtids = strings.HasPrefix(s.variables["gtid_mode"], "ON")
	if s.mariadb {
		s.identity, s.gtids = s.variables["server_uid"], true
	}
	id, _ := strconv.ParseUint(s.variables["server_id"], 10, 32) // the server says what it has
	s.id = uint32(id)
	if s.charsets, err = table.ReadCharsets(ctx, conn); err != nil {
		return nil, err
	}
	return s, nil
}

// pairs runs a query whose rows are names and values.
func pairs(ctx context.Context, q table.Querier, query string, into map[string]string) error {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		into[strings.ToLower(name)] = value
	}
	return rows.Err()
}

// parseVersion reads 8.0.15-log or 10.11.19-MariaDB; MySQL's fork of old prefixes a MariaDB version with 5.5.5-.
func parseVersion(text string) (v [3]int) {
	text = strings.TrimPrefix(text, "5.5.5-")
	text, _, _ = strings.Cut(text, "-")
	for i, part := range strings.SplitN(text, ".", 3) {
		v[i], _ = strconv.Atoi(part) // 0 for what is no number
	}
	return v
}

// variable returns a global variable in upper case, "" where the server does not have it.
func (s *server) variable(name string) string { return strings.ToUpper(s.variables[name]) }

// fullMetadata tells whether table maps have the names of columns.
func (s *server) fullMetadata() bool { return s.variable("binlog_row_metadata") == "FULL" }

// atLeast tells whether the version is one or a later one.
func (s *server) atLeast(major, minor, patch int) bool {
	for i, want := range [3]int{major, minor, patch} {
		if s.major[i] != want {
			return s.major[i] > want
		}
	}
	return true
}

// connectorName is the value of source.connector.
func (s *server) connectorName() string {
	if s.mariadb {
		return "mariadb"
	}
	return "mysql"
}

// endPosition returns the end of the binary log at this moment.
func endPosition(ctx context.Context, q table.Querier, s *server) (position.Position, error) {
	statement := "SHOW MASTER STATUS"
	if !s.mariadb && s.atLeast(8, 2, 0) {
		statement = "SHOW BINARY LOG STATUS"
	}
	status, err := firstRow(ctx, q, statement)
	if err != nil {
		return position.Position{}, fmt.Errorf("%s: %w", statement, err)
	}
	if status == nil {
		return position.Position{}, sdk.Fatal(errors.New("the server writes no binary log; set log_bin in its configuration and restart it"))
	}
	p := position.Position{File: status["file"]}
	if p.Pos, err = strconv.ParseUint(status["position"], 10, 64); err != nil {
		return p, fmt.Errorf("%s: position %q", statement, status["position"])
	}
	gtids := status["executed_gtid_set"]
	if s.mariadb {
		row, err := firstRow(ctx, q, "SELECT BINLOG_GTID_POS("+table.Literal(p.File)+", "+strconv.FormatUint(p.Pos, 10)+") AS gtids")
		if err != nil {
			return p, fmt.Errorf("asking for the GTIDs of %s: %w", p, err)
		}
		gtids = row["gtids"]
	}
	if p.GTIDs, err = position.ParseSet(gtids); err != nil {
		return p, err
	}
	return p, nil
}

// firstRow runs a query and returns its first row by the names of the columns in lower case, nil when there is none. NULL is "".
func firstRow(ctx context.Context, q table.Querier, query string) (map[string]string, error) {
	all, err := texts(ctx, q, query)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

// logFile is a file of the binary log.
type logFile struct {
	name string
	size uint64
}

// logFiles returns the files that the server still has, oldest first.
func logFiles(ctx context.Context, q table.Querier) ([]logFile, error) {
	rows, err := q.QueryContext(ctx, "SHOW BINARY LOGS")
	if err != nil {
		return nil, fmt.Errorf("SHOW BINARY LOGS: %w", err)
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var files []logFile
	for rows.Next() {
		var f logFile
		var other sql.RawBytes
		targets := []any{&f.name, &f.size}
		for range len(names) - 2 {
			targets = append(targets, &other)
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, fmt.Errorf("SHOW BINARY LOGS: %w", err)
		}
		files = append(files, f)
	}
	return files, rows.Err()
}
