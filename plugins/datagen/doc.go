// The plugin datagen makes records out of nothing, for benchmarks,
// demonstrations and tests.
//
// Record number i is a function of seed and i alone, so that what is read again
// after a crash is the same to the last bit. The numbers are dealt to the tasks
// in slices: slice s of n has the records s, s+n, s+2n, …, and n is tasks.max, or
// the number of records when that is smaller.
//
//	partition  {"slice": s, "of": n}
//	offset     {"n": next}    records of the slice that are done
//
// Only the last record of a batch has an offset; it covers those before it. A
// change of tasks.max changes n and so names other partitions, which begin at
// their first record: the slices of different n share records, and no position
// in one could stand for a position in the other.
//
// Each task makes its share of rate, in bursts every 5 ms or less often.
package main
