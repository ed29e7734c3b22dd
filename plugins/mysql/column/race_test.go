//go:build race

package column

// raceEnabled tells that pools lose what they are given, to find races.
const raceEnabled = true
