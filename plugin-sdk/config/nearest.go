package config

import "strings"

// Nearest returns the known name that a mistyped name most likely means, the first of equally near ones, or "" when none
// is near. It counts letters that are wrong, missing, superfluous or swapped; case and the choice between dot, dash and
// underscore do not count.
func Nearest(name string, known []string) string {
	const longest = 256 // names are shorter; the work grows with the square of the length
	if name == "" || len(name) > longest {
		return ""
	}
	typed := fold(name)
	nearest, best := "", min(1+len(typed)/6, (len(typed)-1)/2)+1
	for _, k := range known {
		if k == name {
			return k
		}
		if len(k) > longest {
			continue
		}
		if d := distance(typed, fold(k)); d < best {
			nearest, best = k, d
		}
	}
	return nearest
}

// fold removes the differences that Nearest does not count.
func fold(name string) []rune {
	return []rune(strings.NewReplacer("_", ".", "-", ".").Replace(strings.ToLower(name)))
}

// distance is the number of edits from a to b; swapping neighbours is one edit.
func distance(a, b []rune) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			substitution := above[j]
			if a[i] != b[j] {
				substitution++
			}
			row[j+1] = min(above[j+1]+1, row[j]+1, substitution)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
