package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// validate checks a configuration beyond its declaration: keys against one another, and against the server. Each problem is told at the key that is to
// be changed; problems of the server itself at database.hostname.
func validate(ctx context.Context, given map[string]string) ([]config.Value, error) {
	for _, v := range sourceConfig.Validate(given) {
		if len(v.Errors) > 0 {
			return nil, nil // told already; without these there is nothing to check with
		}
	}
	s, found := inspect(given)
	if len(found) > 0 {
		return found, nil
	}
	if s.validationTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.validationTimeout)
		defer cancel()
	}
	c := &check{settings: s, given: given, problems: &problems{texts: map[string][]string{}}}
	if err := c.run(ctx); err != nil {
		return nil, err
	}
	return c.problems.values(), nil
}

// check holds a configuration against a server.
type check struct {
	settings *settings
	given    map[string]string
	problems *problems
	db       *sql.DB
	server   *server
	user     string // 'name'@'host', as the server knows the user
	filter   *table.Filter
	tables   []table.ID // that the user may see, without the server's own
	captured []table.ID
	shapes   []table.Shape // of the captured ones
	grants   []string
	roles    bool // the user has roles, whose privileges are not known for sure
}

func (c *check) report(key, format string, args ...any) {
	c.problems.report(key, invalid(key, shown(key, c.given[key]), fmt.Sprintf(format, args...)))
}

// shown is a value in a message: of a password nothing.
func shown(key, value string) string {
	if k, ok := sourceConfig.Lookup(key); ok && k.Type == config.TypePassword {
		return "[hidden]"
	}
	return value
}

// run asks the server. The error is for when it does not answer any more.
func (c *check) run(ctx context.Context) error {
	var err error
	if c.db, err = openDatabase(c.settings); err != nil {
		c.report(keyNamedBy(err, keySSLTruststore), "%v", err)
		return nil
	}
	defer func() { _ = c.db.Close() }()
	if c.server, err = readServer(ctx, c.db); err != nil {
		key, explained := connectError(c.settings, err)
		c.report(key, "%v", explained)
		return nil
	}
	if c.filter, err = table.NewFilter(c.settings.selection); err != nil {
		return err // inspect has compiled it
	}
	c.log()
	c.serverID(ctx)
	for _, step := range []func(context.Context) error{c.readGrants, c.position, c.replica, c.readTables} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("asking the server: %w", err)
		}
	}
	c.privileges()
	c.lists()
	c.columns()
	c.messageKey()
	c.guardrail()
	if err := c.readable(ctx); err != nil {
		return err
	}
	return c.signals(ctx)
}

// keyNamedBy returns the key that an error begins with, or another one.
func keyNamedBy(err error, other string) string {
	key, _, _ := strings.Cut(err.Error(), "=")
	if _, ok := sourceConfig.Lookup(key); ok {
		return key
	}
	return other
}

// log checks how the server writes its log.
func (c *check) log() {
	s := c.server
	to := func(variable, value string) string {
		return fmt.Sprintf("Run SET GLOBAL %[1]s = '%[2]s' and put %[1]s=%[2]s into the server's my.cnf; sessions that are open keep what they have", variable, value)
	}
	switch {
	case s.variable("log_bin") == "OFF" || s.variable("log_bin") == "0":
		c.report(keyHostname, "The server writes no binary log (log_bin=OFF), which changes are read from. Put log_bin=binlog, binlog_format=ROW and a server_id into the server's my.cnf and restart it")
		return
	case s.variable("binlog_format") != "ROW":
		c.report(keyHostname, "The server logs statements, not rows (binlog_format=%s). %s", s.variable("binlog_format"), to("binlog_format", "ROW"))
	}
	if image := s.variable("binlog_row_image"); image != "" && !strings.HasPrefix(image, "FULL") {
		c.report(keyHostname, "The server logs only some of the columns of a row (binlog_row_image=%s). %s", image, to("binlog_row_image", "FULL"))
	}
	if strings.Contains(s.variable("binlog_row_value_options"), "PARTIAL_JSON") {
		c.report(keyHostname, "The server logs only the changed parts of JSON (binlog_row_value_options=PARTIAL_JSON). Run SET GLOBAL binlog_row_value_options = '' and take it out of the server's my.cnf; sessions that are open keep what they have")
	}
	if c.settings.snapshot.locking == lockNone && !s.gtids && c.settings.snapshot.mode != snapshotNoData && c.settings.snapshot.mode != snapshotNever {
		c.report(keyLockingMode, "Without GTIDs only a lock tells which transactions a snapshot sees. Set minimal, which locks for some milliseconds, or gtid_mode=ON on the server")
	}
}

