package table

import (
	"slices"
	"strings"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

// Action is what a statement does to a table.
type Action uint8

// The actions.
const (
	Create   Action = iota + 1 // the table is new, with Columns, or like another one
	Drop                       // it is gone
	Rename                     // it is called To
	Alter                      // Steps change it
	Truncate                   // its rows are gone
	Write                      // it is changed by a statement that is logged itself instead of the rows
	DropDatabase
)

// Change is what a statement does to one table.
type Change struct {
	Action Action
	Table  ID // with DropDatabase the database alone
	To     ID // the other table: the new name, or what a new one is like
	// Columns and Key are those of a new table, Steps those of an altered one.
	Columns []column.Column
	Key     []string
	Charset string
	Steps   []Step
	// Certain tells that the statement was understood in full, as far as it is about columns and the primary key.
	Certain bool
}

// StepKind is a kind of Step.
type StepKind uint8

// The kinds of steps.
const (
	AddColumn StepKind = iota + 1
	DropColumn
	RenameColumn // Name becomes Column.Name
	ChangeColumn // Name becomes Column
	AddKey       // the primary key is Key
	DropKey
	ConvertCharset // of all texts, to Charset
	DefaultCharset // of columns to come
)

// Step is one part of ALTER TABLE.
type Step struct {
	Kind    StepKind
	Name    string
	Column  column.Column
	First   bool
	After   string
	Key     []string
	Charset string
}

// ParseStatement returns what a statement in the log does to tables; current is its current database. Statements that change no table, and
// such that are about temporary ones, give nothing.
func ParseStatement(text, current string, mariadb bool) []Change {
	p := &parser{scanner: scanner{text: text}, current: current, mariadb: mariadb}
	if p.takeWords("SET", "STATEMENT") {
		for !p.takeWords("FOR") {
			if !p.token() {
				return nil
			}
		}
	}
	switch strings.ToUpper(p.word()) {
	case "CREATE":
		return p.create()
	case "DROP":
		return p.drop()
	case "RENAME":
		return p.rename()
	case "ALTER":
		return p.alter()
	case "TRUNCATE":
		p.takeWords("TABLE")
		return p.one(Truncate)
	case "INSERT", "REPLACE", "UPDATE", "DELETE":
		p.modifiers("LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "QUICK", "IGNORE", "INTO", "FROM")
		return p.one(Write)
	case "LOAD":
		for !p.takeWords("INTO", "TABLE") {
			if !p.token() {
				return nil
			}
		}
		return p.one(Write)
	}
	return nil
}

// parser reads statements.
type parser struct {
	scanner
	current string
	mariadb bool
}

func (p *parser) modifiers(words ...string) {
	for slices.ContainsFunc(words, func(w string) bool { return p.takeWords(w) }) {
	}
}

// table reads the name of a table.
func (p *parser) table() (ID, bool) {
	name, ok := p.name()
	if !ok {
		return ID{}, false
	}
	if !p.take('.') {
		return ID{p.current, name}, true
	}
	second, ok := p.name()
	return ID{name, second}, ok
}

func (p *parser) one(action Action) []Change {
	id, ok := p.table()
	if !ok {
		return nil
	}
	return []Change{{Action: action, Table: id, Certain: true}}
}

func (p *parser) create() []Change {
	if p.takeWords("OR", "REPLACE") && p.takeWords("TEMPORARY") || p.takeWords("TEMPORARY") {
		return nil
	}
	p.modifiers("ONLINE", "OFFLINE", "UNIQUE", "FULLTEXT", "SPATIAL")
	if p.takeWords("INDEX") {
		return p.index()
	}
	if !p.takeWords("TABLE") {
		return nil
	}
	p.takeWords("IF", "NOT", "EXISTS")
	id, ok := p.table()
	if !ok {
		return nil
	}
	c := Change{Action: Create, Table: id}
	switch {
	case p.takeWords("LIKE"), p.peek() == '(' && p.likeInside():
		if c.To, ok = p.table(); !ok {
			return nil
		}
		c.Certain = true
	case p.take('('):
		c.Certain = p.definitions(&c)
	}
	return []Change{c}
}

func (p *parser) likeInside() bool {
	mark := p.scanner
	if p.take('(') && p.takeWords("LIKE") {
		return true
	}
	p.scanner = mark
	return false
}

// index is CREATE INDEX and DROP INDEX, which may make a key of a table without one.
func (p *parser) index() []Change {
	for !p.takeWords("ON") {
		if !p.token() {
			return nil
		}
	}
	return p.one(Alter)
}

func (p *parser) drop() []Change {
	if p.takeWords("DATABASE") || p.takeWords("SCHEMA") {
		p.takeWords("IF", "EXISTS")
		if name, ok := p.name(); ok {
			return []Change{{Action: DropDatabase, Table: ID{Database: name}, Certain: true}}
		}
		return nil
	}
	p.modifiers("ONLINE", "OFFLINE")
	if p.takeWords("INDEX") {
		return p.index()
	}
	if !p.takeWords("TABLE") && !p.takeWords("TABLES") {
		return nil
	}
	p.takeWords("IF", "EXISTS")
	var changes []Change
	for {
		id, ok := p.table()
		if !ok {
			return changes
		}
		changes = append(changes, Change{Action: Drop, Table: id, Certain: true})
		if !p.take(',') {
			return changes
		}
	}
}

func (p *parser) rename() []Change {
	if !p.takeWords("TABLE") && !p.takeWords("TABLES") {
		return nil
	}
	p.takeWords("IF", "EXISTS")
	var changes []Change
	for {
		from, ok := p.table()
		if !ok {
			return changes
		}
		p.wait()
		if !p.takeWords("TO") {
			return changes
		}
		to, ok := p.table()
		if !ok {
			return changes
		}
		changes = append(changes, Change{Action: Rename, Table: from, To: to, Certain: true})
		if !p.take(',') {
			return changes
		}
	}
}

// wait is MariaDB's clause for locks.
func (p *parser) wait() {
	if p.takeWords("WAIT") {
		p.word()
	}
	p.takeWords("NOWAIT")
}

func (p *parser) alter() []Change {
	p.modifiers("ONLINE", "OFFLINE", "IGNORE")
	if !p.takeWords("TABLE") {
		return nil
	}
	p.takeWords("IF", "EXISTS")
	id, ok := p.table()
	if !ok {
		return nil
	}
	p.wait()
	c := Change{Action: Alter, Table: id, Certain: true}
	for !p.end() {
		if !p.step(&c) {
			c.Certain = false
		}
		// To the next part.
		for !p.take(',') {
			if !p.token() {
				break
			}
		}
	}
	if c.To != (ID{}) {
		to := c.To
		c.To = ID{}
		return []Change{c, {Action: Rename, Table: id, To: to, Certain: true}}
	}
	return []Change{c}
}

// step reads one part of ALTER TABLE; false: it may be about columns and is not understood.
func (p *parser) step(c *Change) bool {
	switch strings.ToUpper(p.word()) {
	case "ADD":
		return p.add(c)
	case "DROP":
		return p.dropPart(c)
	case "RENAME":
		return p.renamePart(c)
	case "CHANGE":
		p.takeWords("COLUMN")
		p.takeWords("IF", "EXISTS")
		old, ok := p.name()
		return ok && p.columnStep(c, ChangeColumn, old)
	case "MODIFY":
		p.takeWords("COLUMN")
		p.takeWords("IF", "EXISTS")
		mark := p.scanner
		name, ok := p.name()
		p.scanner = mark
		return ok && p.columnStep(c, ChangeColumn, name)
	case "CONVERT":
		if p.takeWords("PARTITION") || p.takeWords("TABLE") {
			return true
		}
		name, ok := p.convertTo()
		c.Steps = append(c.Steps, Step{Kind: ConvertCharset, Charset: name})
		return ok
	case "DEFAULT", "CHARACTER", "CHARSET", "COLLATE":
		return p.defaultCharset(c)
	case "ALTER", "ORDER", "FORCE", "DISABLE", "ENABLE", "DISCARD", "IMPORT", "TRUNCATE", "COALESCE", "REORGANIZE", "EXCHANGE", "ANALYZE", "CHECK", "OPTIMIZE",
		"REBUILD", "REPAIR", "REMOVE", "PARTITION", "UPGRADE", "WITH", "WITHOUT", "LOCK", "ALGORITHM", "ENGINE", "COMMENT", "AUTO_INCREMENT", "ROW_FORMAT",
		"KEY_BLOCK_SIZE", "STATS_PERSISTENT", "STATS_AUTO_RECALC", "STATS_SAMPLE_PAGES", "CHECKSUM", "DELAY_KEY_WRITE", "MAX_ROWS", "MIN_ROWS", "AVG_ROW_LENGTH",
		"PACK_KEYS", "PASSWORD", "TABLESPACE", "COMPRESSION", "ENCRYPTION", "ENCRYPTED", "ENCRYPTION_KEY_ID", "PAGE_CHECKSUM", "PAGE_COMPRESSED", "PAGE_COMPRESSION_LEVEL",
		"TRANSACTIONAL", "INSERT_METHOD", "UNION", "DATA", "INDEX", "CONNECTION", "AUTOEXTEND_SIZE", "SECONDARY_ENGINE", "SECONDARY_LOAD", "SECONDARY_UNLOAD",
		"ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE", "START", "NOWAIT", "WAIT", "SEQUENCE":
		return true
	}
	return false
}

func (p *parser) add(c *Change) bool {
	explicit := p.takeWords("COLUMN")
	p.takeWords("IF", "NOT", "EXISTS")
	if !explicit {
		if handled, ok := p.addKey(c); handled {
			return ok
		}
	}
	if !p.take('(') {
		return p.columnStep(c, AddColumn, "")
	}
	for {
		handled, ok := p.addKey(c)
		if !handled {
			ok = p.columnStep(c, AddColumn, "")
		}
		if !ok {
			return false
		}
		switch {
		case p.take(','):
		case p.take(')'):
			return true
		default:
			if !p.token() { // what is left of a key
				return false
			}
		}
	}
}

// addKey reads what can be added besides a column. A name in backticks is one of a column.
func (p *parser) addKey(c *Change) (handled, ok bool) {
	if p.takeWords("CONSTRAINT") {
		if mark := p.scanner; slices.Contains([]string{"PRIMARY", "UNIQUE", "FOREIGN", "CHECK"}, strings.ToUpper(p.word())) {
			p.scanner = mark
		} else {
			p.scanner = mark
			p.name()
		}
		handled = true
	}
	mark := p.scanner
	switch strings.ToUpper(p.word()) {
	case "PRIMARY":
		columns, ok := p.primaryKey()
		c.Steps = append(c.Steps, Step{Kind: AddKey, Key: columns})
		return true, ok
	case "INDEX", "KEY", "UNIQUE", "FULLTEXT", "SPATIAL", "FOREIGN", "CHECK", "PARTITION", "VECTOR":
		return true, true
	case "PERIOD", "SYSTEM":
		return true, false
	}
	p.scanner = mark
	return handled, handled
}

// primaryKey reads PRIMARY KEY's columns.
func (p *parser) primaryKey() ([]string, bool) {
	p.takeWords("KEY")
	if p.takeWords("USING") {
		p.word()
	}
	if p.peek() != '(' { // a name that counts for nothing
		if _, ok := p.name(); !ok {
			return nil, false
		}
		if p.takeWords("USING") {
			p.word()
		}
	}
	if !p.take('(') {
		return nil, false
	}
	var columns []string
	for {
		name, ok := p.name()
		if !ok {
			return nil, false
		}
		columns = append(columns, name)
		if p.peek() == '(' {
			p.token() // the length of a prefix
		}
		p.modifiers("ASC", "DESC")
		if p.take(')') {
			return columns, true
		}
		if !p.take(',') {
			return nil, false
		}
	}
}

func (p *parser) dropPart(c *Change) bool {
	if !p.takeWords("COLUMN") {
		mark := p.scanner
		switch strings.ToUpper(p.word()) {
		case "PRIMARY":
			c.Steps = append(c.Steps, Step{Kind: DropKey})
			return true
		case "INDEX", "KEY", "FOREIGN", "CONSTRAINT", "CHECK", "PARTITION":
			return true
		case "PERIOD", "SYSTEM":
			return false
		}
		p.scanner = mark
	}
	p.takeWords("IF", "EXISTS")
	name, ok := p.name()
	c.Steps = append(c.Steps, Step{Kind: DropColumn, Name: name})
	return ok
}

func (p *parser) renamePart(c *Change) bool {
	if p.takeWords("INDEX") || p.takeWords("KEY") {
		return true
	}
	if p.takeWords("COLUMN") {
		p.takeWords("IF", "EXISTS")
		from, ok1 := p.name()
		ok2 := p.takeWords("TO")
		to, ok3 := p.name()
		c.Steps = append(c.Steps, Step{Kind: RenameColumn, Name: from, Column: column.Column{Name: to}})
		return ok1 && ok2 && ok3
	}
	if !p.takeWords("TO") && !p.takeWords("AS") {
		p.take('=')
	}
	id, ok := p.table()
	c.To = id
	return ok
}

func (p *parser) convertTo() (string, bool) {
	if !p.takeWords("TO") {
		return "", false
	}
	return p.charset()
}

// charset reads CHARACTER SET name, with what follows.
func (p *parser) charset() (string, bool) {
	if !p.takeWords("CHARACTER", "SET") && !p.takeWords("CHARSET") {
		return "", false
	}
	p.take('=')
	name, ok := p.nameOrText()
	if strings.EqualFold(name, "DEFAULT") {
		return "", false
	}
	if p.takeWords("COLLATE") {
		p.take('=')
		p.nameOrText()
	}
	return strings.ToLower(name), ok
}

func (p *parser) nameOrText() (string, bool) {
	if c := p.peek(); c == '\'' {
		return p.quoted()
	}
	return p.name()
}

// defaultCharset is that of columns to come; parts of it were read as the first word.
func (p *parser) defaultCharset(c *Change) bool {
	p.modifiers("DEFAULT", "CHARACTER", "SET", "CHARSET", "COLLATE")
	p.take('=')
	name, ok := p.nameOrText()
	charset, _, _ := strings.Cut(strings.ToLower(name), "_")
	c.Steps = append(c.Steps, Step{Kind: DefaultCharset, Charset: charset})
	return ok
}

// columnStep reads a column with its place.
func (p *parser) columnStep(c *Change, kind StepKind, old string) bool {
	col, key, ok := p.definition()
	s := Step{Kind: kind, Name: old, Column: col}
	if p.takeWords("FIRST") {
		s.First = true
	} else if p.takeWords("AFTER") {
		if s.After, ok = p.name(); !ok {
			return false
		}
	}
	c.Steps = append(c.Steps, s)
	if key {
		c.Steps = append(c.Steps, Step{Kind: AddKey, Key: []string{col.Name}})
	}
	return ok
}

// definitions reads the columns and keys of CREATE TABLE, behind the parenthesis.
func (p *parser) definitions(c *Change) bool {
	certain := true
	for {
		keys := Change{}
		handled, ok := p.addKey(&keys)
		if handled {
			certain = certain && ok
			for _, s := range keys.Steps {
				c.Key = s.Key
			}
		} else {
			col, key, ok := p.definition()
			if col.Name == "" {
				return false
			}
			certain = certain && ok
			c.Columns = append(c.Columns, col)
			if key {
				c.Key = []string{col.Name}
			}
		}
		for p.peek() != ',' && p.peek() != ')' {
			if !p.token() {
				return false
			}
		}
		if p.take(',') {
			continue
		}
		p.take(')')
		break
	}
	return p.options(c) && certain
}

// options reads those of CREATE TABLE as far as they matter. A query may add columns.
func (p *parser) options(c *Change) bool {
	for !p.end() {
		switch {
		case p.takeWords("DEFAULT"):
		case p.takeWords("CHARACTER", "SET"), p.takeWords("CHARSET"):
			p.take('=')
			name, _ := p.nameOrText()
			c.Charset = strings.ToLower(name)
		case p.takeWords("COLLATE"):
			p.take('=')
			name, _ := p.nameOrText()
			if c.Charset == "" {
				c.Charset, _, _ = strings.Cut(strings.ToLower(name), "_")
			}
		case p.takeWords("SELECT"), p.takeWords("AS"), p.takeWords("WITH", "SYSTEM"), p.takeWords("VALUES"), p.takeWords("TABLE"):
			return false
		case p.takeWords("PARTITION"):
			return true
		default:
			if !p.token() {
				return true
			}
		}
	}
	return true
}
