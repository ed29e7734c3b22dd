package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/group"
	"github.com/outboard-connect/outboard/host/internal/kafka"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/rest"
)

// membership is what the worker brings into its group, nil for one that is alone.
func (c workerConfig) membership(own []kgo.Opt, log hclog.Logger) *group.Settings {
	if c.mode == standalone {
		return nil
	}
	protocol, _ := group.ParseProtocol(c.String("connect.protocol")) // checked
	return &group.Settings{
		Logger: log.Named("group"), Client: own,
		Group: c.String("group.id"), ClientID: strings.TrimSpace(c.Raw()["client.id"]), InstanceID: c.String("group.instance.id"), Protocol: protocol,
		SessionTimeout: c.Duration("session.timeout.ms"), HeartbeatInterval: c.Duration("heartbeat.interval.ms"),
		RebalanceTimeout: c.Duration("rebalance.timeout.ms"), SyncTimeout: c.Duration("worker.sync.timeout.ms"),
		MaxDelay: c.Duration("scheduled.rebalance.max.delay.ms"),
	}
}

// signing is how the worker signs what it asks of others.
func (c workerConfig) signing() group.Signing {
	if c.mode == standalone {
		return group.Signing{}
	}
	return group.Signing{
		KeyAlgorithm: c.String("inter.worker.key.generation.algorithm"), KeySize: c.Int("inter.worker.key.size"), KeyTTL: c.Duration("inter.worker.key.ttl.ms"),
		Algorithm: c.String("inter.worker.signature.algorithm"), Accepted: c.List("inter.worker.verification.algorithms"),
	}
}

// sharing checks what concerns the group.
func (c workerConfig) sharing() error {
	if c.mode == standalone {
		return nil
	}
	problems := []error{c.signing().Check()}
	session, heartbeat := c.Int("session.timeout.ms"), c.Int("heartbeat.interval.ms")
	if heartbeat >= session {
		problems = append(problems, invalidValue("heartbeat.interval.ms", fmt.Sprint(heartbeat), fmt.Sprintf("it must be less than session.timeout.ms=%d, a third of it or less", session)))
	}
	// A worker has two thirds of the time to stop what goes to others.
	graceful, rebalance := c.Duration("task.shutdown.graceful.timeout.ms"), c.Duration("rebalance.timeout.ms")
	if least := graceful / 2 * 3; rebalance <= least {
		problems = append(problems, invalidValue("rebalance.timeout.ms", fmt.Sprint(rebalance.Milliseconds()), fmt.Sprintf(
			"it must be more than one and a half of task.shutdown.graceful.timeout.ms=%d, that is more than %d", graceful.Milliseconds(), least.Milliseconds())))
	}
	return errors.Join(problems...)
}

// joinLimit is how long joining the group may take: until the session of a worker that died has ended, and the others have
// joined again.
func (c workerConfig) joinLimit(brokerLimit time.Duration) time.Duration {
	if c.mode == standalone {
		return brokerLimit
	}
	return max(brokerLimit, c.Duration("rebalance.timeout.ms")+c.Duration("session.timeout.ms"))
}

// peers sends requests to the other workers. They are trusted, and shown a certificate, by the settings of https listeners, since
// theirs are the same.
func (c workerConfig) peers() (*rest.Peers, error) {
	if c.mode == standalone {
		return nil, nil
	}
	if c.listeners[c.shown].protocol != "https" {
		return rest.NewPeers(nil), nil
	}
	props := config.WithPrefix(c.Raw(), "listeners.https.")
	if len(props) == 0 {
		props = c.Raw()
	}
	tls, err := kafka.ClientTLS(props)
	if err != nil {
		return nil, fmt.Errorf("settings of https requests to other workers: %w", err)
	}
	return rest.NewPeers(tls), nil
}
