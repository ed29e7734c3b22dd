// Package integration tests the product as its user runs it: the built binaries, driven over REST, against a real Apache
// Kafka, MariaDB, MySQL, OpenSearch, Elasticsearch and Apicurio Registry. make integration starts a Kafka and runs the tests; they have the build
// tag integration.
//
//	test ──REST──▶ bin/outboard worker ──▶ plugin processes ──▶ files, databases, search servers
//	  │                  │
//	  │                  ▼
//	  ├─────────▶ Kafka of all tests (OUTBOARD_KAFKA)
//	  ├─starts──▶ a MariaDB, MySQL, OpenSearch, Elasticsearch of all tests, when one asks for it
//	  └─starts, kills─▶ servers of the test's own, where they are what fails
//
// The binaries are those of bin, or of the folder OUTBOARD_BIN. Tests share servers as far as they can and have their own
// databases and indexes there; all servers, with their data, are gone when the tests are, however they end.
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
//
// The cluster test has three workers share thirty connectors, whose records are numbered too, and kills, stops and freezes workers.
// OUTBOARD_CLUSTER_STRIKES says how often, 3; with 9 each worker meets with each. What it measured is in its log: how long it took
// until everything ran elsewhere, and for how long what the other workers ran made no progress.
//
// The workload changes 20 tables at random, and the tables themselves, from before their snapshot on, while the plugins, the
// host, Kafka, the database and the search server are killed or restarted in turn. At the end each table must equal its
// index, document by document: what is right says the database. All rows of a table that was altered are rewritten, or read
// again by an incremental snapshot: a column that is added or dropped changes them without a change of rows. These variables say how it is:
//
//	OUTBOARD_WORKLOAD_DURATION   for how long, 15s; each victim is struck once at least
//	OUTBOARD_WORKLOAD_SEED       what happens, in which order, 1; odd ones with output=envelope, even ones with output=row
//	OUTBOARD_WORKLOAD_DATABASE   mariadb, or mysql
//
// The exchanges are requests that go to Outboard and to an Apache Kafka Connect, which the test starts, or to the one that
// OUTBOARD_KAFKA_CONNECT (host:port, with the settings of exchangeSettings) names. OUTBOARD_EXCHANGES is a folder for all
// answers of both. testdata/exchanges has the requests and the reasons for what differs.
package integration
