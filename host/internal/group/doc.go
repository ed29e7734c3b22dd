// Package group decides which worker runs what, and tells each its part. A [Member] belongs to a group of Kafka's
// coordinator; [Alone] is a group of one.
//
//	config store ──Work──▶ Member ──JoinGroup, SyncGroup, Heartbeat──▶ coordinator ◀── the other workers
//	                         │
//	herder ◀──Assigned───────┘   what to run from now on, who leads
//
// The work is a set of names: each connector, and each of its tasks, is one [Work]. The member that the coordinator
// makes the leader divides all of it among the members, in a round:
//
//	looking ───▶ joining ──────▶ dividing ─────▶ told ─────────▶ at rest
//	   │         until all       the leader      stops what      until a member comes or goes,
//	   ▼         have joined     decides         is revoked      or there is other work
//	refused         ▲  ▲                            │                 │
//	                │  └── something was revoked ───┘                 │
//	                └─────────────────────────────────────────────────┘
//	the coordinator does not know the member any more, or is silent: stops everything ──▶ joining
//
// While work is divided everything goes on running. What must move is revoked in one round and given to its new owner in
// the next, after the old one has stopped it: nothing ever has two owners (Invariant 2). Nobody is told to stop anything
// because of a change to a connector: new work goes to those that have least, and only a worker that comes has others
// give something up. divide.go decides, as a pure function; leader.go is what a leader remembers between rounds.
//
// # How long things take
//
//   - A change to what is to run: milliseconds. All members join again by themselves, and the round ends with the last.
//   - A worker that stops: it stops its work, leaves, and the others have it within a second, the time to a heartbeat.
//   - A worker that dies: the session time-out and a second. Its session ends in Kafka; nobody can know earlier.
//   - A worker that hears nothing of the coordinator begins to stop its work when two thirds of its session are over, and
//     what still runs is to be killed shortly before the end. A worker that stood still for longer, or was cut off from the
//     clock in another way, knows by Lapsed that it may not write, before it has stopped anything.
//   - A worker with a group.instance.id that dies and is back within its session time-out has its own work back as soon as it
//     has asked for it, and nobody else notices. Without one it gets it when the session of its predecessor has ended. One
//     that comes later gets back what was its own, from those that have it, as long as the leader has not changed.
//
// # What is on the wire
//
// Group type, names and layouts are Kafka Connect's: type connect; default, compatible and sessioned. What comes after
// the last field of a layout its readers ignore. There Outboard puts its mark, by which its workers know each other, and
// work that needs more than a few kilobytes, compressed: Kafka keeps all that the members of a group say in one record of
// a megabyte, which is about 20,000 names as Kafka Connect writes them.
//
// An assignment names all that the member is to run, not only what is new to it: so a restarted worker has everything
// back from what the coordinator has kept of the last round, and whatever a member missed, the next round makes good.
//
// # Kafka Connect's workers
//
// A leader of the one kind would have workers of the other run what they cannot. So a member looks at the group before it
// joins it, and does not join workers of Kafka Connect: the error says how to take over from them. One that comes in
// between is found out by the missing mark. A worker of Kafka Connect that joins a group of Outboard is given nothing; if
// the coordinator makes it the leader, nobody follows it, and it and all of its kind are taken out of the group.
//
// # What differs from Kafka Connect
//
//   - scheduled.rebalance.max.delay.ms is 0 by default, where Kafka Connect has five minutes: with it, the work of a
//     worker that died waits for that long. It is as Kafka Connect's otherwise, except that a worker that stops hands
//     over at once, and that the work that waits goes back to the worker that had it, known by group.instance.id or URL.
//   - heartbeat.interval.ms has the effect of a second when it is more, where Kafka Connect has three by default.
//   - connect.protocol chooses names and layouts only. Under eager, too, nothing is stopped that need not be; the mark has
//     what its layout has no room for.
//   - worker.unsync.backoff.ms has no effect: a leader that cannot read the config topic has everybody keep what they run,
//     and tries again after worker.sync.timeout.ms. Members need not read it to the end to be assigned work.
//
// # How a herder uses it
//
// The herder makes one membership, [Member] or [Alone], and treats them alike: Start after its stores are open, Failed and
// Err watched as those of a log, Close before its stores close. Settings.Work lists, from the snapshot of its config
// store, each connector, and its tasks unless it is STOPPED; WorkChanged is called after every change of the store. What
// Assigned tells it posts to its loop, which keeps the assignment, leaves what it does not own out of what each connector is
// to run, and carries out the difference; Assigned returns when the lanes have stopped what they had to, and kills what
// they have not when its context ends. The configuration of what is owned comes from the config store: when that is
// behind, the work starts when it has caught up.
//
// A request that only the leader may carry out asks Leader, which waits while work is being divided, and goes to its URL;
// one for the owner of a connector or task goes from the leader to the URL that Owner tells. Requests between workers are
// signed with the session key: see [Signing]. On the leader, the statuses of Assignment.Unowned become UNASSIGNED.
package group
