package column

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestDoubles(t *testing.T) {
	content, err := os.ReadFile("testdata/doubles.txt")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for line := range strings.Lines(string(content)) {
		number, want, found := strings.Cut(strings.TrimSpace(line), " ")
		if number == "#" {
			continue
		}
		v, err := strconv.ParseFloat(number, 64)
		if !found || err != nil {
			t.Fatal(line)
		}
		if got := string(appendDouble(nil, v)); got != want {
			t.Errorf("%s: %s, the server %s", number, got, want)
		}
		count++
	}
	if count < 300 {
		t.Errorf("%d numbers", count)
	}
}

// Documents whose parts lie outside, overlap, or go too deep.
func TestDamagedJSON(t *testing.T) {
	deep := []byte("\x02")
	for range 200 { // an array of one array, each right behind its entry
		deep = append(deep, 1, 0, 0xff, 0x7f, 2, 7, 0)
	}
	wide := []byte("\x02\xff\x00\x00\x04") // 255 elements, all the same array of 255 …
	for range 255 {
		wide = append(wide, 2, 0, 0)
	}
	for name, doc := range map[string]string{
		"no value":          "\x05",
		"half a number":     "\x0b\x00\x00",
		"no such literal":   "\x04\x03",
		"no such type":      "\x0d\x00",
		"a size beyond":     "\x02\x00\x00\x09\x00",
		"too many elements": "\x02\xff\xff\x04\x00",
		"an element beyond": "\x02\x01\x00\x07\x00\x0c\x70\x00",
		"a key beyond":      "\x00\x01\x00\x0b\x00\x0b\x00\x09\x00\x05\x01\x00",
		"a string beyond":   "\x0c\x05abc",
		"an endless length": "\x0c\xff\xff\xff\xff\xff\x01",
		"a short DECIMAL":   "\x0f\xf6\x01\x0a",
		"DECIMAL(99,99)":    "\x0f\xf6\x02\x63\x63",
		"a short date":      "\x0f\x0a\x02\x00\x00",
		"infinity":          "\x0b\x00\x00\x00\x00\x00\x00\xf0\x7f",
		"too deep":          string(deep),
		"wider than it is":  string(wide),
	} {
		p := jsonPrinter{limit: 16*len(doc) + 256}
		if p.value(doc[0], []byte(doc[1:]), 0); !p.failed {
			t.Errorf("%s: %.80s", name, p.dst)
		}
	}
}
