// Package herder is the only way to change or read a cluster: its connectors and tasks, their configurations, states and
// topics, and the plugins there are.
//
// Every change is a record in the config store, and only what is read back from there is acted upon: so it does not matter
// who wrote it, and what runs after a restart is what ran before it.
//
//	request ──validate──▶ config store ──change──▶ loop ──plan──▶ job of the connector's lane ──▶ worker
//	                                                ▲                                               │
//	                                                └──────── wants reconfiguration ◀───────────────┤
//	status answers ◀── statuses ◀────────────────────────────── what became of it ◀─────────────────┘
//
// One goroutine, the loop, owns what is known of each connector, its lane, and never waits. What waits, stopping and asking
// connectors for task configurations, is a job of the lane off the loop. A lane has one job at a time:
//
//	        change, restart              the plan is carried out
//	idle ───────────────────▶ carrying out ───────────────────▶ idle
//	idle ───────────────────▶ reconfiguring ──────────────────▶ idle
//	     the connector (re)started,  │    task configurations are published, or are the same;
//	     asked for it, others stored │    on an error again after 250 ms, doubling up to 60 s
//	     what it has not made, or    └──▶ interrupted when there is something to carry out
//	     a pause is over
//
// A lane goes away when its connector is deleted and has stopped. A connector that hangs keeps its own lane busy, nobody
// else's, and requests about it end after 90 seconds with what they were waiting for.
//
// Who runs what the group of the workers decides, see membership.go: each worker takes from the config store what is its own,
// and leaves the rest to others.
//
//	group ──assignment──▶ lanes: stop and yield what is for others, start what is new ──▶ group: "it is stopped"
//
// Any worker may be behind with the config topic. What a job does by an old snapshot the change that it has not seen makes good, as
// each change makes its lane look again: at what is stored, not at what has changed, since several may be read at once. What nothing
// makes good is not decided by an old snapshot: a request reads the topic to its end before it is checked, the leader before it
// stores, or does not store, for others, and a worker that is told to stop something before that is taken for another worker's now.
// Statuses come late, too, of workers that were cut off: who runs something has the last word.
//
// While work is divided everything goes on, but for what moves. A worker that the group has lost stops everything, and kills
// it when others are about to run it. Changes are written by the leader only; a request that comes to another worker fails with
// [Elsewhere] and the URL of who can carry it out, and one that comes while work is divided waits for the end of that.
package herder
