// Package integration tests the product as its user runs it: the built binaries, driven over REST, against a real Apache
// Kafka. make integration starts one and runs the tests; they have the build tag integration.
//
//	test ──REST──▶ bin/outboard worker ──▶ plugin processes ──▶ files
//	  │                  │
//	  │                  ▼
//	  ├─────────▶ Kafka of all tests (OUTBOARD_KAFKA)
//	  └─starts, kills─▶ a Kafka of the test's own, where the broker is what fails
//
// Each test has a worker with a name, ports, topics, files and a plugin folder of its own. At its end no process may be left
// whose executable is in that folder: a plugin does not survive its host.
//
// The crash tests move numbered records from a source through Kafka into a file, kill something in the middle, and look at
// the file: every number is there, and none comes before a smaller one. These variables say how much they do:
//
//	OUTBOARD_CRASH_RECORDS   records for each victim (100000)
//	OUTBOARD_CRASH_KILLS     kills of each victim (1)
//
// One kill of each takes a minute. From the second on the kills of a plugin are more than a minute apart, since a plugin that
// dies again within a minute is restarted ever later.
package integration
