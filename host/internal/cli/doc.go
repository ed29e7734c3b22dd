// Package cli is the outboard command: its commands, and the composition of a worker out of all other packages.
//
//	outboard dev          everything in one process: a worker with an embedded Kafka, to try and to test
//	outboard standalone   a worker that keeps its state in a file and in memory
//	outboard worker       a worker that keeps its state in Kafka, and shares the work with those of the same group.id
//	outboard plugin       what is installed, and what it can be told
//	outboard version
//
// The three kinds of a worker differ in where their state is and with whom they share the work, and in nothing else: [runWorker] composes them all, top to
// bottom in one function, and hands every part that needs to be stopped to a run group.
//
//	start  REST ─▶ plugins, broker ─▶ logs ─▶ herder ─▶ connectors of the command line
//	stop   the same parts in reverse, together bounded in time
//
// REST answers from the first moment; until the worker is ready /health says "starting" with status 503. What is asked while it
// joins its group, once it has read what is stored, is answered then.
//
// What a worker prints on its standard output is for people and scripts: a line "REST http://127.0.0.1:8083" once the port
// is open, and in dev where to look. Logs go to standard error. Secrets are in neither: a configuration is only ever
// logged redacted.
//
// The first signal stops a worker in order (Invariant 7: a stop commits what was delivered), a second one at once.
// The exit codes are those of Kafka Connect where it has them:
//
//	0        done, or stopped in order
//	1        the command line, the configuration, an internal topic or the group is wrong, or a part failed; the first line says what
//	2        no Kafka broker answered within 60 s
//	3        standalone: a connector of the command line cannot be read or created
//	128 + n  stopped at once by a second signal n: 130 for SIGINT, 143 for SIGTERM
package cli
