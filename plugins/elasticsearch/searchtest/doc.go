// Package searchtest is a search server in the process of a test: as much of
// Elasticsearch and OpenSearch as a sink sees, with trouble on demand.
//
// It keeps documents in memory, with versions and tombstones as the real ones
// do, infers mappings and refuses documents that do not fit, in the words of the
// product and version it is made as. Those of Elasticsearch 7.17 and OpenSearch
// 2.19 were recorded from the real ones; those of Elasticsearch 8 and 9 are from
// what is published of them.
package searchtest
