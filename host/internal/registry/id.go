package registry

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// GUID names a schema in all registries; the zero GUID is none.
type GUID [16]byte

// String returns the usual form, such as 0b8f6f3c-1d3a-4c9b-9a53-6f3d1f0c2a11.
func (g GUID) String() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", g[:4], g[4:6], g[6:8], g[8:10], g[10:])
}

func parseGUID(text string) (g GUID, err error) {
	b, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(b) != len(g) {
		return g, fmt.Errorf("%q is no GUID", text)
	}
	return GUID(b), nil
}

// ID names a schema: by its number in one registry, by its GUID, or by both.
type ID struct {
	Number int
	GUID   GUID
}

// String returns the number if there is one, else the GUID.
func (id ID) String() string {
	if id.GUID != (GUID{}) && id.Number == 0 {
		return id.GUID.String()
	}
	return strconv.Itoa(id.Number)
}
