package group

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// joinedGroup is the answer to a JoinGroup.
type joinedGroup struct {
	generation int32
	protocol   Protocol
	leaderID   string
	leads      bool
	// skip: this member leads and is back so soon that the work needs not be divided anew.
	skip    bool
	members []kmsg.JoinGroupResponseMember // for the leader
}

// join asks the coordinator for a new round and waits for all members to do the same.
func (s *membership) join(ctx context.Context) (joinedGroup, error) {
	work, offset := s.ours()
	s.seen = work
	id, _ := s.member()
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.ProtocolType = s.settings.Group, protocolType
	req.SessionTimeoutMillis = int32(s.settings.SessionTimeout.Milliseconds())
	req.RebalanceTimeoutMillis = int32(s.settings.RebalanceTimeout.Milliseconds())
	req.MemberID, req.InstanceID = id, s.instance()
	for p := s.settings.Protocol; p >= Eager; p-- {
		offered := kmsg.NewJoinGroupRequestProtocol()
		offered.Name, offered.Metadata = p.wireName(), s.metadata(p, offset)
		req.Protocols = append(req.Protocols, offered)
	}
	s.joins()
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	resp, err := req.RequestWith(ctx, s.client)
	if err != nil {
		return joinedGroup{}, fmt.Errorf("JoinGroup: %w", err)
	}
	switch err := kerr.ErrorForCode(resp.ErrorCode); {
	case err == nil:
	case errors.Is(err, kerr.MemberIDRequired):
		s.named(resp.MemberID)
		return joinedGroup{}, errAtOnce
	case errors.Is(err, kerr.UnknownMemberID) && !s.assigned && id != "":
		s.named("")
		return joinedGroup{}, errAtOnce
	default:
		return joinedGroup{}, s.refused("JoinGroup", err)
	}
	s.joined(resp.MemberID, resp.Generation)
	j := joinedGroup{
		generation: resp.Generation, leaderID: resp.LeaderID, leads: resp.LeaderID == resp.MemberID,
		skip: resp.SkipAssignment, members: resp.Members,
	}
	for p := Eager; p <= s.settings.Protocol; p++ {
		if resp.Protocol != nil && *resp.Protocol == p.wireName() {
			j.protocol = p
			return j, nil
		}
	}
	return joinedGroup{}, errors.New("JoinGroup: the coordinator chose a protocol that was not offered")
}

// sync gets the assignment. The leader brings those of all members.
func (s *membership) sync(ctx context.Context, j joinedGroup, assignments map[string][]byte) ([]byte, error) {
	id, _ := s.member()
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.InstanceID, req.Generation = s.settings.Group, id, s.instance(), j.generation
	req.ProtocolType, req.Protocol = kmsg.StringPtr(protocolType), kmsg.StringPtr(j.protocol.wireName())
	for member, assignment := range assignments {
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		a.MemberID, a.MemberAssignment = member, assignment
		req.GroupAssignment = append(req.GroupAssignment, a)
	}
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	sent := time.Now()
	resp, err := req.RequestWith(ctx, s.client)
	if err != nil {
		return nil, fmt.Errorf("SyncGroup: %w", err)
	}
	switch err := kerr.ErrorForCode(resp.ErrorCode); {
	case err == nil:
		s.hear(sent)
		return resp.MemberAssignment, nil
	case errors.Is(err, kerr.RebalanceInProgress):
		return nil, errAtOnce
	case errors.Is(err, kerr.UnknownServerError) && len(assignments) > 0:
		return nil, fmt.Errorf("SyncGroup: %w; when this goes on: what the members of the group run may not fit into one record of "+
			"__consumer_offsets: raise its max.message.bytes, or run fewer connectors and tasks in one group", err)
	default:
		return nil, s.refused("SyncGroup", err)
	}
}

// bounded bounds a request that waits for the other members. The coordinator waits for the rebalance time-out.
func (s *membership) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.settings.RebalanceTimeout+s.settings.SessionTimeout)
}

// beat sends heartbeats until the membership is lost or has ended.
func (s *membership) beat() {
	for s.await() {
		s.heartbeat()
	}
}

func (s *membership) heartbeat() {
	id, generation := s.member()
	if generation < 0 {
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.attempt())
	defer cancel()
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.InstanceID, req.Generation = s.settings.Group, id, s.instance(), generation
	sent := time.Now()
	resp, err := req.RequestWith(ctx, s.client)
	if err != nil {
		s.log.Debug("no answer to a heartbeat", "group", s.settings.Group, "err", err)
		return
	}
	switch err := kerr.ErrorForCode(resp.ErrorCode); {
	case err == nil:
		s.hear(sent)
	case errors.Is(err, kerr.RebalanceInProgress):
		s.hear(sent)
		if s.current(generation) {
			s.divide()
		}
	case errors.Is(err, kerr.IllegalGeneration) && !s.current(generation): // the answer to JoinGroup has the new one
	default:
		if err := s.refused("Heartbeat", err); final(err) {
			s.expel(err)
		}
	}
}

// leave leaves the group, which has the others divide the work at once.
func (s *membership) leave(ctx context.Context, reason string) {
	id := s.remembered()
	if id == "" {
		return
	}
	if err := s.remove(ctx, reason, s.instance(), id); err != nil {
		s.log.Warn("the worker did not leave the group: the others learn of it when its session ends", "group", s.settings.Group, "err", err)
	}
}

// remove takes members out of the group; instance is that of the first one. A coordinator before Kafka 2.4 takes out the first one only.
func (s *membership) remove(ctx context.Context, reason string, instance *string, ids ...string) error {
	ctx, cancel := context.WithTimeout(ctx, s.attempt())
	defer cancel()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = s.settings.Group, ids[0]
	for _, id := range ids {
		member := kmsg.NewLeaveGroupRequestMember()
		member.MemberID, member.Reason = id, &reason
		req.Members = append(req.Members, member)
	}
	req.Members[0].InstanceID = instance
	resp, err := req.RequestWith(ctx, s.client)
	if err != nil {
		return fmt.Errorf("LeaveGroup: %w", err)
	}
	codes := []int16{resp.ErrorCode}
	for _, m := range resp.Members {
		codes = append(codes, m.ErrorCode)
	}
	for _, code := range codes {
		if err := kerr.ErrorForCode(code); err != nil && !errors.Is(err, kerr.UnknownMemberID) {
			return fmt.Errorf("LeaveGroup: %w", err)
		}
	}
	return nil
}

func (s *membership) instance() *string {
	if s.settings.InstanceID == "" {
		return nil
	}
	return &s.settings.InstanceID
}
