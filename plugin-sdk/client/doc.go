// Package client is the host's end of the protocol: it launches a plugin's process, asks what it is, and runs connectors and tasks in it.
//
// A [Process] is one operating system process. It is launched once and ends once:
//
//	Launch ── verify ── fork ── handshake ── connect ──► serving ──► ended
//	             │        │          │           │          │          ▲
//	             └────────┴──────────┴───────────┴─ error   ├─ Stop ───┤ asked, then killed at the deadline
//	                      nothing is left behind            ├─ Kill ───┤
//	                                                        └─ itself ─┘ exit, signal, out of memory
//
// Whatever way it ends, its process group is killed with it, its directory is removed, and [Process.Exited] is closed within milliseconds.
// A host that is killed cannot remove directories: the next one does ([Sweep]).
//
// A plugin is not trusted. It gets an environment built from nothing and a private directory for its socket. Its handshake, its standard
// error and its description are foreign bytes: bounded, checked, and escaped before they reach a log. Only a binary whose checksum is the one
// recorded at its discovery is executed.
//
// A plugin does not outlive its host. On Linux the kernel kills it; everywhere the SDK exits at the end of standard input, a pipe whose other
// end only the host holds. Children that a plugin moved out of its process group are its own business.
package client
