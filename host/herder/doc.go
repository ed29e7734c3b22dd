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
//	     asked for it, or            │    on an error again after 250 ms, doubling up to 60 s
//	     a pause is over             └──▶ interrupted when there is something to carry out
//
// A lane goes away when its connector is deleted and has stopped. A connector that hangs keeps its own lane busy, nobody
// else's, and requests about it end after 90 seconds with what they were waiting for.
//
// Who runs what the group of the workers decides, see membership.go: each worker takes from the config store what is its own,
// and leaves the rest to others.
//
//	group ──assignment──▶ lanes: stop and yield what is for others, start what is new ──▶ group: "it is stopped"
//
// While work is divided everything goes on, but for what moves. A worker that the group has lost stops everything, and kills
// it when others are about to run it. Changes are written by the leader only; a request that comes to another worker fails with
// [Elsewhere] and the URL of who can carry it out, and one that comes while work is divided waits for the end of that.
package herder
