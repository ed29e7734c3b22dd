// Package provider puts values in the place of references such as ${file:/etc/secrets.properties:password}: Kafka's config
// providers.
//
//	worker file ── config.providers=… ──► Providers
//	configuration as stored, with references ── Resolve ──► Resolved: the values, for the plugin and for clients only
//	                                                          ├─ Hide:    texts for people without the values
//	                                                          └─ Restore: task configurations with the references again
//
// A reference is ${alias:key} or ${alias:path:key}; there may be several in a value, and what they stand for is taken as it
// is. As in Kafka, an alias that is not configured and a key that does not exist leave the text as it was: "${" may mean
// something else to a connector. A file that cannot be read is an error.
//
// Values are read when a connector or task starts and when a configuration is validated. REST, status, logs and stored
// configurations have the references.
package provider
