package group

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// refusal is why a worker cannot be in the group, which time does not heal.
type refusal struct {
	text     string
	replaced bool // another worker has this one's place in the group
}

func (r *refusal) Error() string { return r.text }

func refuse(format string, args ...any) *refusal { return &refusal{text: fmt.Sprintf(format, args...)} }

// refused turns an error code of the coordinator into what becomes of the membership: a *refusal ends it for good, a
// *lost ends it, after anything else the request is tried again.
func (m *Member) refused(request string, err error) error {
	group := m.settings.Group
	switch {
	case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.IllegalGeneration):
		return &lost{expelled: errors.Is(err, kerr.UnknownMemberID), err: fmt.Errorf("%s: %w", request, err)}
	case errors.Is(err, kerr.FencedInstanceID):
		r := refuse("group.instance.id=%s is used by another worker of group %s, which has taken this one's place: give each worker its own",
			m.settings.InstanceID, group)
		r.replaced = true
		return r
	case errors.Is(err, kerr.InconsistentGroupProtocol):
		return refuse("group.id=%s is the name of a group that is not one of Connect workers, or whose workers have no protocol in common with "+
			"connect.protocol=%s: choose another group.id, or the same connect.protocol", group, m.settings.Protocol)
	case errors.Is(err, kerr.InvalidSessionTimeout):
		return refuse("session.timeout.ms=%d is refused by the broker: choose one between its group.min.session.timeout.ms and group.max.session.timeout.ms",
			m.settings.SessionTimeout.Milliseconds())
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		return refuse("the worker may not be in group %s: allow its principal READ on the group, or choose another group.id", group)
	case errors.Is(err, kerr.GroupMaxSizeReached):
		return refuse("group %s has as many members as the broker's group.max.size allows", group)
	case errors.Is(err, kerr.InvalidGroupID):
		return refuse("group.id=%s is refused by the broker: choose another one", group)
	}
	return fmt.Errorf("%s: %w", request, err)
}

// final tells whether an error ends a membership.
func final(err error) bool {
	var r *refusal
	var l *lost
	return errors.As(err, &r) || errors.As(err, &l)
}
