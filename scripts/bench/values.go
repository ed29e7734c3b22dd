package main

import (
	"encoding/binary"
	"fmt"
	"os"
)

// sampleBytes is how much stands for all that a source makes: several batches, so that compression finds no record twice in
// one.
const sampleBytes = 8 << 20

// writeValues keeps the values of records in a file, each behind its length.
func writeValues(path string, values [][]byte) error {
	var text []byte
	for _, v := range values {
		text = binary.AppendUvarint(text, uint64(len(v)))
		text = append(text, v...)
	}
	return os.WriteFile(path, text, 0o600)
}

func readValues(path string) ([][]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	values, err := parseValues(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return values, nil
}

func parseValues(text []byte) (values [][]byte, err error) {
	for len(text) > 0 {
		size, n := binary.Uvarint(text)
		if n <= 0 || size > uint64(len(text)-n) {
			return nil, fmt.Errorf("it is no file of values: value %d is cut off", len(values))
		}
		end := n + int(size)
		values, text = append(values, text[n:end:end]), text[end:]
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("it holds no values")
	}
	return values, nil
}

// meanSize of values, in bytes.
func meanSize(values [][]byte) int {
	sum := 0
	for _, v := range values {
		sum += len(v)
	}
	return (sum + len(values)/2) / len(values)
}
