// Package client calls the REST API of a worker, Outboard's or Kafka Connect's, for the command line and for tests.
package client
