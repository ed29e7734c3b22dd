package column

// DecimalMode is decimal.handling.mode.
type DecimalMode uint8

// Values of decimal.handling.mode.
const (
	DecimalPrecise DecimalMode = iota // Connect's Decimal
	DecimalDouble                     // FLOAT64
	DecimalString                     // STRING, plain notation
)

// TimeMode is time.precision.mode.
type TimeMode uint8

// Values of time.precision.mode.
const (
	TimeAdaptiveMicros TimeMode = iota // adaptive_time_microseconds, the default
	TimeAdaptive                       // adaptive
	TimeConnect                        // connect: Connect's Date, Time and Timestamp
	TimeISOString                      // isostring
	TimeMicros                         // microseconds
	TimeNanos                          // nanoseconds
)

// BigintMode is bigint.unsigned.handling.mode.
type BigintMode uint8

// Values of bigint.unsigned.handling.mode.
const (
	BigintLong    BigintMode = iota // INT64, wrapping round above 2^63-1
	BigintPrecise                   // Connect's Decimal of scale 0
)

// BinaryMode is binary.handling.mode.
type BinaryMode uint8

// Values of binary.handling.mode.
const (
	BinaryBytes BinaryMode = iota
	BinaryBase64
	BinaryBase64URL // base64-url-safe
	BinaryHex
)

// MaskKind says how values of a column are hidden.
type MaskKind uint8

// The kinds of masks.
const (
	MaskNone     MaskKind = iota
	MaskFixed             // column.mask.with.N.chars
	MaskTruncate          // column.truncate.to.N.chars
	MaskHash              // column.mask.hash.ALGORITHM.with.salt.SALT
	MaskHashV2            // column.mask.hash.v2.ALGORITHM.with.salt.SALT
)

// Mask hides the values of a column.
type Mask struct {
	Kind      MaskKind
	Length    int    // characters, for MaskFixed and MaskTruncate
	Algorithm string // Java's name of the hash, such as "SHA-256"
	Salt      string
}

// Options are the settings that decide on the schema and the form of values; the zero value is Debezium's default.
type Options struct {
	MariaDB        bool // the server is MariaDB
	Decimal        DecimalMode
	Time           TimeMode
	BigintUnsigned BigintMode
	Binary         BinaryMode
	Mask           Mask
	PropagateType  bool // column.propagate.source.type: the SQL type as parameters of the schema
	KeepYears      bool // enable.time.adjuster=false: years of one or two digits are what they say
	TinyIntBool    bool // TINYINT(1) as BOOLEAN
}
