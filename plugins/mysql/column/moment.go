package column

import (
	"encoding/binary"
	"errors"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// A moment is a date with a time of day, without a zone.
type moment struct {
	year, month, day, hour, minute, second, micro int
}

var (
	errDate  = errors.New("the date does not exist, as sql_mode=ALLOW_INVALID_DATES lets in: correct the row")
	errTime  = errors.New("the value is not a time")
	errRange = errors.New("the time does not fit into nanoseconds of 64 bits: set time.precision.mode to microseconds")
)

// missing tells whether the date is one of the zero dates, which stand for NULL: a year, month or day of 0.
func (m moment) missing() bool { return m.year == 0 || m.month == 0 || m.day == 0 }

// adjust reads years of one or two digits as the servers do on input: 70 to 99 are of the twentieth century, the rest of the twenty-first.
func (o *Options) adjust(year int) int {
	switch {
	case o.KeepYears || year < 0 || year > 99:
		return year
	case year < 70:
		return year + 2000
	}
	return year + 1900
}

var monthDays = [13]int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func (m moment) valid() bool {
	return m.month >= 1 && m.month <= 12 && m.day >= 1 && m.day <= monthDays[m.month] && (m.month != 2 || m.day < 29 || leap(m.year)) &&
		m.year <= 9999 && m.hour < 24 && m.minute < 60 && m.second < 60 && m.micro < 1000000
}

// days counts the days since the epoch, in the proleptic Gregorian calendar.
func (m moment) days() int {
	// Years begin in March here, so that the leap day is their last. A year of a column is not negative: 400 years more are divided without a sign.
	y, month := uint32(m.year+400), uint32(m.month)
	if month <= 2 {
		y--
		month += 12
	}
	return int(365*y+y/4-y/100+y/400+(153*(month-3)+2)/5+uint32(m.day)) - 1 - 719468 - 146097
}

const (
	microsSecond = 1000000
	microsDay    = 24 * 3600 * microsSecond
)

// micros counts the microseconds since the epoch.
func (m moment) micros() int64 {
	return int64(m.days())*microsDay + int64((m.hour*60+m.minute)*60+m.second)*microsSecond + int64(m.micro)
}

// momentOf returns the moment so many seconds after the epoch.
func momentOf(seconds uint32, micro int) moment {
	// Unsigned numbers of 32 bits divide fastest. Years begin in March, as in days.
	days, clock := seconds/86400+719468, seconds%86400
	era, dayOfEra := days/146097, days%146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	month := (5*dayOfYear + 2) / 153
	m := moment{
		year: int(yearOfEra + era*400), month: int(month + 3), day: int(dayOfYear - (153*month+2)/5 + 1),
		hour: int(clock / 3600), minute: int(clock / 60 % 60), second: int(clock % 60), micro: micro,
	}
	if m.month > 12 {
		m.month -= 12
		m.year++
	}
	return m
}

// trimmed is the number of fractional digits that shows as many as needed.
const trimmed = -1

func appendDate(dst []byte, m moment) []byte {
	return append(dst, digit(m.year/1000), digit(m.year/100), digit(m.year/10), digit(m.year), '-', digit(m.month/10), digit(m.month), '-',
		digit(m.day/10), digit(m.day))
}

func appendClock(dst []byte, hour, minute, second, micro, digits int) []byte {
	if hour > 99 {
		dst = append(dst, digit(hour/100))
	}
	dst = append(dst, digit(hour/10), digit(hour), ':', digit(minute/10), digit(minute), ':', digit(second/10), digit(second))
	if digits == trimmed {
		digits = 6
		for n := micro; digits > 0 && n%10 == 0; n /= 10 {
			digits--
		}
	}
	if digits == 0 {
		return dst
	}
	fraction := [7]byte{'.', digit(micro / 100000), digit(micro / 10000), digit(micro / 1000), digit(micro / 100), digit(micro / 10), digit(micro)}
	return append(dst, fraction[:1+digits]...)
}

// digit is the last one of a number.
func digit(n int) byte { return '0' + byte(uint32(n)%10) }

// appendMoment appends 2024-05-06T07:08:09.1Z.
func appendMoment(dst []byte, m moment, digits int) []byte {
	dst = append(appendDate(dst, m), 'T')
	return append(appendClock(dst, m.hour, m.minute, m.second, m.micro, digits), 'Z')
}

// parseMoment reads 2024-05-06 07:08:09.123456, of which the fraction or the time may be missing.
func parseMoment(src []byte) (m moment, ok bool) {
	s := scan{src, true}
	m.year = s.number('-')
	m.month = s.number('-')
	m.day = s.number(' ')
	if len(s.rest) > 0 {
		m.hour = s.number(':')
		m.minute = s.number(':')
		m.second = s.number('.')
		m.micro = s.fraction()
	}
	return m, s.ok && len(s.rest) == 0
}

// scan takes numbers off a text.
type scan struct {
	rest []byte
	ok   bool
}

// number reads digits up to the end of the text or an end, which is taken, too.
func (s *scan) number(end byte) int {
	n, i := 0, 0
	for ; i < len(s.rest) && s.rest[i] != end; i++ {
		d := s.rest[i] - '0'
		if d > 9 || i > 4 {
			s.ok = false
			return 0
		}
		n = n*10 + int(d)
	}
	if i == 0 {
		s.ok = false
	}
	s.rest = s.rest[min(i+1, len(s.rest)):]
	return n
}

// fraction reads up to six digits as microseconds.
func (s *scan) fraction() int {
	n := 0
	for i := range 6 {
		n *= 10
		if i < len(s.rest) {
			d := s.rest[i] - '0'
			if d > 9 {
				s.ok = false
				return 0
			}
			n += int(d)
		}
	}
	s.rest = s.rest[min(6, len(s.rest)):]
	return n
}

func dateTimeSchema(c *Codec) *data.Builder {
	switch c.options.Time {
	case TimeConnect:
		return data.NewSchema(data.Int64).Name(data.TimestampName).Version(1)
	case TimeISOString:
		return data.NewSchema(data.String).Name("io.debezium.time.IsoTimestamp").Version(1)
	case TimeNanos:
		return data.NewSchema(data.Int64).Name("io.debezium.time.NanoTimestamp").Version(1)
	case TimeMicros:
		return data.NewSchema(data.Int64).Name("io.debezium.time.MicroTimestamp").Version(1)
	}
	if c.column.Scale <= 3 {
		return data.NewSchema(data.Int64).Name("io.debezium.time.Timestamp").Version(1)
	}
	return data.NewSchema(data.Int64).Name("io.debezium.time.MicroTimestamp").Version(1)
}

func dateTimeBinlog(c *Codec, w *data.Writer, src []byte) error {
	m, err := c.readDateTime(src)
	if err != nil {
		return err
	}
	return c.appendDateTime(w, m)
}

func dateTimeText(c *Codec, w *data.Writer, src []byte) error {
	m, ok := parseMoment(src)
	if !ok {
		return errTime
	}
	return c.appendDateTime(w, m)
}

// readDateTime reads DATETIME as it is since MySQL 5.6, five bytes and the fraction, or as it was before, the decimal number YYYYMMDDhhmmss.
func (c *Codec) readDateTime(src []byte) (m moment, err error) {
	if len(src) != c.size {
		return m, errLength
	}
	if c.column.Wire == WireDateTime {
		n := uint64(0)
		for i := 7; i >= 0; i-- {
			n = n<<8 | uint64(src[i])
		}
		date, clock := int(n/1000000%100000000), int(n%1000000)
		return moment{year: date / 10000, month: date / 100 % 100, day: date % 100, hour: clock / 10000, minute: clock / 100 % 100, second: clock % 100}, nil
	}
	n := int64(src[0])<<32 | int64(src[1])<<24 | int64(src[2])<<16 | int64(src[3])<<8 | int64(src[4])
	n -= 1 << 39 // the sign, always set
	if n < 0 {
		return m, errTime
	}
	days, clock := int(n>>17), int(n&(1<<17-1))
	months := days >> 5
	return moment{months / 13, months % 13, days & 31, clock >> 12, clock >> 6 & 63, clock & 63, readFraction(src[5:])}, nil
}

// readFraction reads the microseconds from one byte for each two digits.
func readFraction(src []byte) int {
	switch len(src) {
	case 1:
		return int(src[0]) * 10000
	case 2:
		return (int(src[0])<<8 | int(src[1])) * 100
	case 3:
		return int(src[0])<<16 | int(src[1])<<8 | int(src[2])
	}
	return 0
}

func (c *Codec) appendDateTime(w *data.Writer, m moment) error {
	if m.missing() {
		c.appendMissing(w)
		return nil
	}
	if m.year = c.options.adjust(m.year); !m.valid() {
		return errDate
	}
	switch c.options.Time {
	case TimeISOString:
		var b [40]byte
		w.StringBytes(appendMoment(b[:0], m, trimmed))
		return nil
	case TimeNanos:
		micros := m.micros()
		if micros > 1<<63/1000-1 || micros < -1<<63/1000+1 {
			return errRange
		}
		w.Int64(micros * 1000)
		return nil
	case TimeMicros:
		w.Int64(m.micros())
		return nil
	case TimeConnect:
		w.Int64(millis(m.micros()))
		return nil
	}
	if c.column.Scale <= 3 {
		w.Int64(millis(m.micros()))
	} else {
		w.Int64(m.micros())
	}
	return nil
}

// millis rounds down, before the epoch, too.
func millis(micros int64) int64 {
	ms := micros / 1000
	if micros%1000 < 0 {
		ms--
	}
	return ms
}

func timestampSchema(*Codec) *data.Builder {
	return data.NewSchema(data.String).Name("io.debezium.time.ZonedTimestamp").Version(1)
}

func timestampBinlog(c *Codec, w *data.Writer, src []byte) error {
	if len(src) != c.size {
		return errLength
	}
	var seconds uint32
	micro := 0
	if c.column.Wire == WireTimestamp {
		seconds = binary.LittleEndian.Uint32(src)
	} else {
		seconds = binary.BigEndian.Uint32(src)
		micro = readFraction(src[4:])
	}
	if micro >= microsSecond {
		return errTime
	}
	if seconds == 0 && micro == 0 { // 0000-00-00 00:00:00: the epoch itself is no TIMESTAMP
		c.appendMissing(w)
		return nil
	}
	c.appendTimestamp(w, momentOf(seconds, micro))
	return nil
}

func timestampText(c *Codec, w *data.Writer, src []byte) error {
	m, ok := parseMoment(src)
	if !ok {
		return errTime
	}
	if m.missing() {
		c.appendMissing(w)
		return nil
	}
	if !m.valid() {
		return errDate
	}
	c.appendTimestamp(w, m)
	return nil
}

func (c *Codec) appendTimestamp(w *data.Writer, m moment) {
	var b [40]byte
	w.StringBytes(appendMoment(b[:0], m, c.column.Scale))
}

func dateSchema(c *Codec) *data.Builder {
	switch c.options.Time {
	case TimeConnect:
		return data.NewSchema(data.Int32).Name(data.DateName).Version(1)
	case TimeISOString:
		return data.NewSchema(data.String).Name("io.debezium.time.IsoDate").Version(1)
	}
	return data.NewSchema(data.Int32).Name("io.debezium.time.Date").Version(1)
}

func dateBinlog(c *Codec, w *data.Writer, src []byte) error {
	if len(src) != 3 {
		return errLength
	}
	n := int(src[0]) | int(src[1])<<8 | int(src[2])<<16
	return c.appendDate(w, moment{year: n >> 9, month: n >> 5 & 15, day: n & 31})
}

func dateText(c *Codec, w *data.Writer, src []byte) error {
	m, ok := parseMoment(src)
	if !ok {
		return errTime
	}
	return c.appendDate(w, m)
}

func (c *Codec) appendDate(w *data.Writer, m moment) error {
	if m.missing() {
		c.appendMissing(w)
		return nil
	}
	if m.year = c.options.adjust(m.year); !m.valid() {
		return errDate
	}
	if c.options.Time == TimeISOString {
		var b [16]byte
		w.StringBytes(append(appendDate(b[:0], m), 'Z'))
		return nil
	}
	w.Int32(int32(m.days()))
	return nil
}

func timeSchema(c *Codec) *data.Builder {
	switch c.options.Time {
	case TimeConnect:
		return data.NewSchema(data.Int32).Name(data.TimeName).Version(1)
	case TimeISOString:
		return data.NewSchema(data.String).Name("io.debezium.time.IsoTime").Version(1)
	case TimeNanos:
		return data.NewSchema(data.Int64).Name("io.debezium.time.NanoTime").Version(1)
	case TimeAdaptive:
		if c.column.Scale <= 3 {
			return data.NewSchema(data.Int32).Name("io.debezium.time.Time").Version(1)
		}
	}
	return data.NewSchema(data.Int64).Name("io.debezium.time.MicroTime").Version(1)
}

// timeBinlog reads TIME as it is since MySQL 5.6, three bytes and the fraction, of which a negative one is the two's complement of both, or as
// it was before, the decimal number hhmmss.
func timeBinlog(c *Codec, w *data.Writer, src []byte) error {
	if len(src) != c.size {
		return errLength
	}
	if c.column.Wire == WireTime {
		n := int(int32(uint32(src[0])<<8|uint32(src[1])<<16|uint32(src[2])<<24) >> 8)
		negative := n < 0
		if negative {
			n = -n
		}
		return c.appendTime(w, negative, n/10000, n/100%100, n%100, 0)
	}
	fraction := src[3:]
	n := int64(src[0])<<16 | int64(src[1])<<8 | int64(src[2])
	for _, b := range fraction {
		n = n<<8 | int64(b)
	}
	n -= 1 << (23 + 8*len(fraction))
	negative := n < 0
	if negative {
		n = -n
	}
	clock := int(n >> (8 * len(fraction)))
	micro := int(n & (1<<(8*len(fraction)) - 1))
	switch len(fraction) {
	case 1:
		micro *= 10000
	case 2:
		micro *= 100
	}
	return c.appendTime(w, negative, clock>>12&0x3ff, clock>>6&63, clock&63, micro)
}

// timeText reads -838:59:59.000000.
func timeText(c *Codec, w *data.Writer, src []byte) error {
	negative := len(src) > 0 && src[0] == '-'
	if negative {
		src = src[1:]
	}
	s := scan{src, true}
	hour, minute, second := s.number(':'), s.number(':'), s.number('.')
	micro := s.fraction()
	if !s.ok || len(s.rest) > 0 {
		return errTime
	}
	return c.appendTime(w, negative, hour, minute, second, micro)
}

// appendTime writes a duration, which a TIME is. In Connect's and in ISO's times of a day, one beyond a day appears as what it is, too.
func (c *Codec) appendTime(w *data.Writer, negative bool, hour, minute, second, micro int) error {
	if hour > 838 || minute > 59 || second > 59 || micro >= microsSecond {
		return errTime
	}
	if c.options.Time == TimeISOString {
		var b [24]byte
		text := b[:0]
		if negative {
			text = append(text, '-')
		}
		w.StringBytes(append(appendClock(text, hour, minute, second, micro, trimmed), 'Z'))
		return nil
	}
	micros := int64((hour*60+minute)*60+second)*microsSecond + int64(micro)
	if negative {
		micros = -micros
	}
	switch {
	case c.Schema.Type() == data.Int32:
		w.Int32(int32(micros / 1000))
	case c.options.Time == TimeNanos:
		w.Int64(micros * 1000)
	default:
		w.Int64(micros)
	}
	return nil
}

func yearSchema(*Codec) *data.Builder {
	return data.NewSchema(data.Int32).Name("io.debezium.time.Year").Version(1)
}

func yearBinlog(c *Codec, w *data.Writer, src []byte) error {
	if len(src) != 1 {
		return errLength
	}
	year := int(src[0])
	if year > 0 {
		year += 1900
	}
	w.Int32(int32(c.options.adjust(year)))
	return nil
}

func yearText(c *Codec, w *data.Writer, src []byte) error {
	s := scan{src, true}
	year := s.number(0)
	if !s.ok {
		return errTime
	}
	w.Int32(int32(c.options.adjust(year)))
	return nil
}
