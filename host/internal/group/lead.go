package group

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// lead divides the work for a round and returns what the members are to be told. What this member is to know of that
// besides goes into o.
func (s *membership) lead(ctx context.Context, j joinedGroup, o *outcome) (map[string][]byte, error) {
	members, newest := readMembers(j.members)
	if err := s.admit(members); err != nil {
		return nil, err
	}
	s.compareURLs(members)
	work, offset, err := s.upTo(ctx, newest)
	order := memberAssignment{version: j.protocol, leader: j.leaderID, leaderURL: s.settings.URL, configOffset: offset, mark: &mark{}}
	if err != nil {
		s.log.Warn("the leader cannot read the config topic to its end", "group", s.settings.Group, "offset", offset, "newest", newest, "err", err)
		order.problem, o.memory = configMismatch, s.memory
		return encodeAll(members, func(joined) memberAssignment { return order }), nil
	}
	now := time.Now()
	v, memory := s.memory.decide(now, members, work, s.settings.MaxDelay)
	o.verdict, o.memory, o.owners = &v, memory, map[Work]string{}
	for _, m := range members {
		for w := range v.shares[m.id].run {
			o.owners[w] = m.url
		}
		order.mark.more = order.mark.more || len(v.shares[m.id].revoked) > 0
	}
	if !v.wake.IsZero() {
		order.delay = v.wake.Sub(now)
	}
	return encodeAll(members, func(m joined) memberAssignment {
		a := order
		a.run, a.revoked = v.shares[m.id].run.sorted(), v.shares[m.id].revoked.sorted()
		if m.foreign { // another position than its own would make it join again and again
			a.configOffset = m.offset
		}
		return a
	}), nil
}

// readMembers returns the members with what they say of themselves, and the newest position of the config topic that one has
// seen.
func readMembers(members []kmsg.JoinGroupResponseMember) (all []joined, newest int64) {
	newest = -1
	atURL := map[string]int{}
	for _, m := range members {
		metadata, err := decodeMetadata(m.ProtocolMetadata)
		one := joined{
			candidate: candidate{id: m.MemberID, identity: metadata.url}, url: metadata.url, offset: metadata.configOffset,
			foreign: err != nil || metadata.mark == nil,
		}
		if m.InstanceID != nil {
			one.identity = *m.InstanceID
		}
		if metadata.allocation == nil {
			one.fresh = true
		} else {
			one.owned = newWorkSet(metadata.allocation.run)
		}
		if !one.foreign {
			one.leaving = metadata.mark.leaving
			newest = max(newest, metadata.configOffset)
		}
		all = append(all, one)
		atURL[one.url]++
	}
	for i, m := range all {
		if m.identity == m.url && atURL[m.url] > 1 { // it tells nobody apart
			all[i].identity = m.id
		}
	}
	return all, newest
}

// compareURLs warns of workers that say that they are reached under one URL.
func (s *membership) compareURLs(members []joined) {
	seen := map[string]string{}
	for _, m := range members {
		if other, taken := seen[m.url]; taken && s.firstTime("URL "+m.url) {
			s.log.Warn("two workers say that they are reached under one URL, so that requests go to the wrong one: set rest.advertised.host.name and rest.advertised.port of each",
				"group", s.settings.Group, "url", m.url, "member", m.id, "other", other)
		}
		seen[m.url] = m.id
	}
}

// upTo returns all work, as of a position of the config topic or a later one. When the topic ends before, it is another
// one than that of the member that has seen the position, or was made anew: what there is counts.
func (s *membership) upTo(ctx context.Context, newest int64) (work []Work, offset int64, err error) {
	if work, offset = s.ours(); offset < newest {
		ctx, cancel := context.WithTimeout(ctx, s.settings.SyncTimeout)
		defer cancel()
		if err := s.settings.CatchUp(ctx); err != nil {
			return nil, offset, err
		}
		work, offset = s.ours()
	}
	s.seen = work
	return work, offset, nil
}

func encodeAll(members []joined, order func(joined) memberAssignment) map[string][]byte {
	encoded := make(map[string][]byte, len(members))
	for _, m := range members {
		encoded[m.id] = order(m).encode()
	}
	return encoded
}
