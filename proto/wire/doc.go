// Package wire turns the protocol's messages into the SDK's types and back, for
// both ends of the boundary: the gRPC codec, record batches, schemas,
// descriptions and errors.
//
// A record batch is a struct of arrays. [Builder] fills one record after the
// other and [Decoder] reads them back as views into the message, checked once a
// batch; neither allocates per record. Schemas travel once a stream: a Builder
// numbers those it meets, a Decoder remembers them.
//
// Memory of a received batch belongs to its [Frame] and is used again after
// Release: whoever keeps a string or bytes of a record longer must copy them.
// Topics, header names and schemas are the exception, they are interned. [Offsets] keep what is needed longest in memory of their own.
// The values of a batch that a source sends leave in the memory in which the author wrote them ([Lent]).
//
// The codec has gRPC's standard name "proto" and writes standard protobuf, so
// that plugins in other languages use what their gRPC brings along.
package wire
