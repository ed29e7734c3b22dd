package herder

import (
	"context"
	"errors"
	"maps"
	"strings"
	"time"
	"unicode"

	"github.com/outboard-connect/outboard/host/internal/storage"
)

// Create makes a connector and returns when it is stored. It starts afterwards, in the state initial, where "" means
// TargetRunning. White space around the name does not count.
func (h *Herder) Create(ctx context.Context, name string, config map[string]string, initial Target) (info ConnectorInfo, err error) {
	target, err := initial.target()
	if err != nil {
		return ConnectorInfo{}, err
	}
	name = strings.TrimSpace(name)
	err = h.asLeader(ctx, name, func(r *request) (err error) {
		if h.config.Snapshot().Connector(name) != nil {
			return errorf(AlreadyExists, "Connector %s already exists", name)
		}
		info, err = h.write(r, name, config, target)
		return err
	})
	return info, err
}

// PutConfig replaces the configuration of a connector, or makes the connector, and returns when that is stored. The
// connector starts again afterwards, and its tasks too unless the configuration is the one it had.
func (h *Herder) PutConfig(ctx context.Context, name string, config map[string]string) (info ConnectorInfo, created bool, err error) {
	err = h.asLeader(ctx, name, func(r *request) (err error) {
		created = h.config.Snapshot().Connector(name) == nil
		info, err = h.write(r, name, config, nil)
		return err
	})
	return info, created && err == nil, err
}

// PatchConfig changes single keys of a connector's configuration, null removes one, and returns when that is stored. It
// has the effects of PutConfig.
func (h *Herder) PatchConfig(ctx context.Context, name string, patch map[string]*string) (info ConnectorInfo, err error) {
	err = h.asLeader(ctx, name, func(r *request) error {
		c, err := h.connector(name)
		if err != nil {
			return err
		}
		config := c.Config()
		for key, value := range patch {
			if value == nil {
				delete(config, key)
			} else {
				config[key] = *value
			}
		}
		info, err = h.write(r, name, config, nil)
		return err
	})
	return info, err
}

// Delete deletes a connector and returns when that is stored. It and its tasks stop afterwards; then their statuses and
// topics are deleted. Offsets stay: a connector made under the same name goes on from them.
func (h *Herder) Delete(ctx context.Context, name string) error {
	return h.asLeader(ctx, name, func(r *request) error {
		if _, err := h.connector(name); err != nil {
			return err
		}
		r.act("writing the deletion of connector %s and reading it back", name)
		if err := h.config.RemoveConnector(r, name); err != nil {
			return r.failed(err)
		}
		return nil
	})
}

// Pause has a connector and its tasks pause: they stay where they are and move no records. It returns when that is stored.
func (h *Herder) Pause(ctx context.Context, name string) error {
	return h.retarget(ctx, name, storage.Paused)
}

// Resume ends a pause or a stop. It returns when that is stored.
func (h *Herder) Resume(ctx context.Context, name string) error {
	return h.retarget(ctx, name, storage.Started)
}

// Stop has a connector stop and takes its tasks away. It returns when that is stored.
func (h *Herder) Stop(ctx context.Context, name string) error {
	return h.asLeader(ctx, name, func(r *request) error { return h.writeTarget(r, name, storage.Stopped) })
}

