package table

import (
	"strconv"
	"strings"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

// synonyms are words for types that the servers take and turn into others.
var synonyms = map[string]string{
	"INTEGER": "INT", "INT1": "TINYINT", "INT2": "SMALLINT", "INT3": "MEDIUMINT", "MIDDLEINT": "MEDIUMINT", "INT4": "INT", "INT8": "BIGINT",
	"DEC": "DECIMAL", "NUMERIC": "DECIMAL", "FIXED": "DECIMAL", "NUMBER": "DECIMAL", "FLOAT4": "FLOAT", "FLOAT8": "DOUBLE", "REAL": "DOUBLE",
	"CHARACTER": "CHAR", "VARCHARACTER": "VARCHAR", "VARCHAR2": "VARCHAR", "CLOB": "LONGTEXT", "RAW": "VARBINARY",
}

// definition reads the name and the definition of a column up to its end or its place. key: it is the primary key; ok: it was understood.
func (p *parser) definition() (c column.Column, key, ok bool) {
	name, ok := p.name()
	if !ok {
		return c, false, false
	}
	c, ok = p.declaredType()
	c.Name, c.Nullable = name, true
	if !ok {
		p.rest()
		return c, false, false
	}
	for {
		switch p.peek() {
		case 0, ',', ')':
			return c, key, ok
		}
		mark := p.scanner
		switch word := strings.ToUpper(p.word()); word {
		case "FIRST", "AFTER":
			p.scanner = mark
			return c, key, ok
		case "NOT":
			if p.takeWords("NULL") {
				c.Nullable = false
			}
		case "PRIMARY":
			p.takeWords("KEY")
			key, c.Nullable = true, false
		case "KEY":
			key, c.Nullable = true, false
		case "UNIQUE":
			p.takeWords("KEY")
		case "AUTO_INCREMENT":
			c.AutoIncrement = true
		case "UNSIGNED", "ZEROFILL":
			c.Unsigned = true
			c.SQLType += " " + word
		case "CHARACTER":
			if p.takeWords("SET") {
				c.Charset = p.charsetName()
			}
		case "CHARSET":
			c.Charset = p.charsetName()
		case "ASCII":
			c.Charset = "latin1"
		case "UNICODE":
			c.Charset = "ucs2"
		case "COLLATE":
			if name := p.charsetName(); c.Charset == "" {
				c.Charset, _, _ = strings.Cut(name, "_")
			}
		case "GENERATED", "AS":
			c.Generated, c.Default = true, nil
		case "DEFAULT":
			c.Default = p.defaultValue()
		case "SERIAL": // SERIAL DEFAULT VALUE
			c.Nullable, c.AutoIncrement = false, true
		default:
			if word == "" && !p.token() {
				return c, key, ok
			}
		}
	}
}

// rest steps to the end of a definition.
func (p *parser) rest() {
	for p.peek() != ',' && p.peek() != ')' && p.token() {
	}
}

func (p *parser) charsetName() string {
	p.take('=')
	name, _ := p.nameOrText()
	return strings.ToLower(name)
}

// declaredType reads a type as people write it.
func (p *parser) declaredType() (column.Column, bool) {
	national := p.takeWords("NATIONAL")
	word := strings.ToUpper(p.word())
	switch word {
	case "BOOL", "BOOLEAN":
		return column.Column{Type: column.TinyInt, SQLType: "TINYINT", Length: 1}, true
	case "SERIAL":
		return column.Column{Type: column.BigInt, SQLType: "BIGINT UNSIGNED", Unsigned: true, AutoIncrement: true}, true
	case "NCHAR", "NVARCHAR":
		national, word = true, word[1:]
		if p.takeWords("VARCHAR") || p.takeWords("VARYING") || p.takeWords("VARCHARACTER") {
			word = "VARCHAR"
		}
	case "LONG":
		word = "MEDIUMTEXT"
		if p.takeWords("VARBINARY") {
			word = "MEDIUMBLOB"
		} else if !p.takeWords("VARCHAR") && p.takeWords("CHAR") {
			p.takeWords("VARYING")
		}
	case "JSON":
		if p.mariadb {
			return column.Column{Type: column.String, SQLType: "LONGTEXT", Charset: "utf8mb4"}, true
		}
	}
	if s := synonyms[word]; s != "" {
		word = s
	}
	if word == "CHAR" && (p.takeWords("VARYING") || national && p.takeWords("VARCHAR")) {
		word = "VARCHAR"
	}
	if word == "CHAR" && p.takeWords("BYTE") {
		word = "BINARY"
	}
	if word == "DOUBLE" {
		p.takeWords("PRECISION")
	}
	t, known := sqlTypes[word]
	if !known {
		return column.Column{}, false
	}
	c := column.Column{Type: t, SQLType: word}
	if err := p.arguments(&c); err != nil {
		return c, false
	}
	if national {
		c.Charset = "utf8"
	}
	switch {
	case word == "FLOAT" && c.Scale == 0 && c.Length > 24:
		c.Type, c.SQLType, c.Length = column.Double, "DOUBLE", 0
	case word == "FLOAT" && c.Scale == 0:
		c.Length = 0
	case (word == "CHAR" || word == "BINARY") && c.Length == 0:
		c.Length = 1
	case (t == column.String || t == column.Blob) && word != "CHAR" && word != "VARCHAR" && word != "VARBINARY":
		// With a length, the server chooses among four types.
		given := c.Length > 0
		c.Length = 0
		return c, !given
	}
	return c, true
}

// defaultValue reads the literal after DEFAULT, nil for NULL and for expressions.
func (p *parser) defaultValue() *string {
	switch c := p.peek(); {
	case c == '\'' || c == '"':
		text, ok := p.quoted()
		if !ok {
			return nil
		}
		return &text
	case c == '(':
		p.token()
		return nil
	case c == '-' || c == '+' || c == '.' || isDigit(c):
		from := p.at
		for p.at < len(p.text) && (isWord(p.text[p.at]) || strings.IndexByte("+-.", p.text[p.at]) >= 0) {
			p.at++
		}
		text := strings.TrimPrefix(p.text[from:p.at], "+")
		return &text
	}
	word := strings.ToUpper(p.word())
	switch word {
	case "TRUE", "FALSE":
		text := map[string]string{"TRUE": "1", "FALSE": "0"}[word]
		return &text
	case "B", "X":
		if text, ok := p.quoted(); ok {
			text = strings.ToLower(word) + "'" + text + "'"
			return &text
		}
	case "CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP":
		text := "CURRENT_TIMESTAMP"
		if p.take('(') {
			if n, err := strconv.Atoi(p.word()); err == nil && n > 0 {
				text += "(" + strconv.Itoa(n) + ")"
			}
			p.take(')')
		}
		return &text
	}
	return nil
}
