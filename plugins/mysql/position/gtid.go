package position

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Source is who numbers transactions: a server of MySQL, with a tag since MySQL 8.3, or a replication domain of MariaDB.
type Source struct {
	UUID    [16]byte
	Tag     string
	MariaDB bool
	Domain  uint32
}

// compare orders sources as MySQL does, by UUID, then by tag.
func (s Source) compare(t Source) int {
	return cmp.Or(bytes.Compare(s.UUID[:], t.UUID[:]), strings.Compare(s.Tag, t.Tag), cmp.Compare(s.Domain, t.Domain))
}

// GTID is the global transaction id of one transaction; the zero value is none.
type GTID struct {
	Source
	Server uint32 // MariaDB's id of the server that wrote it
	N      uint64 // from 1
}

// IsZero tells that there is none.
func (g GTID) IsZero() bool { return g.N == 0 }

// Append appends the text: 24bc7850-2c16-11ee-be56-0242ac120002:7, or 0-1-7 of MariaDB.
func (g GTID) Append(dst []byte) []byte {
	if g.MariaDB {
		dst = append(strconv.AppendUint(dst, uint64(g.Domain), 10), '-')
		dst = append(strconv.AppendUint(dst, uint64(g.Server), 10), '-')
		return strconv.AppendUint(dst, g.N, 10)
	}
	dst = append(appendUUID(dst, g.UUID), ':')
	if g.Tag != "" {
		dst = append(append(dst, g.Tag...), ':')
	}
	return strconv.AppendUint(dst, g.N, 10)
}

// String is the text of Append, "" for none.
func (g GTID) String() string {
	if g.IsZero() {
		return ""
	}
	return string(g.Append(nil))
}

// ParseGTID reads the text of one GTID; "" is none.
func ParseGTID(text string) (GTID, error) {
	if text == "" {
		return GTID{}, nil
	}
	s, err := ParseSet(text)
	if err != nil {
		return GTID{}, err
	}
	if len(s.entries) != 1 || len(s.entries[0].ranges) != 1 {
		return GTID{}, fmt.Errorf("%q is not a single GTID", text)
	}
	e := s.entries[0]
	if !e.source.MariaDB && e.ranges[0].first != e.ranges[0].last {
		return GTID{}, fmt.Errorf("%q is not a single GTID", text)
	}
	return GTID{Source: e.source, Server: e.server, N: e.ranges[0].last}, nil
}

func appendUUID(dst []byte, u [16]byte) []byte {
	for i, part := range [][]byte{u[:4], u[4:6], u[6:8], u[8:10], u[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}

func parseUUID(text string) (u [16]byte, err error) {
	digits := strings.ReplaceAll(text, "-", "")
	if len(digits) != 32 {
		return u, fmt.Errorf("%q is not a UUID", text)
	}
	if _, err := hex.Decode(u[:], []byte(digits)); err != nil {
		return u, fmt.Errorf("%q is not a UUID", text)
	}
	return u, nil
}