// retarget writes a target state that any worker may write.
func (h *Herder) retarget(ctx context.Context, name string, target storage.TargetState) error {
	r, unlock, err := h.change(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	return h.writeTarget(r, name, target)
}

// writeTarget stores a target state, unless it is the one that the connector has. The caller holds the name.
func (h *Herder) writeTarget(r *request, name string, target storage.TargetState) error {
	c, err := h.connector(name)
	if err != nil {
		return err
	}
	put := h.config.PutTarget
	switch {
	case target == storage.Stopped && (c.Tasks() > 0 || c.Inconsistent):
		put = h.config.PutTargetWithoutTasks
	case target == c.Target:
		return nil
	}
	r.act("writing target state %s of connector %s and reading it back", target, name)
	if err := put(r, name, target); err != nil {
		return r.failed(err)
	}
	return nil
}

// change begins a request that changes a connector, once no other does and this worker knows what others have stored of it.
func (h *Herder) change(ctx context.Context, name string) (r *request, unlock func(), err error) {
	return h.changeIf(ctx, name, h.catchUp)
}

// changeAsLeader is change for what only the leader does.
func (h *Herder) changeAsLeader(ctx context.Context, name string) (r *request, unlock func(), err error) {
	return h.changeIf(ctx, name, h.lead)
}

const (
	// claimPatience is for how long a change is tried again whose worker has lost the claim to the config topic, claimRetry the time
	// between attempts. A worker hears at its next heartbeat that it leads no more.
	claimPatience = 20 * time.Second
	claimRetry    = 250 * time.Millisecond
)

// asLeader carries out a change that only the leader makes. When another worker has claimed the config topic meanwhile, nothing has
// changed: the change is begun again, here or, as the error says, by the worker that leads now.
func (h *Herder) asLeader(ctx context.Context, name string, do func(*request) error) error {
	attempt := func() error {
		r, unlock, err := h.changeAsLeader(ctx, name)
		if err != nil {
			return err
		}
		defer unlock()
		return do(r)
	}
	for limit := time.Now().Add(claimPatience); ; {
		err := attempt()
		var lost *storage.LostClaimError
		if !errors.As(err, &lost) || time.Now().After(limit) {
			return err
		}
		select {
		case <-time.After(claimRetry):
		case <-h.closing.Done():
			return err
		case <-ctx.Done():
			return err
		}
	}
}

// changeIf begins a request that changes a connector, once no other does, unless this worker may not.
func (h *Herder) changeIf(ctx context.Context, name string, may func(*request) error) (r *request, unlock func(), err error) {
	r, err = h.begin(ctx)
	if err != nil {
		return nil, nil, err
	}
	r.enter("waiting for another change of connector %s to end", name)
	release, err := h.names.lock(r, name)
	if err != nil {
		defer r.cancel()
		return nil, nil, r.failed(err)
	}
	unlock = func() { release(); r.cancel() }
	if err := may(r); err != nil {
		unlock()
		return nil, nil, err
	}
	return r, unlock, nil
}

// write checks a configuration and stores it. The caller holds the name.
func (h *Herder) write(r *request, name string, config map[string]string, target *storage.TargetState) (ConnectorInfo, error) {
	config, err := named(name, config)
	if err != nil {
		return ConnectorInfo{}, err
	}
	r.enter("validating the configuration of connector %s", name)
	if err := h.check(r, config); err != nil {
		return ConnectorInfo{}, r.failed(err)
	}
	if before := h.config.Snapshot().Connector(name); before != nil {
		was, is := h.kind(before.Config()), h.kind(config)
		if was != is && was != TypeUnknown && is != TypeUnknown {
			return ConnectorInfo{}, errorf(BadRequest, "Connector %s is a %s and cannot become a %s: its offsets would mean something else. "+
				"Create a connector of another name, or delete this one first", name, was, is)
		}
	}
	r.act("writing the configuration of connector %s and reading it back", name)
	if err := h.config.PutConnector(r, name, config, target); err != nil {
		return ConnectorInfo{}, r.failed(err)
	}
	info := ConnectorInfo{Name: name, Config: config, Tasks: []TaskRef{}, Type: h.kind(config)}
	if c := h.config.Snapshot().Connector(name); c != nil {
		info = h.info(c)
	}
	return info, nil
}

// named returns a copy of a configuration with the connector's name in it. Another name in it is refused.
func named(name string, config map[string]string) (map[string]string, error) {
	if included, ok := config["name"]; ok && included != name {
		return nil, errorf(BadRequest, "Connector name configuration (%s) doesn't match connector name in the URL (%s)", included, name)
	}
	// The validation of the key trims; what is stored is not trimmed.
	if strings.ContainsFunc(name, unicode.IsControl) {
		return nil, errorf(BadRequest, "Invalid value %q for configuration name: String may not contain control sequences", name)
	}
	config = maps.Clone(config)
	if config == nil {
		config = map[string]string{}
	}
	config["name"] = name
	return config, nil
}

// target is the target state for a new connector, nil for that of one that says nothing.
func (t Target) target() (*storage.TargetState, error) {
	state := storage.Started
	switch Target(strings.ToUpper(string(t))) {
	case "":
		return nil, nil
	case TargetRunning:
	case TargetPaused:
		state = storage.Paused
	case TargetStopped:
		state = storage.Stopped
	default:
		return nil, errorf(BadRequest, "initial_state %s is none of RUNNING, PAUSED, STOPPED", string(t))
	}
	return &state, nil
}
