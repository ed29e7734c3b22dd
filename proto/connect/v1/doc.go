// Package connectv1 is the generated code of connect.proto, the contract
// between a host and a plugin process. See proto/README.md for its story.
package connectv1
