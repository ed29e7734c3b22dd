package column

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

func geometrySchema(*Codec) *data.Builder {
	return data.NewStruct("io.debezium.data.geometry.Geometry").Version(1).Doc("Geometry").
		Field("wkb", data.BytesSchema).Field("srid", data.OptionalInt32Schema)
}

func pointSchema(*Codec) *data.Builder {
	return data.NewStruct("io.debezium.data.geometry.Point").Version(1).Doc("Geometry (POINT)").
		Field("x", data.Float64Schema).Field("y", data.Float64Schema).Field("wkb", data.OptionalBytesSchema).Field("srid", data.OptionalInt32Schema)
}

var errGeometry = errors.New("the value is not a geometry of its type")

func geometryBinlog(c *Codec, w *data.Writer, src []byte) error {
	value, err := c.content(src, nil)
	if err != nil {
		return err
	}
	return geometryText(c, w, value)
}

// geometryText reads the servers' form: four bytes of SRID, then WKB.
func geometryText(_ *Codec, w *data.Writer, src []byte) error {
	if len(src) < 4+1+4 {
		return errGeometry
	}
	w.Struct()
	appendWKB(w, src)
	return nil
}

// appendWKB writes the last two fields and closes the struct.
func appendWKB(w *data.Writer, src []byte) {
	w.Bytes(src[4:])
	if srid := binary.LittleEndian.Uint32(src); srid == 0 {
		w.Null()
	} else {
		w.Int32(int32(srid))
	}
	w.End()
}

func pointBinlog(c *Codec, w *data.Writer, src []byte) error {
	value, err := c.content(src, nil)
	if err != nil {
		return err
	}
	return pointText(c, w, value)
}

func pointText(_ *Codec, w *data.Writer, src []byte) error {
	const size = 4 + 1 + 4 + 8 + 8
	// The servers write WKB in little endian.
	if len(src) != size || src[4] != 1 || binary.LittleEndian.Uint32(src[5:]) != 1 {
		return errGeometry
	}
	w.Struct()
	w.Float64(math.Float64frombits(binary.LittleEndian.Uint64(src[9:])))
	w.Float64(math.Float64frombits(binary.LittleEndian.Uint64(src[17:])))
	appendWKB(w, src)
	return nil
}

func vectorSchema(*Codec) *data.Builder {
	return data.NewArray(data.Float32Schema).Name("io.debezium.data.FloatVector").Version(1)
}

func vectorBinlog(c *Codec, w *data.Writer, src []byte) error {
	value, err := c.content(src, nil)
	if err != nil {
		return err
	}
	return vectorText(c, w, value)
}

// vectorText reads FLOATs one after the other.
func vectorText(_ *Codec, w *data.Writer, src []byte) error {
	if len(src)%4 != 0 {
		return errLength
	}
	w.Array(len(src) / 4)
	for ; len(src) > 0; src = src[4:] {
		w.Float32(math.Float32frombits(binary.LittleEndian.Uint32(src)))
	}
	w.End()
	return nil
}
