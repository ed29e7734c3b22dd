// Package sdk is what the author of a connector implements and calls.
//
// A plugin is one binary that offers sources and sinks. Its main calls Serve
// with a description of them; everything else is up to the host, which starts a
// process for each connector, calls the methods below over gRPC, and stops it.
// A crash hurts nobody else, and the host starts the process again.
//
// # Writing a source
//
// A source needs a [SourceTask]. Poll appends records to a [SourceBatch], each
// with where to resume after it: a [Partition] of the source, which is read in
// order, and an [Offset] in it. After a crash the task is started again and asks
// [SourceContext.Offset]; what was not stored yet is read twice, so delivery is
// at least once. See the example of [Source].
//
//	Start ── Poll ── Poll ── … ── Stop
//	           └─ records ─▶ Kafka ─▶ offset store ─▶ Commit (SourceCommitter)
//
// # Writing a sink
//
// A sink needs a [SinkTask]. Put takes a [SinkBatch]. When the system takes the
// batch later, implement [Flusher]: offsets are committed after Flush. See the
// example of [Sink].
//
//	Start ── Open ── Put ── Put ── Flush ── Put ── … ── Close ── Stop
//
// # Errors
//
// Return [Retriable] when the same call may succeed later, [Fatal] when only a
// person can help, any other error when a new task may fare better. A record
// that the system will never take goes to [SinkBatch.Errant]. The first line of
// an error is shown to users: say what happened and what to do. A panic counts
// as an error of the call.
//
// # Values
//
// Package data has Connect's schemas and values. Rows of a schema are written
// and read field by field, without a map or an interface value a field:
//
//	w := batch.Add(topic).ValueRow(schema)
//	w.Int64(id)
//	w.String(name)
package sdk
