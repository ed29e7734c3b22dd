package table

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

// Catalog knows the shapes of captured tables at the place of the log where the connector is. It is used by one goroutine.
type Catalog struct {
	charsets Charsets
	mariadb  bool
	captures func(ID) bool
	read     func(context.Context, ID) (*Shape, error)
	tables   map[ID]*entry
	text     string // of Text, when not stale
	stale    bool
}

// entry is what is known of a table.
type entry struct {
	// shape is the last one, nil when it has to be asked for.
	shape *Shape
	// doubtful: it was computed from a statement, and information_schema may know better.
	doubtful bool
}

// NewCatalog returns an empty catalog. read asks information_schema for a table; nil is one that does not exist.
func NewCatalog(charsets Charsets, mariadb bool, captures func(ID) bool, read func(context.Context, ID) (*Shape, error)) *Catalog {
	return &Catalog{charsets: charsets, mariadb: mariadb, captures: captures, read: read, tables: make(map[ID]*entry)}
}

// Add takes shapes that are in force at the place where the connector starts.
func (c *Catalog) Add(shapes []Shape) {
	for i := range shapes {
		c.tables[shapes[i].ID] = &entry{shape: &shapes[i]}
	}
	c.stale = true
}

// Mismatch says that rows of the log fit no shape that is known.
type Mismatch struct {
	Table  ID
	Reason string
}

func (e *Mismatch) Error() string {
	return fmt.Sprintf("the shape of %s at this place of the binary log is not known: %s", e.Table, e.Reason)
}

// Shape returns the shape of a table for the rows that follow a table map. An error of type *Mismatch is final; others come from asking
// information_schema, and another call may fare better.
func (c *Catalog) Shape(ctx context.Context, m *Map) (*Shape, error) {
	e := c.tables[m.ID]
	if e == nil {
		e = &entry{}
	}
	var s *Shape
	var err error
	if m.Full() {
		s, err = c.full(ctx, m, e)
	} else {
		s, err = c.minimal(ctx, m, e)
	}
	if err != nil {
		return nil, err
	}
	c.tables[m.ID] = &entry{shape: s}
	c.stale = true
	return s, nil
}

// Known returns the shape of a table without a table map; nil when there is no such table. The error comes from asking information_schema.
func (c *Catalog) Known(ctx context.Context, id ID) (*Shape, error) {
	if e := c.tables[id]; e != nil && e.shape != nil {
		return e.shape, nil
	}
	return c.read(ctx, id)
}