// serverID looks for others with the id of this client.
func (c *check) serverID(ctx context.Context) {
	id := c.settings.serverID
	if id == 0 {
		return
	}
	const advice = "Choose a number that no server and no connector of the topology has, or leave the key out"
	if id == c.server.id {
		c.report(keyServerID, "The server itself has this id. %s", advice)
		return
	}
	statement := "SHOW SLAVE HOSTS"
	if !c.server.mariadb && c.server.atLeast(8, 0, 22) {
		statement = "SHOW REPLICAS"
	}
	replicas, err := texts(ctx, c.db, statement)
	if err != nil {
		return // it needs a privilege that is not needed otherwise, or that is told as missing below
	}
	here, _ := os.Hostname() // none is nobody's
	for _, r := range replicas {
		// A connector whose configuration is changed is among them, from this machine.
		if r["server_id"] == strconv.FormatUint(uint64(id), 10) && r["host"] != here {
			c.report(keyServerID, "A replica or another connector, on the host %q, has this id; the server would cut one of the two off. %s", r["host"], advice)
		}
	}
}

// readGrants finds out what the user may do.
func (c *check) readGrants(ctx context.Context) error {
	row, err := firstRow(ctx, c.db, "SELECT CURRENT_USER() AS user")
	if err != nil {
		return err
	}
	name, host, _ := cutLast(row["user"], "@")
	c.user = table.Literal(name) + "@" + table.Literal(host)
	statement := "SHOW GRANTS"
	if role, err := firstRow(ctx, c.db, "SELECT CURRENT_ROLE() AS role"); err == nil && role["role"] != "" && role["role"] != "NONE" {
		c.roles = true
		if !c.server.mariadb {
			statement = "SHOW GRANTS FOR CURRENT_USER() USING " + role["role"]
			c.roles = false
		}
	}
	rows, err := c.db.QueryContext(ctx, statement)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var grant string
		if err := rows.Scan(&grant); err != nil {
			return err
		}
		c.grants = append(c.grants, strings.ToUpper(grant))
	}
	return rows.Err()
}

func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}

// grantPattern takes GRANT SELECT, RELOAD ON *.* TO … apart.
var grantPattern = regexp.MustCompile(`^GRANT (.*?) ON (.+?) TO `)

// may tells whether the user has one of some privileges for everything, as far as that can be seen.
func (c *check) may(privileges ...string) bool {
	if c.roles {
		return true
	}
	for _, grant := range c.grants {
		m := grantPattern.FindStringSubmatch(grant)
		if m == nil || m[2] != "*.*" {
			continue
		}
		for p := range strings.SplitSeq(m[1], ",") {
			if p = strings.TrimSpace(p); p == "ALL PRIVILEGES" || p == "ALL" || slices.Contains(privileges, p) {
				return true
			}
		}
	}
	return false
}

// mayAnywhere tells whether the user has a privilege for some database at least.
func (c *check) mayAnywhere(privilege string) bool {
	return c.roles || slices.ContainsFunc(c.grants, func(grant string) bool {
		m := grantPattern.FindStringSubmatch(grant)
		return m != nil && (strings.Contains(m[1], privilege) || strings.HasPrefix(m[1], "ALL"))
	})
}

