package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
)

// keepDoubles stores how the server shows numbers in JSON: what was given, in Go's notation, and the server's text. Among them are those of
// which the notation is a matter of taste.
func (s *server) keepDoubles(ctx context.Context, file string) error {
	random := rand.New(rand.NewPCG(1, 2))
	numbers := []float64{0, 1, -1, 0.1, 1e15, 1e16, 999999999999999, 1e-14, 1e-15, 1e-16, 1.5e-15, math.MaxFloat64, math.SmallestNonzeroFloat64, 3.5550569387508245e15}
	for range 150 {
		if v := math.Float64frombits(random.Uint64()); !math.IsNaN(v) && !math.IsInf(v, 0) {
			numbers = append(numbers, v)
		}
		numbers = append(numbers, float64(random.Int64N(1e17))/math.Pow10(random.IntN(20)), float64(random.IntN(1000000))*math.Pow10(random.IntN(40)-20))
	}
	var out strings.Builder
	out.WriteString("# Made by scripts/recordings: numbers, and what the server makes of them in JSON.\n")
	for _, v := range numbers {
		var shown string
		text := strconv.FormatFloat(v, 'e', 16, 64)
		if err := s.db.QueryRowContext(ctx, "SELECT CAST(JSON_ARRAY(CAST("+text+" AS JSON)) AS CHAR)").Scan(&shown); err != nil {
			return err
		}
		fmt.Fprintf(&out, "%s %s\n", strconv.FormatFloat(v, 'g', -1, 64), strings.Trim(shown, "[]"))
	}
	return os.WriteFile(file, []byte(out.String()), 0o644)
}
