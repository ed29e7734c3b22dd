package group

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lookInterval is the time between two looks at a group that is not at rest.
const lookInterval = 250 * time.Millisecond

// look looks at the group before joining it, because to join one of Kafka Connect's would have its leader take work away
// from others. Workers that died stay members until their sessions end: it waits for that.
func (m *Member) look(ctx context.Context) error {
	var foreign []string
	var since time.Time // when members of another kind were seen first
	for {
		seen, atRest, err := m.lookOnce(ctx)
		if err == nil && atRest {
			foreign = seen
		}
		switch {
		case final(err):
			return err
		case err != nil:
			m.log.Debug("looking at the group", "group", m.settings.Group, "err", err)
		case !atRest:
		case len(foreign) == 0:
			return nil
		case since.IsZero():
			since = time.Now()
			m.log.Warn("waiting for members of the group to go that are not Outboard workers", "group", m.settings.Group, "members", strings.Join(foreign, ", "))
		case time.Since(since) > m.settings.SessionTimeout+time.Second:
			return m.mixed(foreign)
		}
		if !sleep(ctx, lookInterval) {
			switch {
			case len(foreign) > 0:
				return m.mixed(foreign)
			case err != nil:
				return fmt.Errorf("asking for the members of group %s: %w: %w", m.settings.Group, ctx.Err(), err)
			}
			return fmt.Errorf("waiting for the members of group %s to come to a division of work: %w", m.settings.Group, ctx.Err())
		}
	}
}

// lookOnce tells which members are not Outboard workers, by name. While work is being divided that is not known.
func (m *Member) lookOnce(ctx context.Context) (foreign []string, atRest bool, err error) {
	g, err := m.describe(ctx)
	switch {
	case err != nil:
		return nil, false, err
	case slices.ContainsFunc(g.Members, m.isBack):
		return nil, true, nil // the others may be waiting for it
	case len(g.Members) > 0 && g.State != stable:
		return nil, false, nil
	}
	for _, f := range foreigners(g) {
		foreign = append(foreign, f.name)
	}
	return foreign, true, nil
}

// stable is the state of a group whose members have their work. In other states the coordinator does not say what members are.
const stable = "Stable"

// describe asks the coordinator for the members. A group that it does not know has none.
func (m *Member) describe(ctx context.Context) (kmsg.DescribeGroupsResponseGroup, error) {
	var none kmsg.DescribeGroupsResponseGroup
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{m.settings.Group}
	resp, err := req.RequestWith(ctx, m.client)
	if err != nil {
		return none, err
	}
	if len(resp.Groups) != 1 {
		return none, fmt.Errorf("DescribeGroups: the answer is about %d groups", len(resp.Groups))
	}
	g := resp.Groups[0]
	if err := kerr.ErrorForCode(g.ErrorCode); errors.Is(err, kerr.GroupIDNotFound) {
		return none, nil
	} else if err != nil {
		return none, m.refused("DescribeGroups", err)
	}
	if len(g.Members) > 0 && g.ProtocolType != protocolType {
		return none, m.refused("DescribeGroups", kerr.InconsistentGroupProtocol)
	}
	return g, nil
}

// foreigner is a member that is no Outboard worker.
type foreigner struct{ id, name string }

// foreigners returns those of a stable group.
func foreigners(g kmsg.DescribeGroupsResponseGroup) (found []foreigner) {
	for _, member := range g.Members {
		if metadata, err := decodeMetadata(member.ProtocolMetadata); err != nil || metadata.mark == nil {
			found = append(found, foreigner{member.MemberID, cmp.Or(metadata.url, member.ClientID+" at "+member.ClientHost)})
		}
	}
	return found
}

// isBack tells whether a member is this worker before its restart.
func (m *Member) isBack(member kmsg.DescribeGroupsResponseGroupMember) bool {
	return member.InstanceID != nil && *member.InstanceID == m.settings.InstanceID
}

// mixed is the refusal to share a group with Kafka Connect.
func (m *Member) mixed(workers []string) error {
	slices.Sort(workers)
	return refuse("group.id=%s has workers that are not Outboard's: %s. Outboard shares no group with Kafka Connect, because each would be given "+
		"connectors that only the other can run. To take over from it: stop all its workers, then start Outboard with the same group.id, "+
		"config.storage.topic, offset.storage.topic and status.storage.topic; connectors, offsets and states are all in those topics. "+
		"To run beside it: choose another group.id and other topics", m.settings.Group, strings.Join(workers, ", "))
}

// admit has the leader refuse to share the group with workers of another kind when it has just come among them. When they
// came to it, it stays, and gives them nothing.
func (s *membership) admit(members []joined) error {
	var foreign []string
	for _, m := range members {
		if !m.foreign {
			continue
		}
		name := cmp.Or(m.url, m.id)
		foreign = append(foreign, name)
		if s.accepted && s.firstTime("foreign "+name) {
			s.log.Error("a worker that is not Outboard's has joined the group: it is given nothing; stop it", "group", s.settings.Group, "member", m.id, "url", m.url)
		}
	}
	if len(foreign) > 0 && !s.accepted {
		return s.mixed(foreign)
	}
	return nil
}

// foreignLeader is the error of a round that a member led which is no Outboard worker. A worker that has just come goes;
// one that was here before has the coordinator choose another leader: what that one ordered is not followed. The others of its kind
// are taken out with it, or one of them might be chosen.
func (s *membership) foreignLeader(ctx context.Context, id, url string) error {
	if !s.accepted {
		return s.mixed([]string{cmp.Or(url, id)})
	}
	s.log.Error("a worker that is not Outboard's leads the group: it is taken out of the group, and does not divide the work; stop it", "group", s.settings.Group, "member", id, "url", url)
	if err := s.remove(ctx, "the workers of this group are Outboard's", nil, s.withOthers(ctx, id)...); err != nil {
		return err
	}
	return fmt.Errorf("%s led the group", cmp.Or(url, id))
}

// withOthers returns a member that is no Outboard worker, and all others of its kind that are known.
func (s *membership) withOthers(ctx context.Context, id string) []string {
	ctx, cancel := context.WithTimeout(ctx, s.attempt())
	defer cancel()
	ids := []string{id}
	g, err := s.describe(ctx)
	if err != nil || g.State != stable {
		return ids
	}
	for _, f := range foreigners(g) {
		if f.id != id {
			ids = append(ids, f.id)
		}
	}
	return ids
}