// privileges checks those that reading the log needs, and those of locks where there is to be one.
func (c *check) privileges() {
	var missing []string
	client := "REPLICATION CLIENT"
	if c.server.mariadb && c.server.atLeast(10, 5, 0) {
		client = "BINLOG MONITOR"
	}
	if !c.may("REPLICATION SLAVE", "REPLICATION REPLICA", "SUPER") {
		missing = append(missing, "REPLICATION SLAVE")
	}
	if !c.may("REPLICATION CLIENT", "BINLOG MONITOR", "SUPER") {
		missing = append(missing, client)
	}
	if len(missing) > 0 {
		c.report(keyUser, "The user may not read the binary log. Run GRANT %s ON *.* TO %s", strings.Join(missing, ", "), c.user)
	}
	mode := c.settings.snapshot.mode
	if mode == snapshotNoData || mode == snapshotNever {
		return
	}
	switch locking := c.settings.snapshot.locking; {
	case locking == lockExtended && !c.may("RELOAD", "FLUSH_TABLES"):
		c.report(keyUser, "The user may not take the lock of %s=extended. Run GRANT RELOAD ON *.* TO %s, or set it to minimal", keyLockingMode, c.user)
	case locking == lockMinimal && !c.server.gtids && !c.may("RELOAD", "FLUSH_TABLES") && !c.mayAnywhere("LOCK TABLES"):
		c.report(keyUser, "The user may not take the lock that a snapshot needs on a server without GTIDs. Run GRANT RELOAD ON *.* TO %s, or GRANT LOCK TABLES ON the databases, or set gtid_mode=ON on the server", c.user)
	}
}

// position checks what the log leaves out.
func (c *check) position(ctx context.Context) error {
	if c.server.variable("log_bin") != "ON" && c.server.variable("log_bin") != "1" || !c.may("REPLICATION CLIENT", "BINLOG MONITOR", "SUPER") {
		return nil
	}
	statement := "SHOW MASTER STATUS"
	if !c.server.mariadb && c.server.atLeast(8, 2, 0) {
		statement = "SHOW BINARY LOG STATUS"
	}
	status, err := firstRow(ctx, c.db, statement)
	if failedWith(err, 1227) {
		return nil // told as a missing privilege
	}
	if err != nil {
		return err
	}
	for database := range strings.SplitSeq(status["binlog_ignore_db"], ",") {
		if database != "" && c.filter.CapturesDatabase(database) {
			c.report(keyHostname, "The server does not log changes of the database %s (binlog_ignore_db). Take it out of the server's my.cnf and restart it, or leave the database out with %s", database, keyDatabaseExclude)
		}
	}
	return nil
}

// failedWith tells whether the server answered with one of some numbers.
func failedWith(err error, numbers ...uint16) bool {
	var answer *mysql.MySQLError
	return errors.As(err, &answer) && slices.Contains(numbers, answer.Number)
}

// replica checks that a replica logs what it replicates.
func (c *check) replica(ctx context.Context) error {
	for _, name := range []string{"log_slave_updates", "log_replica_updates"} {
		row, err := firstRow(ctx, c.db, "SHOW GLOBAL VARIABLES LIKE "+table.Literal(name))
		if err != nil {
			return err
		}
		if row["value"] != "OFF" {
			continue
		}
		status := "SHOW SLAVE STATUS"
		if !c.server.mariadb && c.server.atLeast(8, 0, 22) {
			status = "SHOW REPLICA STATUS"
		}
		if replica, err := firstRow(ctx, c.db, status); err == nil && replica != nil {
			c.report(keyHostname, "The server is a replica that does not log what it replicates (%[1]s=OFF). Put %[1]s=ON into its my.cnf and restart it, or connect to its source", name)
		}
		return nil
	}
	return nil
}

// readTables finds the tables, and the shapes of the captured ones.
func (c *check) readTables(ctx context.Context) error {
	everything, err := table.NewFilter(table.Selection{BuiltIn: c.settings.selection.BuiltIn})
	if err != nil {
		return err
	}
	if c.tables, err = table.List(ctx, c.db, everything); err != nil {
		return err
	}
	for _, id := range c.tables {
		if c.filter.Captures(id) {
			c.captured = append(c.captured, id)
		}
	}
	if len(c.captured) == 0 || !c.needsColumns() {
		return nil
	}
	c.shapes, err = table.Read(ctx, c.db, c.captured...)
	return err
}

