package isolation

import "github.com/outboard-connect/outboard/plugin-sdk/client"

// Cause tells why a plugin process had to be started again.
type Cause string

// The causes.
const (
	CauseStart    Cause = "start"    // it could not be launched
	CauseExit     Cause = "exit"     // it exited by itself
	CauseSignal   Cause = "signal"   // a signal that this worker did not send
	CauseOOM      Cause = "oom"      // it ran out of memory
	CauseStall    Cause = "stall"    // it lived but did nothing, see Lease.Fail
	CauseProtocol Cause = "protocol" // it broke the protocol, see Lease.Fail
	CauseStop     Cause = "stop"     // this worker shut down; no restart follows
)

// Causes lists the causes of restarts.
func Causes() []Cause {
	return []Cause{CauseStart, CauseExit, CauseSignal, CauseOOM, CauseStall, CauseProtocol}
}

// causeOf tells the cause of an end that nobody demanded.
func causeOf(e client.ExitState) Cause {
	switch {
	case e.OutOfMemory:
		return CauseOOM
	case e.Signal != 0:
		return CauseSignal
	}
	return CauseExit
}
