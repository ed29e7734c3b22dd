package column

// Type is a family of SQL types that are stored and read alike.
type Type uint8

// The types. Synonyms (BOOLEAN, NUMERIC, REAL, …) are the type that the server makes of them.
const (
	Unknown Type = iota
	TinyInt
	SmallInt
	MediumInt
	Int
	BigInt
	Float
	Double
	Decimal
	Bit
	Year
	Date
	Time
	DateTime
	Timestamp
	String // CHAR, VARCHAR, TINYTEXT … LONGTEXT, with a character set
	Binary // BINARY, of fixed length
	Blob   // VARBINARY, TINYBLOB … LONGBLOB
	Enum
	Set
	JSON // MySQL's; MariaDB's JSON is a LONGTEXT
	Point
	Geometry // GEOMETRY and every other spatial type
	Vector
	UUID  // MariaDB
	INET4 // MariaDB
	INET6 // MariaDB
)

// Column is a column of a table as the server declares it.
type Column struct {
	Name    string
	Type    Type
	SQLType string // upper case, as Debezium names it, such as "INT UNSIGNED"; it appears in schemas only with PropagateType

	Unsigned, Nullable, AutoIncrement, Generated bool

	// Hidden columns are in the log alone: those that MariaDB gives a system-versioned table by itself. They are in no record.
	Hidden bool
	// RowEnd: the column tells when a row of a system-versioned table stopped to be the present one.
	RowEnd bool

	// Length is the declared one: characters of CHAR, VARCHAR; bytes of BINARY, VARBINARY; bits of BIT; the precision of DECIMAL, FLOAT and
	// DOUBLE; the display width of integers where the server gives one; 0 where there is none.
	Length int
	// Scale is the number of decimals of DECIMAL, FLOAT(M,D) and DOUBLE(M,D), of fractional seconds for TIME, DATETIME and TIMESTAMP.
	Scale   int
	Charset string   // of strings, ENUM and SET: the server's name, such as "latin1"; "binary" and "" are bytes as they are
	Members []string // of ENUM and SET, in UTF-8
	// Default is the text of the default as the server shows it (information_schema's COLUMN_DEFAULT, without the quotes of
	// MariaDB), nil for none and for NULL. Expressions other than a literal are no default, as for Debezium.
	Default *string

	// Wire and Meta are the type and its meta data in a table map event; zero when the column was read from information_schema:
	// then it has only Text cells.
	Wire byte
	Meta uint16
}

// CellState says what the bytes of a Cell are.
type CellState uint8

// The states of a cell.
const (
	Absent CellState = iota // the row image does not have the column
	Null                    // NULL
	Binlog                  // exactly the bytes of the value in a row event
	// Text is what the text protocol has, from a session with time_zone '+00:00', character_set_results utf8mb4 and no
	// PAD_CHAR_TO_FULL_LENGTH in sql_mode. A FLOAT has to be selected as a DOUBLE: the servers show it with six digits.
	Text
)

// Cell is one value of a row as the server sent it. Its bytes belong to who made it.
type Cell struct {
	Bytes []byte
	State CellState
}
