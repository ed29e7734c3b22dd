package column

import (
	"errors"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

func membersSchema(c *Codec) *data.Builder {
	name := "io.debezium.data.Enum"
	if c.column.Type == Set {
		name = "io.debezium.data.EnumSet"
	}
	quoted := make([]string, len(c.column.Members))
	for i, m := range c.column.Members {
		quoted[i] = strings.ReplaceAll(m, ",", `\,`)
	}
	return data.NewSchema(data.String).Name(name).Version(1).Parameter("allowed", strings.Join(quoted, ","))
}

var errMember = errors.New("the value is not a member of the type")

// enumBinlog reads the number of a member, from 1; 0 is the empty text of a value that is none.
func enumBinlog(c *Codec, w *data.Writer, src []byte) error {
	if len(src) != c.size {
		return errLength
	}
	n := number(src)
	switch {
	case n > len(c.column.Members):
		return errMember
	case n == 0:
		c.appendMember(w, "")
	default:
		c.appendMember(w, c.column.Members[n-1])
	}
	return nil
}

func (c *Codec) appendMember(w *data.Writer, member string) {
	if c.mask == nil {
		w.String(member)
		return
	}
	c.appendText(w, []byte(member))
}

// setBinlog reads one bit for each member.
func setBinlog(c *Codec, w *data.Writer, src []byte) error {
	if len(src) != c.size {
		return errLength
	}
	var set uint64
	for i := len(src) - 1; i >= 0; i-- {
		set = set<<8 | uint64(src[i])
	}
	if len(c.column.Members) < 64 && set>>len(c.column.Members) != 0 {
		return errMember
	}
	b := c.scratch()
	defer c.release(b)
	text := (*b)[:0]
	for i, m := range c.column.Members {
		if set>>i&1 == 0 {
			continue
		}
		if len(text) > 0 {
			text = append(text, ',')
		}
		text = append(text, m...)
	}
	*b = text
	c.appendText(w, text)
	return nil
}
