// Package registry finds and registers the schemas of converters in a schema registry with Confluent's API, which others
// (Apicurio, Redpanda, Karapace) have, too.
//
//	schema to write ── ID ──► subject of the topic ─► registered, looked up, or the latest ──► id
//	id that was read ── Schema ──► its text, with what it refers to
//
// What was found is kept: a registered schema never changes. Calls wait for the network, but only at the first record of a
// schema. Errors that may go away (no connection, a status from 500 on) are retriable in the sense of errors.retry.timeout.
package registry
