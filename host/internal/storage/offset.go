package storage

import "fmt"

// CheckOffset tells whether a text is what a source partition or offset is made of in Kafka Connect: a JSON object whose
// values are strings, numbers, booleans or null.
func CheckOffset(text []byte) error {
	if err := checkObject(text); err != nil {
		return fmt.Errorf("it is %w", err)
	}
	var problem error
	walk(text, func(key, value []byte) {
		if problem == nil && (value[0] == '{' || value[0] == '[') {
			kind := "MAP"
			if value[0] == '[' {
				kind = "ARRAY"
			}
			problem = fmt.Errorf("offsets may only contain primitive types as values, but field %s contains %s", unquote(key), kind)
		}
	})
	return problem
}
