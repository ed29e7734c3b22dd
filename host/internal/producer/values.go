package producer

// Values are values of records that differ in nothing else.
type Values struct {
	// Count is how many there are.
	Count int
	// Blob has them one behind the other.
	Blob []byte
	// Lengths are 0 for null, else one more than the bytes. Nil: each is Length.
	Lengths []uint32
	Length  uint32
}

// size is the size of the first one in bytes, -1 for null.
func (v *Values) size() int {
	if v.Lengths == nil {
		return int(v.Length) - 1
	}
	return int(v.Lengths[0]) - 1
}

// next takes the first one away. It is nil for null.
func (v *Values) next() []byte {
	size := v.size()
	v.Count--
	if v.Lengths != nil {
		v.Lengths = v.Lengths[1:]
	}
	if size < 0 {
		return nil
	}
	b := v.Blob[:size:size]
	v.Blob = v.Blob[size:]
	return b
}
