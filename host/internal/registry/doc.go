// Package registry finds and registers the schemas of converters in a schema registry with Confluent's API, which others
// (Apicurio, Redpanda, Karapace) have, too.
//
//	schema to write ── ID ──► subject of the topic ─► registered, looked up, or the latest ──► id
//	id that was read ── Schema ──► its text, with what it refers to
//
// An id is a number of this registry or, with key.schema.id.serializer or value.schema.id.serializer HeaderSchemaIdSerializer, a GUID, which
// is the same in all registries that have any: Confluent's do from version 8.0 on, others may not.
//
// What was found is kept: a registered schema never changes. Calls wait for the network, but only at the first record of a
// schema. Errors that may go away (no connection, a status from 500 on) are retriable in the sense of errors.retry.timeout.
package registry
