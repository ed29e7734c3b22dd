package config

// Type is the type of a key's value, with Kafka's names. The numbers are those of ConfigType in the plugin protocol.
type Type uint8

const (
	TypeBoolean  Type = iota + 1 // true or false, in any case
	TypeString                   // text; white space around it does not count
	TypeInt                      // whole number of 32 bits
	TypeShort                    // whole number of 16 bits
	TypeLong                     // whole number of 64 bits
	TypeDouble                   // floating-point number of 64 bits
	TypeList                     // texts separated by commas; white space around them does not count
	TypeClass                    // the name of a plugin: a short name, an alias or a Java class name
	TypePassword                 // text that is never shown: not in answers, not in errors, not in documentation
)

// String returns Kafka's name of the type. A number that is no type reads as STRING, the type that any value has.
func (t Type) String() string {
	switch t {
	case TypeBoolean:
		return "BOOLEAN"
	case TypeInt:
		return "INT"
	case TypeShort:
		return "SHORT"
	case TypeLong:
		return "LONG"
	case TypeDouble:
		return "DOUBLE"
	case TypeList:
		return "LIST"
	case TypeClass:
		return "CLASS"
	case TypePassword:
		return "PASSWORD"
	default:
		return "STRING"
	}
}

func (t Type) known() bool { return t >= TypeBoolean && t <= TypePassword }

// bits is the size of a whole number, 0 for types that are none.
func (t Type) bits() int {
	switch t {
	case TypeShort:
		return 16
	case TypeInt:
		return 32
	case TypeLong:
		return 64
	default:
		return 0
	}
}

func (t Type) number() bool { return t.bits() > 0 || t == TypeDouble }

// Importance says how likely a user is to set a key. The numbers are those of Importance in the plugin protocol.
type Importance uint8

const (
	ImportanceHigh   Importance = iota + 1 // everybody looks at it
	ImportanceMedium                       // worth a look in production
	ImportanceLow                          // for special cases; a form may fold it away
)

// String returns Kafka's name of the importance. A number that is none reads as MEDIUM.
func (i Importance) String() string {
	switch i {
	case ImportanceHigh:
		return "HIGH"
	case ImportanceLow:
		return "LOW"
	default:
		return "MEDIUM"
	}
}

// Width is the width of a form field. The numbers are those of Width in the plugin protocol.
type Width uint8

const (
	WidthNone   Width = iota // the form decides
	WidthShort               // a number, a choice
	WidthMedium              // a name
	WidthLong                // a class, an address, a list
)

// String returns Kafka's name of the width. A number that is none reads as NONE.
func (w Width) String() string {
	switch w {
	case WidthShort:
		return "SHORT"
	case WidthMedium:
		return "MEDIUM"
	case WidthLong:
		return "LONG"
	default:
		return "NONE"
	}
}
