package position

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

const (
	a = "24bc7850-2c16-11ee-be56-0242ac120002"
	b = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
)

func set(t *testing.T, text string) Set {
	t.Helper()
	s, err := ParseSet(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParseSet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want, err string }{
		"empty":              {"", "", ""},
		"white space":        {" \n ", "", ""},
		"one":                {a + ":5", a + ":5", ""},
		"range":              {a + ":1-5", a + ":1-5", ""},
		"touching":           {a + ":1-5:6:8-9:7", a + ":1-9", ""},
		"overlapping":        {a + ":3-7:1-4:20:10-30", a + ":1-7:10-30", ""},
		"two servers, lines": {b + ":1,\n" + a + ":1-2", a + ":1-2," + b + ":1", ""},
		"upper case":         {strings.ToUpper(a) + ":1", a + ":1", ""},
		"no dashes":          {strings.ReplaceAll(a, "-", "") + ":1", a + ":1", ""},
		"tags":               {a + ":1-3:blue:1:red:4-5", a + ":1-3:blue:1:red:4-5", ""},
		"tag alone":          {a + ":blue:1-2", a + ":blue:1-2", ""},
		"mariadb":            {"1-2-3,0-1-7", "0-1-7,1-2-3", ""},
		"mariadb state":      {"0-1-7,0-2-9,0-3-8", "0-2-9", ""},
		"not a uuid":         {"x:1", "", "not a UUID"},
		"zero":               {a + ":0", "", "not a transaction number"},
		"backwards":          {a + ":5-1", "", "ends before it begins"},
		"empty interval":     {a + ":1::2", "", "an interval is empty"},
		"mixed":              {a + ":1,0-1-2", "", "of MySQL and of MariaDB"},
		"two numbers":        {"0-1", "", "neither"},
		"negative":           {"0-1--2", "", "neither"},
		"large domain":       {"99999999999-1-2", "", "not domain-server-number"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := ParseSet(c.in)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want one with %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s.String() != c.want {
				t.Errorf("got %s, want %s", s, c.want)
			}
		})
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ x, y, union, minus string }{
		"disjoint":      {a + ":1-5", b + ":1", a + ":1-5," + b + ":1", a + ":1-5"},
		"inside":        {a + ":1-9", a + ":3-4:7", a + ":1-9", a + ":1-2:5-6:8-9"},
		"equal":         {a + ":1-9", a + ":1-9", a + ":1-9", ""},
		"across ranges": {a + ":1-3:5-7:9-11", a + ":2-10", a + ":1-11", a + ":1:11"},
		"tags apart":    {a + ":1-3:x:1-3", a + ":1-3", a + ":1-3:x:1-3", a + ":x:1-3"},
		"from nothing":  {"", a + ":1", a + ":1", ""},
		"domains":       {"0-1-9,1-1-2", "0-5-4,1-1-3", "0-1-9,1-1-3", "0-1-9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, y := set(t, c.x), set(t, c.y)
			if got := x.Union(y).String(); got != c.union {
				t.Errorf("union: got %s, want %s", got, c.union)
			}
			if got := x.Minus(y).String(); got != c.minus {
				t.Errorf("minus: got %s, want %s", got, c.minus)
			}
			if got := y.Contains(x); got != (c.minus == "") {
				t.Errorf("contains: got %v", got)
			}
			if x.String() != set(t, c.x).String() {
				t.Errorf("the set was changed to %s", x)
			}
		})
	}
}

// Adding one by one, in any order, gives the same set as a map would.
func TestAddAgainstModel(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var s Set
		model := map[uint64]bool{}
		source := Source{UUID: [16]byte{1}}
		for range 60 {
			n := uint64(r.IntN(40) + 1)
			s.Add(GTID{Source: source, N: n})
			model[n] = true
			for n := uint64(1); n <= 41; n++ {
				if s.Has(GTID{Source: source, N: n}) != model[n] {
					t.Fatalf("%s: has %d is %v", s, n, !model[n])
				}
			}
		}
		back, err := ParseSet(s.String())
		if err != nil || !back.Contains(s) || !s.Contains(back) {
			t.Fatalf("%s reads back as %s, %v", s, back, err)
		}
		decoded, err := DecodeSet(s.Encode())
		if err != nil || decoded.String() != s.String() {
			t.Fatalf("%s decodes as %s, %v", s, decoded, err)
		}
	}
}

func TestCloneSharesNothing(t *testing.T) {
	t.Parallel()
	s := set(t, a+":1-5")
	c := s.Clone()
	s.Add(GTID{Source: Source{UUID: mustUUID(t, a)}, N: 6})
	if c.String() != a+":1-5" {
		t.Errorf("the clone became %s", c)
	}
}

func mustUUID(t *testing.T, text string) [16]byte {
	t.Helper()
	u, err := parseUUID(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// The bytes are those that a server of MySQL 8.0 was seen to take.
func TestEncode(t *testing.T) {
	t.Parallel()
	got := set(t, a+":1-5:7").Encode()
	want := []byte("\x01\x00\x00\x00\x00\x00\x00\x00\x24\xbc\x78\x50\x2c\x16\x11\xee\xbe\x56\x02\x42\xac\x12\x00\x02" +
		"\x02\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00")
	if !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	tagged := set(t, a+":1:blue:2-3")
	if back, err := DecodeSet(tagged.Encode()); err != nil || back.String() != tagged.String() {
		t.Errorf("with tags: %s, %v", back, err)
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	s := set(t, a+":1-5,"+b+":1")
	if got := s.Filter(func(source string) bool { return source == b }).String(); got != b+":1" {
		t.Errorf("got %s", got)
	}
	m := set(t, "0-1-5,1-7-6")
	if got := m.Filter(func(source string) bool { return source == "1-7" }).String(); got != "1-7-6" {
		t.Errorf("got %s", got)
	}
}

func TestParseGTID(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", a + ":7", a + ":blue:7", "0-1-7"} {
		if g, err := ParseGTID(text); err != nil || g.String() != text {
			t.Errorf("%q reads as %q, %v", text, g, err)
		}
	}
	for _, text := range []string{a + ":1-2", a + ":1," + b + ":1", "0-1-7,1-1-1", "x"} {
		if g, err := ParseGTID(text); err == nil {
			t.Errorf("%q reads as %q", text, g)
		}
	}
}

func FuzzParseSet(f *testing.F) {
	for _, seed := range []string{"", a + ":1-5:7", a + ":1:x:2-3," + b + ":9", "0-1-7,1-1-3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSet(text)
		if err != nil {
			return
		}
		again, err := ParseSet(s.String())
		if err != nil || again.String() != s.String() {
			t.Fatalf("%q: %s, then %s, %v", text, s, again, err)
		}
	})
}

func FuzzDecodeSet(f *testing.F) {
	for _, seed := range []string{a + ":1-5:7", a + ":1:x:2-3," + b + ":9"} {
		s, _ := ParseSet(seed)
		f.Add(s.Encode())
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		s, err := DecodeSet(src)
		if err != nil {
			return
		}
		if again, err := DecodeSet(s.Encode()); err != nil || again.String() != s.String() {
			t.Fatalf("%s, then %s, %v", s, again, err)
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	s, _ := ParseSet(a + ":1-5")
	g := GTID{Source: s.entries[0].source, N: 5}
	var room []byte
	b.ReportAllocs()
	for b.Loop() {
		g.N++
		s.Add(g)
		room = s.Append(room[:0])
	}
}
