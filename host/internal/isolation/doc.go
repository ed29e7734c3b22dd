// Package isolation knows the plugin binaries and runs their processes.
//
// A [Catalog] looks after plugin.path. A binary goes through these states; only one in the last can be found:
//
//	     appears          left alone 200 ms     checksum known, or launched once
//	(file) ────► unsteady ────────► read ────────────────► described ──► found by class and version
//	                ▲                 │                        │
//	                └── written to ───┴────────────────────────┤
//	                                  └──► refused ◄───────────┘ a problem with its fix: everybody may write to it,
//	                                                             SHA256SUMS differs, it cannot be launched or described
//
// Binaries are told apart by their SHA-256, versions stand side by side, and what a binary said of itself is kept in a file, so that a restart
// launches nothing. No binary runs whose checksum differs from the catalog's (Invariant 6): every launch checks it again.
//
// A [Supervisor] owns the processes and is the only one to restart them. Those who need a process share it by a key, each with a [Lease]:
//
//	             Acquire                     last Release
//	(nothing) ──────────► launching ──► running ──────────► ending ──► (nothing)
//	    ▲                     │            │
//	    │ Backoff, Acquire    │ fails      │ dies, or is failed by its user
//	    └──────────────────── dead ◄───────┘ every lease learns the cause at once
//
// However many leases a process had, its death is one failure, and one process follows it. How often to try is the policy of those who ask.
package isolation