// full uses the map, and information_schema for what it lacks.
func (c *Catalog) full(ctx context.Context, m *Map, e *entry) (*Shape, error) {
	s, complete, err := m.Shape(c.charsets, e.shape)
	if err != nil {
		return nil, &Mismatch{m.ID, err.Error()}
	}
	if complete && !e.doubtful {
		return s, nil
	}
	now, err := c.read(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	if s, _, err = m.Shape(c.charsets, now, e.shape); err != nil {
		return nil, &Mismatch{m.ID, err.Error()}
	}
	return s, nil
}

// minimal uses what is known, if it fits the map.
func (c *Catalog) minimal(ctx context.Context, m *Map, e *entry) (*Shape, error) {
	var unfit error
	if e.shape != nil && !e.doubtful {
		s, err := m.adopt(c.charsets, e.shape)
		if err == nil {
			return s, nil
		}
		unfit = err
	}
	now, err := c.read(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	// With the same columns, information_schema tells more of them than a statement does.
	if now != nil && (e.shape == nil || !e.doubtful || sameColumns(e.shape, now)) {
		s, err := m.adopt(c.charsets, now)
		if err == nil {
			if e.shape != nil && e.doubtful && len(e.shape.Key) > 0 {
				s.Key = e.shape.Key // a primary key is changed without a change of columns
			}
			return s, nil
		}
		if unfit == nil {
			unfit = err
		}
	}
	if e.shape != nil && e.doubtful {
		s, err := m.adopt(c.charsets, e.shape)
		if err == nil && !lacksCharset(s) {
			return s, nil
		}
		if unfit = err; err == nil {
			unfit = errors.New("the character set of its texts is not known")
		}
	}
	if unfit == nil {
		unfit = errors.New("the table does not exist any more")
	}
	return nil, &Mismatch{m.ID, unfit.Error()}
}

// sameColumns tells whether the columns of a computed shape are those that information_schema has.
func sameColumns(computed, now *Shape) bool {
	return slices.EqualFunc(computed.Columns, now.Columns, func(x, y column.Column) bool {
		return strings.EqualFold(x.Name, y.Name) && x.Type == y.Type && x.Unsigned == y.Unsigned && slices.Equal(x.Members, y.Members) &&
			(x.Charset == "" || x.Charset == y.Charset || sameCharset(x.Charset, y.Charset))
	})
}

func lacksCharset(s *Shape) bool {
	return slices.ContainsFunc(s.Columns, func(c column.Column) bool {
		return c.Charset == "" && (c.Type == column.String || c.Type == column.Enum || c.Type == column.Set)
	})
}

// Apply follows statements of the log. It returns the tables whose shapes have to be asked for again.
func (c *Catalog) Apply(changes []Change) []ID {
	var ids []ID
	for i := range changes {
		ids = append(ids, c.apply(&changes[i])...)
	}
	c.stale = c.stale || len(ids) > 0
	return ids
}

func (c *Catalog) apply(change *Change) []ID {
	switch change.Action {
	case DropDatabase:
		var ids []ID
		for id := range c.tables {
			if id.Database == change.Table.Database {
				delete(c.tables, id)
				ids = append(ids, id)
			}
		}
		return ids
	case Rename:
		return c.rename(change.Table, change.To)
	}
	id := change.Table
	if !c.captures(id) {
		return nil
	}
	switch change.Action {
	case Create:
		c.tables[id] = &entry{shape: c.created(change), doubtful: true}
	case Drop:
		delete(c.tables, id)
	case Alter:
		e := &entry{doubtful: true}
		if old := c.tables[id]; old != nil && old.shape != nil && change.Certain {
			e.shape = old.shape.alter(change.Steps)
		}
		c.tables[id] = e
	default:
		return nil
	}
	return []ID{id}
}

func (c *Catalog) rename(from, to ID) []ID {
	var ids []ID
	e := c.tables[from]
	if e != nil {
		delete(c.tables, from)
		ids = append(ids, from)
	}
	if !c.captures(to) {
		return ids
	}
	renamed := &entry{doubtful: true}
	if e != nil && e.shape != nil {
		s := *e.shape
		s.ID = to
		renamed.shape = &s
	}
	c.tables[to] = renamed
	return append(ids, to)
}

// created returns the shape of a new table, nil when the statement does not say all.
func (c *Catalog) created(change *Change) *Shape {
	if !change.Certain {
		return nil
	}
	if change.To != (ID{}) {
		e := c.tables[change.To]
		if e == nil || e.shape == nil {
			return nil
		}
		s := *e.shape
		s.ID = change.Table
		return &s
	}
	s := &Shape{ID: change.Table, Columns: change.Columns, Charset: change.Charset}
	for i := range s.Columns {
		s.inheritCharset(&s.Columns[i])
	}
	s.setKey(change.Key)
	return s
}

// inheritCharset gives a text without a character set that of the table.
func (s *Shape) inheritCharset(c *column.Column) {
	if c.Charset == "" && (c.Type == column.String || c.Type == column.Enum || c.Type == column.Set) {
		c.Charset = s.Charset
	}
}

func (s *Shape) setKey(names []string) {
	s.Key = nil
	for _, name := range names {
		if i := s.Column(name); i >= 0 {
			s.Key = append(s.Key, i)
			s.Columns[i].Nullable = false
		}
	}
}

// alter returns the shape after ALTER TABLE, nil when it does not fit the shape.
func (s *Shape) alter(steps []Step) *Shape {
	t := &Shape{ID: s.ID, Columns: slices.Clone(s.Columns), Charset: s.Charset}
	key := make([]string, 0, len(s.Key))
	for _, i := range s.Key {
		key = append(key, s.Columns[i].Name)
	}
	for _, step := range steps {
		if !t.step(step, &key) {
			return nil
		}
	}
	t.setKey(key)
	if len(t.Key) != len(key) {
		t.Key = nil
	}
	return t
}

func (s *Shape) step(step Step, key *[]string) bool {
	rename := func(from, to string) {
		for i, name := range *key {
			if strings.EqualFold(name, from) {
				(*key)[i] = to
			}
		}
	}
	switch step.Kind {
	case AddColumn:
		if s.Column(step.Column.Name) >= 0 { // IF NOT EXISTS
			return true
		}
		return s.place(step)
	case DropColumn:
		i := s.Column(step.Name)
		if i >= 0 { // else IF EXISTS
			s.Columns = slices.Delete(s.Columns, i, i+1)
		}
	case RenameColumn:
		i := s.Column(step.Name)
		if i < 0 {
			return false
		}
		rename(s.Columns[i].Name, step.Column.Name)
		s.Columns[i].Name = step.Column.Name
	case ChangeColumn:
		i := s.Column(step.Name)
		if i < 0 {
			return false
		}
		rename(s.Columns[i].Name, step.Column.Name)
		if !step.First && step.After == "" {
			s.Columns[i] = step.Column
			s.inheritCharset(&s.Columns[i])
			return true
		}
		s.Columns = slices.Delete(s.Columns, i, i+1)
		return s.place(step)
	case AddKey:
		*key = step.Key
	case DropKey:
		*key = nil
	case ConvertCharset:
		s.Charset = step.Charset
		for i := range s.Columns {
			if c := &s.Columns[i]; c.Type == column.String || c.Type == column.Enum || c.Type == column.Set {
				c.Charset = step.Charset
			}
		}
	case DefaultCharset:
		s.Charset = step.Charset
	}
	return true
}

// place inserts a column where a step says, without a word at the end, which is before what is hidden.
func (s *Shape) place(step Step) bool {
	i := len(s.Columns)
	for i > 0 && s.Columns[i-1].Hidden {
		i--
	}
	if step.First {
		i = 0
	} else if step.After != "" {
		if i = s.Column(step.After) + 1; i == 0 {
			return false
		}
	}
	c := step.Column
	s.inheritCharset(&c)
	s.Columns = slices.Insert(s.Columns, i, c)
	return true
}

// stored is the form of a shape in an offset. Wire and meta data come with the next table map.
type stored struct {
	Database string         `json:"d"`
	Name     string         `json:"t"`
	Charset  string         `json:"s,omitempty"`
	Key      []int          `json:"k,omitempty"`
	Columns  []storedColumn `json:"c"`
	Doubtful bool           `json:"u,omitempty"`
}

type storedColumn struct {
	Name    string   `json:"n"`
	SQLType string   `json:"q"`
	Flags   uint8    `json:"f,omitempty"`
	Length  int      `json:"l,omitempty"`
	Scale   int      `json:"x,omitempty"`
	Charset string   `json:"s,omitempty"`
	Members []string `json:"m,omitempty"`
	Default *string  `json:"v,omitempty"`
}

const (
	flagUnsigned = 1 << iota
	flagNullable
	flagAutoIncrement
	flagGenerated
	flagHidden
	flagRowEnd
)

// Text returns the catalog for the offset: compressed and in letters that need no escaping. Tables whose shapes have to be asked for are
// left out.
func (c *Catalog) Text() (string, error) {
	if !c.stale {
		return c.text, nil
	}
	var all []stored
	for _, e := range c.tables {
		if e.shape != nil {
			all = append(all, store(e))
		}
	}
	slices.SortFunc(all, func(a, b stored) int { return strings.Compare(a.Database+"."+a.Name, b.Database+"."+b.Name) })
	text, err := json.Marshal(all)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(text); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	c.text, c.stale = base64.RawStdEncoding.EncodeToString(b.Bytes()), false
	return c.text, nil
}

func store(e *entry) stored {
	s := stored{Database: e.shape.ID.Database, Name: e.shape.ID.Name, Charset: e.shape.Charset, Key: e.shape.Key, Doubtful: e.doubtful}
	for _, c := range e.shape.Columns {
		sc := storedColumn{Name: c.Name, SQLType: c.SQLType, Length: c.Length, Scale: c.Scale, Charset: c.Charset, Members: c.Members, Default: c.Default}
		for i, is := range []bool{c.Unsigned, c.Nullable, c.AutoIncrement, c.Generated, c.Hidden, c.RowEnd} {
			if is {
				sc.Flags |= 1 << i
			}
		}
		s.Columns = append(s.Columns, sc)
	}
	return s
}

// maxText bounds what is unpacked of an offset that somebody has altered.
const maxText = 256 << 20

// Load takes a catalog out of an offset; "" is none.
func (c *Catalog) Load(text string) error {
	if text == "" {
		return nil
	}
	packed, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return fmt.Errorf("the shapes of tables in the offset are damaged: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxText))
	if err != nil {
		return fmt.Errorf("the shapes of tables in the offset are damaged: %w", err)
	}
	var all []stored
	if err := json.Unmarshal(plain, &all); err != nil {
		return fmt.Errorf("the shapes of tables in the offset are damaged: %w", err)
	}
	for _, s := range all {
		e, err := s.entry()
		if err != nil {
			return err
		}
		if c.captures(e.shape.ID) {
			c.tables[e.shape.ID] = e
		}
	}
	c.stale = true
	return nil
}

func (s stored) entry() (*entry, error) {
	shape := &Shape{ID: ID{s.Database, s.Name}, Charset: s.Charset, Key: s.Key}
	for _, sc := range s.Columns {
		name, _, _ := strings.Cut(sc.SQLType, " ")
		t, known := sqlTypes[name]
		if !known {
			return nil, fmt.Errorf("the shape of %s in the offset has a column of type %q", shape.ID, sc.SQLType)
		}
		shape.Columns = append(shape.Columns, column.Column{
			Name: sc.Name, SQLType: sc.SQLType, Type: t, Length: sc.Length, Scale: sc.Scale, Charset: sc.Charset, Members: sc.Members, Default: sc.Default,
			Unsigned: sc.Flags&flagUnsigned != 0, Nullable: sc.Flags&flagNullable != 0, AutoIncrement: sc.Flags&flagAutoIncrement != 0, Generated: sc.Flags&flagGenerated != 0,
			Hidden: sc.Flags&flagHidden != 0, RowEnd: sc.Flags&flagRowEnd != 0,
		})
	}
	for _, i := range shape.Key {
		if i < 0 || i >= len(shape.Columns) {
			return nil, fmt.Errorf("the shape of %s in the offset has a key without columns", shape.ID)
		}
	}
	return &entry{shape: shape, doubtful: s.Doubtful}, nil
}
