package column

import (
	"testing"
	"time"
)

func TestDays(t *testing.T) {
	// Every seventh day of all years that a column may have, and so every day of the month and every kind of year.
	for at := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() <= 9999; at = at.AddDate(0, 0, 7) {
		m := moment{year: at.Year(), month: int(at.Month()), day: at.Day()}
		if got, want := m.days(), int(at.Unix()/86400); got != want {
			t.Fatalf("%s is day %d, not %d", at.Format(time.DateOnly), want, got)
		}
	}
}

func TestMomentOf(t *testing.T) {
	const step = 86399 * 3 // all times of day, too
	for s := int64(0); s < 1<<32; s += step {
		at := time.Unix(s, 0).UTC()
		want := moment{at.Year(), int(at.Month()), at.Day(), at.Hour(), at.Minute(), at.Second(), 123456}
		if got := momentOf(uint32(s), 123456); got != want {
			t.Fatalf("%s: got %v, want %v", at, got, want)
		}
	}
	for name, seconds := range map[string]uint32{"the first": 1, "the last": 1<<32 - 1, "of 31 bits": 1<<31 - 1, "a leap day": 1709164800, "after it": 1709251200} {
		at := time.Unix(int64(seconds), 0).UTC()
		if got := momentOf(seconds, 0); got != (moment{at.Year(), int(at.Month()), at.Day(), at.Hour(), at.Minute(), at.Second(), 0}) {
			t.Errorf("%s: got %v, want %s", name, got, at)
		}
	}
}

func TestAppendClock(t *testing.T) {
	for name, c := range map[string]struct {
		hour, micro, digits int
		want                string
	}{
		"no digits":        {7, 120000, 0, "07:08:09"},
		"two":              {7, 129999, 2, "07:08:09.12"},
		"six":              {23, 1, 6, "23:08:09.000001"},
		"trimmed to one":   {7, 100000, trimmed, "07:08:09.1"},
		"trimmed to all":   {7, 100001, trimmed, "07:08:09.100001"},
		"trimmed to none":  {7, 0, trimmed, "07:08:09"},
		"hundreds of them": {838, 0, 1, "838:08:09.0"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(appendClock(nil, c.hour, 8, 9, c.micro, c.digits)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
