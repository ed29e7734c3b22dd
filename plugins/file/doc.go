// The plugin file reads text files into topics and writes topics to text files,
// a record a line: Kafka's FileStreamSource and FileStreamSink, with the same
// keys, classes and offsets.
//
// # Source
//
// One task follows one file by its name:
//
//	     ┌────────── the name has no file yet
//	     ▼
//	waiting ──▶ reading ──▶ at the end ──▶ reading …        the file grew
//	               ▲            │ ├──────▶ start over at 0   it was truncated
//	               │            │ └──────▶ next file at 0    it was rotated
//	               └── stored ──┘
//	                  offset
//
// A line ends with \n, \r\n or a lone \r, as in Kafka's source; a \r at the end
// of the file waits for what follows it. The last line waits for its end, except
// in a file that was rotated away: nobody will finish it.
//
// The watcher looks at the name in its own goroutine (on file system events, and
// every 100 ms where there are none) and opens what appears under it at once, so
// that files which come and go while Kafka is slow are read in order all the
// same. A rotated file is left when it has been quiet for a second, since its
// writer may still have it open, or when a third file has appeared.
//
// The offset is {"position": n, "file": id}: n bytes of the file are delivered,
// and id tells by inode and first bytes which file that is. The device is not
// part of it, because its number changes with mounts and reboots. A file that was rotated while the
// task was down is found in its folder by the id and finished first. An offset
// with a position alone was written by Kafka, which counts characters: it is
// translated by reading the beginning of the file.
//
// What cannot be noticed: lines of a file that is truncated before they are
// read (copytruncate), and a file that was truncated and within one look has
// grown beyond its old length with the same first 256 bytes.
//
// Lines that are not UTF-8 are delivered as bytes instead of a string, so that
// nothing is lost.
//
// # Sink
//
// Each batch is one write of whole lines to the end of the file, under an
// advisory lock, since several tasks may share a file. A write that fails half
// way is cut off again under the same lock before it is retried. Offsets are
// committed after fsync.
//
// # Confinement
//
// With the environment variable OUTBOARD_PLUGIN_FILE_ROOT, set by the operator, both
// connectors reach nothing outside that folder, neither by .. nor by symbolic
// links. Relative paths start from the worker's working directory.
package main