// needsColumns tells whether something in the configuration names columns.
func (c *check) needsColumns() bool {
	s := c.settings
	return s.messageKey != "" || s.selection.ColumnInclude != "" || s.selection.ColumnExclude != "" || len(s.selection.Masks) > 0
}

// lists checks that every element of an include list means something. A mistyped name would capture nothing, and say nothing.
func (c *check) lists() {
	if c.settings.missingTables {
		return
	}
	var databases, tables []string
	for _, id := range c.tables {
		tables = append(tables, id.String())
		if !slices.Contains(databases, id.Database) {
			databases = append(databases, id.Database)
		}
	}
	var captured []string
	for _, id := range c.captured {
		captured = append(captured, id.String())
	}
	c.list(keyDatabaseInclude, "database", databases)
	before := len(c.problems.texts[keyTableInclude])
	c.list(keyTableInclude, "table", tables)
	c.list(keySnapshotTables, "captured table", captured)
	if _, list, err := splitRequest(c.settings.signals.request); err == nil {
		c.elements(keyIncrementalRequest, list, "captured table", captured)
	}
	for id := range c.settings.snapshot.selects {
		if !slices.Contains(c.captured, id) {
			c.report(keySnapshotSelects, "%s is no captured table%s", id, meant(id.String(), captured))
		}
	}
	told := before != len(c.problems.texts[keyTableInclude]) || len(c.problems.texts[keyDatabaseInclude]) > 0
	if list := c.given[keyTableInclude]; list != "" && len(c.captured) == 0 && !told {
		c.report(keyTableInclude, "The tables are there, but %s or %s leaves them out. Change one of the lists", keyDatabaseInclude, keyDatabaseExclude)
	}
}

func (c *check) list(key, what string, names []string) { c.elements(key, c.given[key], what, names) }

// elements reports elements of a list that match none of the names.
func (c *check) elements(key, list, what string, names []string) {
	for _, element := range table.SplitList(list) {
		if matchesAny(element, names) {
			continue
		}
		c.report(key, "No %s matches %s, among those that the user %s may see%s. Correct it, run GRANT SELECT if the user may not see it, or set %s=ignore if it will be made later",
			what, element, c.settings.user, meant(plain(element), names), keyTableMissing)
	}
}

func matchesAny(element string, names []string) bool {
	re, err := table.Pattern(element)
	return err != nil || slices.ContainsFunc(names, re.MatchString) // inspect has told the error
}

