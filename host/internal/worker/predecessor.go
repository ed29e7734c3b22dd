package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/outboard-connect/outboard/host/internal/kafka"
)

// evictionLimit bounds how long a task's start may wait for the end of its predecessor's membership.
const evictionLimit = 5 * time.Second

// evictPredecessor takes a consumer out of the sink's group that had this task before, on a worker that was killed: nobody closed it, and
// its partitions would wait for the end of its session, 45 seconds by default. It is known by its client.id, which is the task's own,
// unless the configuration sets another one; a task has one owner, so whoever else has it is gone, or about to be. A predecessor that
// lives, cut off from its group of workers, cannot commit any more.
//
// What fails is only logged: then the session ends by itself.
func (t *task) evictPredecessor(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, evictionLimit)
	defer cancel()
	evicted, err := t.evict(ctx)
	switch {
	case err != nil:
		t.log.Debug("whether the group has a consumer of the task that is gone is not known; its session ends by itself", "err", err)
	case evicted > 0:
		t.log.Info("took the task's last consumer, which did not leave, out of the group", "members", evicted)
	}
}

func (t *task) evict(ctx context.Context) (evicted int, err error) {
	props, err := t.worker.settings.clientProperties(kafka.Consumer, t.spec.ID, t.config)
	if err != nil {
		return 0, err
	}
	own := kafka.Defaults(kafka.Consumer, t.spec.ID.Connector, t.spec.ID.Task)["client.id"]
	if strings.TrimSpace(props["client.id"]) != own || strings.TrimSpace(props["group.instance.id"]) != "" {
		return 0, nil
	}
	client, err := t.worker.settings.adminClient(t.spec.ID, t.config, t.log)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group = strings.TrimSpace(props["group.id"])
	groups, err := kadm.NewClient(client).DescribeGroups(ctx, leave.Group)
	if err == nil {
		err = groups.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("describing group %s: %w", leave.Group, err)
	}
	for _, m := range groups[leave.Group].Members {
		if m.ClientID == own && m.InstanceID == nil {
			member := kmsg.NewLeaveGroupRequestMember()
			member.MemberID, member.Reason = m.MemberID, kmsg.StringPtr("its task runs elsewhere")
			leave.Members = append(leave.Members, member)
		}
	}
	if len(leave.Members) == 0 {
		return 0, nil
	}
	answer, err := leave.RequestWith(ctx, client)
	if err != nil {
		return 0, fmt.Errorf("taking a member out of group %s: %w", leave.Group, err)
	}
	err = kerr.ErrorForCode(answer.ErrorCode)
	for _, m := range answer.Members {
		err = errors.Join(err, kerr.ErrorForCode(m.ErrorCode))
	}
	return len(leave.Members), err
}
