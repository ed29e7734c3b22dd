package column

import (
	"encoding/binary"
	"math"
	"strconv"
	"unsafe"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// floatSchema is FLOAT64 but for a FLOAT: FLOAT(M,D) has a length and is FLOAT64 again.
func floatSchema(c *Codec) *data.Builder {
	if c.column.Type == Float && c.column.Length == 0 {
		return data.NewSchema(data.Float32)
	}
	return data.NewSchema(data.Float64)
}

func (c *Codec) appendFloat(w *data.Writer, v float32) {
	if c.Schema.Type() == data.Float32 {
		w.Float32(v)
	} else {
		w.Float64(float64(v))
	}
}

func floatBinlog(c *Codec, w *data.Writer, src []byte) error {
	if len(src) != 4 {
		return errLength
	}
	c.appendFloat(w, math.Float32frombits(binary.LittleEndian.Uint32(src)))
	return nil
}

func doubleBinlog(_ *Codec, w *data.Writer, src []byte) error {
	if len(src) != 8 {
		return errLength
	}
	w.Float64(math.Float64frombits(binary.LittleEndian.Uint64(src)))
	return nil
}

func floatText(c *Codec, w *data.Writer, src []byte) error {
	bits := 64
	if c.column.Type == Float {
		bits = 32
	}
	v, err := strconv.ParseFloat(view(src), bits)
	if err != nil {
		return errNumber // the other error shows the value
	}
	if bits == 32 {
		c.appendFloat(w, float32(v))
	} else {
		w.Float64(v)
	}
	return nil
}

// view is a string that shares its bytes, for calls that do not keep it.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