// plain is what an element of a list would be without the signs of a regular expression.
func plain(element string) string { return strings.ReplaceAll(element, `\`, "") }

// isPlain tells that an element names one thing, as opposed to a pattern that may match nothing for good reasons.
func isPlain(element string) bool {
	return regexp.QuoteMeta(plain(element)) == element || !strings.ContainsAny(plain(element), `*+?()[]{}|^$`)
}

// meant proposes another name.
func meant(name string, names []string) string {
	if nearest := config.Nearest(name, names); nearest != "" {
		return fmt.Sprintf(" (did you mean %s?)", nearest)
	}
	return ""
}

// columns checks that columns that are named exist: a mistyped one would be captured, or not be masked.
func (c *check) columns() {
	if c.settings.missingTables || len(c.shapes) == 0 {
		return
	}
	var names []string
	for _, s := range c.shapes {
		for i := range s.Columns {
			names = append(names, s.ID.String()+"."+s.Columns[i].Name)
		}
	}
	keys := []string{keyColumnInclude, keyColumnExclude}
	for key := range c.given {
		if _, ok := readMask(key); ok {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		for _, element := range table.SplitList(c.given[key]) {
			if isPlain(element) && !matchesAny(element, names) {
				c.report(key, "No column of a captured table matches %s%s. Columns are named DATABASE.TABLE.COLUMN. Correct it, or set %s=ignore if it will be made later", element, meant(plain(element), names), keyTableMissing)
			}
		}
	}
}

// messageKey checks the columns of message.key.columns.
func (c *check) messageKey() {
	keys, err := change.ParseKeyColumns(c.settings.messageKey)
	if err != nil {
		c.report(keyMessageKey, "%v", err)
		return
	}
	options := change.Options{Prefix: c.settings.prefix, Connector: c.server.connectorName(), Column: c.settings.columns, KeyColumns: keys}
	options.Column.MariaDB = c.server.mariadb
	for i := range c.shapes {
		if c.settings.messageKey == "" {
			return
		}
		if _, err := change.Compile(c.shapes[i], options, c.filter); err != nil {
			c.report(keyMessageKey, "%v", err)
		}
	}
}

// guardrail checks the number of tables.
func (c *check) guardrail() {
	if most := c.settings.guardrail; most > 0 && c.settings.guardrailFails && len(c.captured) > most {
		c.report(keyGuardrailMax, "%d tables are captured. Narrow %s, or raise it", len(c.captured), keyTableInclude)
	}
}

// mostProbed is how many tables are asked for a row: beyond, a missing privilege is told when the table is read.
const mostProbed = 500

// readable checks that rows of captured tables may be read.
func (c *check) readable(ctx context.Context) error {
	var denied []string
	var database string // of the first one
	for _, id := range c.captured[:min(len(c.captured), mostProbed)] {
		rows, err := c.db.QueryContext(ctx, "SELECT * FROM "+id.Quoted()+" LIMIT 0")
		if err == nil {
			err = rows.Close()
		}
		switch {
		case err == nil, failedWith(err, 1146):
		case failedWith(err, 1142, 1143, 1044):
			if denied == nil {
				database = id.Database
			}
			denied = append(denied, id.String())
		case ctx.Err() != nil:
			return fmt.Errorf("%s=%d was not enough to look at every captured table: %w", keyValidationTimeout, c.settings.validationTimeout.Milliseconds(), ctx.Err())
		}
	}
	if len(denied) > 0 {
		c.report(keyUser, "The user may not read %s. Run GRANT SELECT ON %s.* TO %s", strings.Join(denied, ", "), table.Quote(database), c.user)
	}
	return nil
}

// signals checks the signal table.
func (c *check) signals(ctx context.Context) error {
	id := c.settings.signals.table
	if id == (table.ID{}) {
		return nil
	}
	const advice = "CREATE TABLE %s (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL)"
	shapes, err := table.Read(ctx, c.db, id)
	if err != nil {
		return fmt.Errorf("asking the server: %w", err)
	}
	switch {
	case len(shapes) == 0:
		var names []string
		for _, t := range c.tables {
			names = append(names, t.String())
		}
		c.report(keySignalTable, "There is no such table that the user may see%s. Run "+advice, meant(id.String(), names), id.Quoted())
	case len(shapes[0].Columns) != 3:
		c.report(keySignalTable, "The table has %d columns; it must have three, id, type and data. Run "+advice, len(shapes[0].Columns), id.Quoted())
	case !c.server.gtids && !c.settings.signals.readOnly && !c.may("INSERT") && !c.mayAnywhere("INSERT"):
		c.report(keyUser, "The user may not write to the signal table, which an incremental snapshot needs on a server without GTIDs. Run GRANT INSERT, DELETE ON %s TO %s, or set gtid_mode=ON on the server", id.Quoted(), c.user)
	}
	return nil
}

// texts returns the rows of a small result by the names of its columns in lower case. NULL is "".
func texts(ctx context.Context, q table.Querier, query string) ([]map[string]string, error) {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var result []map[string]string
	for rows.Next() {
		values := make([]sql.NullString, len(names))
		targets := make([]any, len(names))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		row := make(map[string]string, len(names))
		for i, name := range names {
			row[strings.ToLower(name)] = values[i].String
		}
		result = append(result, row)
	}
	return result, rows.Err()
}
